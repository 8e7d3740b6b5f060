"""`hemline unpack`: a data set's zip files, password-protected or not."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from hemline.datasets.archives import Secret, unpack
from hemline.errors import HemlineError

VARIABLE = "HEMLINE_DATASET_PASSWORD"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE.zip", help="such as train.zip")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to unpack into")
    parser.epilog = (
        f"The password comes from the variable {VARIABLE}, or is asked for on a terminal; it is never stored."
        " Interrupted, the same command goes on where it stopped."
    )


def run(arguments: argparse.Namespace) -> int:
    """Unpack and say how much."""
    if arguments.out.exists() and not arguments.out.is_dir():
        raise HemlineError(f"{arguments.out} is a file: the last argument is the folder to unpack into")
    done = unpack(arguments.archives, arguments.out, ask_password)
    print(f"{arguments.out}: {done}")
    return 0


def ask_password() -> Secret:
    """The password from the environment, or typed. HemlineError when there is neither."""
    if given := os.environ.get(VARIABLE):
        return Secret(given)
    if not sys.stdin.isatty():
        raise HemlineError(
            f"the archives ask for a password: set {VARIABLE}, or run this on a terminal to type it"
        )
    return Secret(getpass.getpass("Password of the data set: "))
