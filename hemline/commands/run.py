"""`hemline run`: bring the pipeline up to date, its stages side by side, as a Prefect flow."""

import argparse
import json
import math
import os
import time
from pathlib import Path

from hemline.errors import HemlineError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "targets", nargs="*", help="stages to bring up to date, with all they need (default: all)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would run and why, and run nothing")
    parser.add_argument("--json", action="store_true", help="with --dry-run: the plan for programs")
    parser.add_argument(
        "--slots",
        type=int,
        help="stages side by side on the CPU (default HEMLINE_SLOTS, else a core each, at most 4)",
    )
    parser.add_argument(
        "--machines",
        choices=("this", "workers"),
        default="this",
        help="here, or each stage on any worker of the pool",
    )
    parser.add_argument(
        "--retries", type=int, default=2, help="tries after an error that may pass (default %(default)s)"
    )
    parser.add_argument(
        "--retry-seconds", type=float, default=10.0, help="until the first of them (default %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do it. Returns 1 when a stage failed; what it did not concern is kept."""
    if not Path("dvc.yaml").is_file():
        raise HemlineError(
            f"{Path.cwd()}: no dvc.yaml here; `hemline run` runs the pipeline of the folder it is in"
        )
    _check(arguments)
    if arguments.slots is not None:
        os.environ["HEMLINE_SLOTS"] = str(arguments.slots)
    return _plan(arguments) if arguments.dry_run else _run(arguments)


def _check(arguments: argparse.Namespace) -> None:
    """What argparse doesn't: before a server is started, and never a run of hours that was meant to be a plan."""
    if arguments.json and not arguments.dry_run:
        raise HemlineError("--json is the plan for programs: give --dry-run with it")
    if arguments.slots is not None and not 1 <= arguments.slots <= 9999:
        raise HemlineError(f"--slots is {arguments.slots}: give a number from 1 to 9999")
    if not 0 <= arguments.retries <= 10:
        raise HemlineError(f"--retries is {arguments.retries}: give a number from 0 to 10")
    if not 0 <= arguments.retry_seconds < math.inf:
        raise HemlineError(f"--retry-seconds is {arguments.retry_seconds:g}: give a number from 0")


def _plan(arguments: argparse.Namespace) -> int:
    from pipelines.leases import this_machine
    from pipelines.plan import make_plan

    plan = make_plan(Path.cwd(), arguments.targets)
    machine = this_machine()
    print(json.dumps(plan.to_dict(), indent=2) if arguments.json else plan.text(machine.side_by_side))
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from pipelines.git import committed
    from pipelines.graph import read_graph
    from pipelines.server import ended, prefect

    started = time.monotonic()
    # The flow asks the same; here it is told before a server is started.
    if arguments.machines == "workers":
        committed(Path.cwd())
    read_graph(Path.cwd(), arguments.targets)
    with prefect() as ready:
        from pipelines.flow import pipeline

        ready()
        try:
            state = pipeline(
                arguments.targets,
                arguments.machines,
                arguments.retries,
                arguments.retry_seconds,
                return_state=True,
            )
        except KeyboardInterrupt:
            print("\nstopped; the same command goes on from the last finished stage")
            return 130
    return ended(state, started)
