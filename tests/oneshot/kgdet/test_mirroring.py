"""Fused maps are the same of a picture as of its mirrored one."""

import pytest
import torch
from torch import Tensor

from hemline.oneshot.kgdet.mirroring import fuse_features, fuse_picture, mirror
from hemline.oneshot.kgdet.points import Maps
from tests.oneshot.kgdet.networks import (
    CATEGORIES,
    FLIP_INDEX,
    built,
    kgdet_settings,
    reppoints_kp_settings,
    sample,
)

BOTH = pytest.mark.parametrize("informative", ["encoding", "selection"])


def places(maps: Maps, stride: int) -> dict[str, Tensor]:
    """Everything in pixels, row by row: (h, w, ...)."""
    height, width = maps.boxes.shape[2:]
    x = torch.arange(width)[None].expand(height, -1) * stride
    y = torch.arange(height)[:, None].expand(-1, width) * stride
    corner = torch.stack([x, y], dim=-1)
    boxes = maps.boxes[0].permute(1, 2, 0) * stride + corner.tile(2)
    landmarks = maps.landmarks[0].permute(1, 2, 0).unflatten(-1, (-1, 2)).flip(-1) * stride
    found = {"boxes": boxes, "landmarks": landmarks + corner[:, :, None]}
    for name in ("scores", "visibility"):
        if getattr(maps, name) is not None:
            found[name] = getattr(maps, name)[0].permute(1, 2, 0)
    return found


def mirrored(found: dict[str, Tensor], width: float) -> dict[str, Tensor]:
    """The same things in a picture `width` wide, mirrored; still at their columns."""
    x1, y1, x2, y2 = found["boxes"].unbind(-1)
    x, y = found["landmarks"][..., FLIP_INDEX, :].unbind(-1)
    turned = {
        "boxes": torch.stack([width - x2, y1, width - x1, y2], dim=-1),
        "landmarks": torch.stack([width - x, y], dim=-1),
    }
    if "scores" in found:
        turned["scores"] = found["scores"]
    if "visibility" in found:
        turned["visibility"] = found["visibility"][..., FLIP_INDEX]
    return turned


@BOTH
@pytest.mark.parametrize("stage", [0, 1])
def test_a_picture_and_its_mirrored_one_are_fused_to_the_same(informative, stage):
    """In pixels: a garment at x of the one is at W - x of the other. All columns but the first are fused."""
    torch.manual_seed(0)
    network = built(kgdet_settings(2, informative, flip_fusion="picture"), spread=0.3).eval()
    picture = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        for stride, one, other in zip(
            (8, 16), network.maps(picture)[stage], network.maps(picture.flip(3))[stage], strict=True
        ):
            width = one.boxes.shape[3]
            assert width * stride == 96
            wanted = mirrored(places(other, stride), 96)
            for name, value in places(one, stride).items():
                partners = wanted[name].flip(1)[:, : width - 1]  # column w - j, for j from 1
                torch.testing.assert_close(value[:, 1:], partners, rtol=1e-4, atol=1e-3)


@BOTH
def test_mirrored_features_are_fused_to_the_same(informative):
    """The authors' way: column j meets column w - 1 - j, and places are told from the column."""
    torch.manual_seed(1)
    network = built(kgdet_settings(2, informative, flip_fusion="features"), spread=0.3).eval()
    head, feature = network.bbox_head, torch.randn(1, 8, 4, 6)
    with torch.no_grad():
        plain, turned = head([feature])[1][0], head([feature.flip(3)])[1][0]
        one = places(fuse_features(plain, turned, FLIP_INDEX), 8)
        other = places(fuse_features(turned, plain, FLIP_INDEX), 8)
    for name, value in mirrored(other, 5 * 8).items():
        torch.testing.assert_close(one[name], value.flip(1))


