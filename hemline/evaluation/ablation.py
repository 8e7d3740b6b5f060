"""One row of the ablation table, evaluated."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hemline.errors import HemlineError
from hemline.evaluation.matching import BOX_LIMIT, LANDMARK_LIMIT, match_boxes, match_landmarks
from hemline.evaluation.normalised_error import normalised_error
from hemline.evaluation.results import Result, read_box_results, read_landmark_results
from hemline.evaluation.summary import BOX_NUMBERS, LANDMARK_NUMBERS, summarize
from hemline.evaluation.truth import GroundTruth, read_truth
from hemline.wardrobe import Wardrobe

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
    truth: Path,
    visible: Path,
    results: Path | None,
    boxes: Path | None,
    *,
    resamples: int,
    seed: int,
    wardrobe: Wardrobe,
) -> dict[str, Any]:
    """Everything that a row of a table shows, as one JSON-able dict.

    `truth` is the ground truth with visible and occluded landmarks (the challenge's), `visible` the one with
    visible landmarks only, `results` the landmarks, `boxes` the detector's or the network's. `landmarks`,
    `visible_only`, `normalised_error` and `boxes` hold the numbers, `per_category` and `intervals`; the headline
    numbers stand at the top. Without landmarks the first three are None, without boxes the last is.
    Raises HemlineError naming the file, the record, the key and the value of bad input.
    """
    ground_truth, visible_truth = read_truth(truth, wardrobe), read_truth(visible, wardrobe)
    _same_images(ground_truth, visible_truth)
    blocks: dict[str, Any] = dict.fromkeys(("landmarks", "visible_only", "normalised_error", "boxes"))
    found: list[Result] = []
    if boxes is not None:
        found = read_box_results(boxes, ground_truth)
        blocks["boxes"] = evaluate_boxes(ground_truth, found, resamples, seed)
    if results is not None:
        found = read_landmark_results(results, ground_truth)
        blocks["landmarks"] = evaluate_landmarks(ground_truth, found, resamples, seed)
        blocks["visible_only"] = evaluate_landmarks(visible_truth, found, resamples, seed)
        blocks["normalised_error"] = normalised_error(ground_truth, found, resamples, seed)
    limit = BOX_LIMIT if results is None else LANDMARK_LIMIT
    blocks["counts"] = count(ground_truth, found, limit) | {"resamples": resamples, "seed": seed}
    return _headline(blocks) | blocks


def _headline(blocks: Mapping[str, Any]) -> dict[str, float]:
    numbers = {}
    if blocks["landmarks"] is not None:
        numbers = {name: blocks["landmarks"][name] for name in ("AP", "AP50", "AP75")}
        numbers["AP_visible"] = blocks["visible_only"]["AP"]
    contest = (blocks["normalised_error"] or {}).get("NE_contest")
    if contest is not None:
        numbers["NE_contest"] = contest
    if blocks["boxes"] is not None:
        numbers["AP_box"] = blocks["boxes"]["AP"]
    return numbers


def count(truth: GroundTruth, results: Sequence[Result], limit: int = LANDMARK_LIMIT) -> dict[str, Any]:
    """How many images, garments and results there are, and how many results the limit leaves out."""
    crowds = Counter((result.image_id, result.category_id) for result in results)
    garments = Counter(entry.category_id for entry in truth.annotations)
    found = Counter(result.category_id for result in results)
    return {
        "images": len(truth.images),
        "garments": len(truth.annotations),
        "garments_without_landmarks": sum(not entry.labelled for entry in truth.annotations),
        "results": len(results),
        "results_over_limit": sum(max(0, number - limit) for number in crowds.values()),
        "garments_per_category": {entry.name: garments[entry.id] for entry in truth.wardrobe.categories},
        "results_per_category": {entry.name: found[entry.id] for entry in truth.wardrobe.categories},
    }


def _same_images(truth: GroundTruth, visible: GroundTruth) -> None:
    different = sorted(set(truth.images) ^ set(visible.images))
    if different:
        raise HemlineError(
            f"{visible.path}: other images than {truth.path} (such as {different[0]}); "
            "both must be of one split"
        )
