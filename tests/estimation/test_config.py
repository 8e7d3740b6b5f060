"""How the learning rate goes, and which optimiser has it."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS

from hemline.estimation.config import schedule, training_config
from hemline.params import EstimatorSettings, EstimatorTraining, load_params
from hemline.wardrobe import grouping, wardrobe

ROOT = Path(__file__).parents[2]
STEPS = 10  # an epoch


def rates(**values):
    """The learning rate of each step of six epochs, by mmengine's schedulers."""
    augmentation = {"rotation": 0, "scale": 0, "probability": 0, "flip": False}
    training = EstimatorTraining.model_validate(
        {
            "epochs": 6,
            "milestones": (),
            "lr": 0.1,
            "batch_size": 1,
            "seed": 0,
            "augmentation": augmentation,
            **values,
        }
    )
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedulers = []
    for entry in schedule(training):
        kind = PARAM_SCHEDULERS.get(entry.pop("type"))
        make = kind
        if entry.pop("convert_to_iter_based", False):
            entry["epoch_length"] = STEPS
            make = kind.build_iter_from_epoch
        schedulers.append(make(optimizer=optimizer, **entry))
    found = []
    for step in range(6 * STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        for scheduler in schedulers:
            if not scheduler.by_epoch or step % STEPS == STEPS - 1:
                scheduler.step()
    return found


def test_a_tenth_at_each_milestone():
    found = rates(milestones=(2, 4))
    assert found[::STEPS] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_without_milestones_a_cosine_to_zero():
    found = rates()
    assert found[0] == 0.1 and found[30] == pytest.approx(0.05, abs=0.002) and found[-1] < 0.001
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("steps", [2, 5])
@pytest.mark.parametrize("milestones", [(), (4,)])
def test_a_warm_up_rises_in_a_line_to_where_the_rest_goes_on(milestones, steps):
    found, without = rates(warmup_steps=steps, milestones=milestones), rates(milestones=milestones)
    assert found[0] == pytest.approx(0.1 * 0.05) and found[:steps] == sorted(found[:steps])
    assert found[steps:] == pytest.approx(without[steps:], rel=0.02)


SGD = {"type": "SGD", "momentum": 0.9, "fused": True}


@pytest.mark.parametrize(
    ("name", "network", "wanted"),
    [
        ("paper", None, {"type": "Adam", "lr": 1e-3, "weight_decay": 0.0, "fused": True}),
        ("fashionai-paper", "cpn", {**SGD, "lr": 1e-4, "weight_decay": 1e-5}),
        ("fashionai-paper", "fpm", {"type": "Adam", "lr": 1e-4, "weight_decay": 0.0, "fused": True}),
    ],
)
def test_the_optimiser_is_that_of_the_params(name, network, wanted):
    """Whatever the recipe's file says; torch takes it as it stands."""
    params = load_params(ROOT / f"params/{name}.yaml")
    trained = params.networks.trained[network] if network else params.estimator.settings("aggregated")
    chosen = EstimatorSettings(network=trained.network, training=trained.training)
    aggregated = grouping(wardrobe(params.data.wardrobe), "aggregated")
    found = training_config(chosen, aggregated, Path("train.json"), Path("image")).optim_wrapper.optimizer
    assert found == wanted
    options = {key: value for key, value in found.items() if key != "type"}
    getattr(torch.optim, found["type"])([torch.nn.Parameter(torch.zeros(1))], **options)
