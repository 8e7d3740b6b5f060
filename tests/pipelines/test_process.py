"""Real processes: what they say arrives, and none is left whichever of them is killed."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipelines.leases import Leases, Machine
from pipelines.process import GUARD, TAIL_LINES, run
from tests.pipelines.waiting import alive, until

ROOT = Path(__file__).parents[2]
DEADLINE = 20.0
GRACE = 0.5

# A command with a stubborn child and one in a session of its own, whose own child is an orphan. Each says its number,
# in one write: they share a pipe, and print makes two where PYTHONUNBUFFERED is set.
SAY = (
    "import os, signal, subprocess, sys, time; say = lambda: os.write(1, b'%d' % os.getpid() + bytes([10])); "
)
STUBBORN = SAY + "signal.signal(signal.SIGTERM, signal.SIG_IGN); say(); time.sleep(600)"
STRAY = SAY + "say(); os.setsid(); os.fork() and os._exit(0); say(); time.sleep(600)"
FAMILY = f"""{SAY}
for code in ({STUBBORN!r}, {STRAY!r}):
    subprocess.Popen([sys.executable, "-S", "-c", code])
say()
time.sleep(600)
"""
MEMBERS = 4

OWNER = """
import os, sys
from pathlib import Path
from pipelines.process import run
log, *command = sys.argv[1:]
run(command, env=os.environ, cwd="/", on_line=lambda line: print(line, flush=True), log=Path(log), grace=0.5)
"""


def python(text, *arguments):
    return [sys.executable, "-S", "-c", text, *arguments]


@pytest.fixture
def start(tmp_path):
    """Run a command here, with what the tests seldom change."""

    def started(command, on_line=lambda line: None, **options):
        options = {"env": os.environ, "cwd": tmp_path, "log": tmp_path / "log.txt", "grace": GRACE, **options}
        return run(command, on_line=on_line, **options)

    return started


class Background:
    """The same in a thread, with its lines and how it ended."""

    def __init__(self, start, command, **options):
        self.lines, self.ended, self.cancelled = [], None, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(start, command, options), daemon=True)
        self._thread.start()

    def _run(self, start, command, options):
        self.ended = start(command, self.lines.append, cancelled=self.cancelled, **options)

    def says(self, count):
        """The first `count` lines, as numbers."""
        until(lambda: len(self.lines) >= count)
        return [int(line) for line in self.lines[:count]]

    def join(self):
        self._thread.join(DEADLINE)
        assert self.ended is not None, "run didn't return in time"
        return self.ended


def guard_of(pid):
    """The process that started `pid`."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])


def words(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.parametrize(
    "command, code",
    [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)],
)
def test_the_commands_code(start, command, code):
    ended = start(["sh", "-c", command])
    assert (ended.returncode, ended.cancelled) == (code, False)
    assert 0 < ended.seconds < DEADLINE


def test_commands_that_cannot_start(start, tmp_path):
    (tmp_path / "text").write_text("no program")
    ended = start(["no-such-program"])
    assert ended.returncode == 127
    assert ended.tail == ("error: no-such-program: can't be started (No such file or directory)",)
    assert start([str(tmp_path / "text")]).returncode == 126


def test_lines_come_as_they_are_written(start, tmp_path):
    (tmp_path / "log.txt").write_text("before\n")
    lines = []
    command = r"printf 'one\n\n10%%\r20%%\r\n'; echo two >&2; printf 'caf\303\251 \377\nlast'"
    ended = start(["sh", "-c", command], lines.append)
    assert lines == ["one", "10%", "20%", "two", "café \N{REPLACEMENT CHARACTER}", "last"]
    assert ended.tail == tuple(lines)
    assert (tmp_path / "log.txt").read_text().splitlines() == ["before", *lines]


def test_the_tail_is_short_and_all_is_logged(start, tmp_path):
    ended = start(["seq", "20000"])
    assert ended.tail == tuple(str(number) for number in range(20001 - TAIL_LINES, 20001))
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 20000


def test_a_failing_on_line_loses_nothing(start, tmp_path):
    def fails(line):
        raise ValueError(f"bad {line}")

    ended = start(["seq", "2"], fails)
    assert (ended.returncode, ended.tail) == (0, ("1", "2"))
    assert "ValueError('bad 2')" in (tmp_path / "log.txt").read_text()


def test_the_command_gets_its_environment_its_folder_and_no_input(start, tmp_path):
    ended = start(
        ["sh", "-c", "echo $A-$PYTHONPATH; pwd; cat"],
        env={"PATH": os.environ["PATH"], "A": "1", "PYTHONPATH": "x"},
    )
    assert ended.tail == ("1-x", str(tmp_path))


def test_what_a_command_leaves_behind_is_stopped(start):
    ended = start(["sh", "-c", "setsid sleep 600 & echo $!; sleep 600 & echo $!; exit 3"])
    assert ended.returncode == 3
    assert not any(alive(int(pid)) for pid in ended.tail)


def test_cancelling_stops_the_whole_family(start):
    running = Background(start, python(FAMILY))
    pids = running.says(MEMBERS)
    asked = time.monotonic()
    running.cancelled.set()
    ended = running.join()
    assert (ended.returncode, ended.cancelled) == (143, True)
    assert GRACE <= time.monotonic() - asked < GRACE + 5  # the stubborn one used its grace
    assert not any(map(alive, pids))


