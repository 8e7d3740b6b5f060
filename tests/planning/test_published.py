"""Our counts beside published ones, within one percent.

Sources:
- HRNet-w48, 288x384, 17 channels: 63.6 M and 32.9 G (leoxiaobin/deep-high-resolution-net.pytorch, README; its
  lib/utils/utils.py divides by 1024**3), and 35.48 G (mmpose 0.x, docs/en/inference_speed_summary.md; 10^9).
- ResNeXt-101-64x4d, 224x224: the installed torchvision's weights' own facts.
- Cascade Mask R-CNN, 1280x800, 80 classes: Liu et al., Swin Transformer, ICCV 2021, Table 2 (b), made with mmdet.
  Its box heads have four convolutions and one layer (mmdet, configs/swin/..._giou_4conv1f_...), not two layers.
For HTC and Cascade R-CNN with 13 classes no count is published: theirs follow from the last by closed forms.
- DLA-34, 224x224, 1,000 classes: 15.76 M and 3.07 G (PaddleClas, docs, ImageNet_models.md).
- Hourglass-52, one stack of Hourglass-104's sizes, 17 channels: 94.85 M, 28.67 G at 256x256 and 64.5 G at 384x384
  (mmpose 0.x, docs/en/inference_speed_summary.md).
For DeepMark none is published: its counts follow from these two.
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


def oneshot_backbone(name, **changes):
    settings = paper(name).settings
    backbone = settings.backbone.model_copy(update=changes)
    network = replace(paper(name), settings=settings.model_copy(update={"backbone": backbone}))
    return network.on_meta().eval().backbone


def parameters(model):
    return sum(weights.numel() for weights in model.parameters())


def of_square(model, side):
    return multiply_adds(lambda: model(torch.empty(1, 3, side, side, device=META)))


def test_the_trunk_of_dla_34():
    trunk = oneshot_backbone("dla").trunk
    assert (parameters(trunk) + 512 * 1000 + 1000) / 1e6 == pytest.approx(15.76, rel=PERCENT)
    assert (of_square(trunk, 224) + 512 * 1000) / 1e9 == pytest.approx(3.07, rel=PERCENT)


# mmpose's one stack has the block that stands between two, though nothing goes through it: two 3x3 convolutions.
BLOCK_WEIGHTS, BLOCK_WORK = 2 * (256 * 256 * 9 + 2 * 256), 2 * 256 * 256 * 9


@pytest.mark.parametrize(("side", "gflops"), [(256, 28.67), (384, 64.5)])
def test_hourglass_52(side, gflops):
    backbone = oneshot_backbone("hourglass", stacks=1)
    assert (parameters(backbone) + BLOCK_WEIGHTS + 17 * 257) / 1e6 == pytest.approx(94.85, rel=0.001)
    head = 17 * 256 * (side // 4) ** 2
    assert (of_square(backbone, side) + head) / 1e9 == pytest.approx(gflops, rel=PERCENT)


def heads(features):
    """Weights of DeepMark's six heads, and multiply-adds of a cell; 901 channels come out of them."""
    channels = 13 + 2 + 2 + 588 + 294 + 2
    work = 6 * features * 256 * 9 + 256 * channels
    return work + 6 * 256 + channels, work


def joining():
    """Weights and multiply-adds of the way up of DLA-34 at 512x512: two deformable convolutions each, and one that
    doubles or quadruples.

    (channels in, out, times as fine, cells a side afterwards.)
    """
    steps = [(512, 256, 2, 32), *[(256, 128, 2, 64)] * 2, *[(128, 64, 2, 128)] * 4, (256, 64, 4, 128)]
    weights = work = 0
    for inputs, outputs, factor, side in steps:
        for channels, cells in ((inputs, (side // factor) ** 2), (outputs, side**2)):
            taps = 9 * channels * (outputs + 27)  # 27: two offsets and a factor for each of nine taps
            weights += taps + outputs + 27 + 2 * outputs
            work += taps * cells
        weights += outputs * (2 * factor) ** 2
        work += outputs * (2 * factor) ** 2 * (side // factor) ** 2
    return weights, work


def test_deepmark_on_dla_34_derived_from_its_trunk():
    """Published for the trunk: 15.76 M and 3.07 G with a classifier at 224x224; the rest by the closed forms above."""
    size = size_of(paper("dla"))
    (up, up_work), (six, six_work) = joining(), heads(64)
    assert size.parameters == pytest.approx(15.76e6 - 513_000 + up + six, rel=PERCENT)
    trunk = (3.07e9 - 512_000) * (512 / 224) ** 2
    assert size.prediction == pytest.approx(trunk + up_work + six_work * 128**2, rel=PERCENT)


def test_deepmark_on_hourglass_104_derived_from_hourglass_52():
    """Two stacks of mmpose's, one stem, one block between them, two 1x1 convolutions that lead to it; heads."""
    size = size_of(paper("hourglass"))
    six, six_work = heads(256)
    stem = 3 * 128 * 49 + 128 * 256 * 10 + 256 * 256 * 9
    lead = 2 * (256 * 256 + 2 * 256)
    one = 94.85e6 - 17 * 257
    assert size.parameters == pytest.approx(2 * one - stem - BLOCK_WEIGHTS + lead + 2 * six, rel=0.001)
    stem_work = 3 * 128 * 49 * 256**2 + (128 * 256 * 10 + 256 * 256 * 9) * 128**2
    stack = 28.67e9 * 4 - 17 * 256 * 128**2
    between = (BLOCK_WORK + 2 * 256 * 256) * 128**2
    assert size.prediction == pytest.approx(2 * stack - stem_work + between + six_work * 128**2, rel=PERCENT)
    assert size.training - size.prediction == six_work * 128**2
