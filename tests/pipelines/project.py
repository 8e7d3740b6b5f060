"""A small DVC project whose stages say when they ran, and can be told to fail, to wait or to fail once."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import yaml
from dvc.repo import Repo

ROOT = Path(__file__).parents[2]
ITEMS = list("abcdefghijklm")  # as many as there are experts

WORK = """
import sys, time, os
from pathlib import Path
name, out = sys.argv[1], Path(sys.argv[2])
with open("ran.txt", "a") as log:
    log.write(f"{name} {os.getpid()}\\n")
orders = Path("orders") / name
if orders.exists():
    order, _, value = orders.read_text().partition(" ")
    if order == "wait":
        time.sleep(float(value))
    else:
        if order == "once":
            orders.unlink()
        sys.exit(f"error: {value}")
out.parent.mkdir(exist_ok=True)
out.write_text(name + open("params.yaml").read().split(f"{name}: ")[-1][:1])
"""

DVC_YAML = """
stages:
  prepare: {cmd: "PYTHON work.py prepare out/prepare", deps: [work.py], outs: [out/prepare]}
  fit:
    matrix: {item: "${items}"}
    cmd: PYTHON work.py ${item.item} fits/${item.item}
    deps: [work.py, out/prepare]
    params: ["rate.${item.item}"]
    outs: ["fits/${item.item}"]
    meta: {device: share}
  gather: {cmd: "PYTHON work.py gather out/gather", deps: [work.py, fits], outs: [out/gather]}
  other: {cmd: "PYTHON work.py other out/other", deps: [work.py, fits/a], outs: [out/other]}
"""


class Project:
    """The project at `root`, and what its stages did."""

    def __init__(self, root: Path, items: list[str] = ITEMS, git: bool = False) -> None:
        self.root = root
        root.mkdir(parents=True)
        (root / "work.py").write_text(textwrap.dedent(WORK))
        (root / "dvc.yaml").write_text(DVC_YAML.replace("PYTHON", sys.executable))
        self.params = {"items": items, "rate": dict.fromkeys(items, 1)}
        self.write()
        if git:
            (root / ".gitignore").write_text("/out/\n/fits/\n/logs/\n/ran.txt\n/orders/\n")
            subprocess.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
        Repo.init(str(root), no_scm=not git).close()

    def clone(self, root: Path) -> "Project":
        """A git clone of it at `root`."""
        subprocess.run(["git", "clone", "-q", str(self.root), str(root)], check=True)
        other = object.__new__(Project)
        other.root, other.params = root, self.params
        return other

    def commit(self, words: str) -> None:
        """Commit all that git does not ignore."""
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        subprocess.run(["git", "add", "-A"], cwd=self.root, check=True)
        subprocess.run(["git", *who, "commit", "-q", "-m", words], cwd=self.root, check=True)

    def write(self) -> None:
        """params.yaml as it is here."""
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.params))

    def order(self, name: str, words: str) -> None:
        """Tell a stage's item to `wait SECONDS`, `fail WORDS`, or fail `once WORDS`; "" takes it back."""
        path = self.root / "orders" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(words)
        if not words:
            path.unlink()

    def ran(self) -> list[str]:
        """The commands that have run since the last call, in order."""
        path = self.root / "ran.txt"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        path.unlink(missing_ok=True)
        return [line.split()[0] for line in lines]

    def pids(self) -> dict[str, int]:
        """The processes of the commands since the last call of `ran`."""
        path = self.root / "ran.txt"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return {line.split()[0]: int(line.split()[1]) for line in lines}

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """`hemline run` in the background."""
        return subprocess.Popen(
            [sys.executable, "-m", "hemline", "run", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environ: str) -> tuple[int, str]:
        """`hemline run` to its end: exit status and output."""
        with self.start(*arguments, **environ) as process:
            output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def locked(self) -> set[str]:
        """The stages that dvc.lock has; none while DVC writes it."""
        path = self.root / "dvc.lock"
        try:
            return set(yaml.safe_load(path.read_text())["stages"])
        except (FileNotFoundError, TypeError, KeyError, yaml.YAMLError):
            return set()

    def plan(self) -> dict[str, object]:
        """`hemline run --dry-run --json`."""
        return json.loads(self.run("--dry-run", "--json")[1])
