"""Networks judged while they are trained, by validation AP.

Estimators in ground-truth boxes, as the authors of paper 000 chose an expert's epoch, or in whole pictures where they
are trained on nothing else; detectors by their boxes; one-shot networks by their landmarks.
"""

import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from hemline.detection import Detector, detect_images, write_settings
from hemline.estimation import Estimator
from hemline.evaluation import GroundTruth, evaluate_boxes, read_box_results, read_truth
from hemline.evaluation.rating import Rater
from hemline.files import read_json, write_json
from hemline.inference.pipeline import Estimators, see_boxes
from hemline.inference.tables import GarmentTable
from hemline.oneshot import OneShot, find_images
from hemline.oneshot.predictor import FIND, plain_row
from hemline.params import DetectSettings, EstimateSettings, Params
from hemline.training import save_weights

TRUTH = Path("data/coco/validation-independent.json")
BOXES = Path("results/boxes/ground-truth/validation.json")
WHOLE = Path("results/boxes/whole/validation.json")

# The authors' yaml (see `estimate` in params/paper.yaml), whatever `estimate` says: another score in the tables is no
# reason to train the experts again.
AUTHORS = EstimateSettings(
    shift_heatmap=True, score="all", score_threshold=0.2, box_score_threshold=0.01, batch_size=64
)


def validation_ap(params: Params, slug: str | None, estimator: Estimator, crops: str = "boxes") -> float:
    """AP of the category's validation garments, or with None the mean over all categories; 0 where there are none.

    `crops` are those that the estimator is trained on: it is judged in `whole` pictures, or in annotated boxes, which
    `boxes` and `between` have in common.
    """
    own = None if slug is None else params.wardrobe.category(slug)
    with tempfile.TemporaryDirectory() as folder:
        boxes = Path(folder) / "boxes.json"
        asked = read_json(WHOLE if crops == "whole" else BOXES)
        wanted = [box for box in asked if own is None or box["category_id"] == own.id]
        write_json(boxes, wanted)
        sightings = see_boxes(
            boxes,
            TRUTH,
            params.data.pictures("validation"),
            Estimators(estimator),
            AUTHORS,
            flip_test=False,
            title=f"{slug or 'all categories'}, validation",
        )
    numbers = Rater(read_truth(TRUTH, params.wardrobe)).rate(sightings.table(AUTHORS))
    return max(0.0, (numbers["AP"] if own is None else numbers["per_category"][own.name]) or 0.0)


def validation_box_ap(params: Params, name: str, model: Any, test: DetectSettings | None = None) -> float:
    """Box AP of the detector `name`, whose network in training is `model`; run as `test` says, or plainly.

    A copy of it is run, as a trained one is: running one takes parts of it away.
    """
    settings = getattr(params.detector, name)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        save_weights(model, out / "weights.pt")
        write_settings(out, settings, params.wardrobe)
        detector = Detector.load(out, test)
        pictures = params.data.pictures("validation")
        boxes = detect_images(detector, TRUTH, pictures, title=f"{name}, validation")
    return box_ap(boxes, read_truth(TRUTH, params.wardrobe))


def validation_oneshot_ap(params: Params, name: str, model: Any) -> float:
    """Landmark AP of the one-shot network `name`, whose network in training is `model`; box AP if it finds boxes alone.

    Run plainly, without flips, whatever `oneshot.find` says.
    """
    settings, wardrobe = params.oneshot.settings(name), params.wardrobe
    oneshot = OneShot(deepcopy(model), settings, wardrobe, plain_row(settings), FIND)
    boxes: list[dict[str, Any]] = []
    pictures = params.data.pictures("validation")
    garments = list(find_images(oneshot, TRUTH, pictures, title=f"{name}, validation", boxes=boxes))
    truth = read_truth(TRUTH, wardrobe)
    if settings.grouping is None:
        return box_ap(boxes, truth)
    return max(0.0, Rater(truth).rate(GarmentTable.of(garments, wardrobe))["AP"] or 0.0)


def box_ap(boxes: list[dict[str, Any]], truth: GroundTruth) -> float:
    """AP of COCO-style boxes; 0 of none."""
    with tempfile.TemporaryDirectory() as folder:
        write_json(Path(folder) / "boxes.json", boxes)
        return float(evaluate_boxes(truth, read_box_results(Path(folder) / "boxes.json", truth))["AP"])
