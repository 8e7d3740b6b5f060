"""estimate@ABLATION: the landmarks of one row of paper 000's Table 2."""

from pathlib import Path
from typing import Any

from hemline.inference.garments import write_results
from hemline.inference.pipeline import Estimators, estimate_boxes, see_boxes
from hemline.inference.sightings import Sightings
from hemline.params import EstimateRow, Params, load_params
from hemline.tracking import Recorder
from stages.stage import main, read_by, recorded

IMAGES = {"validation": "data/coco/validation-independent.json", "test": "data/coco/test.json"}


def estimate(name: str) -> None:
    """Write results/landmarks/NAME/{validation,test}.json, for the splits that the row names."""
    params = load_params()
    row = params.ablations[name]
    shown = {"ablations": {name: row.model_dump()}, "estimate": params.estimate.model_dump()}
    with recorded(f"estimate@{name}", shown, ablation=name) as run:
        write_landmarks(run, params, name, row, row_estimators(params, name), Path("results/landmarks"))


def write_landmarks(
    run: Recorder, params: Params, name: str, row: EstimateRow, estimators: Estimators, folder: Path
) -> None:
    """Write `folder`/NAME/SPLIT.json for each split of the row: what these estimators find in its boxes."""
    for split in row.splits:
        read_by(run, split, Path(IMAGES[split]))
        garments = estimate_boxes(**question(params, name, row, split), estimators=estimators)
        count = write_results(folder / name / f"{split}.json", garments)
        run.log({f"{split}.garments": count})


def see(params: Params, name: str, split: str) -> Sightings:
    """What the row's networks say of a split's boxes: what its landmarks are made of."""
    asked = question(params, name, params.ablations[name], split)
    return see_boxes(**asked, estimators=row_estimators(params, name))


def row_estimators(params: Params, name: str) -> Estimators:
    """Who serves the row: its estimator, and its experts if it has them."""
    row = params.ablations[name]
    experts = None if row.experts == "none" else Path("models/experts") / row.experts
    return Estimators.load(Path("models/estimators") / row.estimator, experts, params.finetune.categories)


def question(params: Params, name: str, row: EstimateRow, split: str) -> dict[str, Any]:
    """What a row's estimators are asked about a split: its boxes and pictures, and how."""
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
