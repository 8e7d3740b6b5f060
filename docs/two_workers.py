"""The demo's stages on two workers in two clones that share git and an S3 bucket; one worker is lost on the way.

    python -m docs.two_workers        # twenty minutes on two cores; its log is in docs/workers.md

All on loopback: Prefect (on PostgreSQL where that is installed), an S3 server, the workers as `make ui` starts them,
and a third clone that wants the results. The sizes are the tests', the experts all 26. The worker `first` and all that
it started get `kill -9` in the middle of an expert.
"""

import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import yaml

from tests.integration.postgres import INSTALLED, postgresql
from tests.integration.s3 import add_remote, s3_server
from tests.integration.test_pipeline import tiny
from tests.integration.test_workers import kill_family
from tests.pipelines.project import ROOT
from tests.pipelines.waiting import deploy, prefect_server, start_worker

SHOWN = re.compile(r"^\[\d+/\d+ (\S+)\] ((?:ran|unchanged|failed|not run|Crashed).*)")
LOST_SECONDS = "60"


def main() -> None:
    """Run it, and print who ran what."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # the S3 server's line a request
    with tempfile.TemporaryDirectory() as name, s3_server() as url:
        folder = Path(name)
        origin = _clone(ROOT, folder / "origin" / "project")
        _prepare(origin, url)
        with postgresql() if INSTALLED else nullcontext() as address, _prefect(folder, address) as server:
            clones = [_clone(origin, folder / worker / worker) for worker in ("first", "second")]
            workers = [start_worker(SimpleNamespace(root=clone), slots=2) for clone in clones]
            deploy(server, "--name", "stage")
            wanted = _clone(origin, folder / "wanted")
            _run(wanted, workers[0].pid, clones[0])
            _run(wanted)
            print(_dvc(wanted, "status"))
            workers[1].terminate()
            workers[1].wait(60)


def _prefect(folder: Path, address: str | None):
    settings = {"HEMLINE_LOST_SECONDS": LOST_SECONDS}
    if address:
        settings["PREFECT_API_DATABASE_CONNECTION_URL"] = f"postgresql+asyncpg://{address}"
    return prefect_server(folder, **settings)


def _clone(origin: Path, root: Path) -> Path:
    subprocess.run(["git", "clone", "-q", str(origin), str(root)], check=True)
    return root


def _prepare(origin: Path, url: str) -> None:
    """The remote and the tests' sizes, committed."""
    path = origin / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params = tiny(params, experts=params["finetune"]["categories"])
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    add_remote(origin, url)
    who = ["-c", "user.name=hemline", "-c", "user.email=hemline@localhost"]
    subprocess.run(["git", *who, "commit", "-qam", "small sizes, a remote"], cwd=origin, check=True)


def _dvc(root: Path, *words: str) -> str:
    command = [sys.executable, "-m", "dvc", *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def _run(wanted: Path, victim: int | None = None, clone: Path | None = None) -> None:
    """`hemline run --machines workers`; each stage's line with the seconds since the start."""
    started = time.monotonic()
    run = subprocess.Popen(
        [sys.executable, "-m", "hemline", "run", "--machines", "workers"],
        cwd=wanted,
        env={**os.environ, "PYTHONPATH": str(wanted)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in run.stdout or ():
        said = SHOWN.match(line)
        if said:
            print(f"{time.monotonic() - started:5.0f} s  {said[1]}: {said[2]}", flush=True)
        if victim and clone and (stage := _expert(clone)):
            kill_family(victim)
            print(f"{time.monotonic() - started:5.0f} s  kill -9 of `first`, which runs {stage}", flush=True)
            victim = None
        last = line
    print(f"{last.strip()}, exit status {run.wait()}", flush=True)


def _expert(clone: Path) -> str | None:
    """The expert that a command in this clone is training now."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
            if "stages.finetune" in words and (process / "cwd").resolve() == clone.resolve():
                return "finetune@" + "-".join(words[words.index("stages.finetune") + 1 :]).rstrip("-")
        except OSError:
            continue
    return None


if __name__ == "__main__":
    main()
