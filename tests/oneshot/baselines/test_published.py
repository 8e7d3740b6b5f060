"""Weights and multiply-adds beside paper 003's Table 1, within one percent.

The paper counted what learns (mmdet 1.0's tools/get_flops.py: the stem and the first stage are frozen), at mmdet's
default of 1280x800, and deformable convolutions as nothing (its utils/flops_counter.py doesn't know them). Its FCOS is
mmdet's on Caffe's ResNet, which strides in the first layer of a block and doesn't learn to normalise; ours has the
backbone of the others.
"""

import pytest
import torch
from mmdet.registry import MODELS
from torchvision.models.detection import keypointrcnn_resnet50_fpn

from hemline.planning.counting import multiply_adds
from tests.oneshot.baselines.sizes import LARGE, config, settings

PERCENT = 0.01
META = torch.device("meta")
TABLE_1 = [
    ("retinanet", 50, 36.35, 209.67), ("fcos", 50, 31.87, 197.21), ("reppoints", 50, 36.61, 189.79),
    ("retinanet", 101, 55.35, 285.74), ("fcos", 101, 50.81, 273.28), ("reppoints", 101, 55.60, 265.86),
]  # fmt: skip


def on_meta(kind, depth=50, **options):
    model = config(settings(kind, LARGE, backbone={**LARGE["backbone"], "depth": depth}), **options)
    if kind == "fcos":
        model.backbone.update(style="caffe", norm_cfg={"type": "BN", "requires_grad": False})
    with META:
        return MODELS.build(model).eval()


def weights(module):
    return sum(one.numel() for one in module.parameters())


@pytest.mark.parametrize(("kind", "depth", "parameters", "gflops"), TABLE_1)
def test_table_1(kind, depth, parameters, gflops):
    network = on_meta(kind, depth)
    learning = sum(one.numel() for one in network.parameters() if one.requires_grad)
    assert learning / 1e6 == pytest.approx(parameters, rel=0.0003)
    found = multiply_adds(
        lambda: network.bbox_head(network.extract_feat(torch.empty(1, 3, 800, 1280, device=META)))
    )
    # two deformable convolutions of 3x3, on 256 channels of every cell of five levels
    cells = sum(-(-800 // stride) * -(-1280 // stride) for stride in (8, 16, 32, 64, 128))
    unknown = 2 * cells * 9 * 256 * 256 if kind == "reppoints" else 0
    assert (found - unknown) / 1e9 == pytest.approx(gflops, rel=PERCENT)


def test_the_landmark_branch_is_torchvisions():
    """Its Keypoint R-CNN for 2 classes, the background one of them, and 17 landmarks."""
    with META:
        peer = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=2)
    network = on_meta("mask-rcnn", categories=1, channels=17)
    branch = network.roi_head.landmark_head
    theirs = weights(peer.roi_heads.keypoint_head) + weights(peer.roi_heads.keypoint_predictor)
    assert weights(branch) == theirs
    # torchvision has boxes of the background too, and no weights in its frozen normalisation
    rest = weights(network) - weights(network.roi_head.mask_head) - weights(network.backbone)
    assert rest == weights(peer) - weights(peer.backbone.body) - (1024 + 1) * 4
