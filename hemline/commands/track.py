"""`hemline track replay`: bring MLflow up to date with the records."""

import argparse
from pathlib import Path

from filelock import FileLock

from hemline.errors import HemlineError
from hemline.provenance import params_hash
from hemline.tracking.dvc import note_lock, read_lock
from hemline.tracking.follower import LOCK, replay
from hemline.tracking.records import records_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "what", choices=("replay",), help="project every record that MLflow lacks, each point once"
    )
    parser.add_argument(
        "--folder", type=Path, default=records_folder(), help="the records (default: %(default)s)"
    )
    parser.add_argument(
        "--afresh", action="store_true", help="look at every record again, as after a restored database"
    )


def run(arguments: argparse.Namespace) -> int:
    """Wait for the follower, if one is at work, then project what is left."""
    folder = arguments.folder
    if not folder.is_dir():
        raise HemlineError(f"{folder}: no such folder of records; it is made by the first stage that runs")
    note_lock(folder, read_lock(Path()), params_hash())
    with FileLock(folder / LOCK):
        replay(folder, arguments.afresh)
    return 0
