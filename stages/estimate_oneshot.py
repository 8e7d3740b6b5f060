"""estimate_oneshot@ROW: garments and landmarks of one row of paper 001's tables."""

from pathlib import Path
from typing import Any

from hemline.files import write_json
from hemline.inference.garments import write_results
from hemline.oneshot.finding import OneShot, find_images
from hemline.params import Params, load_params
from stages.stage import main, read_by, recorded

IMAGES = {"validation": "data/coco/validation-independent.json", "test": "data/coco/test.json"}
RESULTS = Path("oneshot/results")


def estimate_oneshot(name: str) -> None:
    """Write oneshot/results/ROW/{landmarks,boxes}-{validation,test}.json, for the splits that the row names."""
    params = load_params()
    row = params.oneshot.rows[name]
    shown = {"oneshot": {"rows": {name: row.model_dump()}, "find": params.oneshot.find.model_dump()}}
    with recorded(f"estimate_oneshot@{name}", shown, ablation=name) as run:
        oneshot = row_network(params, name)
        for split in row.splits:
            read_by(run, split, Path(IMAGES[split]))
            folder = Path(getattr(params.data, split)) / "image"
            boxes: list[dict[str, Any]] = []
            garments = find_images(
                oneshot, Path(IMAGES[split]), folder, title=f"{name}, {split}", boxes=boxes
            )
            count = write_results(RESULTS / name / f"landmarks-{split}.json", garments)
            write_json(RESULTS / name / f"boxes-{split}.json", boxes, indent=None)
            run.log({f"{split}.garments": count})


def row_network(params: Params, name: str) -> OneShot:
    """The row's network, run as the row says."""
    row = params.oneshot.rows[name]
    return OneShot.load(Path("oneshot/models") / row.network, row, params.oneshot.find)


if __name__ == "__main__":
    main(estimate_oneshot)
