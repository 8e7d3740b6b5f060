"""An estimator judged as the authors of paper 000 chose an expert's epoch: by validation AP in ground-truth boxes."""

import tempfile
from pathlib import Path

from hemline.estimation import Estimator
from hemline.evaluation import read_truth
from hemline.evaluation.rating import Rater
from hemline.files import read_json, write_json
from hemline.inference.pipeline import Estimators, see_boxes
from hemline.params import EstimateSettings, Params
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
