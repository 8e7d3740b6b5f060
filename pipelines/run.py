"""One run of the pipeline: what its tasks share, and what became of each stage."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.execute import Done
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
