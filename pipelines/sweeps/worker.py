"""A sweep's worker: takes trial after trial, and does what its target's trials do.

    python -m pipelines.sweeps.worker SWEEP [TRIALS]

Started by pipelines/sweep.py on a leased device, in the project's folder. Killed at any moment it loses nothing: see
study.py.
"""

import sys
import time
from typing import Protocol

from optuna.trial import TrialState

from hemline.errors import HemlineError
from hemline.params import Params, check_params, with_values
from hemline.processes import die_with_parent
from pipelines.graph import group
from pipelines.sweeps.definition import SETTLING, Sweep, read_sweep
from pipelines.sweeps.study import Claim, Study, open_study, seen, short_names

LINE_SECONDS = 5.0  # between two lines of trials that take milliseconds


def work(sweep: Sweep, study: Study) -> None:
    """Take trials until there are as many as wanted."""
    run = _objective(sweep, study)
    shown = -LINE_SECONDS
    while (claim := study.claim()) is not None:
        with seen(claim.trial):
            line, matters = _try(sweep, study, claim, run)
        if matters or time.monotonic() - shown >= LINE_SECONDS:
            shown = time.monotonic()
            print(line, flush=True)


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


def _try(sweep: Sweep, study: Study, claim: Claim, run: Objective) -> tuple[str, bool]:
    """Bring one trial to its end. Returns a line that says how, and whether it must be seen."""
    said = f"trial {claim.number + 1} of {sweep.settings.trials}"
    names = short_names(claim.values)
    drawn = ", ".join(f"{names[key]} {_short(value)}" for key, value in claim.values.items())
    try:
        values = with_values(sweep.values, claim.values)
        params = check_params(values, said)
        identity = sweep.identity(values)
        if earlier := study.same(identity):
            study.repeat(claim, earlier)
            return f"{said}: the same as trial {earlier.number + 1}", False
        claim.trial.set_user_attr("identity", identity)
        result = run(params, claim)
    except HemlineError as error:
        study.give_up(claim, TrialState.FAIL, str(error))
        return f"{said}: failed: {error} ({drawn})", True
    if result is None:
        study.give_up(claim, TrialState.PRUNED)
        return f"{said}: pruned ({drawn})", True
    study.tell(claim, result)
    best = any(trial.number == claim.number for trial in study.best)
    numbers = ", ".join(f"{name} {_short(value)}" for name, value in result.items())
    return f"{said}: {numbers}{' (the best so far)' if best else ''}; {drawn}", best or run.slow


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Work for the sweep that the command line names."""
    die_with_parent()
    name, *trials = sys.argv[1:]
    try:
        sweep = read_sweep(name, int(trials[0]) if trials else None)
        work(sweep, open_study(name, sweep.settings, sweep.values, sweep.origin))
    except HemlineError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
