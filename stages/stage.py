"""What every stage shares: its command line, its first line, its record, the state of what was interrupted."""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.processes import die_with_parent, is_first
from hemline.provenance import experiment, params_set, pipeline_key, provenance
from hemline.tracking import Recorder, ensure_follower, records_folder


@dataclass(frozen=True)
class Attempt:
    """One training: the name of its run, the model folder it writes, and who looks at it after each epoch.

    A stage makes one with its own name; a sweep makes many, each with a title for its progress and tags for its run.
    `watch` gets the run, the epoch and the network, and returns whether the training shall end there.
    """

    name: str
    out: Path
    title: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    watch: Callable[[Recorder, int, Any], bool] | None = None

    def watching(self, run: Recorder) -> Callable[[int, Any], bool] | None:
        """`watch` for this run."""
        return None if self.watch is None else partial(self.watch, run)


def main(stage: Callable[..., None]) -> None:
    """Run a stage with the command line's words as its arguments; bad input ends it with its explanation."""
    die_with_parent()
    try:
        stage(*sys.argv[1:])
    except HemlineError as error:
        sys.exit(f"error: {error}")


@contextmanager
def recorded(name: str, params: Mapping[str, Any], **tags: str) -> Iterator[Recorder]:
    """Print what produces this result, and record the stage as one run under its pipeline's.

    `params` are those that the stage read, by their keys in params.yaml. The pipeline's run is the orchestrator's
    (`HEMLINE_PIPELINE`), or else shared by all stages that run with this commit and these params. Of a stage's several
    processes the first one records.
    """
    source = provenance()
    tags = {"stage": name.split("@")[0], "params_set": params_set(), **source.to_dict(), **tags}
    with (
        _folder() as folder,
        Recorder(folder, name, pipeline_key(), params, tags, experiment=experiment()) as run,
    ):
        if is_first():
            print(f"{name} | {source.line()}", flush=True)
            ensure_follower(folder)
        yield run


@contextmanager
def _folder() -> Iterator[Path]:
    """Where the record goes; that of a further process is thrown away."""
    if is_first():
        yield records_folder()
        return
    with tempfile.TemporaryDirectory(prefix="hemline-") as folder:
        yield Path(folder)


def read_by(run: Recorder, context: str, annotations: Path) -> None:
    """Record the annotation file that a stage reads, with its hash and counts; named as the data set in params.yaml."""
    from hemline.datasets.conversion import coco_facts  # with PIL, which not every stage needs

    run.dataset(f"{experiment()}: {annotations.stem}", context, annotations, coco_facts(annotations))


def state_folder(name: str, params: Mapping[str, Any], *inputs: Path) -> Path:
    """Where an interrupted training of this stage lies: keyed by its params and its input files' bytes.

    It stands outside of the stage's outs, which DVC deletes before it runs the stage again.
    """
    key = hashlib.sha256(json.dumps(params, sort_keys=True).encode())
    for path in inputs:
        with open(path, "rb") as handle:
            key.update(hashlib.file_digest(handle, "sha256").digest())
    return kept_folder() / name / key.hexdigest()[:16]


def kept_folder() -> Path:
    """What is kept outside of DVC's outs, and can be made again: `HEMLINE_STATE`, else `.hemline`."""
    return Path(os.environ.get("HEMLINE_STATE", ".hemline"))
