"""dvc.yaml's stages as one Prefect flow: a task run a stage, each started when all that it needs is done.

DVC is the only cache and the only description; the flow is made from its graph each time it runs.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import allow_failure, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled, Completed, Failed, State
from prefect.tasks import exponential_backoff
from prefect.utilities.annotations import quote
from pydantic import Field

from hemline.errors import HemlineError
from hemline.tracking import ensure_follower, records_folder
from pipelines.execute import Done, StageCancelled, StageFailed, execute
from pipelines.git import committed
from pipelines.graph import check_gpus, with_items
from pipelines.leases import Cancelled as WaitCancelled
from pipelines.leases import Lease, Leases, Machine, this_machine
from pipelines.plan import Plan, Planned, make_plan
from pipelines.remote import execute_elsewhere, project_root, restore
from pipelines.run import Run
from pipelines.server import LOGS
from pipelines.summary import summary

FOLLOWER_SECONDS = 10.0  # it ends when it has been idle for twenty


@flow(name="hemline", validate_parameters=True)
def pipeline(
    targets: list[str] = [],  # noqa: B006 (Prefect shows the default in its form)
    machines: Literal["this", "workers"] = "this",
    retries: Annotated[int, Field(ge=0, le=10)] = 2,
    retry_seconds: Annotated[float, Field(ge=0)] = 10.0,
) -> State:
    """Bring the pipeline up to date: every stage of dvc.yaml that has changed, in parallel where the graph allows.

    Args:
        targets: Stages to bring up to date, with all that they need, such as finetune or evaluate@ensemble; none: all.
            Of several kinds those are left out that params.yaml, as it stands, has no items for.
        machines: Where stages run: all on this machine, or each on any worker of the pool.
        retries: How often a stage is tried again after an error that may pass (network, device lost).
        retry_seconds: Seconds until the first of them; then twice as long each time.
    """
    root = project_folder()
    commit = committed(root) if machines == "workers" else None
    if commit:
        restore(root)
    plan = make_plan(root, with_items(root, targets))
    machine = this_machine()
    if not commit and (why := _refused(plan, machine)):
        return Failed(message=why)
    run = Run(root, plan, Leases(machine), root / LOGS / time.strftime("%Y%m%d-%H%M%S"), commit)
    get_run_logger().info("%s", plan.text(run.leases.machine.side_by_side))
    started = time.monotonic()
    with _ended_with_us(run):
        _run_all(run, retries, retry_seconds)
    if commit:
        restore(root, run.done)
    create_markdown_artifact(
        summary(run, time.monotonic() - started),
        key="stages",
        description="What this run did, stage by stage",
    )
    return _verdict(run)


def project_folder() -> Path:
    """The project: the folder that it was called in, or for a worker the clone that it is installed from."""
    root = Path.cwd() if Path("dvc.yaml").is_file() else project_root()
    os.chdir(root)
    return root


def _refused(plan: Plan, machine: Machine) -> str:
    """Why this machine can't run it."""
    try:
        check_gpus((plan.planned[name].stage for name in plan.to_run), machine.gpus)
    except HemlineError as error:
        return str(error)
    return ""


def _run_all(run: Run, retries: int, retry_seconds: float) -> None:
    futures: dict[str, Any] = {}
    for name, planned in run.plan.planned.items():
        waiting = [allow_failure(futures[needed]) for needed in planned.stage.upstream]
        chosen = run_stage.with_options(
            task_run_name=name, retries=retries, retry_delay_seconds=exponential_backoff(retry_seconds)
        )
        futures[name] = chosen.submit(name, quote(run), wait_for=waiting)
    for future in futures.values():
        future.wait()


def _may_pass(_: Any, __: Any, state: State) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageFailed) and error.transient


@task(cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=_may_pass)
def run_stage(name: str, run: Run) -> State:
    """Bring one stage up to date. Its state's name says how: Completed, Cached, Skipped, Failed."""
    planned = run.plan.planned[name]
    missing = [needed for needed in planned.stage.upstream if needed not in run.done]
    if missing:
        return _skip(run, name, missing)
    if planned.cached:
        run.done[name] = Done(ran=False, seconds=0.0, device="")
        return Completed(name="Cached", message="up to date")
    try:
        done = _execute(run, name, planned)
    except (StageCancelled, WaitCancelled) as error:
        run.skipped[name] = str(error)
        return Cancelled(message=str(error))
    except StageFailed as error:
        run.failed[name] = str(error)
        if error.transient:
            raise
        return _fail(run, name, str(error))
    except Exception as error:
        run.failed[name] = f"{name}: {error!r}"
        raise
    run.failed.pop(name, None)
    run.done[name] = done
    if not done.ran:
        run.unchanged([name], again=True)
    return _end(run, name, done)


def _execute(run: Run, name: str, planned: Planned) -> Done:
    logger = get_run_logger()

    def line(text: str) -> None:
        logger.info("%s", text)
        run.show(name, text)

    if run.commit:
        above = run.ancestors(name)
        return execute_elsewhere(
            name, above, root=run.root, commit=run.commit, on_line=line, cancelled=run.cancelled
        )
    with _lease(run, planned) as lease:
        line(f"on {lease.label}: {'; '.join(planned.why[:3])}")
        return execute(
            name,
            lease,
            root=run.root,
            log=run.logs / f"{name}.log",
            on_line=line,
            cancelled=run.cancelled,
            minutes=planned.stage.minutes,
        )


def _lease(run: Run, planned: Planned) -> Lease:
    stage = planned.stage
    return run.leases.acquire(stage.device, stage.name, planned.depth, run.cancelled, stage.gpus)


def _end(run: Run, name: str, done: Done) -> State:
    text = f"{'ran' if done.ran else 'unchanged'}, {done.seconds:.0f} s on {done.device}"
    run.show(name, text)
    return Completed(message=text) if done.ran else Completed(name="Cached", message=text)


def _fail(run: Run, name: str, why: str) -> State:
    run.show(name, f"failed: {why}")
    return Failed(message=why)


def _skip(run: Run, name: str, missing: list[str]) -> State:
    """`missing`: what it needs and does not have; the reason names what failed, not what was skipped for it."""
    causes = dict.fromkeys(cause for needed in missing for cause in run.causes(needed))
    run.skipped[name] = f"not run: {', '.join(causes)} failed"
    run.show(name, run.skipped[name])
    return Cancelled(name="Skipped", message=run.skipped[name])


def _verdict(run: Run) -> State:
    if run.failed or run.skipped:
        reasons = "; ".join(run.failed.values()) or "stopped"
        return Failed(message=f"{reasons}. Skipped because of that: {', '.join(run.skipped) or 'nothing'}")
    ran = sum(done.ran for done in run.done.values())
    return Completed(message=f"{ran} stages ran, {len(run.done) - ran} were up to date")


@contextmanager
def _ended_with_us(run: Run) -> Iterator[None]:
    """However the flow ends, Ctrl-C and a cancellation in the UI included, no stage goes on without it."""
    try:
        run.unchanged(run.plan.cached)
        if run.plan.to_run:
            threading.Thread(target=keep_following, args=(run.root, run.cancelled), daemon=True).start()
        yield
    finally:
        run.cancelled.set()  # the tasks' threads stop what they run; the task runner waits for them
        if run.recorder.is_open:
            run.recorder.close()
            ensure_follower(run.records)


def keep_following(root: Path, over: threading.Event) -> None:
    """Keep a follower of the records at work until it is over: one that a stage started would be stopped with it."""
    while True:
        ensure_follower(root / records_folder())
        if over.wait(FOLLOWER_SECONDS):
            return
