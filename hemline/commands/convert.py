"""`hemline convert`: a data set's own annotations to one COCO-style file."""

import argparse
from pathlib import Path

from hemline.commands.validate import add_layout, add_rules, given_layout, rules
from hemline.datasets.conversion import View, convert
from hemline.datasets.report import Quarantine
from hemline.datasets.splits import Split
from hemline.errors import HemlineError
from hemline.wardrobe import Wardrobe, grouping


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "root", type=Path, help="a split's folder, or one that holds train/, validation/, test/"
    )
    parser.add_argument("out", type=Path, metavar="OUT.json", help="the file to write")
    parser.add_argument(
        "--split", help="which split of ROOT; for a split's own folder, the name in the report"
    )
    parser.add_argument("--grouping", default="independent", help="independent, aggregated or a CSV file")
    parser.add_argument(
        "--visible-only", action="store_true", help="occluded landmarks (v = 1) count as unlabelled"
    )
    parser.add_argument("--category", help="one category's garments alone, by name or id")
    parser.add_argument(
        "--quarantine", type=Path, metavar="REPORT.json", help="leave out what `hemline validate` quarantined"
    )
    add_layout(parser)
    add_rules(parser)
    parser.epilog = (
        "Bad items are left out and named on stderr. Exit status: 0 nothing was left out but what the"
        " quarantine names, 1 something was, 2 an error."
    )


def run(arguments: argparse.Namespace) -> int:
    """Write one file."""
    if arguments.out.is_dir():
        raise HemlineError(f"{arguments.out} is a folder: give the name of a file to write")
    split = _split(arguments)
    quarantine = Quarantine.read(arguments.quarantine) if arguments.quarantine else None
    groups = grouping(split.wardrobe, arguments.grouping)
    category_id = _category_id(arguments.category, split.wardrobe)
    view = View(arguments.out, groups, arguments.visible_only, category_id)
    done = convert(split, [view], quarantine, rules(arguments))
    done.tell()
    pictures, garments = done.written[view.path]
    bad = f"left out: {done.counts()['left_out']} bad, {done.dropped} by the quarantine"
    print(f"{view.path}: {pictures} pictures, {garments} garments of {split.name}; {bad}")
    return 1 if done.left_out else 0


def _split(arguments: argparse.Namespace) -> Split:
    given = given_layout(arguments)
    splits = given.find_splits(arguments.root)
    if list(splits.values()) == [arguments.root]:
        (name,) = splits
        return given.open_split(arguments.split or name, arguments.root)
    if arguments.split is None and len(splits) == 1:
        (arguments.split,) = splits
    if arguments.split not in splits:
        raise HemlineError(f"{arguments.root} holds {', '.join(splits)}: choose one with --split")
    return given.open_split(arguments.split, splits[arguments.split])


def _category_id(given: str | None, wardrobe: Wardrobe) -> int | None:
    if given is None:
        return None
    return wardrobe.category(int(given) if given.isdecimal() else given).id
