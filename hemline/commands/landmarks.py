"""`hemline landmarks`: the wardrobe's table."""

import argparse
import csv
import json
import sys
from typing import Any

from hemline.wardrobe import CATEGORIES, LANDMARKS, grouping

COLUMNS = ("index", "category_id", "category", "landmark", "sigma", "group", "flip_index", "name")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument(
        "--grouping", default="aggregated", help="aggregated, independent, or a CSV file with index and group"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print 294 rows."""
    rows = list(_rows(arguments.grouping))
    if arguments.format == "json":
        print(json.dumps(rows, indent=1))
    elif arguments.format == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_table(rows)
    return 0


def _rows(name: str) -> list[dict[str, Any]]:
    groups = grouping(name).group_of + 1
    return [
        {
            "index": landmark.index,
            "category_id": landmark.category_id,
            "category": CATEGORIES[landmark.category_id - 1].name,
            "landmark": landmark.landmark,
            "sigma": landmark.sigma,
            "group": int(groups[landmark.index]),
            "flip_index": landmark.flip_index,
            "name": landmark.name,
        }
        for landmark in LANDMARKS
    ]


def _print_table(rows: list[dict[str, Any]]) -> None:
    for entry in CATEGORIES:
        print(f"\n{entry.id} {entry.name} ({entry.count} landmarks)")
        print("  no  index  group  flip   sigma  name")
        for row in rows[entry.slice]:
            print(
                f"  {row['landmark']:>2}  {row['index']:>5}  {row['group']:>5}  {row['flip_index']:>4}  "
                f"{row['sigma']:.4f}  {row['name']}"
            )
