"""finetune@CATEGORY-VARIANT: an expert (paper 000 sec. 2.2)."""

import tempfile
from functools import partial
from pathlib import Path

from hemline.estimation import Estimator, finetune_expert
from hemline.evaluation import evaluate_landmarks, read_landmark_results, read_truth
from hemline.files import read_json, write_json
from hemline.inference.garments import write_results
from hemline.inference.pipeline import Estimators, estimate_boxes
from hemline.params import EstimatorSettings, Params, load_params
from hemline.wardrobe import category
from stages.stage import main, recorded, state_folder

START = Path("models/estimators/aggregated")
TRUTH = Path("data/coco/validation-independent.json")
BOXES = Path("results/boxes/ground-truth/validation.json")


def finetune(slug: str, variant: str) -> None:
    """Write models/experts/VARIANT/CATEGORY, starting from models/estimators/aggregated."""
    params = load_params()
    training = params.finetune.for_category(slug, variant)
    settings = EstimatorSettings(network=params.estimator.network, training=training)
    annotations = Path(f"data/coco/categories/train-{slug}.json")
    shown = {"finetune": {**settings.model_dump(), "select": params.finetune.select}}
    name = f"finetune@{slug}-{variant}"
    with recorded(name, shown, category=slug, variant=variant) as run:
        finetune_expert(
            settings,
            slug,
            annotations,
            Path(params.data.train) / "image",
            start=START,
            out=Path("models/experts") / variant / slug,
            state=state_folder(name, shown, annotations, START / "weights.pt"),
            title=f"expert {slug} {variant}",
            record=run.epoch,
            judge=partial(validation_ap, params, slug) if params.finetune.select == "best" else None,
        )


def validation_ap(params: Params, slug: str, estimator: Estimator) -> float:
    """AP of the category's validation garments in ground-truth boxes: what the authors chose their epoch by."""
    entry = category(slug)
    with tempfile.TemporaryDirectory() as folder:
        boxes, results = Path(folder) / "boxes.json", Path(folder) / "results.json"
        write_json(boxes, [box for box in read_json(BOXES) if box["category_id"] == entry.id])
        pictures = Path(params.data.validation) / "image"
        found = estimate_boxes(
            boxes, TRUTH, pictures, Estimators(estimator), params.test, flip_test=False, title=f"{slug}, validation"
        )
        write_results(results, found)
        truth = read_truth(TRUTH)
        numbers = evaluate_landmarks(truth, read_landmark_results(results, truth))
    return numbers["per_category"][entry.name] or 0.0


if __name__ == "__main__":
    main(finetune)
