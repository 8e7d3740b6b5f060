"""One stage: what it finds in its environment, how its failure is told, how long it may take."""

import sys
import threading
from pathlib import Path

import pytest

from hemline.tracking import Recorder
from hemline.tracking.records import last_dvc
from pipelines.execute import StageCancelled, StageFailed, environment, execute, failure
from pipelines.leases import Lease, Leases, Machine
from pipelines.process import Ended
from tests.pipelines.project import Project

LOG = Path("logs/x.log")


def failed(*lines):
    return failure("fit@a", Ended(255, 1.0, lines, False), LOG)


def test_the_stages_own_words_come_first():
    dvc = "ERROR: failed to reproduce 'fit@a': failed to run: x, exited with 1"
    error = failed("working", "error: params.yaml: rate is -1", dvc)
    assert str(error) == f"fit@a: params.yaml: rate is -1 (log: {LOG})"
    assert not error.transient
    assert str(failed("Killed")) == f"fit@a: Killed (log: {LOG})"
    assert str(failed()) == f"fit@a: exit status 255 (log: {LOG})"


@pytest.mark.parametrize(
    ("line", "transient"),
    [
        ("ConnectionRefusedError: [Errno 111] Connection refused", True),
        ("ERROR: Unable to acquire lock. Most likely another DVC process is running", True),
        ("RuntimeError: CUDA error: an illegal memory access was encountered", True),
        ("torch.OutOfMemoryError: CUDA out of memory", False),  # the same batch will not fit the next time
        ("error: data/x.json: not JSON", False),
        ("error: loss is nan at step 7", False),
    ],
)
def test_what_may_pass(line, transient):
    assert failed(line).transient is transient


def test_a_stage_finds_this_python_and_its_device():
    cpu = environment({"PATH": "/usr/bin", "A": "1"}, Lease("cpu slot 1", {"OMP_NUM_THREADS": "2"}, ()))
    assert cpu["PATH"] == f"{Path(sys.executable).parent}:/usr/bin" and cpu["A"] == "1"
    assert cpu["OMP_NUM_THREADS"] == "2" and "MALLOC_MMAP_MAX_" in cpu
    gpu = environment({}, Lease("gpu 3", {"CUDA_VISIBLE_DEVICES": "3"}, ()))
    assert gpu["CUDA_VISIBLE_DEVICES"] == "3" and "MALLOC_MMAP_MAX_" not in gpu


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    project = Project(tmp_path / "project", ["a"])
    leases = Leases(Machine((), 1, 1), tmp_path / "leases")

    def call(**options):
        with leases.acquire("cpu", "prepare") as lease:
            log = tmp_path / "prepare.log"
            return execute("prepare", lease, root=project.root, log=log, on_line=lambda line: None, **options)

    call.project = project
    return call


def test_ran_and_unchanged(run):
    assert run().ran and not run().ran
    assert run.project.ran() == ["prepare"]


def test_the_stages_record_gets_dvcs_hashes(run):
    folder = run.project.root / "runs"
    with Recorder(folder, "prepare", "abc", {}, {}) as record:
        pass
    run()
    (out,) = last_dvc(record.path)["outs"].items()
    assert out[0] == "out/prepare" and len(out[1]) == 32
    size = record.path.stat().st_size
    run()
    assert record.path.stat().st_size == size, "nothing ran"


def test_a_stage_that_takes_too_long_is_stopped(run):
    run.project.order("prepare", "wait 300")
    with pytest.raises(StageFailed, match=r"prepare: not done within its 0\.05 minutes") as error:
        run(minutes=0.05)
    assert not error.value.transient


def test_a_cancelled_stage(run):
    run.project.order("prepare", "wait 300")
    cancelled = threading.Event()
    threading.Timer(3, cancelled.set).start()
    with pytest.raises(StageCancelled, match="prepare: stopped"):
        run(cancelled=cancelled)
