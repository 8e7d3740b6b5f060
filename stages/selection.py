"""Networks judged while they are trained, by validation AP.

Estimators in ground-truth boxes, as the authors of paper 000 chose an expert's epoch; detectors by their boxes;
one-shot networks by their landmarks.
"""

import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from hemline.detection import Detector, detect_images
from hemline.estimation import Estimator
from hemline.evaluation import evaluate_boxes, read_box_results, read_truth
from hemline.evaluation.rating import Rater
from hemline.files import read_json, write_json
from hemline.inference.pipeline import Estimators, see_boxes
from hemline.inference.tables import GarmentTable
from hemline.oneshot import OneShot, find_images
from hemline.oneshot.predictor import FIND
from hemline.params import DetectSettings, EstimateSettings, OneShotRow, Params
from hemline.training import save_weights
from hemline.wardrobe import category

TRUTH = Path("data/coco/validation-independent.json")
BOXES = Path("results/boxes/ground-truth/validation.json")

# The authors' yaml (see `estimate` in params/paper.yaml), whatever `estimate` says: another score in the tables is no
# reason to train the experts again.
AUTHORS = EstimateSettings(
    shift_heatmap=True, score="all", score_threshold=0.2, box_score_threshold=0.01, batch_size=64
)


def validation_ap(params: Params, slug: str | None, estimator: Estimator) -> float:
    """AP of the category's validation garments, or with None the mean over all categories; 0 where there are none."""
    name = None if slug is None else category(slug).name
    with tempfile.TemporaryDirectory() as folder:
        boxes = Path(folder) / "boxes.json"
        wanted = [box for box in read_json(BOXES) if slug is None or box["category_id"] == category(slug).id]
        write_json(boxes, wanted)
        sightings = see_boxes(
            boxes,
            TRUTH,
            Path(params.data.validation) / "image",
            Estimators(estimator),
            AUTHORS,
            flip_test=False,
            title=f"{slug or 'all categories'}, validation",
        )
    numbers = Rater(read_truth(TRUTH)).rate(sightings.table(AUTHORS))
    return max(0.0, (numbers["AP"] if name is None else numbers["per_category"][name]) or 0.0)


def validation_box_ap(params: Params, name: str, model: Any, test: DetectSettings | None = None) -> float:
    """Box AP of the detector `name`, whose network in training is `model`; run as `test` says, or plainly.

    A copy of it is run, as a trained one is: running one takes parts of it away.
    """
    settings = getattr(params.detector, name)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        save_weights(model, out / "weights.pt")
        write_json(out / "settings.json", settings.model_dump(mode="json"))
        detector = Detector.load(out, test)
        pictures = Path(params.data.validation) / "image"
        write_json(out / "boxes.json", detect_images(detector, TRUTH, pictures, title=f"{name}, validation"))
        truth = read_truth(TRUTH)
        return float(evaluate_boxes(truth, read_box_results(out / "boxes.json", truth))["AP"])


def validation_oneshot_ap(params: Params, name: str, model: Any) -> float:
    """Landmark AP of the one-shot network `name`, whose network in training is `model`: no flips, soft-NMS,
    CenterNet's decoding whatever `oneshot.find` says.
    """
    row = OneShotRow(
        network=name, suppression="soft-nms", flip_test=False, scales=(1.0,), splits=("validation",)
    )
    oneshot = OneShot(deepcopy(model), params.oneshot.settings(name), row, FIND)
    pictures = Path(params.data.validation) / "image"
    garments = list(find_images(oneshot, TRUTH, pictures, title=f"{name}, validation"))
    return max(0.0, Rater(read_truth(TRUTH)).rate(GarmentTable.of(garments))["AP"] or 0.0)
