"""How the authors of paper 000 chose an expert's epoch: by validation AP in ground-truth boxes."""

import tempfile
from pathlib import Path

from hemline.estimation import Estimator
from hemline.evaluation import evaluate_landmarks, read_landmark_results, read_truth
from hemline.files import read_json, write_json
from hemline.inference.garments import write_results
from hemline.inference.pipeline import Estimators, estimate_boxes
from hemline.params import EstimateSettings, Params
from hemline.wardrobe import category

TRUTH = Path("data/coco/validation-independent.json")
BOXES = Path("results/boxes/ground-truth/validation.json")

# The authors' yaml (see `estimate` in params/paper.yaml), whatever `estimate` says: another score in the tables is no
# reason to train the experts again.
AUTHORS = EstimateSettings(
    shift_heatmap=True, score="all", score_threshold=0.2, box_score_threshold=0.01, batch_size=64
)


def validation_ap(params: Params, slug: str, estimator: Estimator) -> float:
    """AP of the category's validation garments; 0 where there are none."""
    entry = category(slug)
    pictures = Path(params.data.validation) / "image"
    with tempfile.TemporaryDirectory() as folder:
        boxes, results = Path(folder) / "boxes.json", Path(folder) / "results.json"
        write_json(boxes, [box for box in read_json(BOXES) if box["category_id"] == entry.id])
        found = estimate_boxes(
            boxes,
            TRUTH,
            pictures,
            Estimators(estimator),
            AUTHORS,
            flip_test=False,
            title=f"{slug}, validation",
        )
        write_results(results, found)
        truth = read_truth(TRUTH)
        numbers = evaluate_landmarks(truth, read_landmark_results(results, truth))
    return numbers["per_category"][entry.name] or 0.0
