"""The follower: one background process a folder of records, which keeps MLflow up to date while stages run."""

import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "follower.lock"
POLL_SECONDS = 2.0
# Long enough to bridge the pause between two stages of `dvc repro`, so that one follower serves them all.
IDLE_SECONDS = 20.0


def ensure_follower(folder: Path) -> None:
    """Start a follower unless one is at work. It needs no attention and outlives its starter by seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        FileLock(folder / LOCK, timeout=0).acquire().lock.release()
    except Timeout:
        return
    with open(folder / "follower.log", "a", encoding="utf-8") as log:
        subprocess.Popen(
            [sys.executable, "-m", "hemline.tracking", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def follow(folder: Path, idle_seconds: float) -> None:
    """Project records until no run has been open for `idle_seconds` (0: catch up once). One at a time."""
    from hemline.tracking.projection import Projection, tracking_uri

    projection = Projection(folder, tracking_uri())
    quiet_since = time.monotonic()
    while True:
        if projection.catch_up():
            quiet_since = time.monotonic()
        if time.monotonic() - quiet_since >= idle_seconds:
            return
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Follow the folder given as the argument, unless another process does."""
    folder = Path(sys.argv[1])
    try:
        with FileLock(folder / LOCK, timeout=0):
            follow(folder, IDLE_SECONDS)
    except Timeout:
        return
