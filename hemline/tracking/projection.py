"""Records projected into MLflow: one experiment a data set, one parent run a pipeline run, one child a stage."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Run
from mlflow.exceptions import MlflowException

from hemline.files import read_json
from hemline.tracking.records import EXPERIMENT, is_alive, numbers, read_events
from hemline.tracking.store import (
    PIPELINE,
    RECORD,
    VERDICT,
    Child,
    Store,
    creation_lock,
    metrics_of,
    tracking_uri,
)

SHARED = ("commit", "dirty", "params_set", "params_hash")  # of a stage's tags: the parent's too
ENDING = ("seconds", "peak_memory_megabytes")  # numbers that the end of a run has
RUN_EVENTS = ("start", "resume", "metrics", "artifact", "dataset", "dvc", "model", "end")
EVENTS = (*RUN_EVENTS, "child", "cached")
REFUSED = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")  # a record's own fault, not the server's


@dataclass
class _Followed:
    """A record as far as it was read. What of it isn't in MLflow yet is lost with this, and read again."""

    path: Path
    offset: int = 0
    start: dict[str, Any] = field(default_factory=dict)
    writer: dict[str, Any] | None = None  # who writes it now; None: it has ended
    experiment: str = ""
    parent: str = ""
    run: str = ""
    child: Child | None = None  # None for a pipeline's own record, whose run is the parent
    seen: set[tuple[str, int]] = field(default_factory=set)
    pending: list[Metric] = field(default_factory=list)
    last: float = 0.0

    @property
    def is_pipeline(self) -> bool:
        return self.start.get("kind") == "pipeline"


