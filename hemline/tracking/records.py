"""The record of a run: one JSON-lines file, appended to as the run goes."""

import json
import math
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def records_folder() -> Path:
    """Where records lie: `HEMLINE_RUNS`, else `runs`."""
    return Path(os.environ.get("HEMLINE_RUNS", "runs"))


class Recorder:
    """Appends one run's events to `FOLDER/NAME-ID.jsonl`.

    Its lines are {"event": "start" | "metrics" | "artifact" | "end", "time": seconds since 1970, ...}. As a
    context manager it writes the end itself: `finished`, or `failed` with the error.
    """

    def __init__(
        self, folder: Path, name: str, pipeline: str, params: Mapping[str, Any], tags: Mapping[str, str]
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name.replace('/', '-')}-{uuid.uuid4().hex[:12]}.jsonl"
        self._handle = self.path.open("a", encoding="utf-8")  # open as long as the run
        self._write(
            "start",
            name=name,
            pipeline=pipeline,
            params=flatten(params),
            tags=dict(tags),
            host=socket.gethostname(),
            pid=os.getpid(),
        )

    def _write(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, "time": round(time.time(), 3), **fields}, allow_nan=False)
        self._handle.write(line + "\n")
        self._handle.flush()

    def log(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Record numbers at a step; what isn't a finite number is left out."""
        self._write("metrics", step=step, values=dict(_numbers(values)))

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Record a training's line of one epoch (hemline.training.fit's `record`)."""
        self.log({key: value for key, value in line.items() if key != "epoch"}, step=line["epoch"])

    def artifact(self, path: Path) -> None:
        """Record a file to be copied into MLflow's artifacts."""
        self._write("artifact", path=str(path))

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            self._write("end", status="finished")
        else:
            self._write("end", status="failed", error=f"{type(error).__name__}: {error}")
        self._handle.close()


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in flatten(values).items():
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield key, value


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The whole events after byte `offset`, and the offset behind them; a line cut short is left for later."""
    with open(path, "rb") as handle:
        handle.seek(offset)
        data = handle.read()
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], offset + len(whole)
