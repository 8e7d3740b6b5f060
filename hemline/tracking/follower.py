"""The follower: one background process a folder of records, which keeps MLflow up to date while stages run."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from hemline.errors import HemlineError, without_password

if TYPE_CHECKING:
    from hemline.tracking.projection import Projection

LOCK = "follower.lock"
POLL_SECONDS = 2.0
# Long enough to bridge the pause between two stages of `dvc repro`, so that one follower serves them all.
IDLE_SECONDS = 20.0
# MLflow's client otherwise tries for four minutes, a call, waits two minutes for an answer, says two lines a run, shows
# progress in the log, and calls home.
CLIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
PAUSE_SECONDS = 10.0  # between two attempts to reach MLflow


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


def follow(folder: Path, idle_seconds: float = IDLE_SECONDS) -> None:
    """Project records until no run has been open for `idle_seconds`. One at a time.

    When MLflow can't be reached it says so once, tries again, and gives up when no run is open any more.
    """
    attempt = _attempts(folder)
    quiet_since, reached = time.monotonic(), True
    while time.monotonic() - quiet_since < idle_seconds:
        try:
            if attempt():
                quiet_since = time.monotonic()
            if not reached:
                _say("MLflow is reached again")
            reached = True
        except Exception as error:  # a server's, a database's or the network's
            if reached:
                _say(f"MLflow is not reached, tried again every {PAUSE_SECONDS:.0f} s: {_first_line(error)}")
            reached = False
            if open_records(folder):
                quiet_since = time.monotonic()
            time.sleep(PAUSE_SECONDS - POLL_SECONDS)
        time.sleep(POLL_SECONDS)
    if not reached:
        _say("given up: records stay behind; `hemline track replay` brings MLflow up to date")


def replay(folder: Path, afresh: bool = False) -> None:
    """Project all that MLflow lacks (`afresh`: and compare the rest), once. HemlineError when it can't be reached."""
    attempt = _attempts(folder, afresh)
    try:
        attempt()
    except Exception as error:
        raise HemlineError(
            f"MLflow is not reached, records stay behind: {_first_line(error)}; is MLFLOW_TRACKING_URI right, and the "
            "server up? Then: hemline track replay"
        ) from error


def _attempts(folder: Path, afresh: bool = False) -> Callable[[], bool]:
    """One `Projection.catch_up` a call; the projection is made with the first that succeeds."""
    be_impatient()
    made: list[Projection] = []

    def attempt() -> bool:
        if not made:
            from hemline.tracking.projection import Projection
            from hemline.tracking.store import tracking_uri

            made.append(Projection(folder, tracking_uri(), afresh))
        return made[0].catch_up()

    return attempt


def be_impatient() -> None:
    """Have MLflow's client, imported later or already, give up within seconds, unless the user has it otherwise."""
    for name, value in CLIENT.items():
        os.environ.setdefault(name, value)


def open_records(folder: Path) -> bool:
    """Whether a process still writes one of the records."""
    from hemline.tracking.records import is_alive, read_events, tail

    for path in folder.glob("*.jsonl"):
        last = tail(path)[-1:]
        if last and last[0]["event"] not in ("end", "dvc"):
            writers = [event for event in read_events(path)[0] if "pid" in event]
            if writers and is_alive(writers[-1]):
                return True
    return False


def _say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {without_password((str(error).splitlines() or [''])[0])[:300]}"


def main() -> None:
    """Follow the folder given as the argument, unless another process does."""
    folder = Path(sys.argv[1])
    try:
        with FileLock(folder / LOCK, timeout=0):
            follow(folder)
    except Timeout:
        return
