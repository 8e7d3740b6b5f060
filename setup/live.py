"""Long commands with a line that shows that they are alive: what is done, for how long, how far."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from setup.lock import SetupError

PLAIN_EVERY_S = 30.0


def minutes(seconds: float) -> str:
    """Seconds for people: "47 s", "3 min 05 s"."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


class Line:
    """One line, rewritten in place on a terminal; elsewhere a new line every half minute."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.terminal = stream.isatty()
        self.shown_at = time.monotonic()

    def show(self, text: str) -> None:
        """Show `text` instead of what stands there."""
        if self.terminal:
            self.stream.write(f"\r\033[K{text}")
        elif time.monotonic() - self.shown_at >= PLAIN_EVERY_S:
            self.shown_at = time.monotonic()
            self.stream.write(text + "\n")
        self.stream.flush()

    def close(self, text: str) -> None:
        """Leave `text` as the line's last word."""
        self.stream.write(f"\r\033[K{text}\n" if self.terminal else f"{text}\n")
        self.stream.flush()


class Reader:
    """Follows a growing log: `read` gives what came since the last call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0

    def read(self) -> str:
        with open(self.path, "rb") as handle:
            handle.seek(self.position)
            new = handle.read()
        self.position += len(new)
        return new.decode(errors="replace")


def run(
    title: str,
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    follow: Callable[[str, float], str],
) -> float:
    """Run `command`, its output in `log`, showing title and what `follow(new output, elapsed seconds)` says.

    Returns the seconds taken. SetupError with the log's errors and its name if the command fails.
    """
    return run_side_by_side(title, [command], log, environment, follow)


def run_side_by_side(
    title: str,
    commands: Sequence[Sequence[str]],
    log: Path,
    environment: Mapping[str, str],
    follow: Callable[[str, float], str],
) -> float:
    """`run`, of several commands at once with one log and one line; when one fails the others are ended."""
    line, start = Line(sys.stdout), time.monotonic()
    if not line.terminal:
        print(f"{title} ...", flush=True)
    with open(log, "wb") as handle:
        processes = [
            subprocess.Popen(
                command, stdout=handle, stderr=subprocess.STDOUT, env=dict(environment), close_fds=False
            )
            for command in commands
        ]
    reader = Reader(log)
    try:
        while _still_running(processes):
            line.show(f"{title}: {follow(reader.read(), time.monotonic() - start)}")
    finally:
        for process in processes:
            process.terminate()  # nothing to one that has ended
            process.wait()
    taken = time.monotonic() - start
    failed = any(process.returncode for process in processes)
    line.close(f"{title}: {'failed' if failed else 'done'}, {minutes(taken)}")
    if failed:
        raise SetupError(f"{title} failed after {minutes(taken)}.\n{errors_in(log)}\nThe whole log: {log}")
    return taken


def _still_running(processes: "Sequence[subprocess.Popen[bytes]]") -> bool:
    """Wait up to a second for the end of all; False as soon as one has failed."""
    end = time.monotonic() + 1.0
    for process in processes:
        try:
            if process.wait(timeout=max(0.0, end - time.monotonic())):
                return False
        except subprocess.TimeoutExpired:
            return not any(other.poll() for other in processes)
    return False


def errors_in(log: Path, most: int = 12) -> str:
    """The lines of a log that speak of errors; its last lines if none does."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\berror\b|No space left|Killed", line, re.IGNORECASE)]
    return "\n".join((errors or lines)[-most:])
