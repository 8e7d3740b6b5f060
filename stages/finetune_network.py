"""finetune_network@CATEGORY-NAME: an expert, made of a network of all categories."""

from pathlib import Path

from hemline.params import EstimatorSettings, Params, load_params
from hemline.training.launching import launch
from stages.finetune import train_on_one
from stages.stage import Attempt, main
from stages.train_network import MODELS

EXPERTS = Path("networks/experts")


def finetune_network(slug: str, name: str) -> None:
    """Write networks/experts/NAME/CATEGORY, starting from networks/models/NAME."""
    params = load_params()
    launch(params.networks.finetuning(name).gpus)
    train(params, slug, name, Attempt(f"finetune_network@{slug}-{name}", EXPERTS / name / slug))


def train(params: Params, slug: str, name: str, attempt: Attempt) -> None:
    """Finetune the network `name` to a category with these params."""
    network, training = params.networks.trained[name].network, params.networks.finetuning(name)
    settings = EstimatorSettings(network=network, training=training)
    train_on_one(
        params,
        settings,
        slug,
        MODELS / name,
        attempt,
        {"networks": {"trained": {name: settings.model_dump()}}},
        title=f"expert {slug} of {name}",
        judged=training.patience is not None,
        new_outputs=training.new_outputs,
        network=name,
    )


if __name__ == "__main__":
    main(finetune_network)
