"""One stage, run by DVC on a leased device."""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hemline.errors import HemlineError
from hemline.tracking import records_folder
from hemline.tracking.dvc import note_dvc, read_lock
from pipelines.graph import locked_repo
from pipelines.leases import Lease
from pipelines.process import Ended, run

# Without --wait-for-lock finished work is lost under contention.
DVC = (sys.executable, "-m", "dvc", "--wait-for-lock")

# glibc hands a step's memory back to the system and asks for it again; kept, training on a CPU is a quarter faster
# (python -m benchmarks.allocator).
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(10**11),
    "MALLOC_TOP_PAD_": str(1 << 26),
}

# What may pass by itself: the network, a lock, a device that was lost. Bad params and bad data won't.
TRANSIENT = re.compile(
    r"Connection (refused|reset|aborted|timed out)|Temporary failure in name resolution|Read timed out"
    r"|Could not connect to the endpoint|Unable to acquire lock|is busy, it is being blocked by"
    r"|CUDA error|device-side|NCCL error|Stale file handle|Too many open files",
    re.IGNORECASE,
)


# Advice that DVC gives after each stage, for people who run it by hand.
CHATTER = (
    "To track the changes with git",
    "git add ",
    "To enable auto staging",
    "dvc config core.autostage",
    "Use `dvc push`",
)


class StageFailed(HemlineError):
    """A stage ended with an error; `transient` if another try may help."""

    def __init__(self, message: str, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class StageCancelled(HemlineError):
    """A stage was stopped."""


@dataclass(frozen=True)
class Done:
    """A stage that is up to date now. `ran`: its command was run; else DVC had the result already."""

    ran: bool
    seconds: float
    device: str


def execute(
    stage: str,
    lease: Lease,
    *,
    root: Path,
    log: Path,
    on_line: Callable[[str], None],
    cancelled: threading.Event | None = None,
    options: Sequence[str] = (),
    minutes: float | None = None,
) -> Done:
    """Bring one stage up to date, its upstream untouched (`dvc repro -s`), on the leased device.

    `log` gets all that it prints, `on_line` each line of it. The lease is held by the stage's processes too.
    `minutes` is the time it may take. Raises StageFailed with the stage's own explanation, StageCancelled when it was
    stopped.
    """
    ran = threading.Event()

    def line(text: str) -> None:
        if text.startswith("Running stage '"):
            ran.set()
        if not text.strip().startswith(CHATTER):
            on_line(text)

    limit = _Limit(cancelled, minutes)
    ended = run(
        [*DVC, "repro", "-s", *options, stage],
        env=environment(os.environ, lease),
        cwd=root,
        on_line=line,
        log=log,
        fds=lease.fds,
        cancelled=limit,
        waits=True,
    )
    if ended.cancelled and limit.passed():
        raise StageFailed(f"{stage}: not done within its {minutes:g} minutes (log: {log})", transient=False)
    if ended.cancelled:
        raise StageCancelled(f"{stage}: stopped after {ended.seconds:.0f} s")
    if ended.returncode:
        raise failure(stage, ended, log)
    if ran.is_set():
        _note(root, stage)
    return Done(ran.is_set(), ended.seconds, lease.label)


def _note(root: Path, stage: str) -> None:
    """Add to the stage's record what DVC says of its result."""
    with locked_repo(root):
        lock = read_lock(root)
    if stage in lock:
        note_dvc(root / records_folder(), stage, lock[stage])


class _Limit:
    """Set when `cancelled` is, or when a stage's `timeout_minutes` are over."""

    def __init__(self, cancelled: threading.Event | None, minutes: float | None) -> None:
        self._cancelled = cancelled
        self._end = float("inf") if minutes is None else time.monotonic() + 60 * minutes

    def passed(self) -> bool:
        return time.monotonic() >= self._end

    def is_set(self) -> bool:
        return self.passed() or (self._cancelled is not None and self._cancelled.is_set())


def environment(base: Mapping[str, str], lease: Lease) -> dict[str, str]:
    """What a stage finds: this Python first on PATH, its device, and what makes a CPU train well."""
    own = str(Path(sys.executable).parent)
    on_cpu = ALLOCATOR if lease.label.startswith("cpu") else {}
    return {
        **base,
        "PATH": f"{own}{os.pathsep}{base.get('PATH', os.defpath)}",
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin take the other stages' cores
        "DVC_NO_ANALYTICS": "1",
        **on_cpu,
        **lease.environment(),
    }


def failure(stage: str, ended: Ended, log: Path) -> StageFailed:
    """The error of a stage that failed: what it said itself, before DVC's own words."""
    said = [line for line in ended.tail if line.lower().startswith("error")]
    own = [line for line in said if "failed to reproduce" not in line and "failed to run" not in line]
    reason = (own or said or ended.tail[-1:] or (f"exit status {ended.returncode}",))[-1]
    transient = any(TRANSIENT.search(line) for line in ended.tail)
    return StageFailed(f"{stage}: {re.sub('^(error|ERROR): ', '', reason)} (log: {log})", transient)
