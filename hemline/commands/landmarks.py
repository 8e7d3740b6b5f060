"""`hemline landmarks`: the wardrobe's table."""

import argparse
import csv
import json
import sys
from typing import Any

from hemline.commands.wardrobe import add_wardrobe, chosen_wardrobe
from hemline.wardrobe import Wardrobe, grouping


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument(
        "--grouping", default="aggregated", help="aggregated, independent, or a CSV file with index and group"
    )
    add_wardrobe(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a row a landmark."""
    wardrobe = chosen_wardrobe(arguments)
    rows = list(_rows(wardrobe, arguments.grouping))
    if arguments.format == "json":
        print(json.dumps(rows, indent=1))
    elif arguments.format == "csv":
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_table(wardrobe, rows)
    return 0


def _rows(wardrobe: Wardrobe, name: str) -> list[dict[str, Any]]:
    groups = grouping(wardrobe, name).group_of + 1
    return [
        {
            "index": landmark.index,
            "category_id": landmark.category_id,
            "category": wardrobe.category(landmark.category_id).name,
            "coco_name": wardrobe.category(landmark.category_id).coco_name,
            "landmark": landmark.landmark,
            "sigma": landmark.sigma,
            "group": int(groups[landmark.index]),
            "flip_index": landmark.flip_index,
            "name": landmark.name,
            **({"normaliser": int(landmark.normaliser)} if wardrobe.normalised else {}),
        }
        for landmark in wardrobe.landmarks
    ]


def _print_table(wardrobe: Wardrobe, rows: list[dict[str, Any]]) -> None:
    for entry in wardrobe.categories:
        print(f"\n{entry.id} {entry.name} ({entry.count} landmarks)")
        print("  no  index  group  flip   sigma  name")
        for row in rows[entry.slice]:
            print(
                f"  {row['landmark']:>2}  {row['index']:>5}  {row['group']:>5}  {row['flip_index']:>4}  "
                f"{row['sigma']:.4f}  {row['name']}"
            )