class Projection:
    """Brings MLflow up to date with a folder of records; doing so twice changes nothing.

    A run carries its record's name as a tag, and points keep their own times, so that a point that is there already is
    the same point. Of points with the same key and step in one record, which a resumed training repeats, the first
    counts. What is wholly projected is remembered in `projected.txt`: record, size, and the store that it is in.
    """

    def __init__(self, folder: Path, uri: str, afresh: bool = False) -> None:
        self.folder, self.store = folder, Store(uri)
        self.progress = folder / "projected.txt"
        self.done = {} if afresh else _read_progress(self.progress)
        self.followed: dict[Path, _Followed] = {}
        self.touched: dict[str, _Followed] = {}  # by the parent's id
        self.refused: dict[Path, int] = {}  # the size at which a record could not be projected

    @property
    def is_open(self) -> bool:
        """Whether a run that was read of still goes on."""
        return any(record.writer is not None for record in self.followed.values())

    def catch_up(self) -> bool:
        """Project what is new in every record, the pipelines' own last. Returns whether a run is still open."""
        paths = sorted(self.folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
        for path in sorted(paths, key=lambda path: path.name.startswith("pipeline-")):
            self._catch_up_with(path)
        for parent in list(self.touched):
            with creation_lock(self.store.uri):  # the last of several followers has the last word
                self._settle(parent, self.touched[parent])
            del self.touched[parent]
        for record in self.followed.values():
            if record.start and record.writer is None:
                self._remember(record)
        return self.is_open

    def _catch_up_with(self, path: Path) -> None:
        size = path.stat().st_size
        if self.refused.get(path) == size or self._is_done(path, size):
            return
        try:
            self._project(path)
        except (ValueError, KeyError, TypeError, MlflowException) as error:
            self.followed.pop(path, None)
            if isinstance(error, MlflowException) and error.error_code not in REFUSED:
                raise
            self.refused[path] = size
            print(f"{path}: not projected: {type(error).__name__}: {error}", flush=True)
        except BaseException:
            self.followed.pop(path, None)
            raise

    def _is_done(self, path: Path, size: int) -> bool:
        known = self.done.get(path.stem)
        return known is not None and known[0] == size and known[1] == self.store.identity(known[2])

    def _project(self, path: Path) -> None:
        record = self.followed.setdefault(path, _Followed(path))
        events, offset = read_events(path, record.offset)
        for event in events:
            if event["event"] in EVENTS:
                getattr(self, f"_{event['event']}")(record, event)
            record.last = event["time"]
        self._flush(record)
        if events:
            self.touched[record.parent] = record
        record.offset = offset
        if record.writer is not None and not is_alive(record.writer):
            self._killed(record)

    def _remember(self, record: _Followed) -> None:
        name = record.start.get("experiment", EXPERIMENT)
        known = (record.offset, self.store.identity(name), name)
        if self.done.get(record.path.stem) != known:
            self.done[record.path.stem] = known
            with open(self.progress, "a", encoding="utf-8") as handle:
                handle.write(json.dumps([record.path.stem, *known]) + "\n")

    def _flush(self, record: _Followed) -> None:
        if record.pending:
            self.store.log(record.run, metrics=record.pending)
            record.pending = []

    # ---- a run's own events ----------------------------------------------------------------------------------

    def _start(self, record: _Followed, event: dict[str, Any]) -> None:
        record.start, record.writer = event, event
        record.experiment = self.store.experiment(event.get("experiment", EXPERIMENT))
        record.parent = self._parent(record)
        tags = dict(event["tags"])
        if record.is_pipeline:
            record.run = record.parent
            tags[VERDICT] = "RUNNING" if event.get("verdict") else ""
        else:
            record.child = self.store.child(
                record.experiment, record.parent, record.path.stem, event["name"], event["time"], tags
            )
            record.run = record.child.run_id
        self.store.log(record.run, params=event["params"], tags=tags)

    def _parent(self, record: _Followed) -> str:
        event = record.start
        shared = {name: event["tags"][name] for name in SHARED if name in event["tags"]}
        name = event["name"] if record.is_pipeline else event.get("parent")
        key = event["pipeline"]
        return self.store.parent(record.experiment, key, name or f"pipeline {key}", event["time"], shared)

    def _resume(self, record: _Followed, event: dict[str, Any]) -> None:
        record.writer = event
        self._set_status(record, "RUNNING")
        self.store.log(record.run, tags=event["tags"])

    def _metrics(self, record: _Followed, event: dict[str, Any]) -> None:
        step = event["step"]
        new = {key: value for key, value in event["values"].items() if (key, step) not in record.seen}
        record.seen.update((key, step) for key in new)
        record.pending += metrics_of(new, event["time"], step)

    def _artifact(self, record: _Followed, event: dict[str, Any]) -> None:
        source = Path(event["path"])
        if source.is_dir():
            self.store.client.log_artifacts(record.run, str(source), source.name)
        elif source.is_file():
            self.store.client.log_artifact(record.run, str(source))

    def _dataset(self, record: _Followed, event: dict[str, Any]) -> None:
        source, profile = json.dumps({"uri": event["path"]}), json.dumps(event["profile"])
        dataset = Dataset(event["name"], event["digest"], "local", source, profile=profile)
        entry = DatasetInput(dataset, [InputTag("mlflow.data.context", event["context"])])
        self.store.client.log_inputs(record.run, [entry])

    def _dvc(self, record: _Followed, event: dict[str, Any]) -> None:
        self.store.log(record.run, tags=_dvc_tags(event))

    def _model(self, record: _Followed, event: dict[str, Any]) -> None:
        from hemline.tracking.registry import register  # with what MLflow takes a second to import

        try:
            version = register(self.store.client, record.run, event["shipped"])
            self.store.log(record.run, tags={"model": version})
        except Exception as error:  # whatever it is, the run's numbers are worth more
            text = f"not registered: {type(error).__name__}: {error}"
            print(f"{record.path.stem}: the model is {text}", flush=True)
            self.store.log(record.run, tags={"model": text})

    def _end(self, record: _Followed, event: dict[str, Any]) -> None:
        record.writer = None
        status = event.get("status", "").upper()
        if status == "FINISHED":
            record.pending += metrics_of(_facts(event), event["time"], 0)
        if "error" in event:
            self.store.log(record.run, tags={"error": event["error"]})
        self._flush(record)
        self._set_status(record, status, event["time"])

    def _killed(self, record: _Followed) -> None:
        record.writer = None
        self._set_status(
            record, "KILLED" if not record.is_pipeline or record.start["verdict"] else "", record.last
        )
        self.touched[record.parent] = record

    def _set_status(self, record: _Followed, status: str, seconds: float | None = None) -> None:
        """A stage's run has its status at once; a pipeline's verdict counts when all that is below it is settled."""
        if record.child is None:
            self.store.log(record.run, tags={VERDICT: status})
            return
        record.child.status = status
        if status == "RUNNING":
            self.store.client.update_run(record.run, status=status)
        else:
            self._terminate(record.run, status, seconds)

    def _terminate(self, run: str, status: str, seconds: float | None) -> None:
        self.store.client.set_terminated(run, status, None if seconds is None else round(seconds * 1000))

    def _settle(self, parent: str, record: _Followed) -> None:
        """The parent's status: its record's verdict, else what became of the runs below it."""
        if any(other.writer is not None and other.parent == parent for other in self.followed.values()):
            self.store.client.update_run(parent, status="RUNNING")
            return
        verdict = self.store.client.get_run(parent).data.tags.get(VERDICT)
        if verdict in (None, "", "RUNNING"):
            query = f"tags.`mlflow.parentRunId` = '{parent}' and attributes.status != 'FINISHED'"
            left = {run.info.status for run in self.store.search(record.experiment, query)}
            verdict = "RUNNING" if "RUNNING" in left else "FAILED" if left else "FINISHED"
        if verdict == "RUNNING":
            self.store.client.update_run(parent, status=verdict)
        else:
            self._terminate(parent, verdict, record.last)

    # ---- a pipeline's events: whole runs below it ------------------------------------------------------------

    def _child(self, record: _Followed, event: dict[str, Any]) -> None:
        points = metrics_of(event["values"], event["end"], 0)
        self._whole(
            record, event["key"], event, points, event["params"], event["tags"], event["status"].upper()
        )

    def _whole(
        self,
        record: _Followed,
        key: str,
        event: dict[str, Any],
        points: list[Metric],
        params: dict[str, Any],
        tags: dict[str, Any],
        status: str = "FINISHED",
    ) -> None:
        """A run that is over already: made, filled and ended, unless that was done before."""
        start, end = event.get("start", event["time"]), event.get("end", event["time"])
        child = self.store.child(record.experiment, record.parent, key, event["name"], start, tags)
        if child.status == "RUNNING":
            self.store.log(child.run_id, metrics=points, params=params)
            self._terminate(child.run_id, status, end)
            child.status = status

    def _cached(self, record: _Followed, event: dict[str, Any]) -> None:
        """A stage that was up to date: a run like the one that computed it, in the same numbers."""
        key = f"{record.start['pipeline']}/{event['stage']}/{event['stage_hash']}"
        children = self.store.children(record.experiment, record.parent)
        others = [child for other, child in children.items() if other != key and child.name == event["stage"]]
        if any(child.status in ("FINISHED", "RUNNING") for child in others):
            return
        if key in children and children[key].status != "RUNNING":
            return
        found = self._from_record(event) or self._from_mlflow(record, event) or _from_files(event)
        named = {**event, "name": event["stage"]}
        tags = {**found.tags, "stage": event["stage"].split("@")[0], **_dvc_tags(event), "cached": "true"}
        self._whole(record, key, named, found.points, found.params, tags)

    def _from_record(self, event: dict[str, Any]) -> "_Computed | None":
        """What the record of the run that computed it says, if that is here."""
        path = self.folder / f"{event['record']}.jsonl"
        if event["record"] is None or not path.is_file():
            return None
        events = read_events(path)[0]
        name = events[0].get("experiment", EXPERIMENT)
        experiment = self.store.experiment(name)
        runs = list(self.store.search(experiment, f"tags.`{RECORD}` = '{path.stem}'"))
        tags = {**events[0]["tags"], **(_link(experiment, runs[0].info.run_id) if runs else {})}
        return _Computed(tags, events[0]["params"], _points(events))

    def _from_mlflow(self, record: _Followed, event: dict[str, Any]) -> "_Computed | None":
        """What MLflow has of a run with the same hash, from another machine or a record that was deleted."""
        query = (
            f"tags.stage_hash = '{event['stage_hash']}' and attributes.status = 'FINISHED' "
            f"and attributes.run_name = '{event['stage']}'"  # a sweep's trial of the same hash has other numbers
        )
        runs = sorted(self.store.search(record.experiment, query), key=lambda run: "cached" in run.data.tags)
        if not runs:
            return None
        run = runs[0]
        tags = {
            key: value for key, value in run.data.tags.items() if not key.startswith(("mlflow.", "hemline."))
        }
        computed = tags.get("computed_by", run.info.run_id)
        return _Computed({**tags, **_link(record.experiment, computed)}, run.data.params, self._history(run))

    def _history(self, run: Run) -> list[Metric]:
        """All points; those at step 0 alone are told by the latest."""
        points: list[Metric] = []
        for point in run.data._metric_objs:
            single = point.step == 0
            points += [point] if single else self.store.client.get_metric_history(run.info.run_id, point.key)
        return points


@dataclass
class _Computed:
    """What a cached run shows of the one that computed it."""

    tags: dict[str, Any]
    params: dict[str, Any]
    points: list[Metric]


def _link(experiment: str, run: str) -> dict[str, str]:
    note = f"Up to date: computed by [an earlier run](#/experiments/{experiment}/runs/{run})."
    return {"computed_by": run, "mlflow.note.content": note}


def _points(events: Iterable[dict[str, Any]]) -> list[Metric]:
    """A record's points but those of the machine; of the same key and step the first."""
    found: dict[tuple[str, int], Metric] = {}
    for event in events:
        values = event["values"] if event["event"] == "metrics" else {}
        if event.get("status") == "finished":
            values = _facts(event)
        for point in metrics_of(values, event["time"], event.get("step", 0)):
            found.setdefault((point.key, point.step), point)
    return [point for point in found.values() if not point.key.startswith("system/")]


def _facts(end: dict[str, Any]) -> dict[str, float]:
    return {str(key): end[key] for key in ENDING if key in end}


def _from_files(event: dict[str, Any]) -> _Computed:
    """What the stage's own metrics files say, when nobody knows the run that computed it."""
    points: list[Metric] = []
    for path in event["outs"]:
        if path.startswith("metrics/") and Path(path).is_file():
            points += metrics_of(dict(numbers(read_json(path))), event["time"], 0)
    return _Computed({}, event.get("params", {}), points)


def _dvc_tags(event: dict[str, Any]) -> dict[str, str]:
    outs = {f"dvc.out.{path}": digest for path, digest in event["outs"].items()}
    return {"stage_hash": event["stage_hash"], **outs}


def _read_progress(path: Path) -> dict[str, tuple[int, str, str]]:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        if line.startswith("["):  # older ones, a name alone, say too little
            stem, size, identity, name = json.loads(line)
            found[stem] = (size, identity, name)
    return found


def find_parent(key: str, experiment: str = EXPERIMENT) -> tuple[str, str] | None:
    """Experiment and run that a pipeline's stages are under in MLflow; None when it isn't there."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri())
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return None
    query = f"tags.`{PIPELINE}` = '{key}'"
    runs = client.search_runs([found.experiment_id], query, max_results=1)
    return (found.experiment_id, runs[0].info.run_id) if runs else None
