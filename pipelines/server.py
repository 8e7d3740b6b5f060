"""A Prefect server for one run: for who hasn't one, gone when its owner is."""

import contextlib
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from hemline.errors import HemlineError, without_password
from hemline.files import check_writable
from hemline.tracking import records_folder
from pipelines.leases import Leases, this_machine
from pipelines.process import run

if TYPE_CHECKING:
    from prefect.states import State

# Schedules are for a server that stays.
IDLE = {
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
}
LOGS = Path("logs")
PORTS = range(20000, 32000)  # registered ones; Linux gives 32768 and more to connections
START_SECONDS = 180.0  # it takes 7 alone; the first one makes its database, and the machine may be busy


class OwnServer:
    """Starts at once, in the background; `wait` until it answers, `stop` it at the end. Its data is in PREFECT_HOME."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/api"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> str:
        """The API's URL, once it answers. HemlineError with the log when it doesn't."""
        try:
            answers(self.url, self._ended)
        except HemlineError as error:
            said = self._log.read_text(errors="replace").splitlines()[-5:] if self._log.is_file() else []
            raise HemlineError(
                "\n".join([f"{error} (log: {self._log}); or set PREFECT_API_URL to a server", *said])
            ) from None
        return self.url

    def stop(self) -> None:
        """End it."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        address = ["--host", "127.0.0.1", "--port", str(self._port)]
        try:
            run(
                [sys.executable, "-m", "prefect", "server", "start", *address, "--no-ui"],
                env={**IDLE, **os.environ},
                cwd=Path.cwd(),
                on_line=lambda line: None,
                log=self._log,
                cancelled=self._stopped,
                grace=2.0,
            )
        finally:
            self._ended.set()


def answers(url: str, ended: threading.Event) -> None:
    """Wait until the server at an API's URL answers. HemlineError if it doesn't, or if `ended` says that it won't."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and not ended.is_set():
        try:
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise HemlineError(f"no Prefect server answers at {url}")


def free_port() -> int:
    """A port of loopback that nobody listens on now; HemlineError when there is none.

    It is below those that the system gives to connections: one of these could be taken in the seconds before a server
    listens on it.
    """
    for port in random.SystemRandom().sample(PORTS, min(len(PORTS), 100)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise HemlineError(f"none of the ports from {PORTS.start} to {PORTS.stop - 1} that were tried is free")


@contextlib.contextmanager
def prefect() -> Iterator[Callable[[], object]]:
    """Prefect as a library: quiet, with a server of its own unless PREFECT_API_URL names one.

    A server takes seconds to start; call what this yields before it is needed. HemlineError, before anything is
    started, names a variable or a folder of this machine with which no flow could run.
    """
    Leases(this_machine())
    for folder in (LOGS, records_folder()):
        check_writable(folder)
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    # The stages' lines are ours to show.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    if url := os.environ.get("PREFECT_API_URL"):
        yield lambda: _check_reached(url)
        return
    server = OwnServer(LOGS / "prefect-server.log")
    os.environ["PREFECT_API_URL"] = server.url
    try:
        yield server.wait
    finally:
        _flush()
        server.stop()


def _check_reached(url: str) -> None:
    """Ask the server that the user named, once; by Prefect's client, which has the user's certificates."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        error = client.api_healthcheck()
    if error is not None:
        raise HemlineError(
            f"PREFECT_API_URL is {without_password(url)!r}: no Prefect server answers there ({type(error).__name__}); "
            "mend it, start one (make ui), or unset it: then the run has a server of its own"
        )


def ended(state: "State[Any]", started: float) -> int:
    """Say how a flow ended, and after which time since `started` (time.monotonic); its command's exit status."""
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(f"\n{state.message} ({minutes} min {seconds} s)")
    return 0 if state.is_completed() else 1


def _flush() -> None:
    """Prefect sends log lines in the background; the last ones before its server goes."""
    from prefect.logging.handlers import APILogHandler

    APILogHandler().flush()
