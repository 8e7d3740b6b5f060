"""MLflow, as far as the projection needs it: what is there already is found, what is missing is made once."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

# MLflow refuses longer values (mlflow.utils.validation).
PARAM_LENGTH, TAG_LENGTH = 6000, 5000
METRICS, PARAMS, TAGS = 900, 90, 90  # a call, of at most 1,000, 100 and 100
PAGE = 1000  # runs a search

RECORD, PIPELINE, VERDICT = "hemline.record", "hemline.pipeline", "hemline.verdict"

# Has MLflow's UI show trainings: else it opens a new experiment as one of language models.
KIND = {"mlflow.experimentKind": "custom_model_development"}

Item = TypeVar("Item")


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, else an embedded SQLite store beside the project."""
    return os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")


def creation_lock(uri: str) -> FileLock:
    """Held while something is made that must be there once; all of the user's processes on the machine share it."""
    if uri.startswith("sqlite:///"):
        uri = str(Path(uri.removeprefix("sqlite:///")).resolve())
    key = hashlib.sha256(uri.encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"hemline-mlflow-{os.getuid()}-{key}.lock")


@dataclass
class Child:
    """A run below a parent: its status, and its stage where it has one."""

    run_id: str
    status: str
    name: str


class Store:
    """One tracking store. MlflowException, or whatever the network raises, when it can't be reached."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        with creation_lock(uri):  # thirteen processes on an empty SQLite file would break it for good
            self.client = MlflowClient(uri, registry_uri=uri)
            self.client.search_experiments(max_results=1)
        self._experiments: dict[str, Experiment] = {}
        self._parents: dict[tuple[str, str], str] = {}
        self._children: dict[str, dict[str, Child]] = {}

    def experiment(self, name: str) -> str:
        """The id of the experiment of this name, made if need be, and brought back if it was deleted in the UI."""
        if name not in self._experiments:
            with creation_lock(self.uri):
                found = self.client.get_experiment_by_name(name) or self._make(name)
                if found.lifecycle_stage == "deleted":
                    self.client.restore_experiment(found.experiment_id)
            self._experiments[name] = found
        return str(self._experiments[name].experiment_id)

    def _make(self, name: str) -> Experiment:
        try:
            self.client.create_experiment(name, tags=KIND)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another machine was faster
                raise
        return self.client.get_experiment_by_name(name)

    def identity(self, name: str) -> str:
        """What tells this experiment from one of the same name in another, or an emptied, store."""
        self.experiment(name)
        found = self._experiments[name]
        text = f"{self.uri} {found.experiment_id} {found.creation_time}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def parent(self, experiment: str, key: str, name: str, seconds: float, tags: Mapping[str, str]) -> str:
        """The run with this pipeline key, made if need be."""
        if (experiment, key) not in self._parents:
            with creation_lock(self.uri):
                found = self.find_parent(experiment, key)
                if found is None:
                    self.create(experiment, name, seconds, {**tags, PIPELINE: key})
                    found = self.find_parent(experiment, key)  # another machine's, if that was faster
            assert found is not None
            self._parents[experiment, key] = found
        return self._parents[experiment, key]

    def find_parent(self, experiment: str, key: str) -> str | None:
        """The run with this pipeline key: of several, the one that all machines choose; the others are deleted."""
        query = f"tags.`{PIPELINE}` = '{_quoted(key)}'"
        order = ["attributes.start_time ASC", "attributes.run_id ASC"]
        found = self.client.search_runs([experiment], query, max_results=2, order_by=order)
        for other in found[1:]:
            self.client.delete_run(other.info.run_id)
        return found[0].info.run_id if found else None

    def children(self, experiment: str, parent: str) -> dict[str, Child]:
        """The runs below a parent, by the records that they are of; asked for once, then kept."""
        if parent not in self._children:
            query = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
            self._children[parent] = {
                run.data.tags.get(RECORD, run.info.run_id): Child(
                    run.info.run_id, run.info.status, run.info.run_name
                )
                for run in self.search(experiment, query)
            }
        return self._children[parent]

    def search(self, experiment: str, query: str) -> Iterator[Run]:
        """All runs of an experiment that a query finds."""
        token = None
        while True:
            page = self.client.search_runs([experiment], query, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def child(
        self, experiment: str, parent: str, record: str, name: str, seconds: float, tags: Mapping[str, Any]
    ) -> Child:
        """The run of a record below a parent, made if need be."""
        known = self.children(experiment, parent)
        if record not in known:
            own = {**tags, RECORD: record, MLFLOW_PARENT_RUN_ID: parent}
            known[record] = Child(self.create(experiment, name, seconds, own), "RUNNING", name)
        return known[record]

    def create(self, experiment: str, name: str, seconds: float, tags: Mapping[str, Any]) -> str:
        """Make a run; its id."""
        cut = {key: str(value)[:TAG_LENGTH] for key, value in tags.items()}
        run = self.client.create_run(experiment, start_time=round(seconds * 1000), tags=cut, run_name=name)
        return str(run.info.run_id)

    def log(
        self,
        run: str,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Log any number of them; the same ones again change nothing."""
        own_params = [Param(key, str(value)[:PARAM_LENGTH]) for key, value in (params or {}).items()]
        own_tags = [RunTag(key, str(value)[:TAG_LENGTH]) for key, value in (tags or {}).items()]
        parts = (_chunks(metrics, METRICS), _chunks(own_params, PARAMS), _chunks(own_tags, TAGS))
        for number in range(max(map(len, parts))):
            some = [part[number] if number < len(part) else [] for part in parts]
            self.client.log_batch(run, metrics=some[0], params=some[1], tags=some[2])


def metrics_of(values: Mapping[str, float], seconds: float, step: int) -> list[Metric]:
    """Points of one step, with the names that MLflow allows."""
    return [Metric(_key(key), value, round(seconds * 1000), step) for key, value in values.items()]


def _key(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_-./ " else "_" for letter in name)


def _chunks(items: Iterable[Item], size: int) -> list[list[Item]]:
    items = list(items)
    return [items[start : start + size] for start in range(0, len(items), size)]


def _quoted(text: str) -> str:
    return text.replace("'", "")  # no key of ours has one, and a search can't
