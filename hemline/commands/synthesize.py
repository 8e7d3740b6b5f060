"""`hemline synthesize`: a drawn data set, in DeepFashion2's own layout, FLD's or FashionAI's."""

import argparse
from pathlib import Path

from hemline.datasets.synthetic import SPLITS, WRITERS, synthesize
from hemline.errors import HemlineError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("out", type=Path, help="folder to write the split's files into")
    parser.add_argument("--images", type=int, required=True, help="how many pictures")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default 0)")
    parser.add_argument(
        "--layout",
        choices=WRITERS,
        default="deepfashion2",
        help="whose files to write (default deepfashion2); the others' pictures have one annotated garment each",
    )
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="train",
        help="what FLD's and FashionAI's files call it (default train)",
    )
    sizes = ", ".join("{} {}x{}".format(name, *layout.usual_size) for name, layout in WRITERS.items())
    parser.add_argument("--size", help=f"usual width x height in pixels (default: {sizes})")
    parser.add_argument("--one-size", action="store_true", help="every picture of exactly that size")
    parser.add_argument(
        "--temper",
        type=float,
        default=1.0,
        help="shares of DeepFashion2's categories to this power: 1 its own, 0 all alike",
    )
    parser.add_argument(
        "--no-annotations", action="store_true", help="pictures only, like DeepFashion2's test set"
    )
    parser.add_argument("--workers", type=int, help="processes (default: one a processor); changes no byte")


def run(arguments: argparse.Namespace) -> int:
    """Draw, then say what was drawn."""
    counts = synthesize(
        arguments.out,
        arguments.images,
        arguments.seed,
        layout=arguments.layout,
        split=arguments.split,
        size=_size(arguments.size) if arguments.size else None,
        vary_size=not arguments.one_size,
        temper=arguments.temper,
        annotations=not arguments.no_annotations,
        workers=arguments.workers,
    )
    for name, count in counts.categories.items():
        print(f"{count:>7}  {name}")
    print(f"{counts.garments:>7}  garments on {counts.images} pictures in {arguments.out}")
    return 0


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(number) for number in text.lower().split("x"))
    except ValueError:
        raise HemlineError(f"--size: {text!r} is not WIDTHxHEIGHT, such as 468x624") from None
    return width, height
