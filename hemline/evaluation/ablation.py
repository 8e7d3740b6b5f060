"""One row of the ablation table, evaluated."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hemline.errors import HemlineError
from hemline.evaluation.matching import LANDMARK_LIMIT, match_boxes, match_landmarks
from hemline.evaluation.results import Result, read_box_results, read_landmark_results
from hemline.evaluation.summary import BOX_NUMBERS, LANDMARK_NUMBERS, summarize
from hemline.evaluation.truth import GroundTruth, read_truth
from hemline.wardrobe import CATEGORIES

Path = str | os.PathLike[str]


def evaluate_landmarks(
    truth: GroundTruth, results: Sequence[Result], resamples: int = 0, seed: int = 0
) -> dict[str, Any]:
    """DeepFashion2's ten numbers, AP per category and their intervals (summary.py)."""
    return summarize(match_landmarks(truth, results), LANDMARK_NUMBERS, resamples, seed)


def evaluate_boxes(
    truth: GroundTruth, results: Sequence[Result], resamples: int = 0, seed: int = 0
) -> dict[str, Any]:
    """COCO's AP, AP50, AP75 and AR of boxes, at most 100 a category and image, with AP per category."""
    return summarize(match_boxes(truth, results), BOX_NUMBERS, resamples, seed)


def evaluate_ablation(
    truth: Path, visible: Path, results: Path, boxes: Path | None, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Everything that a row of Table 2 or 3 shows, as one JSON-able dict.

    `truth` is the ground truth with visible and occluded landmarks (the challenge's), `visible` the one with
    visible landmarks only, `boxes` the detector's. `landmarks`, `visible_only` and `boxes` hold the numbers,
    `per_category` and `intervals`; the headline numbers stand at the top. Without boxes `boxes` is None.
    Raises HemlineError naming the file, the record, the key and the value of bad input.
    """
    ground_truth = read_truth(truth)
    found = read_landmark_results(results, ground_truth)
    landmarks = evaluate_landmarks(ground_truth, found, resamples, seed)
    visible_truth = read_truth(visible)
    _same_images(ground_truth, visible_truth)
    visible_only = evaluate_landmarks(visible_truth, found, resamples, seed)
    box_results = None if boxes is None else read_box_results(boxes, ground_truth)
    box_numbers = None if box_results is None else evaluate_boxes(ground_truth, box_results, resamples, seed)
    headline = {name: landmarks[name] for name in ("AP", "AP50", "AP75")}
    headline["AP_visible"] = visible_only["AP"]
    if box_numbers is not None:
        headline["AP_box"] = box_numbers["AP"]
    counts = count(ground_truth, found) | {"resamples": resamples, "seed": seed}
    blocks = {"landmarks": landmarks, "visible_only": visible_only, "boxes": box_numbers, "counts": counts}
    return headline | blocks


def count(truth: GroundTruth, results: Sequence[Result]) -> dict[str, Any]:
    """How many images, garments and results there are, and how many results the limit of 20 leaves out."""
    crowds = Counter((result.image_id, result.category_id) for result in results)
    garments = Counter(entry.category_id for entry in truth.annotations)
    found = Counter(result.category_id for result in results)
    return {
        "images": len(truth.images),
        "garments": len(truth.annotations),
        "garments_without_landmarks": sum(not entry.labelled for entry in truth.annotations),
        "results": len(results),
        "results_over_limit": sum(max(0, number - LANDMARK_LIMIT) for number in crowds.values()),
        "garments_per_category": {entry.name: garments[entry.id] for entry in CATEGORIES},
        "results_per_category": {entry.name: found[entry.id] for entry in CATEGORIES},
    }


def _same_images(truth: GroundTruth, visible: GroundTruth) -> None:
    different = sorted(set(truth.images) ^ set(visible.images))
    if different:
        raise HemlineError(
            f"{visible.path}: other images than {truth.path} (such as {different[0]}); "
            "both must be of one split"
        )
