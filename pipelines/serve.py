"""A Prefect server with its UI, and a worker of this machine: `make ui`.

With PREFECT_API_URL set there is a server already, and this starts the worker alone: what a GPU machine runs.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from hemline.errors import HemlineError
from hemline.files import check_writable
from pipelines.leases import this_machine
from pipelines.process import run
from pipelines.server import LOGS, answers

POOL = "gpu"
PORT = 4200  # Prefect's own
PREFECT = (sys.executable, "-m", "prefect", "--no-prompt")

SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # In memory, the slots that a run holds would stay taken for ever when the server is started again.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_WORKER_QUERY_SECONDS": "2",  # 10 by default: a stage would wait that long for its worker
}


class Services:
    """Long-lived commands, each owned: they end with this process, or all when one of them does."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.over = threading.Event()
        self.env = env
        self._threads: list[threading.Thread] = []

    def start(self, name: str, command: Sequence[str]) -> None:
        """Run a command in the background; its lines are shown with its name."""
        thread = threading.Thread(target=self._run, args=(name, command))
        thread.start()
        self._threads.append(thread)

    def wait(self) -> None:
        """Until they are over."""
        for thread in self._threads:
            thread.join()

    def _run(self, name: str, command: Sequence[str]) -> None:
        log = LOGS / f"prefect-{name}.log"
        try:
            run(
                command,
                env=self.env,
                cwd=Path.cwd(),
                on_line=lambda line: print(f"[{name}] {line}", flush=True),
                log=log,
                cancelled=self.over,
            )
        finally:
            self.over.set()


def main() -> None:
    """Start what is missing and stay until Ctrl-C."""
    url = os.environ.get("PREFECT_API_URL") or None
    ours = f"http://127.0.0.1:{PORT}/api"
    services = Services({**os.environ, **SETTINGS, "PREFECT_API_URL": url or ours})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: services.over.set())
    try:
        check_writable(LOGS)
        if url is None:
            services.start(
                "server", [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(PORT)]
            )
        answers(url or ours, services.over)
        _make_pool(services)
        limit = this_machine().side_by_side + 1  # one for a flow that waits for stages
        services.start("worker", [*PREFECT, "worker", "start", "--pool", POOL, "--limit", str(limit)])
        print(f"\nPrefect: {(url or ours).removesuffix('/api')}   (Ctrl-C ends it)\n")
    except HemlineError as error:
        services.over.set()
        print(f"error: {error}", file=sys.stderr)
    services.wait()


def _make_pool(services: Services) -> None:
    command = [*PREFECT, "work-pool", "create", POOL, "--type", "process", "--overwrite"]
    done = subprocess.run(command, env=services.env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HemlineError(f"work pool {POOL}: {done.stderr.strip() or done.stdout.strip()}")


if __name__ == "__main__":
    main()
