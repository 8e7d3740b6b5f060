"""`hemline track replay`: bring MLflow up to date with the records."""

import argparse
from pathlib import Path

from filelock import FileLock

from hemline.errors import HemlineError
from hemline.tracking.follower import LOCK, follow
from hemline.tracking.records import records_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "what", choices=("replay",), help="project every record that MLflow lacks, each point once"
    )
    parser.add_argument(
        "--folder", type=Path, default=records_folder(), help="the records (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Wait for the follower, if one is at work, then project what is left."""
    if not arguments.folder.is_dir():
        raise HemlineError(
            f"{arguments.folder}: no such folder of records; it is made by the first stage that runs"
        )
    with FileLock(arguments.folder / LOCK):
        follow(arguments.folder, idle_seconds=0)
    return 0
