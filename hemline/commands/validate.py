"""`hemline validate`: every annotation of a data set checked."""

import argparse
import sys
from pathlib import Path

from hemline.datasets.checks import Rules
from hemline.datasets.raw import find_splits
from hemline.datasets.validation import validate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "root",
        type=Path,
        help="a folder with image/ and annos/, or one that holds train/, validation/, test/",
    )
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write the whole report as JSON")
    parser.add_argument("--workers", type=int, help="processes (default: one a usable core)")
    add_rules(parser)
    parser.epilog = (
        "Exit status: 0 clean, 1 something was quarantined (the reasons are in the table), 2 an error."
    )


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Declare what validate and convert share."""
    parser.add_argument(
        "--follow-links",
        action="store_true",
        help="read pictures and annotations that are links out of the split's folder",
    )


def rules(arguments: argparse.Namespace) -> Rules:
    """The rules that the arguments ask for."""
    return Rules(follow_links=arguments.follow_links)


def run(arguments: argparse.Namespace) -> int:
    """Check, print the table, write the report."""
    report = validate(find_splits(arguments.root), rules(arguments), arguments.workers)
    if arguments.report:
        report.write(arguments.report)
    print(report.table())
    sys.stdout.flush()
    return 0 if report.clean else 1
