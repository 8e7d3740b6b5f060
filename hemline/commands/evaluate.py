"""`hemline evaluate`: the ten numbers of DeepFashion2's landmark evaluation, and AP per category."""

import argparse
import json
from typing import Any

from hemline.evaluation import (
    evaluate_boxes,
    evaluate_landmarks,
    read_box_results,
    read_landmark_results,
    read_truth,
)
from hemline.evaluation.ablation import count
from hemline.evaluation.summary import BOX_NUMBERS, LANDMARK_NUMBERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "truth", metavar="GT.json", help="ground truth of 294 landmarks, by `hemline convert`"
    )
    parser.add_argument("results", metavar="RESULTS.json", help="landmark results: a JSON list of records")
    parser.add_argument("--boxes", metavar="BOXES.json", help="box results; their AP is shown too")
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
    truth = read_truth(arguments.truth)
    results = read_landmark_results(arguments.results, truth)
    numbers = evaluate_landmarks(truth, results, arguments.resamples, arguments.seed)
    numbers["counts"] = count(truth, results)
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
    return "\n".join(lines)


def _block(numbers: dict[str, Any], names: Any, garments: dict[str, int]) -> list[str]:
    intervals = numbers.get("intervals", {"per_category": {}})
    lines = [_row(name, numbers[name], intervals.get(name), "") for name in names]
    lines.append(f"  {'AP per category':<22}{'':>24}  garments")
    lines += [
        _row(name, value, intervals["per_category"].get(name), f"  {garments[name]:>8}")
        for name, value in numbers["per_category"].items()
    ]
    return lines


def _row(name: str, value: float | None, interval: list[float] | None, end: str) -> str:
    shown = "     -" if value is None or value < 0 else f"{value:.4f}"
    span = f"[{interval[0]:.4f}, {interval[1]:.4f}]" if interval else ""
    return f"  {name:<22}{shown}{span:>18}{end}"


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value
