"""The environment that the set-up fills, and pip's calls into it."""

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from setup import live
from setup.lock import SetupError

# Three programs, run side by side. What they import gets its bytecode written on the way.
OPERATORS = """
import cv2, mmdet.apis, mmengine, mmpose.apis, pycocotools.mask, torch, torchvision, xtcocotools.mask
from mmcv.ops import nms
boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.9]])
assert len(nms(boxes, torch.tensor([0.9, 0.8]), 0.5)[1]) == 1
assert len(torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.5)) == 1
"""
PROGRAMS = (
    OPERATORS,
    "import dvc.cli, dvc.repo, mlflow",
    "import optuna, prefect.flows, prefect.server.api.server",
)

LARGE = re.compile("torch$|triton$|nvidia-")  # three quarters of the environment's bytes


@dataclass(frozen=True)
class Environment:
    """Where packages go: our own .venv, or in place into the environment of the running Python."""

    prefix: Path
    python: Path
    site: Path
    in_place: bool

    @staticmethod
    def of(root: Path, in_place: bool) -> "Environment":
        """The running Python's environment, or the project's .venv."""
        if in_place:
            site = Path(sysconfig.get_paths()["purelib"])
            return Environment(Path(sys.prefix), Path(sys.executable), site, True)
        prefix = root / ".venv"
        return Environment(
            prefix, prefix / "bin" / "python", prefix / "lib" / "python3.11" / "site-packages", False
        )

    @property
    def record(self) -> Path:
        """The file that says which set-up was finished here."""
        return self.prefix / "hemline-setup.json"

    def works(self) -> bool:
        """Whether its Python runs, is of the running one's version, and stands where it was made."""
        code = "import pip, sys; print(sys.version_info[:3], sys.prefix)"
        try:
            done = subprocess.run([self.python, "-c", code], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            return False
        return done.stdout.strip() == f"{sys.version_info[:3]} {self.prefix}" and self._own_scripts()

    def _own_scripts(self) -> bool:
        """Whether pip's script starts this Python: after a move it starts the old place's."""
        pip = self.prefix / "bin" / "pip"
        return self.in_place or (pip.is_file() and str(self.prefix) in pip.read_text(errors="replace"))

    def create(self) -> None:
        """Make .venv, in the place of one that does not work."""
        if self.prefix.exists():
            print(f"{self.prefix} is broken, moved or of another Python; it is made anew", flush=True)
            self._discard()
        print(f"Making {self.prefix} with Python {platform.python_version()}", flush=True)
        done = subprocess.run([sys.executable, "-m", "venv", self.prefix], capture_output=True, text=True)
        if done.returncode != 0:
            shutil.rmtree(self.prefix, ignore_errors=True)
            raise SetupError(f"python -m venv failed:\n{(done.stdout + done.stderr).strip()}")

    def _discard(self) -> None:
        """Put .venv aside in one step, then delete it: half of one would still be taken for an environment."""
        aside = self.prefix.with_name(f"{self.prefix.name}-old")
        shutil.rmtree(aside, ignore_errors=True)
        self.prefix.rename(aside)
        shutil.rmtree(aside)

    def _pip(self, title: str, calls: Sequence[Sequence[str]], total: int) -> None:
        """Call pip, side by side, with the user's own configuration; the output goes to a log in the environment."""
        seen = 0

        def follow(new: str, elapsed: float) -> str:
            nonlocal seen
            seen += sum(line.startswith(("Collecting ", "Processing ")) for line in new.splitlines())
            doing = "unpacking" if seen >= total else f"{seen} of {total} found"
            return f"{doing}, {live.minutes(elapsed)}"

        flags = ["--disable-pip-version-check", "--no-input"]
        commands = [[str(self.python), "-m", "pip", *flags, *arguments] for arguments in calls]
        log = self.prefix / "hemline-setup.log"
        live.run_side_by_side(title, commands, log, {**os.environ, "PIP_USER": "0"}, follow)

    def install(self, title: str, pins: dict[str, str]) -> None:
        """Install exactly these versions; nothing is resolved, what is there already is replaced.

        By two pips, one for torch with its CUDA libraries, the other for all the rest.
        """
        large = {name for name in pins if LARGE.match(name)}
        with tempfile.TemporaryDirectory() as folder:
            calls: list[list[str]] = []
            for names in filter(None, (large, pins.keys() - large)):
                listing = Path(folder, f"{len(calls)}.txt")
                listing.write_text("".join(f"{name}=={pins[name]}\n" for name in sorted(names)))
                calls.append([*self._install(), "-r", str(listing)])
            self._pip(title, calls, len(pins))

    def install_wheels(self, title: str, wheels: list[Path]) -> None:
        """Install wheel files."""
        self._pip(title, [[*self._install(), *map(str, wheels)]], len(wheels))

    def install_project(self, root: Path) -> None:
        """Install the project itself, editable."""
        self._pip("  hemline itself", [[*self._install(), "--no-build-isolation", "-e", str(root)]], 1)

    def uninstall(self, names: list[str]) -> None:
        """Take away packages that the lock no longer has."""
        self._pip(f"  removing {', '.join(names)}", [["uninstall", "-y", *names]], 0)

    @staticmethod
    def _install() -> list[str]:
        return ["install", "--no-deps", "--force-reinstall", "--no-compile", "--progress-bar", "off"]

    def try_out(self) -> None:
        """Import what does the work, call what was compiled. SetupError with what Python said."""
        # pip left the bytecode to us (--no-compile): it would write that of 22,000 files, of which a third is used.
        environment = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        running = [
            subprocess.Popen(
                [self.python, "-W", "ignore", "-c", program],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
            )
            for program in PROGRAMS
        ]  # fmt: skip
        said = [process.communicate()[1] for process in running]
        failed = [text for process, text in zip(running, said, strict=True) if process.returncode != 0]
        if failed:
            raise SetupError("the installed packages do not work together:\n" + "\n".join(failed).strip())
