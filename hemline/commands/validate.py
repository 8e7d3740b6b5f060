"""`hemline validate`: every annotation of a data set checked."""

import argparse
import sys
from pathlib import Path

from hemline.datasets.layouts import READINGS, Layout, layout
from hemline.datasets.splits import Rules
from hemline.datasets.validation import validate
from hemline.wardrobe import names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "root",
        type=Path,
        help="a folder with image/ and annos/, or one that holds train/, validation/, test/; or the layout's folder",
    )
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write the whole report as JSON")
    parser.add_argument("--workers", type=_processes, help="processes (default: one a usable core)")
    add_layout(parser)
    add_rules(parser)
    parser.epilog = (
        "Exit status: 0 clean, 1 something was quarantined (the reasons are in the table), 2 an error."
    )


def _processes(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than one process")
    return value


def add_layout(parser: argparse.ArgumentParser) -> None:
    """Declare how the data set lies on disk, and what it is."""
    parser.add_argument(
        "--layout", choices=list(READINGS), default="deepfashion2", help="how it lies on disk (docs/data.md)"
    )
    parser.add_argument(
        "--wardrobe", choices=names(), help="its table of categories (default: that of the layout's data set)"
    )
    parser.add_argument(
        "--images", metavar="FOLDER", help="the subfolder of pictures, if not the layout's own"
    )


def given_layout(arguments: argparse.Namespace) -> Layout:
    """The layout that the arguments ask for."""
    return layout(arguments.layout, arguments.wardrobe, arguments.images)


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
    given = given_layout(arguments)
    report = validate(given.find_splits(arguments.root), rules(arguments), arguments.workers, given)
    try:
        if arguments.report:
            report.write(arguments.report)
    finally:  # what took long to find is shown even if it can't be written
        print(report.table())
        sys.stdout.flush()
    return 0 if report.clean else 1
