"""Stages on several machines, which share nothing but git and a DVC remote.

A stage is a run of the deployment `hemline-stage/stage`, taken by any worker of the pool in a clone of its own. The
stage's entry of dvc.lock (a kilobyte) travels there and back, data goes through the remote. No run-cache: it forgets
some outs, and of a training that was computed twice it may mix the two.
"""

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from filelock import FileLock
from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import ArtifactSort
from prefect.deployments import run_deployment
from prefect.states import Cancelling, Completed, Crashed, State

from hemline.errors import HemlineError
from hemline.files import atomic_write
from pipelines.execute import DVC, Done, StageCancelled, StageFailed, execute
from pipelines.git import git, succeed, uncommitted
from pipelines.graph import check_gpus, locked_repo, read_graph, tracked_data
from pipelines.leases import Leases, this_machine

DEPLOYMENT = "hemline-stage/stage"
ENTRY, ALIVE = "dvc-lock-entry", "alive"  # artifacts that a stage's run leaves
# A worker that is not heard of for so long is given up.
LOST_SECONDS = float(os.environ.get("HEMLINE_LOST_SECONDS", "60"))
BEAT_SECONDS = LOST_SECONDS / 6
POLL_SECONDS = 2.0
REPORT_SECONDS = 60.0  # for what the follower has not told MLflow yet

_submitting = threading.Lock()  # SQLite under Prefect loses its temper when thirteen runs are created at once
_merging = threading.Lock()


def project_root() -> Path:
    """HEMLINE_ROOT, else the clone that this installation belongs to: a worker's flow runs start elsewhere."""
    return Path(os.environ.get("HEMLINE_ROOT") or Path(__file__).parents[1]).resolve()


# ---- the worker's side -----------------------------------------------------------------------------------


@flow(name="hemline-stage", flow_run_name="{stage}", validate_parameters=True)
def run_stage(stage: str, commit: str, entries: dict[str, Any]) -> State:
    """Bring one stage up to date at a commit, with the dvc.lock `entries` of all that it needs, and push its result."""
    root = project_root()
    os.chdir(root)
    logger = get_run_logger()
    with _beating():
        _check_out(root, commit)
        merge(root, entries)
        needed = [*read_graph(root, [stage])[stage].upstream, *tracked_data(root, stage)]
        if needed:  # without names it would pull everything
            _dvc("pull", "--force", *needed)
        if stage in entries:  # the last result: perhaps nothing has changed for this stage
            _dvc("pull", "--force", "--allow-missing", stage)
        done = _run(root, stage, lambda line: logger.info("%s", line))
        _dvc("push", stage)
        _report(root)
    result = {
        "entry": read_entries(root)[stage],
        "ran": done.ran,
        "seconds": done.seconds,
        "device": done.device,
    }
    create_markdown_artifact(json.dumps(result), key=ENTRY)
    return Completed(message=f"{'ran' if done.ran else 'unchanged'} on {done.device}")


def _run(root: Path, name: str, on_line: Callable[[str], None]) -> Done:
    stage = read_graph(root, [name])[name]
    machine = this_machine()
    check_gpus([stage], machine.gpus)
    with Leases(machine).acquire(stage.device, name, gpus=stage.gpus) as lease:
        log = root / "logs" / "worker" / f"{name}.log"
        done = execute(
            name,
            lease,
            root=root,
            log=log,
            on_line=on_line,
            options=("--no-run-cache",),
            minutes=stage.minutes,
        )
    return Done(done.ran, done.seconds, f"{socket.gethostname()}:{root.name}, {done.device}")


