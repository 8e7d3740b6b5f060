"""A PostgreSQL of the tests' own, where Debian's package (or another's) is installed."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.server import free_port
from tests.pipelines.waiting import until

OWNER = "postgres"  # PostgreSQL does not run as root
INSTALLED = all(map(shutil.which, ("initdb", "postgres", "pg_isready")))


@contextmanager
def postgresql() -> Iterator[str]:
    """A new server on loopback: the address of its database without the scheme, `user@host:port/name`."""
    folder = Path(tempfile.mkdtemp())  # pytest's folders are closed to other users
    port = free_port()
    try:
        _as_owner("initdb", "-D", f"{folder}/data", "-U", "hemline", "-A", "trust", folder=folder).wait(120)
        options = ["-D", f"{folder}/data", "-k", str(folder), "-h", "127.0.0.1", "-p", str(port)]
        server = _as_owner("postgres", *options, folder=folder)
        ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        until(lambda: subprocess.run(ready, check=False).returncode == 0, 60)
        yield f"hemline@127.0.0.1:{port}/postgres"
        server.send_signal(signal.SIGINT)  # SIGTERM waits for its clients
        server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_owner(*command: str, folder: Path) -> "subprocess.Popen[bytes]":
    user = None
    if os.geteuid() == 0:
        shutil.chown(folder, OWNER)
        user = OWNER
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, user=user, env={**os.environ, "LC_ALL": "C"}
        )
