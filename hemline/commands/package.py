"""`hemline package`: landmark results become the challenge's submission file."""

import argparse
from pathlib import Path

from hemline.commands.wardrobe import add_wardrobe, chosen_wardrobe
from hemline.submission import package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("results", metavar="RESULTS.json", help="landmark results: a JSON list of records")
    parser.add_argument("out", metavar="OUT.zip", help="the submission to write")
    parser.add_argument(
        "--name",
        default="keypoints_val_results.json",
        help="the JSON file inside the zip file (default %(default)s; keypoints_test_results.json for the test set)",
    )
    parser.add_argument(
        "--images", metavar="IMAGES.json", help="COCO-style file: other images' ids are refused"
    )
    add_wardrobe(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the file and say what it is."""
    wardrobe = chosen_wardrobe(arguments)
    count = package(arguments.results, arguments.out, wardrobe, arguments.name, arguments.images)
    size = Path(arguments.out).stat().st_size
    print(f"{arguments.out}: {arguments.name} with {count} garments, {size:,} bytes")
    options = [("--images", arguments.images), ("--wardrobe", arguments.wardrobe)]
    asked = "".join(f" {option} {value}" for option, value in options if value)
    print(f"Read it back: hemline check {arguments.out}{asked}")
    return 0