# A training: told to stop, it finishes a step, for which it needs its loader, and saves. A second SIGTERM is the same.
LOADER = "import time; time.sleep(600)"
TRAINING = f"""
import os, signal, subprocess, sys, time
from hemline.processes import die_with_parent
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
die_with_parent()
loader = subprocess.Popen([sys.executable, "-S", "-c", {LOADER!r}])
print(os.getpid(), flush=True)
while not told:
    time.sleep(0.05)
time.sleep(1)
print("saved" if loader.poll() is None else "lost its loader", flush=True)
sys.exit(143)
"""
WAITING = f"""
import subprocess, sys
print("dvc saw", subprocess.call([sys.executable, "-c", {TRAINING!r}]), flush=True)
"""


@pytest.fixture
def training(start):
    """A command that runs TRAINING, with a grace that it may use up."""

    def started(command, **options):
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        running = Background(start, command, env=environ, grace=DEADLINE / 2, **options)
        return running, running.says(1)[0]

    return started


def stopped(running):
    """What it says from when it is told to stop."""
    running.cancelled.set()
    return running.join().tail[1:]


def test_a_training_saves_before_dvc_is_told(training):
    """dvc waits for its stage, whatever comes, and ends tidily after it."""
    running, _ = training(python(WAITING), waits=True)
    assert stopped(running) == ("saved", "dvc saw 143")


def test_a_training_below_a_shell_saves(training):
    """Some shells stay above their command, and die of SIGTERM at once."""
    command = f"{shlex.join([sys.executable, '-c', TRAINING])}; exit $?"
    running, _ = training(["sh", "-c", f"{shlex.join(['sh', '-c', command])}; echo over"], waits=True)
    assert {"over", "saved"} <= set(stopped(running))  # and the shell says "Terminated"


def test_a_command_that_trains_saves(training):
    running, _ = training([sys.executable, "-c", TRAINING])
    assert stopped(running) == ("saved",)


def test_a_training_whose_dvc_is_killed_saves(training):
    running, pid = training(python(WAITING), waits=True)
    os.kill(guard_of(pid), signal.SIGKILL)
    assert running.join().tail[1:] == ("saved",)


def test_cancelled_before_it_starts(start, tmp_path):
    cancelled = threading.Event()
    cancelled.set()
    ended = start(["touch", "made"], cancelled=cancelled)
    assert (ended.returncode, ended.cancelled) == (143, True)
    assert not (tmp_path / "made").exists()


def test_cancelling_one_of_two_stops_only_that_one(start, tmp_path):
    both = [Background(start, python(FAMILY), log=tmp_path / f"{name}.txt") for name in "ab"]
    pids = [running.says(MEMBERS) for running in both]
    both[0].cancelled.set()
    both[0].join()
    assert not any(map(alive, pids[0]))
    until(
        lambda: len([pid for pid in pids[1] if alive(pid)]) == MEMBERS - 1
    )  # one of the four ended after its fork
    assert both[1].ended is None
    both[1].cancelled.set()
    assert both[1].join().cancelled


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_passes_through_the_owner_stops_the_command(start, error):
    pids = []

    def interrupted(line):
        if len(pids) < MEMBERS:
            pids.append(int(line))
            if len(pids) == MEMBERS:
                raise error

    with pytest.raises(error):
        start(python(FAMILY), interrupted)
    assert not any(map(alive, pids))


def test_nothing_survives_a_killed_owner(tmp_path):
    command = [sys.executable, "-c", OWNER, str(tmp_path / "log.txt"), *python(FAMILY)]
    owner = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    pids = [int(owner.stdout.readline()) for _ in range(MEMBERS)]
    (guard,) = {guard_of(pid) for pid in pids if alive(pid) and FAMILY in words(pid)}
    owner.kill()
    owner.communicate()
    until(lambda: not any(map(alive, [guard, *pids])))


def test_a_killed_guard_takes_its_command_along(start):
    running = Background(start, ["sh", "-c", "trap '' TERM; echo $$; while true; do sleep 0.1; done"])
    (command,) = running.says(1)
    os.kill(guard_of(command), signal.SIGKILL)
    ended = running.join()
    assert (ended.returncode, ended.cancelled) == (137, False)
    until(lambda: not alive(command))


def test_a_killed_guard_takes_the_command_along_without_its_owner(tmp_path):
    guard = subprocess.Popen(
        [sys.executable, GUARD, "--", "sh", "-c", "echo $$; exec sleep 600"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    command = int(guard.stdout.readline())
    guard.kill()
    guard.communicate()
    until(lambda: not alive(command))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_guard_stops_everything(number):
    guard = subprocess.Popen(
        [sys.executable, GUARD, "--grace", str(GRACE), "--", *python(FAMILY)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    pids = [int(guard.stdout.readline()) for _ in range(MEMBERS)]
    guard.send_signal(number)
    assert guard.wait(DEADLINE) == 143
    guard.communicate()
    assert not any(map(alive, pids))


def test_the_command_holds_the_lease(start, tmp_path):
    leases = Leases(Machine(gpus=("0",), slots=1, threads=1), tmp_path / "leases")
    lease = leases.acquire("gpu", "stage")
    running = Background(
        start, ["sh", "-c", f"ls /proc/$$/fd/{lease.fds[0]} >&2; echo 1; exec sleep 600"], fds=lease.fds
    )
    until(lambda: len(running.lines) == 2)
    lease.release()
    assert leases.try_acquire("gpu", "next") is None
    running.cancelled.set()
    running.join()
    assert leases.try_acquire("gpu", "next").label == "gpu 0"


def test_a_process_dies_with_its_parent():
    child = "from hemline.processes import die_with_parent; die_with_parent(); import os, time; "
    child += "print(os.getpid(), flush=True); time.sleep(600)"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.call([sys.executable, '-c', {child!r}])"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.communicate()
    until(lambda: not alive(pid))
