"""The network and its recipe: what carries loss, what the paper's size is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmpose.registry import KEYPOINT_CODECS

from hemline.estimation import build_estimator
from hemline.estimation.codecs import codec
from hemline.estimation.network import output_keys, recipe
from hemline.params import HRNetSettings, load_params
from hemline.wardrobe import grouping
from tests.estimation.wardrobes import (
    DEEPFASHION2,
    NETWORK,
    batch_of,
    landmarks,
    settings,
    training_set,
)

ROOT = Path(__file__).parents[2]
BOX = (30.0, 40.0, 80.0, 110.0)
PAPER = HRNetSettings(
    type="hrnet",
    width=48,
    stem_width=64,
    head_width=0,
    blocks=4,
    modules=(1, 4, 3),
    input_size=(384, 512),
    unbiased=False,
    sigma=3.0,
    box_padding=1.25,
)


def loss_of(folder, model, chosen, garments, network=NETWORK):
    """The loss of a batch of garments, as the training computes it."""
    given = settings(augment=False).model_copy(update={"network": network})
    batch = batch_of(model, training_set(given, chosen, garments, folder))
    return model(batch["inputs"], batch["data_samples"], mode="loss")["loss_kpt"]


@pytest.mark.parametrize("name", ["aggregated", "independent"])
@pytest.mark.parametrize("category_id", [1, 3, 9])
def test_only_a_categorys_own_labelled_channels_learn(tmp_path, name, category_id):
    chosen = grouping(DEEPFASHION2, name)
    model = build_estimator(NETWORK, chosen.size)
    model.init_weights()
    points = landmarks(category_id, BOX)
    points[-1] = 0
    loss_of(
        tmp_path, model, chosen, [(1, category_id, BOX, points), (2, category_id, BOX, points)]
    ).backward()
    moved = model.head.final_layer.weight.grad.abs().sum(dim=(1, 2, 3)) > 0
    assert np.flatnonzero(moved).tolist() == sorted(chosen.channels(category_id)[:-1])


def test_the_recipe_is_the_papers():
    config = recipe(PAPER, 81)
    stages = config.model.backbone.extra
    assert stages.stage1.num_channels == (64,) and stages.stage1.num_blocks == (4,)
    assert [stages[f"stage{stage}"].num_modules for stage in (2, 3, 4)] == [1, 4, 3]
    assert stages.stage4.num_channels == (48, 96, 192, 384)
    assert config.model.head.out_channels == 81
    assert config.model.head.decoder == {
        "type": "MSRAHeatmap",
        "input_size": (384, 512),
        "heatmap_size": (96, 128),
        "sigma": 3.0,
    }
    assert config.model.head.loss.use_target_weight


@pytest.mark.parametrize(("sigma", "kernel"), [(2 / 3, 3), (1.0, 5), (2.0, 11), (3.0, 17)])
def test_unbiased_landmarks_are_found_between_pixels(sigma, kernel):
    """Targets on whole pixels leave up to half a heatmap pixel, two of the crop; DARK a twelfth."""
    points = np.random.default_rng(0).uniform((30, 30), (66, 98), (1, 50, 2)).astype(np.float32)
    errors = {}
    for unbiased in (False, True):
        network = PAPER.model_copy(update={"input_size": (96, 128), "sigma": sigma, "unbiased": unbiased})
        assert codec(network).get("blur_kernel_size") == (kernel if unbiased else None)
        tool = KEYPOINT_CODECS.build(codec(network))
        found, _ = tool.decode(tool.encode(points, np.ones((1, 50), dtype=np.float32))["heatmaps"])
        errors[unbiased] = np.abs(found - points).max()
    assert errors[True] < 1 / 3 < 1.5 < errors[False]


def test_nothing_is_downloaded():
    text = str(recipe(NETWORK, 81).model)
    assert "Pretrained" not in text and "http" not in text


def test_small_and_large_networks_are_of_one_family():
    small, large = (recipe(size, 81).model for size in (NETWORK, PAPER))
    assert small.keys() == large.keys()
    assert small.backbone.type == large.backbone.type == "HRNet"
    assert small.head.type == large.head.type == "HeatmapHead"
    assert small.backbone.extra.keys() == large.backbone.extra.keys()


STAGES = {
    "backbone.stem.9.conv",
    "backbone.out_convs.0.1.conv",
    "backbone.out_convs.1.1.conv",
}  # of a pose machine
OUTPUTS = {
    "hrnet": {"head.final_layer"},
    "cpn": {"head.final_layer", *(f"head.global_net.says.{level}.2" for level in range(4))},
    "cpm": STAGES,
    "hourglass": {"head.multi_final_layers.0", "head.multi_final_layers.1"},
    "fpm": STAGES,
    "fashionnet": {"head.coordinates", "head.visibility"},
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_layers_that_make_the_maps_are_known_by_their_size(name):
    """Those that an expert may start without; with their biases, where they have any."""
    trained = load_params(ROOT / "params/fashionai.yaml").networks.trained
    network = trained[name].network if name in trained else NETWORK
    keys = output_keys(network, 24)
    assert {key.rpartition(".")[0] for key in keys} == OUTPUTS[name]
    with torch.device("meta"):
        weights = build_estimator(network, 24).state_dict()
    rows = {len(weights[key]) for key in keys}
    # FPM has the background's map beside the landmarks', FashionNet an x and a y, and three classes of visibility
    assert rows == {"fpm": {25}, "fashionnet": {48, 72}}.get(name, {24})


def test_the_papers_size_takes_a_training_step(tmp_path):
    model = build_estimator(PAPER, 81)
    model.init_weights()
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(63.6e6, rel=0.01)
    before = model.head.final_layer.weight.detach().clone()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = loss_of(
        tmp_path, model, grouping(DEEPFASHION2, "aggregated"), [(1, 5, BOX, landmarks(5, BOX))], network=PAPER
    )
    loss.backward()
    optimizer.step()
    changed = (model.head.final_layer.weight.detach() != before).flatten(1).any(dim=1)
    assert int(changed.sum()) == DEEPFASHION2.category(5).count
    assert torch.isfinite(loss)


def test_a_hidden_layer_of_the_head_is_an_option_of_mmposes():
    model = build_estimator(NETWORK.model_copy(update={"head_width": 24}), 81)
    assert model.head.conv_layers[0].weight.shape == (24, NETWORK.width, 3, 3)
    assert model.head.final_layer.weight.shape == (81, 24, 1, 1)
    plain = build_estimator(NETWORK, 81)
    assert plain.head.final_layer.weight.shape == (81, NETWORK.width, 1, 1)
