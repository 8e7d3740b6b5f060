"""A sweep as a Prefect flow: what its target needs is brought up to date, then workers take trials side by side."""

import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled, Completed, Failed, State
from prefect.utilities.annotations import quote
from pydantic import Field

from hemline.errors import HemlineError
from hemline.params import check_params, read_values
from hemline.provenance import experiment
from hemline.tracking import PipelineRecorder, records_folder
from pipelines.execute import environment, failure
from pipelines.flow import keep_following, pipeline, project_folder
from pipelines.graph import Device, read_graph
from pipelines.leases import Cancelled as WaitCancelled
from pipelines.leases import Lease, Leases, this_machine
from pipelines.plan import make_plan
from pipelines.process import run
from pipelines.server import LOGS
from pipelines.sweeps.definition import Sweep, read_sweep, sweep_settings, touched
from pipelines.sweeps.page import importances, summary, write_page
from pipelines.sweeps.study import Study, open_study


@flow(name="sweep", flow_run_name="{name}", validate_parameters=True)
def sweep(
    name: str,
    workers: Annotated[int | None, Field(ge=1)] = None,
    trials: Annotated[int | None, Field(ge=1)] = None,
) -> State:
    """Search the best values of some keys of params.yaml. An interrupted sweep goes on where it was.

    Args:
        name: A sweep of params.yaml (sweeps).
        workers: Trials side by side, each on a device of its own; default as many as this machine has.
        trials: How many trials there shall be in all; default as params.yaml says.
    """
    try:
        return _sweep(project_folder(), name, workers, trials)
    except HemlineError as error:  # bad input: its explanation is all there is to say
        return Failed(message=str(error))


def _sweep(root: Path, name: str, workers: int | None, trials: int | None) -> State:
    values = read_values(root / "params.yaml")
    settings = sweep_settings(values, name)
    own = touched(settings.target, check_params(values, "params.yaml"))
    graph = read_graph(root, own)
    needed = {above for stage in own for above in graph[stage].upstream if above not in own}
    if (state := _bring_up_to_date(root, sorted(needed))) is not None:
        return state
    found = read_sweep(name, trials, root)
    study = open_study(name, found.settings, found.values, found.origin)
    crew = _Crew(found, study, graph[settings.target].device, root)
    with _recorded(study, root) as record:
        _work(crew, workers or crew.leases.machine.side_by_side)
        shares = importances(study)
        page = write_page(study, shares)
        record.log(_best(study))
        record.artifact(page)
    found_out = summary(study, shares)
    create_markdown_artifact(found_out, key="sweep", description=f"The sweep {name}")
    print(f"\n{found_out}\nThe page: {page}")
    return _verdict(crew)


def _recorded(study: Study, root: Path) -> PipelineRecorder:
    """The run in MLflow that all its trials are children of, however often it is resumed."""
    settings = study.sweep.model_dump(mode="json")
    return PipelineRecorder(
        root / records_folder(),
        study.key,
        experiment=experiment(root / "params.yaml"),
        name=f"sweep {study.name}",
        params={
            key: settings[key] for key in ("target", "sampler", "pruner", "startup", "seed", "fixed", "space")
        },
        tags={"sweep": study.name, "stage": study.sweep.target},
    )


def _best(study: Study) -> dict[str, float]:
    """The best trial's numbers; of a trade-off the best of each."""
    better = {"AP": max, "milliseconds": min}
    return {
        f"best {name}": better[name](trial.values[place] for trial in study.best)
        for place, name in enumerate(study.sweep.objectives)
        if study.best
    }


def _bring_up_to_date(root: Path, needed: list[str]) -> State | None:
    """Run what the trials need. Returns the state of a run that failed."""
    if not needed or not make_plan(root, needed).to_run:  # no targets would mean all
        return None
    state: State = pipeline(targets=needed, return_state=True)
    return None if state.is_completed() else Failed(message=f"what the trials need: {state.message}")


class _Crew:
    """What the workers of a sweep share."""

    def __init__(self, sweep: Sweep, study: Study, device: Device, root: Path) -> None:
        self.sweep, self.study, self.device, self.root = sweep, study, device, root
        self.leases = Leases(this_machine())
        self.command = [
            sys.executable,
            "-m",
            "pipelines.sweeps.worker",
            sweep.name,
            str(sweep.settings.trials),
        ]
        self.logs = root / LOGS / time.strftime("%Y%m%d-%H%M%S")
        self.over = threading.Event()
        self.errors: dict[int, str] = {}

    def show(self, number: int, line: str) -> None:
        """A line for the person at the terminal."""
        ended = sum(trial.state.is_finished() for trial in self.study.trials)
        sys.stderr.write(f"[{ended}/{self.sweep.settings.trials} worker {number}] {line}\n")

    def environment(self, lease: Lease) -> dict[str, str]:
        """A worker's: its device, and the run in MLflow that its trials are children of."""
        return {**environment(os.environ, lease), "HEMLINE_PIPELINE": self.study.key}


def _work(crew: _Crew, workers: int) -> None:
    """Let the workers take all trials. However the flow ends, none of them goes on without it."""
    try:
        threading.Thread(target=keep_following, args=(crew.root, crew.over), daemon=True).start()
        futures = [
            run_worker.with_options(task_run_name=f"worker {number}").submit(number, quote(crew))
            for number in range(1, workers + 1)
        ]
        for future in futures:
            future.wait()
    finally:
        crew.over.set()


@task(cache_policy=NO_CACHE, persist_result=False)
def run_worker(number: int, crew: _Crew) -> State:
    """One worker, on a device of its own, until there are no trials left."""
    logger = get_run_logger()

    def line(text: str) -> None:
        logger.info("%s", text)
        crew.show(number, text)

    try:
        with crew.leases.acquire(crew.device, crew.sweep.name, cancelled=crew.over) as lease:
            log = crew.logs / f"{crew.sweep.name}-{number}.log"
            ended = run(
                crew.command,
                env=crew.environment(lease),
                cwd=crew.root,
                on_line=line,
                log=log,
                fds=lease.fds,
                cancelled=crew.over,
            )
    except WaitCancelled as error:
        return Cancelled(message=str(error))
    if ended.cancelled:
        return Cancelled(message=f"worker {number}: stopped")
    if ended.returncode:
        crew.errors[number] = str(failure(f"worker {number}", ended, log))
        return Failed(message=crew.errors[number])
    return Completed(message=f"worker {number}: no trials left")


def _verdict(crew: _Crew) -> State:
    trials = crew.study.trials
    states = Counter(trial.state.name.lower() for trial in trials)
    counts = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    left = crew.sweep.settings.trials - sum(trial.state.is_finished() for trial in trials)
    if left > 0:
        reasons = "; ".join(crew.errors.values()) or "stopped"
        return Failed(
            message=f"{reasons}. {left} trials are left; the same command goes on with them ({counts})"
        )
    return Completed(message=f"{len(trials)} trials: {counts}")
