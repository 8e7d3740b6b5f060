"""estimate@ABLATION: the landmarks of one row of paper 000's Table 2."""

from pathlib import Path
from typing import Any

from hemline.inference.garments import write_results
from hemline.inference.pipeline import Estimators, estimate_boxes, see_boxes
from hemline.inference.sightings import Sightings
from hemline.params import Params, load_params
from stages.stage import main, read_by, recorded

IMAGES = {"validation": "data/coco/validation-independent.json", "test": "data/coco/test.json"}


def estimate(name: str) -> None:
    """Write results/landmarks/NAME/{validation,test}.json, for the splits that the row names."""
    params = load_params()
    row = params.ablations[name]
    shown = {"ablations": {name: row.model_dump()}, "estimate": params.estimate.model_dump()}
    with recorded(f"estimate@{name}", shown, ablation=name) as run:
        estimators = row_estimators(params, name)
        for split in row.splits:
            read_by(run, split, Path(IMAGES[split]))
            garments = estimate_boxes(**question(params, name, split), estimators=estimators)
            count = write_results(Path("results/landmarks") / name / f"{split}.json", garments)
            run.log({f"{split}.garments": count})


def see(params: Params, name: str, split: str) -> Sightings:
    """What the row's networks say of a split's boxes: what its landmarks are made of."""
    return see_boxes(**question(params, name, split), estimators=row_estimators(params, name))


def row_estimators(params: Params, name: str) -> Estimators:
    """Who serves the row: its estimator, and its experts if it has them."""
    row = params.ablations[name]
    experts = None if row.experts == "none" else Path("models/experts") / row.experts
    return Estimators.load(Path("models/estimators") / row.estimator, experts, params.finetune.categories)


def question(params: Params, name: str, split: str) -> dict[str, Any]:
    """What the row's estimators are asked about a split: its boxes and pictures, and how."""
    row = params.ablations[name]
    return {
        "boxes": Path("results/boxes") / row.boxes / f"{split}.json",
        "images": Path(IMAGES[split]),
        "folder": params.data.pictures(split),
        "settings": params.estimate,
        "flip_test": row.flip_test,
        "passes": row.passes,
        "title": f"{name}, {split}",
    }


if __name__ == "__main__":
    main(estimate)
