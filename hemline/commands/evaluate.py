"""`hemline evaluate`: the ten numbers of DeepFashion2's landmark evaluation, AP per category, and normalised error."""

import argparse
import json
from typing import Any

from hemline.commands.wardrobe import add_wardrobe, chosen_wardrobe
from hemline.evaluation import (
    evaluate_boxes,
    evaluate_landmarks,
    normalised_error,
    read_box_results,
    read_landmark_results,
    read_truth,
)
from hemline.evaluation.ablation import count
from hemline.evaluation.normalised_error import ERRORS, PARTS
from hemline.evaluation.summary import BOX_NUMBERS, LANDMARK_NUMBERS

# FLD has 8 names of landmarks, FashionAI 24, DeepFashion2 75: more than this nobody reads on a screen.
SHOWN = 24
NORMALISERS = "two armpits apart, or two ends of the waistband (trousers, skirts)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "truth", metavar="GT.json", help="ground truth of the independent grouping, by `hemline convert`"
    )
    parser.add_argument("results", metavar="RESULTS.json", help="landmark results: a JSON list of records")
    parser.add_argument("--boxes", metavar="BOXES.json", help="box results; their AP is shown too")
    add_wardrobe(parser)
    parser.add_argument(
        "--resamples",
        type=_count,
        default=1000,
        help="bootstrap resamples; 0 for no intervals (default %(default)s)",
    )
    parser.add_argument("--seed", type=_count, default=0, help="of the bootstrap (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the numbers: -1 (in the table a dash) where the ground truth has no garment of the kind."""
    truth = read_truth(arguments.truth, chosen_wardrobe(arguments))
    results = read_landmark_results(arguments.results, truth)
    numbers = evaluate_landmarks(truth, results, arguments.resamples, arguments.seed)
    numbers["counts"] = count(truth, results)
    numbers["normalised_error"] = normalised_error(truth, results, arguments.resamples, arguments.seed)
    if arguments.boxes:
        boxes = read_box_results(arguments.boxes, truth)
        numbers["boxes"] = evaluate_boxes(truth, boxes, arguments.resamples, arguments.seed)
    print(json.dumps(numbers, indent=1) if arguments.json else _text(numbers))
    return 0


def _text(numbers: dict[str, Any]) -> str:
    counts = numbers["counts"]
    lines = [
        f"{counts['results']} results for {counts['garments']} garments in {counts['images']} images"
        f" ({counts['garments_without_landmarks']} garments without a landmark are ignored)",
    ]
    if counts["results_over_limit"]:
        lines.append(
            f"{counts['results_over_limit']} results past the 20 best of a category and image: not counted"
        )
    lines += ["", "landmarks", *_block(numbers, LANDMARK_NUMBERS, counts["garments_per_category"])]
    if "boxes" in numbers:
        lines += ["", "boxes", *_block(numbers["boxes"], BOX_NUMBERS, counts["garments_per_category"])]
    lines += ["", *_errors(numbers["normalised_error"])]
    return "\n".join(lines)


def _errors(numbers: dict[str, Any] | None) -> list[str]:
    if numbers is None:
        return ["normalised error: not known, the ground truth doesn't give width and height of all pictures"]
    intervals = numbers.get("intervals", {})
    missed = f"of {numbers['garments']} garments {numbers['garments_not_found']} weren't found"
    lines = [f"normalised error; {missed}, which only PCK and AUC count"]
    if numbers["garments_without_normaliser"]:
        bare = numbers["garments_without_normaliser"]
        lines.append(f"{bare} garments lack {NORMALISERS}: NE_contest leaves them out")
    parts = {name: ending for name, ending in PARTS.items() if numbers[f"per_category{ending}"]}
    names = [name for name in ERRORS if name in parts or name not in PARTS]
    lines += [_row(name, numbers[name], intervals.get(name), "") for name in names]
    for name, ending in parts.items():
        for kind in ("per_category", "per_landmark"):
            title = f"  {name} {kind.replace('_', ' ')}"
            lines += _part(title, numbers[kind + ending], intervals.get(kind + ending, {}))
    return lines


def _part(title: str, values: dict[str, Any], intervals: dict[str, Any]) -> list[str]:
    if len(values) > SHOWN:
        return [f"{title}: {len(values)} names, with --json"]
    return [title, *(_row(name, value, intervals.get(name), "") for name, value in values.items())]


def _block(numbers: dict[str, Any], names: Any, garments: dict[str, int]) -> list[str]:
    intervals = numbers.get("intervals", {"per_category": {}})
    lines = [_row(name, numbers[name], intervals.get(name), "") for name in names]
    lines.append(f"  {'AP per category':<22}{'':>27}  garments")
    lines += [
        _row(name, value, intervals["per_category"].get(name), f"  {garments[name]:>8}")
        for name, value in numbers["per_category"].items()
    ]
    return lines


def _row(name: str, value: float | None, interval: list[float] | None, end: str) -> str:
    shown = "-" if value is None or value < 0 else f"{value:.4f}"
    span = f"[{interval[0]:.4f}, {interval[1]:.4f}]" if interval else ""
    return f"  {name:<22}{shown:>7}  {span:<18}{end}"


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value
