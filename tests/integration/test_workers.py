"""Two workers in two clones, an S3 server on loopback, and the run that wants the results in a third clone."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import asyncpg
import pytest

from tests.integration.postgres import INSTALLED, postgresql
from tests.integration.s3 import add_remote, s3_server
from tests.pipelines.project import ROOT, Project
from tests.pipelines.waiting import deploy, prefect_server, start_worker, until

ITEMS = list("abcd")
EXPECTED = sorted(["prepare", "gather", "other", *ITEMS])


@pytest.fixture(scope="module")
def s3():
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module")
def database():
    """PostgreSQL's address, as several machines should have it; without one Prefect takes SQLite."""
    with postgresql() if INSTALLED else nullcontext() as address:
        yield address


@pytest.fixture(scope="module")
def prefect(database, tmp_path_factory):
    """A Prefect server; workers are given up after half a minute."""
    settings = {"HEMLINE_LOST_SECONDS": "30", "PYTHONPATH": str(ROOT)}
    if database:
        settings["PREFECT_API_DATABASE_CONNECTION_URL"] = f"postgresql+asyncpg://{database}"
    with prefect_server(tmp_path_factory.mktemp("prefect"), **settings) as server:
        yield server


@pytest.fixture(scope="module")
def origin(s3, tmp_path_factory):
    """The repository that all clones are of, with the remote in its config."""
    project = Project(tmp_path_factory.mktemp("origin") / "project", ITEMS, git=True)
    add_remote(project.root, s3)
    project.commit("a project")
    return project


@pytest.fixture(scope="module")
def workers(prefect, origin, tmp_path_factory):
    """Two clones, each with a worker at work."""
    clones = [origin.clone(tmp_path_factory.mktemp("worker") / name) for name in ("first", "second")]
    processes = [start_worker(clone) for clone in clones]
    deploy(prefect, "--name", "stage")
    yield list(zip(clones, processes, strict=True))
    for process in processes:
        process.terminate()
        process.wait(60)


def results(project: Project) -> set[str]:
    return {
        str(path.relative_to(project.root))
        for name in ("out", "fits")
        for path in project.root.glob(f"{name}/*")
    }


def test_every_stage_is_run_once_somewhere_and_all_comes_back(workers, origin, tmp_path):
    wanted = origin.clone(tmp_path / "wanted")
    code, output = wanted.run("--machines", "workers")
    assert code == 0, output
    shares = [clone.ran() for clone, _ in workers]
    assert sorted([*shares[0], *shares[1]]) == EXPECTED
    assert wanted.ran() == []
    assert results(wanted) == {"out/prepare", "out/gather", "out/other", *(f"fits/{item}" for item in ITEMS)}
    assert "first, cpu slot 1" in output or "second, cpu slot 1" in output

    code, output = wanted.run("--machines", "workers")
    assert code == 0 and "0 stages ran, 7 were up to date" in output
    status = subprocess.run(
        [sys.executable, "-m", "dvc", "status"], cwd=wanted.root, capture_output=True, text=True
    )
    assert "up to date" in status.stdout
    assert wanted.run()[0] == 0 and wanted.ran() == []


# PostgreSQL is no Python package: where it is not installed, Prefect keeps its runs in SQLite for the other tests.
@pytest.mark.skipif(not INSTALLED, reason="PostgreSQL's initdb, postgres and pg_isready are not on PATH")
def test_postgresql_has_the_runs(workers, database):
    """Prefect's own database is the one asked for: all seven stages, and the run that wanted them, are in it."""
    rows = asyncio.run(completed(f"postgresql://{database}"))
    assert {"prepare", "gather", "other", *(f"fit@{item}" for item in ITEMS)} <= rows


async def completed(address: str) -> set[str]:
    connection = await asyncpg.connect(address)
    try:
        rows = await connection.fetch("SELECT name FROM flow_run WHERE state_type = 'COMPLETED'")
    finally:
        await connection.close()
    return {row["name"] for row in rows}


def test_what_is_not_committed_is_refused(workers, origin, tmp_path):
    wanted = origin.clone(tmp_path / "wanted")
    (wanted.root / "work.py").write_text("odd")
    code, output = wanted.run("--machines", "workers")
    assert code != 0 and "work.py" in output and "not committed" in output


def change(origin, workers, item, rate, order):
    """Another rate, committed, so that the item is to be run again; and what its command is to do then."""
    origin.params["rate"][item] = rate
    origin.write()
    origin.commit("another rate")
    for clone, _ in workers:
        clone.ran()
        clone.order(item, order)


def test_a_run_that_is_killed_is_gone_on_with(workers, origin, tmp_path):
    """Its stage goes on at the worker; the next run takes that one over, and has nothing run twice."""
    change(origin, workers, "d", 3, "wait 20")
    wanted = origin.clone(tmp_path / "wanted")
    run = wanted.start("--machines", "workers")
    alone = until(lambda: [clone for clone, _ in workers if "d" in clone.pids()], 240)
    kill_family(run.pid)
    for clone, _ in workers:
        clone.order("d", "")
    code, output = wanted.run("--machines", "workers")
    assert code == 0, output
    ran = [name for clone, _ in workers for name in clone.ran()]
    assert ran.count("d") == 1 and ran.count("gather") == 1 and len(alone) == 1
    assert (wanted.root / "fits" / "d").read_text() == "d3"


def test_a_worker_that_is_lost_is_replaced(workers, origin, tmp_path):
    change(origin, workers, "c", 2, "wait 300")
    wanted = origin.clone(tmp_path / "wanted")
    run = wanted.start("--machines", "workers", "--retry-seconds", "0.1")
    holding = until(lambda: [pair for pair in workers if "c" in pair[0].pids()], 240)
    for clone, _ in workers:
        clone.order("c", "")
    ((lost, process),) = holding
    kill_family(process.pid)
    output, _ = run.communicate(timeout=600)
    assert run.returncode == 0, output
    (other,) = [clone for clone, _ in workers if clone is not lost]
    assert "c" in other.ran()
    assert (wanted.root / "fits" / "c").read_text() == "c2"


def kill_family(pid: int) -> None:
    """As a machine that is switched off: all of it at once, and nothing said."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    children = {child for thread in threads for child in (thread / "children").read_text().split()}
    os.kill(pid, signal.SIGSTOP)
    for child in children:
        kill_family(int(child))
    os.kill(pid, signal.SIGKILL)
