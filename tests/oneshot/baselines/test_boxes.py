"""RetinaNet, FCOS and RepPoints: the settings' sizes, a training step, a prediction."""

import pytest
import torch
from mmcv.ops import DeformConv2d
from mmengine.structures import InstanceData

from hemline.oneshot.baselines.reppoints import OffsetConv
from tests.oneshot.baselines.sizes import batch, config, drawn, settings, started, total

KINDS = ["retinanet", "fcos", "reppoints"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_and_a_prediction_on_small_pictures(kind):
    network = started(settings(kind)).train()
    losses = network(**batch(network, [drawn(0), drawn(1)], True), mode="loss")
    total(losses).backward()
    missed = [name for name, one in network.named_parameters() if one.requires_grad and one.grad is None]
    assert missed == [] and torch.isfinite(total(losses))
    network.eval().test_cfg.score_thr = network.bbox_head.test_cfg.score_thr = 0.0
    data = batch(network, [drawn(0)], False)
    with torch.no_grad():
        (found,) = network.predict(data["inputs"], data["data_samples"], rescale=False)
    boxes, labels = found.pred_instances.bboxes, found.pred_instances.labels
    assert 0 < len(boxes) <= 100 and labels.min() >= 0 and labels.max() < 13
    assert boxes.min() >= 0 and boxes.max() <= 96


@pytest.mark.parametrize("kind", [*KINDS, "mask-rcnn"])
@pytest.mark.parametrize("init", [None, "torchvision://resnet18"])
def test_nothing_is_downloaded(kind, init):
    backbone = {"type": "ResNet", "depth": 18, "base_channels": 8, "init": init}
    assert "Pretrained" not in str(config(settings(kind, backbone=backbone)))


@pytest.mark.parametrize("kind", KINDS)
def test_categories_and_towers_are_the_settings(kind):
    head = started(settings(kind, head_width=24, head_convs=2), categories=3).bbox_head
    assert head.num_classes == head.cls_out_channels == 3
    assert [layer.conv.out_channels for layer in head.cls_convs] == [24, 24]
    assert len(head.prior_generator.strides) == 3


def test_fcos_ranges_follow_reach_and_strides():
    ranges = config(settings("fcos", levels=[4, 5, 6], reach=4)).bbox_head.regress_ranges
    assert [list(one) for one in ranges] == [[-1, 64], [64, 128], [128, 1e8]]


def test_a_garment_is_found_by_as_many_points_as_the_settings_say():
    """A box of 4 x 8 px, all on the level of stride 8."""
    network = started(settings("reppoints", positives=5))
    points = network.bbox_head.prior_generator.grid_priors(
        [(12, 12), (6, 6), (3, 3)], device="cpu", with_stride=True
    )
    box = InstanceData(bboxes=torch.tensor([[24.0, 24.0, 56.0, 56.0]]), labels=torch.tensor([1]))
    priors = torch.cat([one[:, :3] for one in points])
    found = network.bbox_head.init_assigner.assign(InstanceData(priors=priors), box)
    assert (found.gt_inds > 0).sum() == 5 and (found.gt_inds[:144] > 0).sum() == 5


@pytest.mark.parametrize("size", [3, 5])
def test_an_offset_convolution_is_mmcvs(size):
    torch.manual_seed(0)
    ours, theirs = OffsetConv(4, 6, size), DeformConv2d(4, 6, size, 1, size // 2)
    theirs.load_state_dict(ours.state_dict())
    features, offsets = torch.randn(2, 4, 9, 7), torch.randn(2, 2 * size**2, 9, 7)
    torch.testing.assert_close(ours(features, offsets), theirs(features, offsets))
