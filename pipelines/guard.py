"""Runs one command and sees to it that none of its descendants outlives it, or the process that started this one.

    python guard.py [--grace SECONDS] [--waits] [--fds 5,6] -- COMMAND...

Standard input is a pipe of which only the owner holds the other end: when that end closes, because the owner died or
because it asks for it, everything is stopped. So it is on SIGTERM, SIGINT and SIGHUP. Exits with the command's code,
128 + n if signal n ended it, 143 if it was stopped, 127 if it isn't found, 126 if it can't be started.

Run by its path: standard library only, and nothing of the project (see pipelines/process.py, which starts it).
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

STOPPED = 128 + signal.SIGTERM
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOK_SECONDS = 0.05
LATE = 0.8  # of the grace: who is left is asked once more, all at once, before it's killed

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


class Watch:
    """What wakes the guard: an owner that has gone, a signal, a child that ended."""

    def __init__(self) -> None:
        self._woken, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (*STOP_SIGNALS, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for any of them. True if everything is to be stopped."""
        ready = select.select([0, self._woken], [], [], seconds)[0]
        signals = os.read(self._woken, 4096) if self._woken in ready else b""
        gone = 0 in ready and not os.read(0, 4096)
        return gone or any(number in signals for number in STOP_SIGNALS)

    def rest(self) -> None:
        """Wait a moment, or until a child ends."""
        if select.select([self._woken], [], [], LOOK_SECONDS)[0]:
            os.read(self._woken, 4096)


class Tree:
    """The command and all its descendants. `code` is the command's, once it has ended."""

    def __init__(self, command: subprocess.Popen[bytes], watch: Watch) -> None:
        self.command = command.pid
        self._kept = command  # a Popen that is let go collects its process, and with it the code
        self.code: int | None = None
        self._watch = watch
        self._told: set[int] = set()

    def reap(self) -> bool:
        """Collect those that have ended; False when none is left.

        A subreaper inherits its orphaned descendants, so each one hangs on one of its children: the kernel's "no
        child" is exact. A look through /proc isn't: an orphan that changes parents meanwhile can be missed.
        """
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.command:
                self.code = _exit_code(status)

    def stop(self, grace: float, waits: bool) -> None:
        """SIGTERM from the top down, SIGKILL after `grace` seconds to those that are left; return when none is.

        What a stage has started is the stage's to end, after the step and the saved state that it uses its grace for: a
        training whose loaders are told as well has no step to finish. Those that lose their parent come to hang on the
        guard, and are told then. After LATE of the grace all are.

        A command that only waits for its children is passed over as long as it had some: dvc ends by itself, tidily,
        after its stage did.
        """
        started = time.monotonic()
        passed_over = waits and bool(children().get(self.command))
        while self.reap():
            waited = time.monotonic() - started
            if waited >= grace:
                _send(descendants(os.getpid()), signal.SIGKILL)
            else:
                self._tell(descendants(os.getpid()) if waited >= LATE * grace else self._top(passed_over))
            self._watch.rest()

    def _top(self, passed_over: bool) -> set[int]:
        """The guard's own children, the command among them; its children in its place if it is passed over."""
        below = children()
        found = set(below.get(os.getpid(), []))
        return found - {self.command} | set(below.get(self.command, [])) if passed_over else found

    def _tell(self, pids: set[int]) -> None:
        """SIGTERM, once each: a process may well take a second one for impatience."""
        _send(pids - self._told, signal.SIGTERM)
        self._told |= pids


def children() -> dict[int, list[int]]:
    """Each process's children, as /proc shows them just now; sessions and groups don't matter."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            found.setdefault(parent, []).append(int(entry.name))
    return found


def descendants(root: int) -> set[int]:
    """Children of `root`, theirs, and so on."""
    known = children()
    found: set[int] = set()
    todo = [root]
    while todo:
        below = known.get(todo.pop(), [])
        found.update(below)
        todo += below
    return found


def _parent(entry: Path) -> int | None:
    """Field 4 of stat; field 2, the name in parentheses, may hold spaces and parentheses. None if it has ended."""
    try:
        return int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return None


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _start(command: Sequence[str], fds: Sequence[int], dying: Callable[[], None]) -> subprocess.Popen[bytes]:
    """The command's process, which holds the leases' descriptors as this one does."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=fds, preexec_fn=dying)


def _dies_with_guard(libc: ctypes.CDLL) -> Callable[[], None]:
    """What the command's process does before it becomes the command. libc is loaded before the fork, not in it."""
    guard = os.getpid()

    def dying() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != guard:
            os._exit(STOPPED)

    return dying


def guard(command: Sequence[str], fds: Sequence[int], grace: float, waits: bool) -> int:
    """Run the command; the exit code. Nothing of it is left then."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    watch = Watch()
    if watch.wait(0):
        return STOPPED
    try:
        tree = Tree(_start(command, fds, _dies_with_guard(libc)), watch)
    except OSError as error:
        print(f"error: {command[0]}: can't be started ({error.strerror})", file=sys.stderr, flush=True)
        return 127 if isinstance(error, FileNotFoundError) else 126
    return _follow(tree, watch, grace, waits)


def _follow(tree: Tree, watch: Watch, grace: float, waits: bool) -> int:
    code = None
    while code is None:
        stop = watch.wait()
        tree.reap()
        code = STOPPED if stop and tree.code is None else tree.code
    tree.stop(grace, waits)
    return code


def main() -> None:
    """Read the command line and guard its command."""
    parser = argparse.ArgumentParser(description="Run a command that leaves nothing behind.")
    parser.add_argument("--grace", type=float, default=25.0, metavar="SECONDS")
    parser.add_argument("--waits", action="store_true", help="the command only waits for its children")
    parser.add_argument("--fds", default="", help="descriptors to hand on, with commas between")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    fds = [int(number) for number in options.fds.split(",") if number]
    sys.exit(guard(options.command, fds, options.grace, options.waits))


if __name__ == "__main__":
    main()
