"""estimate_network@ROW: the landmarks of one row of `networks`: a network of all categories, or its experts."""

from pathlib import Path

from hemline.inference.pipeline import Estimators
from hemline.params import Params, load_params
from stages.estimate import write_landmarks
from stages.finetune_network import EXPERTS
from stages.stage import main, recorded
from stages.train_network import MODELS

RESULTS = Path("networks/results")


def estimate_network(name: str) -> None:
    """Write networks/results/ROW/{validation,test}.json, for the splits that the row names."""
    params = load_params()
    row = params.networks.rows[name]
    shown = {"networks": {"rows": {name: row.model_dump()}}, "estimate": params.estimate.model_dump()}
    with recorded(f"estimate_network@{name}", shown, ablation=name) as run:
        write_landmarks(run, params, name, row, row_estimators(params, name), RESULTS)


def row_estimators(params: Params, name: str) -> Estimators:
    """Who serves the row: its network, and its experts if it has them."""
    row = params.networks.rows[name]
    experts = EXPERTS / row.network if row.experts else None
    return Estimators.load(MODELS / row.network, experts, params.networks.categories)


if __name__ == "__main__":
    main(estimate_network)
