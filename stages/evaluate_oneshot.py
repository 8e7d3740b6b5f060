"""evaluate_oneshot@ROW: a one-shot row, measured as the two-stage ones are."""

from pathlib import Path
from typing import Any

from hemline.params import BackboneSettings, Params, load_params
from hemline.reporting.kgdet.evidence import paper_aps
from hemline.reporting.oneshot.evidence import paper_result
from stages.evaluate import measure
from stages.stage import main, recorded

RESULTS, METRICS = Path("oneshot/results"), Path("metrics/oneshot")


def evaluate_oneshot(name: str) -> None:
    """Write metrics/oneshot/PAGE/NAME.json."""
    params = load_params()
    settings, row = params.evaluate, params.oneshot.rows[name]
    shown = {
        "evaluate": {"resamples": settings.resamples, "seed": settings.seed},
        "row": row_settings(params, name),
    }
    with recorded(f"evaluate_oneshot@{name}", shown, ablation=name, **paper_tags(params, name)) as run:
        folder = RESULTS / row.page / name
        alone = params.oneshot.settings(row.network).grouping is None
        landmarks = None if alone else folder / "landmarks-validation.json"
        out = METRICS / row.page / f"{name}.json"
        measure(run, params, landmarks, folder / "boxes-validation.json", out)


def row_settings(params: Params, name: str) -> dict[str, Any]:
    """What makes the row: under the same names for all, so that MLflow's comparison lines them up."""
    row = params.oneshot.rows[name]
    network = params.oneshot.settings(row.network)
    depth = f"-{network.backbone.depth}" if isinstance(network.backbone, BackboneSettings) else ""
    values = {
        "network": row.network,
        "type": network.type,
        "backbone": f"{network.backbone.type}{depth}",
        "grouping": network.grouping,
        "suppression": row.suppression,
        "flip_test": row.flip_test,
        "scales": " + ".join(f"{scale:g}" for scale in row.scales),
    }
    return {key: str(value) for key, value in values.items()}


def paper_tags(params: Params, name: str) -> dict[str, str]:
    """Where the page's paper has this row, and its numbers: AP of the landmarks (`paper.cell`) and of the boxes."""
    found = (_paper_001 if params.oneshot.rows[name].page == "deepmark" else _paper_003)(params, name)
    if found is None:
        return {}
    paper, table, ap, box_ap = found
    numbers = {"paper.cell": ap, "paper.box_ap": box_ap}
    shown = {key: f"{value:.3f}" for key, value in numbers.items() if value is not None}
    return {"paper": paper, "paper.table": table, **shown}


def _paper_001(params: Params, name: str) -> tuple[str, str, float, float] | None:
    found = paper_result(params, name)
    return None if found is None else ("001", found.table, found.landmarks["AP"], found.boxes["AP"])


def _paper_003(params: Params, name: str) -> tuple[str, str, float | None, float] | None:
    found = paper_aps(params, name)
    return None if found is None else ("003", *found)


if __name__ == "__main__":
    main(evaluate_oneshot)
