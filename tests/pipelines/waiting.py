"""Waiting for what other processes do; a Prefect server, workers and deployments for tests."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from pipelines.server import OwnServer
from tests.pipelines.project import ROOT, Project

Found = TypeVar("Found")


def until(condition: Callable[[], Found], seconds: float = 120.0) -> Found:
    """What `condition` finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie, which only waits for its parent's look, does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


@contextmanager
def prefect_server(home: Path, **environ: str) -> Iterator[OwnServer]:
    """A Prefect server whose data is in `home`, with the environment set for whoever is to use it."""
    own = {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DVC_NO_ANALYTICS": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**own, **environ}.items():
            patch.setenv(name, value)
        server = OwnServer(home / "server.log")
        patch.setenv("PREFECT_API_URL", server.wait())
        yield server
        server.stop()


def start_worker(project: Project, slots: int = 1) -> "subprocess.Popen[bytes]":
    """A machine's worker, as `make ui` starts it where there is a server; leases of its own."""
    machine = {
        "HEMLINE_ROOT": str(project.root),
        "HEMLINE_SLOTS": str(slots),
        "HEMLINE_LEASES": f"{project.root.parent}/leases",
        "PYTHONPATH": str(ROOT),
    }
    environ = {**os.environ, **machine}
    with (project.root.parent / "worker.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.serve"], cwd=project.root, env=environ, stdout=log, stderr=log
        )


def deploy(server: OwnServer, *names: str) -> None:
    """What `make deploy` does, once a worker has made the pool."""
    until(lambda: httpx.get(f"{server.url}/work_pools/gpu").status_code == 200, 240)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *names]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
