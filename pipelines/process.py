"""Runs a command as its owner: lines come as they are written, and nothing survives the owner.

The command is started by a guard (pipelines/guard.py) whose standard input is a pipe that only this process holds.
However this process ends, the pipe closes and the guard stops the command with all its descendants. Python's
descriptors aren't inherited by other children; only a bare fork (multiprocessing's "fork") would copy the pipe's end.
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

GUARD = Path(__file__).with_name("guard.py").resolve()

TAIL_LINES = 50
# For a training to finish its step and save its state: 1.2 GB of it, for HTC at the paper's scale, take 12 s on a disk
# that writes 100 MB/s. With the overtime it is the 30 s after which Kubernetes, by default, and Prefect's workers kill.
GRACE_SECONDS = 25.0
POLL_SECONDS = 0.1
OVERTIME_SECONDS = 5.0  # beyond the grace, before the guard itself is killed
DRAIN_SECONDS = 1.0  # for output that was written before the guard ended

_STOPPED = (128 + signal.SIGTERM, 128 + signal.SIGKILL)


class Signal(Protocol):
    """What a threading.Event is, as far as it is looked at here."""

    def is_set(self) -> bool:
        """Whether all is to be stopped."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    `returncode` is its own, 128 + n if signal n ended it, 127 if it wasn't found. `seconds` is wall time, `tail` the
    last lines (at most 50). `cancelled`: it was told to stop, and did not end by itself before.
    """

    returncode: int
    seconds: float
    tail: tuple[str, ...]
    cancelled: bool


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | os.PathLike[str],
    on_line: Callable[[str], None],
    log: Path,
    fds: Sequence[int] = (),
    cancelled: Signal | None = None,
    grace: float = GRACE_SECONDS,
    waits: bool = False,
) -> Ended:
    """Run `command` to its end, with all its descendants; may be called from several threads at once.

    Each line of its output, stdout and stderr together, is appended to `log` and given to `on_line` (in this thread:
    let it be quick). A carriage return ends a line too, and empty lines are dropped. An exception in `on_line` is
    noted in the log. `env` is the whole environment; `fds` are held by the command too (see leases). When `cancelled`
    is set, or an exception passes through here, the command gets SIGTERM (with `waits`, of one that only waits for
    what it started, that does), what it leaves behind too, and after `grace` seconds all of it SIGKILL.
    OSError if the folder `cwd` is missing or the log can't be written.
    """
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a", encoding="utf-8") as file:
        output = _Output(file, on_line)
        running = _Running(_start(command, env, cwd, fds, grace, waits), output, grace)
        try:
            running.follow(cancelled)
        except BaseException:
            running.ask()
            running.follow(None)
            raise
        finally:
            running.close()
    code = running.returncode
    return Ended(code, time.monotonic() - started, tuple(output.tail), running.asked and code in _STOPPED)


def _start(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: str | os.PathLike[str],
    fds: Sequence[int],
    grace: float,
    waits: bool,
) -> subprocess.Popen[bytes]:
    # -I -S: the environment is the command's, no PYTHON... of it is for the guard; and it starts sooner.
    guard = [sys.executable, "-I", "-S", str(GUARD), "--grace", str(grace), "--fds", ",".join(map(str, fds))]
    return subprocess.Popen(
        [*guard, *(["--waits"] if waits else []), "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        env=env,
        cwd=cwd,
        pass_fds=fds,
        start_new_session=True,  # the terminal's Ctrl-C is for the owner, which then says what is to be stopped
    )


class _Output:
    """Cuts bytes into lines and hands them on."""

    def __init__(self, log: IO[str], on_line: Callable[[str], None]) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._log = log
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take what was read, however it was cut."""
        *lines, self._rest = re.split(rb"[\r\n]", self._rest + data)
        for line in lines:
            if line.strip():
                self._line(line.decode(errors="replace"))

    def _line(self, line: str) -> None:
        self.tail.append(line)
        self._write(line)
        try:
            self._on_line(line)
        except Exception as error:
            self._write(f"(pipelines.process: on_line failed on the line above: {error!r})")

    def _write(self, line: str) -> None:
        self._log.write(f"{line}\n")
        self._log.flush()


class _Running:
    """One guard and its output, for the thread that is in `run`."""

    def __init__(self, guard: subprocess.Popen[bytes], output: _Output, grace: float) -> None:
        assert guard.stdin is not None and guard.stdout is not None
        self.guard = guard
        self.asked = False
        self._output = output
        self._grace = grace
        self._deadline: float | None = None
        self._stdin, self._stdout = guard.stdin, guard.stdout
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._open = True

    @property
    def returncode(self) -> int:
        """The guard's, as a shell gives it."""
        code = self.guard.wait()
        return code if code >= 0 else 128 - code

    def ask(self) -> None:
        """Tell the guard to stop everything."""
        self.asked = True
        if self._deadline is None:
            self._deadline = time.monotonic() + self._grace + OVERTIME_SECONDS
            self._stdin.close()

    def follow(self, cancelled: Signal | None) -> None:
        """Hand lines on until the guard has ended."""
        while self.guard.poll() is None:
            if cancelled is not None and cancelled.is_set():
                self.ask()
            if self._deadline is not None and time.monotonic() > self._deadline:
                self._kill()
            self._read(POLL_SECONDS)
        if self.guard.returncode == -signal.SIGKILL:
            self._kill()
        self._drain()

    def close(self) -> None:
        """Close the pipes; the guard, if it still runs (a second Ctrl-C), goes on stopping everything by itself."""
        self._stdin.close()
        self._stdout.close()

    def _read(self, seconds: float) -> None:
        """Take what comes within `seconds`; wait for the guard instead once the output has been closed."""
        if not self._open:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.guard.wait(seconds)
        elif self._poll.poll(seconds * 1000):
            data = os.read(self._stdout.fileno(), 65536)
            self._open = bool(data)
            self._output.feed(data or b"\n")

    def _drain(self) -> None:
        """The rest. Somebody may hold the output open for ever, but only if the guard was killed."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._open and time.monotonic() < deadline:
            self._read(POLL_SECONDS)
        if self._open:
            self._output.feed(b"\n")

    def _kill(self) -> None:
        """The guard and all of its group. After its death: those that nobody guards any more."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.guard.pid, signal.SIGKILL)