def _report(root: Path) -> None:
    """Bring MLflow's server, if there is one, up to date: a container's records go with it.

    It may be slow or down: that is no reason to fail, the stage is done.
    """
    if "MLFLOW_TRACKING_URI" in os.environ:
        replay = [sys.executable, "-m", "hemline", "track", "replay"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(replay, cwd=root, capture_output=True, check=False, timeout=REPORT_SECONDS)


def _check_out(root: Path, commit: str) -> None:
    """The clone at `commit`. What it has besides is nobody's but the worker's, or this refuses."""
    with FileLock(root / ".git" / "hemline-worker.lock"):
        if git("rev-parse", "HEAD") == commit:
            return
        changed = uncommitted(root)
        if changed:
            raise HemlineError(f"{root}: has changes ({changed[0]}); a worker wants a clone of its own")
        git("fetch", "-q")
        git("checkout", "-q", "--force", "--detach", commit)


@contextlib.contextmanager
def _beating() -> Any:
    """Say every few seconds that this run is alive: a machine that was switched off can't say that it is not."""
    artifact = create_progress_artifact(0.0, key=ALIVE)
    over = threading.Event()

    def beat() -> None:
        beats = 0
        while not over.wait(BEAT_SECONDS):
            beats += 1
            update_progress_artifact(artifact, progress=beats % 100)

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        over.set()


# ---- the side of the flow that wants the stage -----------------------------------------------------------


def execute_elsewhere(
    name: str,
    ancestors: Iterable[str],
    *,
    root: Path,
    commit: str,
    on_line: Callable[[str], None],
    cancelled: threading.Event,
) -> Done:
    """Have a worker bring a stage up to date, and take its dvc.lock entry over. Raises as `execute` does.

    A run that crashed, or whose worker has not been heard of for a minute, is an error that may pass: the stage will
    be taken over by another worker when the task is tried again.
    """
    known = read_entries(root)
    entries = {needed: known[needed] for needed in sorted({*ancestors, name}) if needed in known}
    run = _submit({"stage": name, "commit": commit, "entries": entries})
    on_line(f"waits for a worker of the pool ({run.name}, {run.id})")
    state = _wait(name, run.id, on_line, cancelled)
    if not state.is_completed():
        raise StageFailed(f"{name}: {state.name}: {state.message}", transient=state.is_crashed())
    result = json.loads(_artifact(run.id, ENTRY))
    merge(root, {name: result["entry"]})
    return Done(result["ran"], result["seconds"], result["device"])


def _submit(parameters: dict[str, Any], attempt: int = 0) -> FlowRun:
    """The run that is to do it: one that an earlier flow, since lost, has started, unless it failed; else a new one."""
    key = hashlib.sha256(json.dumps([parameters, attempt], sort_keys=True).encode()).hexdigest()
    name = parameters["stage"]
    with _submitting:
        run: FlowRun = run_deployment(
            DEPLOYMENT, parameters=parameters, flow_run_name=name, idempotency_key=key, timeout=0
        )
    failed = run.state is not None and run.state.is_final() and not run.state.is_completed()
    return _submit(parameters, attempt + 1) if failed else run


def _wait(name: str, run_id: UUID, on_line: Callable[[str], None], cancelled: threading.Event) -> State:
    beat, heard, shown = "", time.monotonic(), ""
    with get_client(sync_client=True) as client:
        while True:
            state = client.read_flow_run(run_id).state
            assert state is not None
            if state.is_final():
                return state
            if state.name != shown:
                shown = state.name or ""
                on_line(f"{shown}")
            now = _artifact(run_id, ALIVE) if state.is_running() else f"{time.monotonic()}"
            if now != beat:
                beat, heard = now, time.monotonic()
            if time.monotonic() - heard > LOST_SECONDS:
                lost = Crashed(message=f"nothing heard of it for {LOST_SECONDS:.0f} s")
                client.set_flow_run_state(run_id, lost, force=True)
                return lost
            if cancelled.wait(POLL_SECONDS):
                client.set_flow_run_state(run_id, Cancelling())
                raise StageCancelled(f"{name}: stopped")


def _artifact(run_id: UUID, key: str) -> str:
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter.model_validate({"flow_run_id": {"any_": [run_id]}, "key": {"any_": [key]}})
        # The newest: a run that was scheduled again under its own id, as an evicted pod's is, leaves several.
        found = client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.UPDATED_DESC)
    return str(found[0].data) if found else ""


def restore(root: Path, stages: Iterable[str] = ()) -> None:
    """Fetch the results of `stages` (all: what dvc.lock knows) from the remote; what it doesn't have stays missing."""
    if read_entries(root):
        _dvc("pull", "--force", "--allow-missing", *stages, cwd=root)


# ---- dvc.lock --------------------------------------------------------------------------------------------


def read_entries(root: Path) -> dict[str, Any]:
    """dvc.lock's entries by stage."""
    with locked_repo(root):
        return _entries(root)


def _entries(root: Path) -> dict[str, Any]:
    path = root / "dvc.lock"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return dict((content or {}).get("stages") or {})


def merge(root: Path, entries: Mapping[str, Any]) -> None:
    """Put entries into dvc.lock, in the place of older ones."""
    with _merging, locked_repo(root):
        stages = {**_entries(root), **entries}
        with atomic_write(root / "dvc.lock") as handle:
            yaml.safe_dump({"schema": "2.0", "stages": stages}, handle, sort_keys=False)


def _dvc(*arguments: str, cwd: Path | None = None) -> None:
    succeed([*DVC, *arguments], cwd)
