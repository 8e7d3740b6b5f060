"""evaluate@ABLATION: landmark AP, visible + occluded and visible only; box AP; per category; intervals."""

from pathlib import Path
from typing import Any

from hemline.evaluation import evaluate_ablation
from hemline.files import write_json
from hemline.params import Params, load_params
from hemline.reporting import paper
from hemline.reporting.evidence import paper_ap
from hemline.tracking import Recorder
from stages.stage import main, read_by, recorded

COCO = Path("data/coco")


def evaluate(name: str) -> None:
    """Write metrics/evaluate/NAME.json."""
    params = load_params()
    settings = params.evaluate
    tags = {"ablation": name, **paper_tags(params, name)}
    shown = {
        "evaluate": {"resamples": settings.resamples, "seed": settings.seed},
        "row": row_settings(params, name),
    }
    with recorded(f"evaluate@{name}", shown, **tags) as run:
        landmarks = Path("results/landmarks") / name / "validation.json"
        boxes = Path("results/boxes") / settings.rows[name] / "validation.json"
        measure(run, params, landmarks, boxes, out=Path("metrics/evaluate") / f"{name}.json")


def measure(run: Recorder, params: Params, landmarks: Path | None, boxes: Path, out: Path) -> None:
    """Evaluate a row on the validation pictures, some networks' by boxes alone; write and record the numbers."""
    read_by(run, "validation", COCO / "validation-independent.json")
    metrics = evaluate_ablation(
        COCO / "validation-independent.json",
        COCO / "validation-visible.json",
        landmarks,
        boxes,
        resamples=params.evaluate.resamples,
        seed=params.evaluate.seed,
        wardrobe=params.wardrobe,
    )
    write_json(out, metrics)
    run.log(metrics)


def row_settings(params: Params, name: str) -> dict[str, Any]:
    """What makes the row: under the same names for all, so that MLflow's comparison lines them up."""
    keys = ("boxes", "estimator", "experts", "flip_test", "passes")
    names = params.ensemble.members if name == "ensemble" else (name,)
    rows = [params.ablations[one].model_dump() for one in names]
    return {key: " + ".join(dict.fromkeys(str(row[key]) for row in rows)) for key in keys}


def paper_tags(params: Params, name: str) -> dict[str, str]:
    """Where paper 000 has this row, and its numbers: AP of the landmarks (`paper.cell`) and of the boxes."""
    ap = paper_ap(params, name)
    if ap is None:
        return {}
    table, box_ap = "1" if name == "ensemble" else "2", paper.box_ap_of(params.evaluate.rows[name])
    boxes = {} if box_ap is None else {"paper.box_ap": f"{box_ap:.3f}"}
    return {"paper": "000", "paper.table": table, "paper.cell": f"{ap:.3f}", **boxes}


if __name__ == "__main__":
    main(evaluate)
