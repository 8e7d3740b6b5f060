"""One run of the pipeline: what its tasks share, and what became of each stage."""

import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemline.provenance import commit_hash, experiment, params_hash, params_set, pipeline_key
from hemline.tracking import PipelineRecorder, records_folder
from hemline.tracking.dvc import note_lock, params_of, read_lock, stage_entry
from pipelines.execute import Done
from pipelines.graph import locked_repo
from pipelines.leases import Leases
from pipelines.plan import Plan


@dataclass
class Run:
    """One run of the pipeline, shared by its tasks."""

    root: Path
    plan: Plan
    leases: Leases
    logs: Path
    commit: str | None = None  # for workers; None: all runs here
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: dict[str, Done] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # stage: why
    skipped: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        params = self.root / "params.yaml"
        self.records = self.root / records_folder()
        tags = {
            "commit": commit_hash(),
            "params_set": params_set(params),
            "params_hash": params_hash(params),
        }
        self.recorder = PipelineRecorder(
            self.records, pipeline_key(params), experiment=experiment(params), tags=tags
        )
        self._lock = self._read_lock()
        note_lock(self.records, self._lock, params_hash(params))

    def _read_lock(self) -> dict[str, Any]:
        with locked_repo(self.root):
            return read_lock(self.root)

    def unchanged(self, names: Iterable[str], again: bool = False) -> None:
        """Record stages that DVC found up to date, so that this run has them in MLflow as well.

        `again`: their entries in dvc.lock may be new.
        """
        if again:
            self._lock = self._read_lock()
        for name in names:
            if locked := self._lock.get(name):
                self.recorder.cached(name, {**stage_entry(locked), "params": params_of(locked)})

    def show(self, name: str, line: str) -> None:
        """A line for the person at the terminal."""
        over = len(self.done) + len(self.failed) + len(self.skipped)
        # In one piece: stages talk side by side.
        sys.stderr.write(f"[{over}/{len(self.plan.planned)} {name}] {line}\n")

    def ancestors(self, name: str) -> set[str]:
        """All that a stage needs, directly or not."""
        above = self.plan.planned[name].stage.upstream
        return set(above).union(*(self.ancestors(needed) for needed in above))

    def causes(self, name: str) -> Iterator[str]:
        """The stages that failed or were stopped, for which `name` was not run; itself if it is one of them."""
        lost = [needed for needed in self.plan.planned[name].stage.upstream if needed not in self.done]
        if name in self.failed or not lost:
            yield name
        else:
            for needed in lost:
                yield from self.causes(needed)
