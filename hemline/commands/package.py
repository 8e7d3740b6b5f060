"""`hemline package`: landmark results become a submission file."""

import argparse
from pathlib import Path

from hemline.commands.wardrobe import add_wardrobe, chosen_wardrobe
from hemline.submission import package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("results", metavar="RESULTS.json", help="landmark results: a JSON list of records")
    parser.add_argument(
        "out", metavar="OUT", help="the submission to write: a zip file; of FashionAI a csv file"
    )
    parser.add_argument(
        "--name",
        help="the JSON file inside the zip file (default keypoints_val_results.json; for the test set "
        "keypoints_test_results.json)",
    )
    parser.add_argument(
        "--images",
        metavar="IMAGES.json",
        help="COCO-style file: other images' ids are refused; FashionAI's csv has a row for each",
    )
    parser.add_argument(
        "--boxes",
        metavar="BOXES.json",
        help="boxes that say the category of each picture, for FashionAI's csv",
    )
    add_wardrobe(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the file and say what it is."""
    wardrobe = chosen_wardrobe(arguments)
    given = (arguments.name, arguments.images, arguments.boxes)
    count = package(arguments.results, arguments.out, wardrobe, *given)
    print(f"{arguments.out}: {count} garments, {Path(arguments.out).stat().st_size:,} bytes")
    named = ("images", "boxes", "wardrobe")
    options = [(f"--{name}", getattr(arguments, name)) for name in named]
    asked = "".join(f" {option} {value}" for option, value in options if value)
    print(f"Read it back: hemline check {arguments.out}{asked}")
    return 0
