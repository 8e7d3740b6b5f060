"""estimate_oneshot@ROW: garments and landmarks of one row of paper 001's or 003's tables."""

from collections import deque
from pathlib import Path
from typing import Any

from hemline.files import write_json
from hemline.inference.garments import write_results
from hemline.oneshot.finding import OneShot, find_images
from hemline.params import Params, load_params
from stages.stage import main, read_by, recorded
from stages.train_oneshot import model_folder

IMAGES = {"validation": "data/coco/validation-independent.json", "test": "data/coco/test.json"}
RESULTS = Path("oneshot/results")


def estimate_oneshot(name: str) -> None:
    """Write oneshot/results/PAGE/ROW/{landmarks,boxes}-{validation,test}.json, for the splits that the row names.

    A network without landmarks writes boxes alone.
    """
    params = load_params()
    row = params.oneshot.rows[name]
    shown = {"oneshot": {"rows": {name: row.model_dump()}, "find": params.oneshot.find.model_dump()}}
    with recorded(f"estimate_oneshot@{name}", shown, ablation=name) as run:
        oneshot, out = row_network(params, name), RESULTS / row.page / name
        for split in row.splits:
            read_by(run, split, Path(IMAGES[split]))
            folder = params.data.pictures(split)
            boxes: list[dict[str, Any]] = []
            garments = find_images(
                oneshot, Path(IMAGES[split]), folder, title=f"{name}, {split}", boxes=boxes
            )
            if oneshot.settings.grouping is None:
                deque(garments, maxlen=0)  # there are none: the boxes are all
            else:
                write_results(out / f"landmarks-{split}.json", garments)
            write_json(out / f"boxes-{split}.json", boxes, indent=None)
            run.log({f"{split}.garments": len(boxes)})


def row_network(params: Params, name: str) -> OneShot:
    """The row's network, run as the row says."""
    row = params.oneshot.rows[name]
    return OneShot.load(model_folder(params, row.network), row, params.oneshot.find)


if __name__ == "__main__":
    main(estimate_oneshot)
