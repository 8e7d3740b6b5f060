"""The height of targets, of CPM and hourglasses alike: as a CPN's, whose optimiser and rate they can then have."""

import numpy as np
import pytest
import torch

from hemline.estimation import Estimator, build_estimator
from hemline.params import load_params
from tests.estimation.networks.staged import (
    AGGREGATED,
    CPM,
    HOURGLASS,
    garments_as_batch,
    skirts,
    targets_and_weights,
    trained,
)
from tests.estimation.wardrobes import picture

NETWORKS = pytest.mark.parametrize("network", [CPM, HOURGLASS], ids=["cpm", "hourglass"])


def high(network, scale=255.0):
    return network.model_copy(update={"target_scale": scale})


def built(network):
    """The same weights whatever the height of targets."""
    torch.manual_seed(0)
    return build_estimator(network, 81).eval()


@NETWORKS
@pytest.mark.parametrize(("scale", "times"), [(1.0, 1000), (10.0, 10), (40.0, 1), (255.0, 1)])
def test_the_loss_is_a_mean_square_that_counts_a_thousand_times_or_less(tmp_path, network, scale, times):
    model = built(high(network, scale))
    batch = garments_as_batch(tmp_path, network, skirts(labelled=3), model)
    losses = model(**batch, mode="loss")
    targets, weights = targets_and_weights(batch)
    assert targets.max() == 1
    with torch.no_grad():
        stages = [maps.numpy() for maps in model.head.maps(model.extract_feat(batch["inputs"]))]
    for number, maps in enumerate(stages, start=1):
        squares = (maps - scale * targets) ** 2 * weights[:, :, None, None]
        assert losses[f"loss_stage{number}"].item() == pytest.approx(times * squares.mean(), rel=1e-5)
    assert len(losses) == len(stages)


@NETWORKS
def test_heatmaps_are_1_high_whatever_the_targets(network):
    crops = np.stack([picture(1, 64, 96), picture(2, 64, 96)])
    found = [Estimator(built(one), one, AGGREGATED).outputs(crops) for one in (network, high(network))]
    assert found[0].abs().max() > 0
    assert torch.allclose(found[0], 255 * found[1], rtol=1e-5)


@NETWORKS
def test_the_papers_optimiser_and_rate_bring_the_loss_down(tmp_path, network):
    """The paper set's own. So small a network learns slowly by them, a CPN's too, but from the first step on."""
    training = load_params("params/fashionai-paper.yaml").networks.trained[network.type].training
    assert (training.optimizer, training.lr) == ("SGD", 1e-4)
    kept = {"optimizer": training.optimizer, "weight_decay": training.weight_decay, "milestones": (60,)}
    _, lines = trained(tmp_path, high(network), epochs=60, lr=training.lr, **kept)
    losses = np.array([line["loss"] for line in lines]).reshape(3, 20).mean(axis=1)
    assert losses[0] > losses[1] > losses[2] and lines[0]["loss"] - lines[-1]["loss"] > 0.1


def test_the_paper_set_has_one_height_for_the_networks_that_are_compared():
    networks = load_params("params/fashionai-paper.yaml").networks
    compared = [networks.trained[name] for name in ("cpn", "cpm", "hourglass")]
    assert {one.network.target_scale for one in compared} == {255}
    first = compared[0]
    assert all((one.training, one.finetuning) == (first.training, first.finetuning) for one in compared)
