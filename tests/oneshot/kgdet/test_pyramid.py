"""The pyramid's levels are those of mmdet's FPN."""

import pytest
import torch
from mmdet.registry import MODELS

from hemline.oneshot.kgdet.pyramid import preprocessor, pyramid
from hemline.params.dense import DenseSettings
from tests.oneshot.kgdet.networks import TRAINING

CHANNELS = [8, 16, 32, 64]


def settings(levels: tuple[int, ...], init: str | None = None) -> DenseSettings:
    return DenseSettings.model_validate(
        {
            "backbone": {"type": "ResNet", "depth": 18, "base_channels": 8, "init": init},
            "fpn_channels": 8,
            "levels": levels,
            "head_width": 8,
            "head_convs": 1,
            "image_size": (64, 64),
            **TRAINING,
        }
    )


def inputs() -> list[torch.Tensor]:
    return [
        torch.randn(2, channels, 48 >> stage, 72 >> stage, requires_grad=True)
        for stage, channels in enumerate(CHANNELS)
    ]


def necks(levels: tuple[int, ...], extra: str) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Ours and mmdet's, with the same weights."""
    config = pyramid(settings(levels), {"type": "GN", "num_groups": 4}, extra)["neck"]
    ours = MODELS.build({"_scope_": "mmdet", **config})
    ours.init_weights()
    whole = MODELS.build(
        {
            "_scope_": "mmdet",
            **{name: value for name, value in config.items() if name != "levels"},
            "type": "FPN",
        }
    )
    whole.load_state_dict(ours.state_dict())
    return ours, whole


LEVELS = [(2, 3), (2, 3, 4, 5, 6), (3, 4, 5, 6, 7), (4, 5, 6), (5, 6, 7), (6, 7), (5,)]


@pytest.mark.parametrize("extra", ["on_input", "on_output", "pool"])
@pytest.mark.parametrize("levels", LEVELS)
def test_levels_are_those_of_mmdet(levels, extra):
    torch.manual_seed(0)
    ours, whole = necks(levels, extra)
    maps = inputs()
    found, wanted = ours(maps), whole(maps)
    assert len(found) == len(levels)
    for level, one in zip(levels, found, strict=True):
        torch.testing.assert_close(one, wanted[level - 2 - whole.start_level])


@pytest.mark.parametrize("levels", LEVELS)
def test_what_learns_has_a_gradient(levels):
    """Weights that learn and never get a gradient would stop a training on several GPUs."""
    neck, _ = necks(levels, "on_input")
    sum(one.square().sum() for one in neck(inputs())).backward()
    for name, weights in neck.named_parameters():
        assert (weights.grad is not None) == weights.requires_grad, name


def test_kgdets_pyramid_has_weights_for_p3_and_p4_too():
    neck, _ = necks((5, 6, 7), "on_input")
    assert len(neck.fpn_convs) == 5 and len(neck.lateral_convs) == 3


def test_only_a_pretrained_backbone_is_frozen():
    pretrained = pyramid(settings((3, 4), init="resnet18-imagenet"), None, "on_input")["backbone"]
    assert pretrained["frozen_stages"] == 1 and pretrained["norm_eval"]
    new = pyramid(settings((3, 4)), None, "on_input")["backbone"]
    assert new["frozen_stages"] == -1 and not new["norm_eval"]


def test_pictures_are_normalised_as_rgb_and_padded():
    processor = MODELS.build({"_scope_": "mmdet", **preprocessor()})
    picture = torch.zeros(3, 40, 50, dtype=torch.uint8)
    picture[2] = 155  # red, of blue, green, red
    batch = processor({"inputs": [picture], "data_samples": None})["inputs"]
    assert batch.shape == (1, 3, 64, 64)
    torch.testing.assert_close(
        batch[0, :, 0, 0],
        torch.tensor([0.008 / 62.757, -146.197 / 64.507, -140.744 / 62.076]),
        rtol=1e-3,
        atol=1e-5,
    )
    assert (batch[0, :, 40:] == 0).all()
