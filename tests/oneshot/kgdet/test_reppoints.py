"""RepPoints-Kp is mmdet's RepPoints, with landmarks."""

import pytest
import torch
from mmdet.registry import MODELS
from torch import nn

from hemline.oneshot.kgdet.assigning import make_targets
from tests.oneshot.kgdet.networks import CATEGORIES, built, reppoints_kp_settings, sample

BOTH = pytest.mark.parametrize("connection", ["serial", "parallel"])


def samples() -> list:
    return [sample(3, seed=1), sample(0, seed=2), sample(2, seed=3)]


def theirs(head: nn.Module) -> nn.Module:
    """mmdet's head, with the weights of a parallel one of ours."""
    config = {
        "_scope_": "mmdet",
        "type": "RepPointsHead",
        "num_classes": CATEGORIES,
        "in_channels": 8,
        "feat_channels": 8,
        "point_feat_channels": 8,
        "stacked_convs": 2,
        "num_points": 9,
        "point_strides": [8, 16],
        "norm_cfg": {"type": "GN", "num_groups": 8},
        "train_cfg": {
            "init": {"assigner": {"type": "PointAssigner", "scale": 4, "pos_num": 1}, "pos_weight": -1},
            "refine": {
                "assigner": {
                    "type": "MaxIoUAssigner",
                    "pos_iou_thr": 0.5,
                    "neg_iou_thr": 0.4,
                    "min_pos_iou": 0,
                },
                "pos_weight": -1,
            },
        },
        "test_cfg": {},
    }
    plain = MODELS.build(config)
    pairs = {
        "cls_convs": head.class_tower,
        "reg_convs": head.place_tower,
        "reppoints_cls_conv": head.see_class.convs[0],
        "reppoints_cls_out": head.scores,
        "reppoints_pts_init_conv": head.point_branch.first[0],
        "reppoints_pts_init_out": head.point_branch.first_out,
        "reppoints_pts_refine_conv": head.point_branch.second.convs[0],
        "reppoints_pts_refine_out": head.point_branch.second_out,
    }
    for name, part in pairs.items():
        getattr(plain, name).load_state_dict(part.state_dict())
    plain.moment_transfer.data.copy_(head.box_of.scale)
    return plain


def test_boxes_and_their_losses_are_mmdets():
    torch.manual_seed(0)
    head = built(reppoints_kp_settings("parallel"), spread=0.3).bbox_head
    plain = theirs(head)
    features = [torch.randn(3, 8, 8, 12), torch.randn(3, 8, 4, 6)]
    found = head(features)
    scores, first, second = plain(features)
    for number, level in enumerate(found[1]):
        torch.testing.assert_close(level.scores, scores[number], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(level.boxes, plain.points2bbox(second[number]), rtol=1e-4, atol=1e-4)
        boxes = plain.points2bbox(first[number])
        torch.testing.assert_close(found[0][number].boxes, boxes, rtol=1e-4, atol=1e-4)
    cost = head.loss(found, samples())
    wanted = plain.loss(features, samples())
    names = {"loss_class": "loss_cls", "loss_box_1": "loss_pts_init", "loss_box_2": "loss_pts_refine"}
    for ours, other in names.items():
        torch.testing.assert_close(cost[ours], sum(wanted[other]), rtol=1e-4, atol=1e-5)


@BOTH
def test_landmarks_and_points(connection):
    """Serial points are made of the landmarks; both are added to the first stage's, without a gradient."""
    torch.manual_seed(1)
    head = built(reppoints_kp_settings(connection), spread=0.3).bbox_head
    first, second = (levels[0] for levels in head([torch.randn(1, 8, 4, 6)]))
    branch = head.landmark_branch

    def reaches(output: torch.Tensor, weights: torch.Tensor) -> bool:
        (found,) = torch.autograd.grad(output.square().sum(), [weights], retain_graph=True, allow_unused=True)
        return found is not None and bool((found != 0).any())

    serial = connection == "serial"
    assert reaches(first.boxes, branch.first_out.weight) == serial
    assert reaches(second.boxes, branch.second_out.weight) == serial
    assert reaches(second.landmarks, branch.first_out.weight) == serial  # through where is looked
    assert reaches(second.landmarks, branch.second_out.weight)
    with torch.no_grad():
        branch.second_out.weight.zero_()
        branch.second_out.bias.zero_()
        first, second = (levels[0] for levels in head([torch.randn(1, 8, 4, 6)]))
    torch.testing.assert_close(first.landmarks, second.landmarks)
    if serial:
        encoded = torch.nn.functional.conv2d(first.landmarks, head.encode[0].weight, head.encode[0].bias)
        torch.testing.assert_close(first.boxes, head.box_of(encoded))


@BOTH
def test_all_that_learns_learns(connection):
    torch.manual_seed(2)
    network = built(reppoints_kp_settings(connection))
    cost = network.loss(torch.randn(3, 3, 64, 96), samples())
    assert set(cost) == {"loss_class", "loss_box_1", "loss_landmark_1", "loss_box_2", "loss_landmark_2"}
    sum(cost.values()).backward()
    for name, weights in network.named_parameters():
        assert (weights.grad is not None) == weights.requires_grad, name


def test_the_landmarks_weight_is_that_of_the_second_stage():
    """KGDet's: 2 and 4."""
    torch.manual_seed(3)
    head = built(reppoints_kp_settings("serial"), spread=0.3).bbox_head
    found = head([torch.randn(3, 8, 8, 12), torch.randn(3, 8, 4, 6)])
    cost = head.loss(found, samples())
    head.landmark_weight = 1.0
    less = head.loss(found, samples())
    for name in cost:
        ratio = 4 if "landmark" in name else 1
        torch.testing.assert_close(cost[name], ratio * less[name])
    targets = make_targets(head.nearest(found[0], samples()), samples(), CATEGORIES)
    _, landmark = head.place_losses(found[0], targets)
    torch.testing.assert_close(less["loss_landmark_1"], 0.5 * landmark)
