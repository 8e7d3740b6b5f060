"""The whole network: CenterNet's size, its pictures' colours, and a step that reaches every weight."""

import json

import pytest
import torch

from hemline.oneshot.network import bare_oneshot, build_oneshot, oneshot_config
from hemline.params import load_params, network_settings
from tests.oneshot.garments import DEEPFASHION2

PAPER, DEMO = (load_params(f"params/{name}.yaml").oneshot for name in ("paper", "demo"))


def weightless(settings):
    with torch.device("meta"):
        return bare_oneshot(settings, DEEPFASHION2)


# Weights of CenterNet's networks with DeepMark's heads (hm 13, wh 2, reg 2, hps 588, hm_hp 294, hp_offset 2), counted
# with CenterNet's own code: DLASeg with head_conv 256, HourglassNet. Nothing goes through 41,728 of DLASeg's, which
# ours leaves out (test_backbones.py).
DLASEG, HOURGLASSNET, IDLE = 20_328_997, 195_244_426, 41_728


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("dla", DLASEG - IDLE),
        ("hourglass", HOURGLASSNET),
        # three of a landmark's channels each: heatmap and coarse x, y
        ("dla-aggregated", DLASEG - IDLE - 3 * (294 - 81) * (256 + 1)),
    ],
)
def test_as_large_as_centernets(name, parameters):
    model = weightless(PAPER.networks[name])
    assert sum(weights.numel() for weights in model.parameters()) == parameters


@pytest.mark.parametrize("name", ["dla", "hourglass", "dla-aggregated"])
def test_the_maps_are_a_quarter_of_the_picture(name):
    settings = PAPER.networks[name]
    model = weightless(settings)
    features = model.extract_feat(torch.empty(1, 3, 512, 512, device="meta"))
    assert [tuple(one.shape) for one in features] == [
        (1, settings.backbone.features, 128, 128)
    ] * settings.backbone.stacks
    channels = {"independent": 294, "aggregated": 81}[settings.grouping]
    found = {key: branch[-1](features[-1]).shape for key, branch in model.bbox_head.branches.items()}
    sizes = {"centre": 13, "size": 2, "offset": 2, "coarse": 2 * channels, "heatmap": channels}
    assert found == {key: (1, size, 128, 128) for key, size in {**sizes, "landmark_offset": 2}.items()}


def test_pictures_are_normalised_as_centernets():
    """Blue, green, red, of 0 to 255; (value / 255 - mean) / std."""
    model = build_oneshot(DEMO.networks["dla"], DEEPFASHION2)
    picture = torch.tensor([104, 114, 120], dtype=torch.uint8).reshape(3, 1, 1).expand(3, 32, 32)
    found = model.data_preprocessor({"inputs": [picture]})["inputs"][0, :, 0, 0]
    expected = [(104 / 255 - 0.40789654) / 0.28863828, (114 / 255 - 0.44719302) / 0.27408164]
    expected.append((120 / 255 - 0.47026115) / 0.27809835)
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["dla", "hourglass"])
def test_weights_are_drawn_from_the_seed(name):
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(build_oneshot(DEMO.networks[name], DEEPFASHION2).state_dict())
    assert all(torch.equal(drawn[0][key], drawn[1][key]) for key in drawn[0])
    weights = [key for key, value in drawn[0].items() if value.ndim == 4 and ".ups." not in key]
    assert len(weights) > 20
    assert not any(torch.equal(drawn[0][key], drawn[2][key]) for key in weights)


@pytest.mark.parametrize("changes", [{}, {"deformable": True}])
def test_a_step_reaches_every_weight_of_a_small_dla(changes):
    settings = DEMO.networks["dla"].model_dump(mode="json")
    settings["backbone"].update(changes)
    model = build_oneshot(network_settings(settings), DEEPFASHION2)
    (features,) = model.extract_feat(torch.rand(2, 3, 64, 64))
    sum(branch[0](features).square().mean() for branch in model.bbox_head.branches.values()).backward()
    assert [name for name, weights in model.named_parameters() if weights.grad is None] == []


def test_the_config_is_plain_data():
    """It is written beside a training, and read by other processes."""
    model = oneshot_config(PAPER.networks["hourglass"], DEEPFASHION2).model.to_dict()
    assert json.loads(json.dumps(model))["backbone"]["type"] == "StackedHourglass"


def test_the_network_is_found_whatever_scope_is_the_default():
    """A process may have run an estimator before, whose scope is mmpose's."""
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope("mmpose"):
        assert type(bare_oneshot(DEMO.settings("hourglass"), DEEPFASHION2)).__name__ == "DeepMark"
