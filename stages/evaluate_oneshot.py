"""evaluate_oneshot@ROW: a one-shot row, measured as the two-stage ones are."""

from pathlib import Path
from typing import Any

from hemline.params import Params, load_params
from hemline.reporting.oneshot.evidence import paper_result
from stages.evaluate import measure
from stages.stage import main, recorded

RESULTS = Path("oneshot/results")


def evaluate_oneshot(name: str) -> None:
    """Write metrics/oneshot/NAME.json."""
    params = load_params()
    settings = params.evaluate
    shown = {
        "evaluate": {"resamples": settings.resamples, "seed": settings.seed},
        "row": row_settings(params, name),
    }
    with recorded(f"evaluate_oneshot@{name}", shown, ablation=name, **paper_tags(params, name)) as run:
        files = {kind: RESULTS / name / f"{kind}-validation.json" for kind in ("landmarks", "boxes")}
        measure(run, settings, **files, out=Path("metrics/oneshot") / f"{name}.json")


def row_settings(params: Params, name: str) -> dict[str, Any]:
    """What makes the row: under the same names for all, so that MLflow's comparison lines them up."""
    row = params.oneshot.rows[name]
    network = params.oneshot.settings(row.network)
    values = {
        "network": row.network,
        "backbone": network.backbone.type,
        "grouping": network.grouping,
        "suppression": row.suppression,
        "flip_test": row.flip_test,
        "scales": " + ".join(f"{scale:g}" for scale in row.scales),
    }
    return {key: str(value) for key, value in values.items()}


def paper_tags(params: Params, name: str) -> dict[str, str]:
    """Where paper 001 has this row, and its numbers: AP of the landmarks (`paper.cell`) and of the boxes."""
    result = paper_result(params, name)
    if result is None:
        return {}
    numbers = {"paper.cell": result.landmarks["AP"], "paper.box_ap": result.boxes["AP"]}
    shown = {key: f"{value:.3f}" for key, value in numbers.items()}
    return {"paper": "001", "paper.table": result.table, **shown}


if __name__ == "__main__":
    main(evaluate_oneshot)
