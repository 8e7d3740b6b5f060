"""The record of a run: one JSON-lines file, appended to as the run goes."""

import contextlib
import json
import math
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hemline.tracking.system import SystemMetrics

EXPERIMENT = "hemline"  # where the start says nothing else
TAIL_BYTES = 65536  # of a record, in which its last `dvc` event is looked for


def records_folder() -> Path:
    """Where records lie: `HEMLINE_RUNS`, else `runs`."""
    return Path(os.environ.get("HEMLINE_RUNS", "runs"))


class Lines:
    """A JSON-lines file that events are appended to, each with its time in seconds since 1970; any thread may."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        _drop_torn_line(path)
        self._handle = path.open("a", encoding="utf-8")  # open as long as the run
        self._lock = threading.Lock()

    def write(self, event: str, **fields: Any) -> None:
        """Append one event; it is in the file when this returns."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **fields}, allow_nan=False)
        with self._lock:
            self._handle.write(line + "\n")
            self._handle.flush()

    def close(self) -> None:
        """Nothing more is written."""
        self._handle.close()


class Recorder:
    """Appends one run's events to `FOLDER/NAME-ID.jsonl`; as a context manager it writes the end itself.

    The lines are {"event": "start" | "resume" | "metrics" | "artifact" | "dataset" | "model" | "end" | "dvc", "time":
    seconds since 1970, ...}. If the latest record of this name, pipeline and params did not end well, and nobody writes
    it any more, the run goes on in that file. `experiment` and `parent` name the experiment and the run above it.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        pipeline: str,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        *,
        experiment: str = EXPERIMENT,
        parent: str | None = None,
    ) -> None:
        flat = flatten(params)
        before = _unfinished(folder, name, pipeline, flat)
        self._lines = Lines(before.path if before else new_path(folder, name))
        self.path = self._lines.path
        self._earlier = before.seconds if before else 0.0
        if before:
            self._lines.write("resume", tags=dict(tags), **process())
        else:
            self._lines.write(
                "start", name=name, pipeline=pipeline, experiment=experiment, parent=parent, params=flat,
                tags=dict(tags), **process(),
            )  # fmt: skip
        self._system = SystemMetrics(lambda values, step: self.log(values, step), self._earlier)

    def log(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Record numbers at a step; what isn't a finite number is left out."""
        self._lines.write("metrics", step=step, values=dict(numbers(values)))

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Record a line of a training (hemline.training.fit's `record`): an epoch's, or that of some steps."""
        step = "epoch" if "epoch" in line else "iteration"
        self.log({key: value for key, value in line.items() if key != step}, step=line[step])

    def artifact(self, path: Path) -> None:
        """Record a file or folder to be copied into MLflow's artifacts."""
        self._lines.write("artifact", path=str(path))

    def dataset(self, name: str, context: str, path: Path, facts: Mapping[str, Any]) -> None:
        """Record what the run reads: an annotation file, its `sha256` and, for people, what else the facts say.

        `context` is what it serves for: training, validation, test.
        """
        profile = {key: value for key, value in facts.items() if key != "sha256"}
        digest = facts["sha256"][:16]
        self._lines.write(
            "dataset", name=name, context=context, path=str(path), digest=digest, profile=profile
        )

    def model(self, shipped: Mapping[str, Any]) -> None:
        """Record a model to be registered; see hemline.tracking.registry for what the mapping has."""
        self._lines.write("model", shipped=dict(shipped))

    def __enter__(self) -> "Recorder":
        self._system.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._system.stop()
        ending = {
            "seconds": round(self._system.seconds(), 3),
            "peak_memory_megabytes": round(self._system.peak, 1),
        }
        if error is None:
            self._lines.write("end", status="finished", **ending)
        else:
            self._lines.write("end", status="failed", error=f"{type(error).__name__}: {error}", **ending)
        self._lines.close()


@dataclass(frozen=True)
class Before:
    """A record that can go on, and the seconds that its executions took so far."""

    path: Path
    seconds: float


def _unfinished(folder: Path, name: str, pipeline: str, params: Mapping[str, Any]) -> Before | None:
    """The latest record of this run if it can go on."""
    found = [(start, path) for start, path in records_of(folder, name) if start.get("pipeline") == pipeline]
    if not found:
        return None
    start, path = found[-1]
    state = [event for event in read_events(path)[0] if event["event"] in ("start", "resume", "end")][-1]
    if start["params"] != json.loads(json.dumps(params)) or state.get("status") == "finished":
        return None
    return None if state["event"] != "end" and is_alive(state) else Before(path, spent(path))


def spent(path: Path) -> float:
    """The seconds that a record's executions took, without the pauses between them."""
    total, began, last = 0.0, 0.0, 0.0
    for event in read_events(path)[0]:
        if event["event"] in ("start", "resume"):
            total, began = total + last - began, event["time"]
        if event["event"] != "dvc":
            last = event["time"]
    return float(total + last - began)


def process() -> dict[str, Any]:
    """Who writes a record: host, process, and when that began, for its number may be given to another."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": psutil.Process().create_time()}


def is_alive(writer: Mapping[str, Any]) -> bool:
    """Whether the process that writes a record still runs; another host's is taken to."""
    if writer["host"] != socket.gethostname():
        return True
    try:
        born = psutil.Process(writer["pid"]).create_time()
    except psutil.NoSuchProcess:
        return False
    return abs(born - writer.get("born", born)) < 1


def new_path(folder: Path, name: str) -> Path:
    """A file of its own for a run."""
    return folder / f"{_safe(name)}-{uuid.uuid4().hex[:12]}.jsonl"


def records_of(folder: Path, name: str) -> list[tuple[dict[str, Any], Path]]:
    """The start events and files of a name's records, oldest first."""
    pattern = re.compile(re.escape(_safe(name)) + r"-[0-9a-f]{12}\.jsonl")
    paths = [path for path in folder.glob("*.jsonl") if pattern.fullmatch(path.name)]
    starts = [(start, path) for path in paths if (start := read_start(path)) is not None]
    return sorted(starts, key=lambda found: found[0]["time"])


def newest(folder: Path) -> list[tuple[dict[str, Any], Path]]:
    """The start event and file of each stage's newest record."""
    found: dict[str, tuple[dict[str, Any], Path]] = {}
    for path in folder.glob("*.jsonl"):
        start = read_start(path)
        if start is None or start.get("kind") == "pipeline":
            continue
        if start["name"] not in found or start["time"] > found[start["name"]][0]["time"]:
            found[start["name"]] = start, path
    return list(found.values())


def _safe(name: str) -> str:
    return name.replace("/", "-")


def append(path: Path, event: str, **fields: Any) -> None:
    """Add one event to a record that nobody writes any more."""
    lines = Lines(path)
    lines.write(event, **fields)
    lines.close()


def read_start(path: Path) -> dict[str, Any] | None:
    """A record's first event; None where it isn't whole, or isn't a start."""
    with open(path, "rb") as handle:
        line = handle.readline()
    event = next(_events([line]), {})
    return event if event.get("event") == "start" and {"name", "time"} <= event.keys() else None


def last_dvc(path: Path) -> dict[str, Any] | None:
    """A record's last event if DVC's hashes are in it: nothing has run since they were written."""
    events = tail(path)
    return events[-1] if events and events[-1]["event"] == "dvc" else None


def tail(path: Path, size: int = TAIL_BYTES) -> list[dict[str, Any]]:
    """The last events of a record, as many as stand whole in its last `size` bytes."""
    with open(path, "rb") as handle:
        handle.seek(0, os.SEEK_END)
        start = max(0, handle.tell() - size)
        handle.seek(start)
        data = handle.read()
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    return list(_events(lines[1:] if start else lines))


def _events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Those of the lines that are events; a file may be anybody's."""
    for line in lines:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and "event" in event:
                yield event


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The finite numbers among nested values, by their flat names."""
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


def _drop_torn_line(path: Path) -> None:
    """Cut off the last line if a kill cut it short, so that the next one stands alone."""
    if not path.is_file():
        return
    with open(path, "rb+") as handle:
        whole = handle.read().rfind(b"\n") + 1
        handle.truncate(whole)


def by_stage_hash(paths: Iterable[Path]) -> dict[str, Path]:
    """The records that DVC's hashes were written to, by the stage's hash; of several the newest."""
    found: dict[str, tuple[float, Path]] = {}
    for path in paths:
        event = last_dvc(path)
        if event is not None and event["time"] >= found.get(event["stage_hash"], (0.0, path))[0]:
            found[event["stage_hash"]] = event["time"], path
    return {key: path for key, (_, path) in found.items()}
