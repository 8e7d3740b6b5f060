"""Records projected into MLflow: one parent run a pipeline run, one child a stage."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from hemline.tracking.records import read_events

EXPERIMENT = "hemline"
# MLflow refuses longer values (mlflow.utils.validation).
PARAM_LENGTH, TAG_LENGTH = 6000, 5000
BATCH = 900  # of at most 1,000 metrics a call


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, else an embedded SQLite store beside the project."""
    return os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")


class Projection:
    """Brings MLflow up to date with a folder of records; doing so twice changes nothing.

    A record's run carries the record's name as a tag, and points keep their own times, so that a point that is
    already there is the same point. Records that are wholly projected are remembered in `projected.txt`.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder = folder
        self.client = MlflowClient(uri)
        found = self.client.get_experiment_by_name(EXPERIMENT)
        self.experiment = found.experiment_id if found else self.client.create_experiment(EXPERIMENT)
        self.done_file = folder / "projected.txt"
        self.done = set(self.done_file.read_text().split("\n")) if self.done_file.is_file() else set()
        self.offsets: dict[Path, int] = {}
        self.runs: dict[Path, str] = {}
        self.parents: dict[str, str] = {}
        self.starts: dict[Path, dict[str, Any]] = {}

    def catch_up(self) -> bool:
        """Project what is new in every record. Returns whether a run is still open."""
        is_open = False
        for path in sorted(self.folder.glob("*.jsonl"), key=lambda record: record.stat().st_mtime):
            if path.stem not in self.done:
                is_open |= not self._project(path)
        return is_open

    def _project(self, path: Path) -> bool:
        events, offset = read_events(path, self.offsets.get(path, 0))
        for event in events:
            getattr(self, f"_{event['event']}")(path, event)
        self.offsets[path] = offset
        ended = bool(events) and events[-1]["event"] == "end"
        if not ended and path in self.starts and not _is_alive(self.starts[path]):
            self._close(path, "KILLED", None)
            return True
        return ended

    def _start(self, path: Path, event: dict[str, Any]) -> None:
        self.starts[path] = event
        parent = self._parent(event)
        tags = {**event["tags"], "hemline.record": path.stem, MLFLOW_PARENT_RUN_ID: parent}
        run = self._find(f"tags.`hemline.record` = '{path.stem}'") or self._create(
            event["name"], event["time"], tags
        )
        self.runs[path] = run.info.run_id
        params = [Param(key, str(value)[:PARAM_LENGTH]) for key, value in event["params"].items()]
        for chunk in _chunks(params, 90):
            self.client.log_batch(run.info.run_id, params=chunk)

    def _metrics(self, path: Path, event: dict[str, Any]) -> None:
        milliseconds = round(event["time"] * 1000)
        metrics = [
            Metric(_key(key), value, milliseconds, event["step"]) for key, value in event["values"].items()
        ]
        for chunk in _chunks(metrics, BATCH):
            self.client.log_batch(self.runs[path], metrics=chunk)

    def _artifact(self, path: Path, event: dict[str, Any]) -> None:
        source = Path(event["path"])
        if source.is_dir():
            self.client.log_artifacts(self.runs[path], str(source), source.name)
        elif source.is_file():
            self.client.log_artifact(self.runs[path], str(source))

    def _end(self, path: Path, event: dict[str, Any]) -> None:
        if "error" in event:
            self.client.set_tag(self.runs[path], "error", event["error"][:TAG_LENGTH])
        self._close(path, event["status"].upper(), round(event["time"] * 1000))

    def _close(self, path: Path, status: str, milliseconds: int | None) -> None:
        self.client.set_terminated(self.runs[path], status, milliseconds)
        parent = self.parents[self.starts[path]["pipeline"]]
        self.client.set_terminated(parent, "FINISHED" if status == "FINISHED" else "FAILED", milliseconds)
        with open(self.done_file, "a", encoding="utf-8") as handle:
            handle.write(path.stem + "\n")
        self.done.add(path.stem)

    def _parent(self, event: dict[str, Any]) -> str:
        key = event["pipeline"]
        if key not in self.parents:
            found = self._find(f"tags.`hemline.pipeline` = '{key}'")
            shared = {
                name: event["tags"][name]
                for name in ("commit", "dirty", "params_set")
                if name in event["tags"]
            }
            run = found or self._create(f"pipeline {key}", event["time"], {**shared, "hemline.pipeline": key})
            self.parents[key] = run.info.run_id
        self.client.update_run(self.parents[key], status="RUNNING")
        return self.parents[key]

    def _find(self, query: str) -> Run | None:
        found = self.client.search_runs([self.experiment], query, max_results=1)
        return found[0] if found else None

    def _create(self, name: str, seconds: float, tags: dict[str, str]) -> Run:
        run = self.client.create_run(self.experiment, start_time=round(seconds * 1000))
        entries = [
            RunTag(key, str(value)[:TAG_LENGTH]) for key, value in {**tags, MLFLOW_RUN_NAME: name}.items()
        ]
        self.client.log_batch(run.info.run_id, tags=entries)
        return run


def find_parent(key: str) -> tuple[str, str] | None:
    """Experiment and run that a pipeline's stages are under in MLflow; None when it isn't there."""
    client = MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return None
    found = client.search_runs(
        [experiment.experiment_id], f"tags.`hemline.pipeline` = '{key}'", max_results=1
    )
    return (experiment.experiment_id, found[0].info.run_id) if found else None


def _key(name: str) -> str:
    """A metric's name without what MLflow refuses."""
    return "".join(letter if letter.isalnum() or letter in "_-./ " else "_" for letter in name)


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _is_alive(start: dict[str, Any]) -> bool:
    """Whether the process that writes a record still runs; another host's is taken to."""
    if start["host"] != socket.gethostname():
        return True
    try:
        os.kill(start["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
