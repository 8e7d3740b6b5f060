"""train_network@NAME: a network of papers 002 and 004, or one beside them, on the garments of all categories."""

from pathlib import Path

from hemline.params import Params, load_params
from hemline.training.launching import launch
from stages.stage import Attempt, main
from stages.train_estimator import train_on_all

MODELS = Path("networks/models")


def train_network(name: str) -> None:
    """Write networks/models/NAME."""
    params = load_params()
    launch(params.networks.trained[name].training.gpus)
    train(params, name, Attempt(f"train_network@{name}", MODELS / name))


def train(params: Params, name: str, attempt: Attempt) -> None:
    """Train the network `name` with these params."""
    network = params.networks.trained[name]
    shown = {"networks": {"trained": {name: network.model_dump(exclude={"finetuning"})}}}
    groups, init = network.grouping, network.init
    title = f"network {name}"
    train_on_all(params, network.settings, groups, init, attempt, shown, title=title, network=name)


if __name__ == "__main__":
    main(train_network)
