"""The pictures in docs/images/ of MLflow's comparison, optuna-dashboard, a sweep's page and the report.

    pip install playwright                        # which is not in the project's environment; and chromium on PATH
    python -m docs.result_screenshots [FOLDER]    # a project that has run (make demo, make sweep), else this folder

Nothing in FOLDER is written, but what MLflow writes into its own store when it starts.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from mlflow import MlflowClient
from mlflow.entities import Run

from docs.screenshots import Shot, shoot
from hemline.params import load_params
from pipelines.server import free_port
from tests.pipelines.waiting import until

TRAINING = "train_estimator@aggregated"
DASHBOARD = "speed"  # the sweep that docs/sweeps.md shows in optuna-dashboard


def main() -> None:
    """Make them all."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # two processes instead of ten
    store = f"sqlite:///{root / 'mlflow.db'}"
    sweeps = [path.parent for path in sorted((root / "sweeps").glob("*/journal.log"))]
    with served("mlflow", "server", "--backend-store-uri", store, "--workers", "1", root=root) as site:
        shoot(mlflow_pages(site, store, load_params(root / "params.yaml").data.name))
    for sweep in sweeps:
        if sweep.name == DASHBOARD:
            with served("optuna-dashboard", str(sweep / "journal.log"), root=root) as site:
                shoot([Shot(f"{site}/dashboard/studies/0", f"optuna-{sweep.name}.png", seconds=15)])
        shoot([Shot(f"file://{sweep}/index.html", f"sweep-{sweep.name}.png", whole=True)])
    shoot([Shot(f"file://{root}/reports/index.html", "report.png")])


def mlflow_pages(site: str, store: str, experiment: str) -> list[Shot]:
    """The runs below the newest pipeline's run, its eight rows compared, and a training's curves."""
    client = MlflowClient(store)
    place = client.get_experiment_by_name(experiment).experiment_id
    parent = newest(client, place, "attributes.run_name LIKE 'pipeline %'")
    below = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    children = client.search_runs([place], below)
    rows = [run.info.run_id for run in children if run.info.run_name.startswith("evaluate@")]
    training = next(run.info.run_id for run in children if run.info.run_name == TRAINING)
    compared = f"runs={quote(json.dumps(rows))}&experiments={quote(json.dumps([place]))}"
    return [
        Shot(
            f"{site}/#/experiments/{place}/runs?searchFilter={quote(below)}",
            "mlflow-runs.png",
            clicks=(".ag-row button",),
        ),
        Shot(
            f"{site}/#/compare-runs?{compared}",
            "mlflow-compare.png",
            2300,
            1250,
            clicks=("text=Visualizations",),
        ),
        Shot(f"{site}/#/experiments/{place}/runs/{training}/model-metrics", "mlflow-training.png"),
    ]


def newest(client: MlflowClient, experiment: str, query: str) -> Run:
    """The run that started last among those that match."""
    return client.search_runs([experiment], query, max_results=1)[0]


@contextmanager
def served(*command: str, root: Path) -> Iterator[str]:
    """A server of the environment's, on a free port; yields its address once it answers."""
    port = free_port()
    program = str(Path(sys.executable).with_name(command[0]))
    server = subprocess.Popen(
        [program, *command[1:], "--port", str(port)], cwd=root, stdout=subprocess.DEVNULL
    )
    site = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(site))
        yield site
    finally:
        server.terminate()
        server.wait()


def _answers(site: str) -> bool:
    try:
        return httpx.get(site, timeout=5).status_code < 500
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
