"""The networks are as large as the paper's (003, Table 1), for DeepFashion2's 13 categories and 294 landmarks."""

import pytest
import torch
from mmdet.registry import MODELS
from torch import nn

from hemline.oneshot.kgdet.config import kgdet_model, reppoints_kp_model
from hemline.planning.counting import multiply_adds
from hemline.training.facts import parameter_count
from tests.oneshot.kgdet.networks import kgdet_settings, reppoints_kp_settings

ALONE = list(range(294))


def large(depth: int, levels: tuple[int, ...]) -> dict:
    return {
        "backbone": {"type": "ResNet", "depth": depth, "base_channels": 64},
        "levels": levels,
        "fpn_channels": 256,
        "head_width": 256,
        "head_convs": 3,
    }


def on_meta(model: dict) -> nn.Module:
    with torch.device("meta"):
        return MODELS.build(model).eval()


def kgdet(depth: int = 50, levels: tuple[int, ...] = (5, 6, 7)) -> nn.Module:
    return on_meta(kgdet_model(kgdet_settings(points=(9, 25, 49), **large(depth, levels)), 13, ALONE))


def reppoints_kp(connection: str, depth: int = 50) -> nn.Module:
    settings = reppoints_kp_settings(connection, **large(depth, (3, 4, 5, 6, 7)))
    return on_meta(reppoints_kp_model(settings, 13, ALONE))


def learning(network: nn.Module) -> float:
    """Millions of weights, without the frozen stem and first stage of the backbone: what the table counts."""
    frozen = (network.backbone.conv1, network.backbone.bn1, network.backbone.layer1)
    return (parameter_count(network) - sum(parameter_count(part) for part in frozen)) / 1e6


@pytest.mark.parametrize(("depth", "millions"), [(50, 59.13), (101, 78.13)])
def test_kgdets_weights(depth, millions):
    assert learning(kgdet(depth)) == pytest.approx(millions, abs=0.01)


@pytest.mark.parametrize(("depth", "millions"), [(50, 38.09), (101, 57.08)])
def test_reppoints_kps_weights(depth, millions):
    """The table's is parallel, as its text says; serial has 1.2 million less."""
    assert learning(reppoints_kp("parallel", depth)) == pytest.approx(millions, abs=0.01)
    assert learning(reppoints_kp("serial", depth)) == pytest.approx(millions - 1.17, abs=0.01)


def without_deformable(network: nn.Module) -> float:
    """10^9 multiply-adds of a 1280x800 picture, without deformable convolutions, which mmdet 1 doesn't count."""
    picture = torch.empty(1, 3, 800, 1280, device="meta")
    all_of_them = multiply_adds(lambda: network(picture, mode="tensor"))
    return (all_of_them - deformable(network)) / 1e9


def deformable(network: nn.Module) -> int:
    total = 0
    cells = {level: -(-800 // 2**level) * -(-1280 // 2**level) for level in (3, 4, 5, 6, 7)}
    for module in network.modules():
        if type(module).__name__ == "PointConv":
            per_cell = module.weight.numel()
            total += per_cell * sum(cells[stride.bit_length() - 1] for stride in network.bbox_head.strides)
    return total


def test_arithmetic():
    """The table: 107.50 and 208.84, with normalisation and rectification (0.65 and more).

    KGDet's is that of P5 alone, as in its published config, and not of the text's P5 to P7; it has P3, P4, P6 and P7
    computed (16.21), which nothing uses.
    """
    assert without_deformable(kgdet(levels=(5,))) + 16.21 == pytest.approx(107.50 - 0.65, abs=0.1)
    assert without_deformable(reppoints_kp("parallel")) == pytest.approx(208.84 - 0.7, abs=0.1)
