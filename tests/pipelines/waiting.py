"""Waiting for what other processes do; a Prefect server for tests."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from pipelines.server import OwnServer

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
