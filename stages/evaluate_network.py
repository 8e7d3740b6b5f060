"""evaluate_network@ROW: a row of `networks`, measured as those of paper 000 are."""

from pathlib import Path

from hemline.params import Params, load_params
from stages.estimate_network import RESULTS
from stages.evaluate import measure
from stages.stage import main, recorded

METRICS = Path("metrics/networks")


def evaluate_network(name: str) -> None:
    """Write metrics/networks/ROW.json."""
    params = load_params()
    settings, row = params.evaluate, params.networks.rows[name]
    shown = {
        "evaluate": {"resamples": settings.resamples, "seed": settings.seed},
        "row": row_settings(params, name),
    }
    with recorded(f"evaluate_network@{name}", shown, ablation=name) as run:
        boxes = Path("results/boxes") / row.boxes / "validation.json"
        measure(run, params, RESULTS / name / "validation.json", boxes, METRICS / f"{name}.json")


def row_settings(params: Params, name: str) -> dict[str, str]:
    """What makes the row: under the same names for all, so that MLflow's comparison lines them up."""
    row = params.networks.rows[name]
    network = params.networks.trained[row.network]
    values = {
        "network": row.network,
        "type": network.network.type,
        "grouping": network.grouping,
        "experts": row.experts,
        "boxes": row.boxes,
        "passes": row.passes,
        "flip_test": row.flip_test,
    }
    return {key: str(value) for key, value in values.items()}


if __name__ == "__main__":
    main(evaluate_network)
