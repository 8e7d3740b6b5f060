"""estimate@ABLATION: the landmarks of one row of paper 000's Table 2."""

from pathlib import Path

from hemline.inference.garments import write_results
from hemline.inference.pipeline import Estimators, estimate_boxes
from hemline.params import load_params
from stages.stage import main, read_by, recorded

IMAGES = {"validation": "data/coco/validation-independent.json", "test": "data/coco/test.json"}


def estimate(name: str) -> None:
    """Write results/landmarks/NAME/{validation,test}.json, for the splits that the row names."""
    params = load_params()
    row = params.ablations[name]
    shown = {"ablations": {name: row.model_dump()}, "estimate": params.estimate.model_dump()}
    with recorded(f"estimate@{name}", shown, ablation=name) as run:
        experts = None if row.experts == "none" else Path("models/experts") / row.experts
        estimators = Estimators.load(
            Path("models/estimators") / row.estimator, experts, params.finetune.categories
        )
        for split in row.splits:
            read_by(run, split, Path(IMAGES[split]))
            garments = estimate_boxes(
                Path("results/boxes") / row.boxes / f"{split}.json",
                Path(IMAGES[split]),
                Path(getattr(params.data, split)) / "image",
                estimators,
                params.estimate,
                flip_test=row.flip_test,
                title=f"{name}, {split}",
            )
            count = write_results(Path("results/landmarks") / name / f"{split}.json", garments)
            run.log({f"{split}.garments": count})


if __name__ == "__main__":
    main(estimate)
