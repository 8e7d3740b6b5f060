"""`hemline sweep`: search values of params.yaml with Optuna, look at what came out, take the best ones over."""

import argparse
import time
from pathlib import Path

from hemline.errors import HemlineError
from hemline.params import load_params, read_values

PARAMS = Path("params.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser("run", help="run a sweep, or go on with an interrupted one")
    run.add_argument("name", help="one of params.yaml's sweeps")
    run.add_argument(
        "--workers", type=int, help="trials side by side (default: as many as there are devices)"
    )
    run.add_argument("--trials", type=int, help="trials in all (default: params.yaml's)")
    show = actions.add_parser("show", help="the best trials, and how much each key matters")
    show.add_argument("name")
    apply = actions.add_parser(
        "apply", help="write the best trial's values into params.yaml; shows the difference"
    )
    apply.add_argument("name")
    apply.add_argument("--trial", type=int, help="another trial's, by its number in the table")
    apply.add_argument("--dry-run", action="store_true", help="show the difference alone")
    actions.add_parser("list", help="params.yaml's sweeps")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    return {"run": _run, "show": _show, "apply": _apply, "list": _list}[arguments.action](arguments)


def _run(arguments: argparse.Namespace) -> int:
    from pipelines.server import ended, prefect
    from pipelines.sweeps.definition import sweep_settings

    started = time.monotonic()
    # A name that there isn't, or a key, is told before anything is started.
    sweep_settings(read_values(PARAMS), arguments.name)
    for option in ("workers", "trials"):
        if (value := getattr(arguments, option)) is not None and value < 1:
            raise HemlineError(f"--{option} is {value}: give a number from 1")
    with prefect() as ready:
        from pipelines.sweep import sweep

        ready()
        try:
            state = sweep(arguments.name, arguments.workers, arguments.trials, return_state=True)
        except KeyboardInterrupt:
            print("\nstopped; the same command goes on with the trials that are left")
            return 130
    return ended(state, started)


def _show(arguments: argparse.Namespace) -> int:
    from pipelines.sweeps.page import importances, summary, write_page
    from pipelines.sweeps.study import read_study

    study = read_study(arguments.name)
    shares = importances(study)
    print(f"{summary(study, shares)}\nThe page: {write_page(study, shares)}")
    return 0


def _apply(arguments: argparse.Namespace) -> int:
    from pipelines.sweeps.applying import changed_text, difference, winner
    from pipelines.sweeps.study import read_study

    trial, values, said = winner(read_study(arguments.name), arguments.trial)
    before = PARAMS.read_text(encoding="utf-8")
    after = changed_text(before, values, said)
    print(difference(before, after) or f"{PARAMS} has the values of trial {trial} already")
    if not arguments.dry_run:
        from hemline.files import atomic_write

        with atomic_write(PARAMS) as handle:
            handle.write(after)
    return 0


def _list(_: argparse.Namespace) -> int:
    for name, sweep in load_params(PARAMS).sweeps.items():
        print(f"{name}: {sweep.trials} trials of {sweep.target}, over {', '.join(sweep.space)}")
    return 0
