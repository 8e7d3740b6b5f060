"""What tests look at in MLflow, and a tracking server of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from mlflow import MlflowClient

from pipelines.server import free_port
from tests.pipelines.waiting import until

# Two processes instead of ten (reference: MLflow 3.17).
LIGHT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


def runs_of(client: MlflowClient, experiment: str = "hemline") -> dict:
    """All runs of an experiment by name; two of one name fail."""
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    named = {run.info.run_name: run for run in found}
    assert len(named) == len(found), sorted(run.info.run_name for run in found)
    return named


def steps(client: MlflowClient, run, key: str) -> list[int]:
    """The steps of a metric's points, in order."""
    return sorted(point.step for point in client.get_metric_history(run.info.run_id, key))


class Server:
    """`mlflow server` on an SQLite file, which can be killed and started again."""

    def __init__(self, folder: Path, backend: str | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.backend = backend or f"sqlite:///{folder / 'server.db'}"
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(self.port)]
        command += [
            "--backend-store-uri",
            self.backend,
            "--artifacts-destination",
            str(self.folder / "artifacts"),
        ]
        with open(self.folder / "server.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, env={**os.environ, **LIGHT}, stdout=log, stderr=log, start_new_session=True
            )
        until(self._answers, 120)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.uri}/health").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """kill -9 of all its processes."""
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None


@contextmanager
def tracking_server(folder: Path, backend: str | None = None) -> Iterator[Server]:
    """A server that is up."""
    server = Server(folder, backend)
    server.start()
    try:
        yield server
    finally:
        server.kill()
