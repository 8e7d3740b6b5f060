"""`--wardrobe NAME`, for the verbs that read results or annotations: of which data set they are."""

import argparse
from pathlib import Path

from hemline.errors import HemlineError
from hemline.wardrobe import Wardrobe, names, wardrobe

PARAMS = Path("params.yaml")


def add_wardrobe(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--wardrobe",
        metavar="NAME",
        help=f"table of categories and landmarks: {', '.join(names())} "
        "(default: that of params.yaml in this folder, else deepfashion2)",
    )


def chosen_wardrobe(arguments: argparse.Namespace) -> Wardrobe:
    """The wardrobe asked for; else `data.wardrobe` of params.yaml, of which nothing else is read; else DeepFashion2's.

    HemlineError for a name that no table has, and for a params.yaml that isn't Hemline's.
    """
    if arguments.wardrobe is not None or not PARAMS.is_file():
        return wardrobe(arguments.wardrobe or "deepfashion2")
    from hemline.params import read_values, value_at

    values, key = read_values(PARAMS), "data.wardrobe"
    try:
        return wardrobe(str(value_at(values, key)))
    except HemlineError as error:
        said = str(error).removeprefix(f"{key}: ")
        raise HemlineError(f"{PARAMS}: {key}: {said}; or name the table with --wardrobe") from None
