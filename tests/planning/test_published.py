"""Our counts beside published ones, within one percent.

Sources:
- HRNet-w48, 288x384, 17 channels: 63.6 M and 32.9 G (leoxiaobin/deep-high-resolution-net.pytorch, README; its
  lib/utils/utils.py divides by 1024**3), and 35.48 G (mmpose 0.x, docs/en/inference_speed_summary.md; 10^9).
- ResNeXt-101-64x4d, 224x224: the installed torchvision's weights' own facts.
- Cascade Mask R-CNN, 1280x800, 80 classes: Liu et al., Swin Transformer, ICCV 2021, Table 2 (b), made with mmdet.
  Its box heads have four convolutions and one layer (mmdet, configs/swin/..._giou_4conv1f_...), not two layers.
For HTC and Cascade R-CNN with 13 classes no count is published: theirs follow from the last by closed forms.
"""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import mmdet
import pytest
import torch
from mmengine.config import Config
from torchvision.models import ResNeXt101_64X4D_Weights

from hemline.params import load_params
from hemline.planning import networks_of, size_of
from hemline.planning.counting import multiply_adds
from hemline.planning.networks import META

ROOT = Path(__file__).parents[2]
MMDET = Path(mmdet.__file__).parent / ".mim" / "configs" / "cascade_rcnn"
PERCENT = 0.01
X101, SWIN_SIZE = "x101-64x4d", (1280, 800)


def paper(name):
    return next(
        network for network in networks_of(load_params(ROOT / "params/paper.yaml")) if network.name == name
    )


def test_hrnet_w48():
    size = size_of(replace(paper("aggregated"), input_size=(288, 384), channels=17))
    assert size.parameters / 1e6 == pytest.approx(63.6, rel=PERCENT)
    assert size.prediction / 2**30 == pytest.approx(32.9, rel=PERCENT)
    assert size.prediction / 1e9 == pytest.approx(35.48, rel=PERCENT)


def test_the_channels_of_hrnet_cost_what_a_one_by_one_convolution_costs():
    """The last layer alone depends on them: 48 weights and a bias each, used at every pixel of a heatmap."""
    few, many = size_of(paper("aggregated")), size_of(paper("independent"))
    assert many.parameters - few.parameters == (294 - 81) * (48 + 1)
    assert many.prediction - few.prediction == (294 - 81) * 48 * 96 * 128


def test_resnext_101_64x4d():
    facts = ResNeXt101_64X4D_Weights.IMAGENET1K_V1.meta
    backbone = paper("htc").on_meta().eval().backbone
    classifier = 2048 * 1000
    parameters = sum(weights.numel() for weights in backbone.parameters())
    assert parameters + classifier + 1000 == facts["num_params"]
    found = multiply_adds(lambda: backbone(torch.empty(1, 3, 224, 224, device=META)))
    assert (found + classifier) / 1e9 == pytest.approx(facts["_ops"], rel=PERCENT)


def swins_box_head():
    """Swin's: four 3x3 convolutions with normalisation, one layer, boxes by class."""
    return {
        "type": "ConvFCBBoxHead", "num_shared_convs": 4, "num_shared_fcs": 1, "in_channels": 256,
        "conv_out_channels": 256, "fc_out_channels": 1024, "roi_feat_size": 7, "num_classes": 80,
        "reg_class_agnostic": False, "norm_cfg": {"type": "BN"},
        "bbox_coder": {"type": "DeltaXYWHBBoxCoder", "target_means": [0.0] * 4, "target_stds": [0.1] * 4},
        "loss_cls": {"type": "CrossEntropyLoss"}, "loss_bbox": {"type": "GIoULoss"},
    }  # fmt: skip


def swins(backbone):
    """Cascade Mask R-CNN of Swin's table, on META."""
    network = paper("htc")
    network.on_meta()  # registers mmdet's parts
    config = Config.fromfile(MMDET / f"cascade-mask-rcnn_{backbone}_fpn_1x_coco.py")
    config.model.backbone.init_cfg = None
    config.model.roi_head.bbox_head = [swins_box_head() for _ in range(3)]
    config.model.data_preprocessor._scope_ = "mmdet"
    with META:
        return import_module("mmdet.registry").MODELS.build({**config.model, "_scope_": "mmdet"}).eval()


@pytest.mark.parametrize(
    ("backbone", "parameters", "gflops"), [("r50", 82, 739), ("x101-32x4d", 101, 819), (X101, 140, 972)]
)
def test_cascade_mask_rcnn_of_swins_table(backbone, parameters, gflops):
    """1,000 boxes through three box heads, 100 through three mask heads."""
    model = swins(backbone)
    network = replace(paper("htc"), input_size=SWIN_SIZE)

    def run():
        network._boxes(model, 1000)
        for head in model.roi_head.mask_head:
            head(network._pooled(model.roi_head.mask_roi_extractor[-1], 100))

    assert sum(weights.numel() for weights in model.parameters()) / 1e6 == pytest.approx(
        parameters, rel=PERCENT
    )
    assert multiply_adds(run) / 1e9 == pytest.approx(gflops, rel=PERCENT)


# What a box head of ours has instead of Swin's: weights, and multiply-adds of a box. A second layer of 1,024 in the
# place of four convolutions of 256 on 7x7; 14 classes (background included), not 81; one box, not one a class.
BOX_WEIGHTS = 1024 * 1025 - 4 * (256 * 256 * 9 + 2 * 256) - (81 - 14) * 1025 - (320 - 4) * 1025
BOX_WORK = 1024 * 1024 - 4 * 256 * 256 * 9 * 49 - (81 - 14) * 1024 - (320 - 4) * 1024
# A mask head: four 3x3 convolutions, a transposed 2x2, a mask of 28x28 a class.
MASK_WEIGHTS = 4 * (256 * 256 * 9 + 256) + (256 * 256 * 4 + 256) + 80 * 257
MASK_WORK = 4 * 256 * 256 * 9 * 196 + 256 * 256 * 4 * 196 + 80 * 256 * 784
# HTC's second and third also have a 1x1 convolution on 14x14.
FLOW_WEIGHTS, FLOW_WORK = 256 * 256 + 256, 256 * 256 * 196


@pytest.mark.parametrize(
    ("name", "parameters", "work"),
    [
        ("cascade", 3 * (BOX_WEIGHTS - MASK_WEIGHTS), 3 * (1000 * BOX_WORK - 100 * MASK_WORK)),
        (
            "htc",
            3 * (BOX_WEIGHTS - (80 - 13) * 257) + 2 * FLOW_WEIGHTS,
            3 * (1000 * BOX_WORK - 100 * (80 - 13) * 256 * 784) + 2 * 100 * FLOW_WORK,
        ),
    ],
)
def test_the_detectors_derived_from_swins_table(name, parameters, work):
    """Published for Cascade Mask R-CNN X-101-64x4d: 140 M and 972 G; ours by the closed forms above."""
    size = size_of(replace(paper(name), input_size=SWIN_SIZE))
    assert size.parameters / 1e6 == pytest.approx(140 + parameters / 1e6, rel=PERCENT)
    assert size.prediction / 1e9 == pytest.approx(972 + work / 1e9, rel=PERCENT)