def test_a_fused_map_is_the_mean_of_what_stands_at_a_place():
    """By hand: a garment at x = 20 that both maps find, from different columns."""
    own, turned = blank(4), blank(4)
    own.landmarks[0, :, 0, 1] = torch.tensor([0.0, 12 / 8] + [0.0] * 18)  # channel 0 at 8 + 12
    turned.landmarks[0, :, 0, 3] = torch.tensor([0.0, 0.0, 0.5, -12 / 8] + [0.0] * 16)  # 24 - 12 of 32
    fused = fuse_picture(own, turned, FLIP_INDEX)
    assert fused.landmarks[0, :2, 0, 1].tolist() == [0.25, 1.5]
    own.scores[0, 0, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    turned.scores[0, 0, 0] = torch.tensor([10.0, 20.0, 30.0, 40.0])
    assert fuse_picture(own, turned, FLIP_INDEX).scores[0, 0, 0].tolist() == [1, 21, 16.5, 12]
    assert fuse_features(own, turned, FLIP_INDEX).scores[0, 0, 0].tolist() == [20.5, 16, 11.5, 7]


def blank(width: int) -> Maps:
    return Maps(
        torch.zeros(1, CATEGORIES, 1, width), torch.zeros(1, 4, 1, width), torch.zeros(1, 20, 1, width)
    )


def test_a_picture_is_widened_to_meet_the_coarsest_grid():
    picture = torch.arange(1.0, 7).tile(1, 3, 2, 1)
    assert mirror(picture, 4)[0, 0, 0].tolist() == [0, 0, 6, 5, 4, 3, 2, 1]
    assert mirror(picture, 2)[0, 0, 0].tolist() == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("fusion", ["features", "picture"])
def test_the_detector_mirrors_features_or_the_picture(fusion):
    """The picture's width is no multiple of the coarsest stride."""
    torch.manual_seed(2)
    network = built(kgdet_settings(2, levels=(3, 4, 5, 6), flip_fusion=fusion), spread=0.3).eval()
    picture = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        found, features = network.maps(picture), network.extract_feat(picture)
        assert [level.boxes.shape[3] for level in found[1]] == [12, 6, 3, 2]
        if fusion == "features":
            fuse, turned = fuse_features, [feature.flip(3) for feature in features]
        else:
            fuse, turned = fuse_picture, network.extract_feat(mirror(picture, 64))
        plain, others = network.bbox_head(features), network.bbox_head(turned)
    for stage, levels in enumerate(found):
        for number, level in enumerate(levels):
            wanted = fuse(plain[stage][number], others[stage][number], FLIP_INDEX)
            assert torch.equal(level.boxes, wanted.boxes) and torch.equal(level.scores, wanted.scores)
            assert torch.equal(level.landmarks, wanted.landmarks)


@pytest.mark.parametrize("fusion", ["features", "picture"])
@pytest.mark.parametrize(
    "settings", [kgdet_settings(2), reppoints_kp_settings("parallel")], ids=["kgdet", "reppoints"]
)
def test_a_trained_network_can_be_set_to_fuse(settings, fusion):
    torch.manual_seed(3)
    network = built(settings, spread=0.1).eval()
    network.bbox_head.test_cfg["score_thr"] = 0.0
    picture = torch.randn(1, 3, 64, 96)
    plain = network.predict(picture, [sample(0, seed=0)], rescale=False)[0].pred_instances
    network.flip_fusion = fusion
    fused = network.predict(picture, [sample(0, seed=0)], rescale=False)[0].pred_instances
    assert fused.scores.shape == plain.scores.shape and not torch.equal(fused.scores, plain.scores)


def test_fused_maps_are_learnt():
    torch.manual_seed(4)
    cost = {}
    for fusion in ("none", "features", "picture"):
        torch.manual_seed(4)
        network = built(kgdet_settings(1, flip_fusion=fusion), spread=0.1)
        cost[fusion] = network.loss(torch.randn(1, 3, 64, 96), [sample(2, seed=1)])["loss_box_1"]
        cost[fusion].backward()
        assert all(weights.grad is not None for weights in network.bbox_head.place_tower.parameters())
    assert len({one.item() for one in cost.values()}) == 3
