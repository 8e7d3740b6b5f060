"""What a process may use, and what it does about its parent. Standard library only: called before heavy imports."""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # a container's: microseconds of CPU time, and in how many


def cores() -> int:
    """Cores that this process may use: those that it is bound to, or less if its container has a quota."""
    count = len(os.sched_getaffinity(0))
    try:
        quota, period = map(int, QUOTA.read_text().split())
    except (OSError, ValueError):  # no such file, or the quota is "max"
        return count
    return max(1, min(count, round(quota / period)))


def launched() -> bool:
    """Whether torchrun has started this process, one of several of a training."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_first() -> bool:
    """Whether this is the process that shows, records and writes: the only one, or torchrun's first."""
    return not launched() or os.environ["RANK"] == "0"


def die_with_parent() -> None:
    """Have the kernel tell this process to end (SIGTERM) when its parent ends, however it ends. No-op except on Linux.

    SIGTERM, not SIGKILL: whatever stands between dvc and its stage, a shell or dvc itself, may die at once when all are
    told to stop, and a training then still has the time to save its state. It may be told twice so: by the kernel and
    by who stops it. Who doesn't heed it is killed by pipelines/guard.py after its grace.

    Exactly: when the parent's *thread* that started this process ends, so the parent should start it from a thread
    that waits for it (dvc does: its main thread). Children don't inherit the setting; it survives exec.

    A parent that died before the setting took effect sends nothing, so the parent is compared before and after:
    if it has changed meanwhile, this process ends itself. What remains open is a parent that died before the first
    look, while Python was starting: its place was taken by the nearest subreaper (under pipelines/guard.py the
    guard, which kills what it inherits) or by process 1, which can't be told from a parent that rightly is process
    1, as in a container.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    # Best effort: a sandbox that forbids prctl is no reason not to run; the guard is there too.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
