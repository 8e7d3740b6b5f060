"""The record of a pipeline run, or of a sweep: what belongs to the run above the stages' runs in MLflow."""

import threading
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from hemline.tracking.records import (
    EXPERIMENT,
    Lines,
    by_stage_hash,
    flatten,
    last_dvc,
    new_path,
    numbers,
    process,
    read_events,
    read_start,
)


class PipelineRecorder:
    """Appends to `FOLDER/pipeline-KEY-ID.jsonl`; its events belong to the one run of MLflow with that key.

    The file is made with the first event. As a context manager it says how the whole ended, which then is that run's
    status; without one, the runs below it decide.
    """

    def __init__(
        self,
        folder: Path,
        pipeline: str,
        *,
        experiment: str = EXPERIMENT,
        name: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.pipeline = folder, pipeline
        self._start = {
            "kind": "pipeline",
            "name": name or f"pipeline {pipeline}",
            "pipeline": pipeline,
            "experiment": experiment,
            "params": flatten(params or {}),
            "tags": dict(tags or {}),
        }
        self._lines: Lines | None = None
        self._verdict = False
        self._mutex = threading.RLock()  # the flow's tasks are threads

    def _write(self, event: str, **fields: Any) -> None:
        with self._mutex:
            if self._lines is None:
                self._lines = Lines(new_path(self.folder, f"pipeline-{self.pipeline}"))
                self._lines.write("start", **self._start, verdict=self._verdict, **process())
            self._lines.write(event, **fields)

    @property
    def is_open(self) -> bool:
        """Whether anything was written."""
        return self._lines is not None

    def log(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Record numbers of the whole; what isn't a finite number is left out."""
        self._write("metrics", step=step, values=dict(numbers(values)))

    def artifact(self, path: Path) -> None:
        """Record a file or folder to be copied into MLflow's artifacts."""
        self._write("artifact", path=str(path))

    def child(
        self,
        key: str,
        name: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
        start: float | None = None,
        end: float | None = None,
        status: str = "finished",
    ) -> None:
        """Record a whole run below this one, in one event; with the same `key` it is the same run.

        `start` and `end` are seconds since 1970, `status` is finished, failed or killed.
        """
        end = time.time() if end is None else end
        self._write(
            "child", key=f"{self.pipeline}/{key}", name=name, params=flatten(params), values=dict(numbers(metrics)),
            tags=dict(tags or {}), start=end if start is None else start, end=end, status=status,
        )  # fmt: skip

    def cached(self, stage: str, entry: Mapping[str, Any]) -> None:
        """Record that a stage was up to date: `entry` is what hemline.tracking.dvc says of it.

        What this pipeline run has already, as computed here or as cached, is not written again.
        """
        with self._mutex:
            if (stage, entry["stage_hash"]) not in self._told:
                source = self._sources.get(entry["stage_hash"])
                self._write("cached", stage=stage, record=None if source is None else source.stem, **entry)
                self._told.add((stage, entry["stage_hash"]))

    @cached_property
    def _told(self) -> set[tuple[str, str]]:
        return set(_told(self.folder, self.pipeline))

    @cached_property
    def _sources(self) -> dict[str, Path]:
        return by_stage_hash(self.folder.glob("*.jsonl"))

    def close(self) -> None:
        """Nothing more comes; how it went is what the runs below say."""
        if self._lines is not None:
            self._lines.write("end")
            self._lines.close()

    def __enter__(self) -> "PipelineRecorder":
        self._verdict = True
        self.log({})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            self._write("end", status="finished")
        else:
            self._write("end", status="failed", error=f"{type(error).__name__}: {error}")
        assert self._lines is not None
        self._lines.close()


def _told(folder: Path, pipeline: str) -> list[tuple[str, str]]:
    """The stages and hashes that a pipeline run has in its records."""
    found = []
    for path in folder.glob("*.jsonl"):
        start = read_start(path)
        if start is None or start.get("pipeline") != pipeline:
            continue
        if start.get("kind") == "pipeline":
            events = [event for event in read_events(path)[0] if event["event"] == "cached"]
            found += [(event["stage"], event["stage_hash"]) for event in events]
        elif (event := last_dvc(path)) is not None:
            found.append((start["name"], event["stage_hash"]))
    return found
