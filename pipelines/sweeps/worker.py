"""A sweep's worker: takes trial after trial, and does what its target's trials do.

    python -m pipelines.sweeps.worker SWEEP [TRIALS]

Started by pipelines/sweep.py on a leased device, in the project's folder. Killed at any moment it loses nothing: see
study.py.
"""

import sys
import time
from dataclasses import dataclass
from typing import Protocol

from optuna.trial import FrozenTrial, TrialState

from hemline.errors import HemlineError
from hemline.params import Params, check_params, with_values
from hemline.processes import die_with_parent
from hemline.provenance import experiment, pipeline_key
from hemline.tracking import PipelineRecorder, records_folder
from pipelines.graph import group
from pipelines.sweeps.definition import SETTLING, Sweep, read_sweep
from pipelines.sweeps.study import Claim, Study, as_text, open_study, seen, short_names

LINE_SECONDS = 5.0  # between two lines of trials that take milliseconds


class Objective(Protocol):
    """Brings a trial to its result, by objective; None if it was pruned. `slow`: in minutes, not in milliseconds."""

    slow: bool

    def __call__(self, params: Params, claim: Claim) -> dict[str, float] | None:
        """Do it."""


def _objective(sweep: Sweep, study: Study) -> Objective:
    # Either imports what the other doesn't need, for seconds.
    if group(sweep.settings.target) in SETTLING:
        from pipelines.sweeps.settling import Settling

        return Settling(sweep)
    from pipelines.sweeps.training import Training

    return Training(sweep, study)


@dataclass(frozen=True)
class Outcome:
    """How a trial ended, in words, with its result if there is one. `recorded`: it has a record of its own."""

    state: TrialState
    said: str
    values: dict[str, float] | None = None
    recorded: bool = False


class Worker:
    """Takes trials until there are as many as wanted."""

    def __init__(self, sweep: Sweep, study: Study) -> None:
        self.sweep, self.study = sweep, study
        self.objective = _objective(sweep, study)
        self.records = PipelineRecorder(records_folder(), pipeline_key(), experiment=experiment())
        self.shown = -LINE_SECONDS

    def work(self) -> None:
        """Do it."""
        try:
            while (claim := self.study.claim()) is not None:
                started = time.time()
                with seen(claim.trial):
                    outcome = self._try(claim)
                if not outcome.recorded:
                    self._record(claim, outcome, started)
                self._show(claim, outcome)
        finally:
            self.records.close()

    def _try(self, claim: Claim) -> Outcome:
        """Bring one trial to its end."""
        try:
            values = with_values(self.sweep.values, claim.values)
            params = check_params(values, f"trial {claim.number + 1}")
            identity = self.sweep.identity(values)
            if earlier := self.study.same(identity):
                return self._repeat(claim, earlier)
            claim.trial.set_user_attr("identity", identity)
            result = self.objective(params, claim)
        except HemlineError as error:
            self.study.give_up(claim, TrialState.FAIL, str(error))
            return Outcome(TrialState.FAIL, f"failed: {error}", recorded=self.objective.slow)
        if result is None:
            self.study.give_up(claim, TrialState.PRUNED)
            return Outcome(TrialState.PRUNED, "pruned", recorded=True)
        self.study.tell(claim, result)
        numbers = ", ".join(f"{name} {as_text(value)}" for name, value in result.items())
        return Outcome(TrialState.COMPLETE, numbers, result, recorded=self.objective.slow)

    def _repeat(self, claim: Claim, earlier: FrozenTrial) -> Outcome:
        self.study.repeat(claim, earlier)
        values = dict(zip(self.sweep.settings.objectives, earlier.values or (), strict=False))
        return Outcome(earlier.state, f"the same as trial {earlier.number + 1}", values)

    def _record(self, claim: Claim, outcome: Outcome, started: float) -> None:
        """A child of the sweep's run in MLflow, in one line of the records."""
        attributes = self.study.trials[claim.number].user_attrs
        tags = {"sweep": self.sweep.name, "trial": str(claim.number + 1), "state": outcome.state.name.lower()}
        tags |= {"stage_hash": attributes["identity"]} if "identity" in attributes else {}
        tags |= {"repeats": str(attributes["repeats"] + 1)} if "repeats" in attributes else {}
        name = f"{self.sweep.name} trial {claim.number + 1}"
        status = "failed" if outcome.state == TrialState.FAIL else "finished"
        self.records.child(
            name,
            name,
            claim.values,
            outcome.values or {},
            tags,
            start=started,
            end=time.time(),
            status=status,
        )

    def _show(self, claim: Claim, outcome: Outcome) -> None:
        """A line: of each training, else now and then and of each that is the best so far."""
        best = any(trial.number == claim.number for trial in self.study.best)
        if not (self.objective.slow or best or time.monotonic() - self.shown >= LINE_SECONDS):
            return
        self.shown = time.monotonic()
        names = short_names(claim.values)
        drawn = ", ".join(f"{names[key]} {as_text(value)}" for key, value in claim.values.items())
        place = f"trial {claim.number + 1} of {self.sweep.settings.trials}"
        print(f"{place}: {outcome.said}{' (the best so far)' if best else ''}; {drawn}", flush=True)


def main() -> None:
    """Work for the sweep that the command line names."""
    die_with_parent()
    name, *trials = sys.argv[1:]
    try:
        sweep = read_sweep(name, int(trials[0]) if trials else None)
        Worker(sweep, open_study(name, sweep.settings, sweep.values, sweep.origin)).work()
    except HemlineError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
