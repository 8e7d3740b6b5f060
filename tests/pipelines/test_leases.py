"""Leases against real processes: exclusion, death, inheritance; queues; what the environment says."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hemline.errors import HemlineError
from pipelines.leases import Cancelled, Leases, Machine, leases_folder, this_machine
from tests.pipelines.waiting import until

ROOT = Path(__file__).parents[2]
DEADLINE = 20.0

HOLDER = """
import sys
from pathlib import Path
from pipelines.leases import Leases, Machine
machine = Machine(gpus=("0", "1"), slots=2, threads=1, shares=2)
lease = Leases(machine, Path(sys.argv[1])).try_acquire(sys.argv[2], "held")
print(lease.label if lease else "none", flush=True)
sys.stdin.read()
"""

HEIR = """
import subprocess, sys
from pathlib import Path
from pipelines.leases import Leases, Machine
lease = Leases(Machine(gpus=("0",), slots=1, threads=1), Path(sys.argv[1])).acquire("gpu", "parent")
child = subprocess.Popen(["sleep", "60"], pass_fds=lease.fds, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""


def script(text, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def holder(tmp_path):
    """Start a process that takes one device of two GPUs with two shares and two slots, and says which."""
    started = []

    def start(need):
        process = script(HOLDER, tmp_path, need)
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def leases(tmp_path):
    return Leases(Machine(gpus=("0", "1"), slots=2, threads=3, shares=2, cores=8), tmp_path)


def labels(*found):
    return [lease.label if lease else None for lease in found]


@pytest.mark.parametrize(
    "need, names",
    [
        ("gpu", ["gpu 0", "gpu 1", "none"]),
        ("cpu", ["cpu slot 1", "cpu slot 2", "none"]),
        ("share", ["gpu 0 (share 1 of 2)", "gpu 0 (share 2 of 2)", "gpu 1 (share 1 of 2)"]),
    ],
)
def test_no_two_processes_hold_the_same(holder, need, names):
    assert [holder(need)[1] for _ in names] == names


def test_a_killed_holder_gives_back(holder, leases):
    process, label = holder("gpu")
    assert labels(leases.try_acquire("gpu", "second")) == ["gpu 1"] and label == "gpu 0"
    process.kill()
    process.wait()
    assert labels(leases.try_acquire("gpu", "third")) == ["gpu 0"]


def test_a_child_holds_what_it_inherited(tmp_path):
    parent = script(HEIR, tmp_path)
    child = int(parent.stdout.readline())
    leases = Leases(Machine(gpus=("0",), slots=1, threads=1), tmp_path)
    parent.kill()
    parent.communicate()
    try:
        assert leases.try_acquire("gpu", "early") is None
    finally:
        os.kill(child, signal.SIGKILL)
    assert until(lambda: leases.try_acquire("gpu", "late")).label == "gpu 0"


def test_a_release_leaves_the_child_its_hold(leases):
    lease = leases.acquire("cpu", "parent")
    child = subprocess.Popen(["sleep", "60"], pass_fds=lease.fds)
    lease.release()
    lease.release()
    assert labels(leases.try_acquire("cpu", "second")) == ["cpu slot 2"]
    child.kill()
    child.wait()
    assert labels(leases.try_acquire("cpu", "third")) == ["cpu slot 1"]


def test_children_inherit_nothing_unasked(leases):
    with leases.acquire("gpu", "held"):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        assert labels(leases.try_acquire("gpu", "again")) == ["gpu 0"]
    finally:
        child.kill()
        child.wait()


def test_a_whole_gpu_has_no_sharers(leases):
    share = leases.try_acquire("share", "small")
    whole = leases.try_acquire("gpu", "large")
    assert labels(share, whole, leases.try_acquire("gpu", "larger")) == [
        "gpu 0 (share 1 of 2)",
        "gpu 1",
        None,
    ]
    second = leases.try_acquire("share", "smaller")
    assert labels(second, leases.try_acquire("share", "smallest")) == ["gpu 0 (share 2 of 2)", None]
    share.release()
    assert leases.try_acquire("gpu", "larger") is None
    second.release()
    assert labels(leases.try_acquire("gpu", "larger")) == ["gpu 0"]


def test_a_whole_gpu_excludes_shares_of_another_number(leases, tmp_path):
    more = Leases(Machine(gpus=("0", "1"), slots=2, threads=1, shares=4), tmp_path)
    leases.try_acquire("gpu", "whole")
    assert labels(*[more.try_acquire("share", "small") for _ in range(5)]) == [
        *(f"gpu 1 (share {share} of 4)" for share in range(1, 5)),
        None,
    ]


def test_every_gpu_is_used_once_by_processes_that_compete(tmp_path, leases):
    """Each takes a device many times over and makes a file that must not exist yet."""
    text = """
import os, sys
from pathlib import Path
from pipelines.leases import Leases, Machine
folder = Path(sys.argv[1])
leases = Leases(Machine(gpus=("0", "1"), slots=2, threads=1, shares=2), folder)
for turn in range(200):
    lease = leases.try_acquire(sys.argv[2], "mine")
    if lease is None:
        continue
    with lease:
        mark = folder / f"mark-{lease.label if sys.argv[2] == 'share' else lease.label + ' (share 1 of 2)'}"
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        mark.unlink()
"""
    processes = [script(text, tmp_path, need) for need in ("gpu", "share", "gpu", "share")]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4


def test_several_gpus_come_together_or_not_at_all(leases):
    one = leases.try_acquire("gpu", "one")
    assert leases.try_acquire("gpu", "both", gpus=2) is None
    assert labels(leases.try_acquire("gpu", "other")) == ["gpu 1"], "what there was of both is given back"
    assert leases.try_acquire("gpu", "both", gpus=2) is None
    one.release()
    assert labels(leases.try_acquire("share", "small")) == ["gpu 0 (share 1 of 2)"]


def test_several_gpus_exclude_all_others(leases, tmp_path):
    with leases.acquire("gpu", "both", gpus=2) as both:
        assert both.label == "gpus 0, 1"
        assert labels(*(leases.try_acquire(need, "other") for need in ("gpu", "share"))) == [None, None]
        assert {(tmp_path / f"gpu-{gpu}").read_text() for gpu in "01"} == {f"{os.getpid()} both\n"}
    assert labels(leases.try_acquire("gpu", "other")) == ["gpu 0"]


def test_processes_that_want_all_gpus_or_one_all_come_to_their_turn(tmp_path):
    """Two that want both GPUs, two that want one, and one that wants a share: nobody waits for ever."""
    text = """
import os, sys
from pathlib import Path
from pipelines.leases import Leases, Machine
folder, need, gpus = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
leases = Leases(Machine(gpus=("0", "1"), slots=1, threads=1), folder)
for turn in range(5):
    with leases.acquire(need, "mine", gpus=gpus) as lease:
        marks = [folder / f"mark-{gpu}" for gpu in lease.environment()["CUDA_VISIBLE_DEVICES"].split(",")]
        for mark in marks:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        for mark in marks:
            mark.unlink()
"""
    wanted = [("gpu", 2), ("gpu", 2), ("gpu", 1), ("gpu", 1), ("share", 1)]
    processes = [script(text, tmp_path, *want) for want in wanted]
    for process in processes:
        process.communicate(timeout=6 * DEADLINE)
    assert [process.returncode for process in processes] == [0] * len(wanted)


def waiters(leases, *wanted, order):
    """A thread for each (name, need, priority, and gpus if several), in the queue one after the other."""
    threads = []
    for name, need, priority, *gpus in wanted:

        def wait(name=name, need=need, priority=priority, gpus=gpus):
            with leases.acquire(need, name, priority, None, *gpus):
                order.append(name)

        before = queued(leases)
        threads.append(threading.Thread(target=wait, daemon=True))
        threads[-1].start()
        until(lambda before=before: queued(leases) > before)
    return threads


def queued(leases):
    return sum(map(len, leases._queues.values()))


def test_priority_then_who_came_first(tmp_path):
    leases = Leases(Machine(gpus=("0",), slots=1, threads=1), tmp_path)
    order = []
    held = leases.acquire("gpu", "held")
    wanted = [("low", "gpu", 0.0), ("lower", "gpu", 0.0), ("high", "gpu", 2.0), ("middle", "share", 1.0)]
    threads = waiters(leases, *wanted, order=order)
    assert leases.try_acquire("gpu", "pushes in") is None
    held.release()
    for thread in threads:
        thread.join(DEADLINE)
    assert order == ["high", "middle", "low", "lower"]


def test_kinds_do_not_block_each_other_but_a_share_waits_behind_a_whole(leases):
    order = []
    held = leases.acquire("share", "held"), leases.acquire("gpu", "held")
    threads = waiters(leases, ("whole", "gpu", 1.0), ("share", "share", 0.0), order=order)
    with leases.acquire("cpu", "other kind"):
        assert order == []
    for lease in held:
        lease.release()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(order) == ["share", "whole"]


def test_who_wants_several_is_not_overtaken(leases):
    order = []
    held = [leases.acquire("gpu", "held") for _ in range(2)]
    wanted = [
        ("both", "gpu", 1.0, 2),
        ("both too", "gpu", 1.0, 2),
        ("one", "gpu", 0.0),
        ("share", "share", 0.0),
    ]
    threads = waiters(leases, *wanted, order=order)
    held[0].release()
    assert leases.try_acquire("gpu", "pushes in") is None and order == []
    held[1].release()
    for thread in threads:
        thread.join(DEADLINE)
    assert order[:2] == ["both", "both too"] and sorted(order[2:]) == ["one", "share"]


def test_cancelled_waiters_leave_the_queue(leases):
    held = [leases.acquire("cpu", "held") for _ in range(2)]
    cancelled = threading.Event()
    raised = []

    def wait():
        with pytest.raises(Cancelled, match="package: cancelled"):
            leases.acquire("cpu", "package", 5.0, cancelled)
        raised.append(True)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    until(lambda: queued(leases) == 1)
    cancelled.set()
    thread.join(DEADLINE)
    assert raised and queued(leases) == 0
    held[0].release()
    assert labels(leases.try_acquire("cpu", "next")) == ["cpu slot 1"]


def test_what_a_stage_finds_in_its_environment(leases):
    def found(need):
        return leases.acquire(need, "stage").environment()

    assert found("gpu") == {"CUDA_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "4"}
    assert found("share") == {"CUDA_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "2"}
    assert found("cpu") == {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "3"}


def test_what_the_processes_of_a_stage_find_in_their_environment(tmp_path):
    machine = Machine(gpus=("0", "1", "2", "3"), slots=1, threads=6, cores=12)
    leases = Leases(machine, tmp_path)
    held = [leases.acquire("gpu", "held") for _ in range(3)]
    held[0].release()
    two = {"CUDA_VISIBLE_DEVICES": "0,3", "OMP_NUM_THREADS": "3"}
    assert leases.acquire("gpu", "training", gpus=2).environment() == two
    without = Leases(Machine(gpus=(), slots=1, threads=6), tmp_path)
    shared = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "3"}
    assert without.acquire("gpu", "training", gpus=2).environment() == shared


@pytest.mark.parametrize("need, gpus", [("gpu", 3), ("share", 2), ("cpu", 2)])
def test_more_than_there_can_be_is_not_waited_for(leases, need, gpus):
    with pytest.raises(HemlineError, match=f"training needs {gpus} x '{need}': .* this machine has 2"):
        leases.acquire(need, "training", gpus=gpus)


def test_without_gpus_all_take_cpu_slots(tmp_path):
    leases = Leases(Machine(gpus=(), slots=2, threads=1), tmp_path)
    found = [leases.try_acquire(need, "stage") for need in ("gpu", "share", "cpu")]
    assert labels(*found) == ["cpu slot 1", "cpu slot 2", None]
    assert found[0].environment()["CUDA_VISIBLE_DEVICES"] == ""


def test_the_file_says_who_holds_it(leases, tmp_path):
    (tmp_path / "gpu-0.share-1").write_text("4711 a much longer line of somebody before\n")
    leases.acquire("share", "finetune@vest-hflip")
    assert (tmp_path / "gpu-0.share-1").read_text() == f"{os.getpid()} finetune@vest-hflip\n"


def test_identifiers_with_slashes(tmp_path):
    leases = Leases(Machine(gpus=("MIG-GPU-1a/1/0",), slots=1, threads=1), tmp_path)
    assert leases.acquire("share", "small").environment()["CUDA_VISIBLE_DEVICES"] == "MIG-GPU-1a/1/0"
    assert leases.try_acquire("gpu", "large") is None


def test_an_unknown_need_is_refused(leases):
    with pytest.raises(HemlineError, match="report needs 'tpu': give gpu"):
        leases.acquire("tpu", "report")


# ---- the machine ----


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    "environ, gpus",
    [
        ({}, ()),
        ({"HEMLINE_GPUS": "0, 1", "CUDA_VISIBLE_DEVICES": "3"}, ("0", "1")),
        ({"HEMLINE_GPUS": "", "CUDA_VISIBLE_DEVICES": "3"}, ()),
        ({"CUDA_VISIBLE_DEVICES": "2,GPU-8f2e-11"}, ("2", "GPU-8f2e-11")),
        ({"CUDA_VISIBLE_DEVICES": ""}, ()),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, ()),
    ],
)
def test_gpus_come_from_the_environment(eight_cores, environ, gpus):
    assert this_machine(environ) == Machine(gpus, slots=4, threads=2, shares=1, cores=8)


def test_slots_and_shares_come_from_the_environment(eight_cores):
    machine = this_machine({"HEMLINE_SLOTS": "3", "HEMLINE_SHARES": "2"})
    assert (machine.slots, machine.threads, machine.shares) == (3, 2, 2)
    assert this_machine({"HEMLINE_SLOTS": "16"}).threads == 1


@pytest.mark.parametrize(
    "name, value",
    [
        ("HEMLINE_GPUS", "0,,1"),
        ("HEMLINE_GPUS", "0,0"),
        ("HEMLINE_GPUS", "two"),
        ("CUDA_VISIBLE_DEVICES", "0 1"),
        ("HEMLINE_SLOTS", "0"),
        ("HEMLINE_SLOTS", "many"),
        ("HEMLINE_SHARES", "-1"),
        ("HEMLINE_SHARES", ""),
    ],
)
def test_bad_values_are_named(name, value):
    with pytest.raises(HemlineError, match=f"{name} is '{value}': give"):
        this_machine({name: value})


@pytest.mark.parametrize(
    "body, gpus",
    [("echo 0; echo 1", ("0", "1")), ("echo No devices were found", ()), ("echo 0; exit 9", ())],
)
def test_gpus_come_from_nvidia_smi(tmp_path, body, gpus):
    program = tmp_path / "nvidia-smi"
    program.write_text(f'#!/bin/sh\n[ "$*" = "--query-gpu=index --format=csv,noheader" ] || exit 3\n{body}\n')
    program.chmod(0o755)
    assert this_machine({"PATH": str(tmp_path)}).gpus == gpus


def test_the_folder(tmp_path):
    assert leases_folder({"HEMLINE_LEASES": str(tmp_path / "a" / "b")}).stat().st_mode & 0o777 == 0o700
    with pytest.raises(HemlineError, match="set HEMLINE_LEASES"):
        leases_folder({"HEMLINE_LEASES": "/proc/nowhere"})
