"""KGDet's head says and costs what its description says."""

import numpy as np
import pytest
import torch

from hemline.errors import HemlineError
from hemline.oneshot.kgdet.config import kgdet_model
from tests.oneshot.kgdet.networks import CATEGORIES, FLIP_INDEX, built, kgdet_settings, sample
from tests.oneshot.kgdet.rendering import grid, losses, stages

BOTH = pytest.mark.parametrize("informative", ["encoding", "selection"])


def numbers(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.double().numpy() for name, value in module.state_dict().items()}


@BOTH
@pytest.mark.parametrize("count", [1, 3])
def test_stages_say_what_the_rendering_says(informative, count):
    torch.manual_seed(0)
    head = built(kgdet_settings(count, informative), spread=0.3).bbox_head.double()
    feature = torch.randn(1, 8, 4, 5).double()
    found = head([feature])
    wanted = stages(numbers(head), feature[0].numpy(), count, groups=8, points=9)
    assert len(found) == count
    for maps, one in zip(found, wanted, strict=True):
        for name in ("scores", "boxes", "landmarks", "visibility"):
            value = getattr(maps[0], name)
            assert (value is None) == (name not in one)
            if value is not None:
                np.testing.assert_allclose(value[0].detach().numpy(), one[name], rtol=1e-4, atol=1e-5)


@BOTH
def test_losses_are_those_of_the_rendering(informative):
    """Two levels, three pictures, one of them without a garment."""
    torch.manual_seed(1)
    settings = kgdet_settings(2, informative)
    head = built(settings, spread=0.3).bbox_head
    samples = [sample(3, seed=1), sample(0, seed=2), sample(2, seed=3)]
    found = head([torch.randn(3, 8, 8, 12), torch.randn(3, 8, 4, 6)])
    cost = head.loss(found, samples)
    points = grid(8, 12, 8) + grid(4, 6, 16)
    names = {"class": "classification", "box": "box", "landmark": "landmark", "visibility": "visibility"}
    names = names if informative == "selection" else dict(list(names.items())[:3])
    assert set(cost) == {f"loss_{name}_{stage}" for name in names for stage in (1, 2)}
    for number, levels in enumerate(found):
        sums = [
            losses(flat(levels, picture), points, garments(one), 4, 5) for picture, one in enumerate(samples)
        ]
        positives = sum(one["positives"] for one in sums)
        for name, weights in names.items():
            wanted = getattr(settings.losses, weights)[number] * sum(one[name] for one in sums) / positives
            assert cost[f"loss_{name}_{number + 1}"].item() == pytest.approx(wanted, rel=1e-4)


def flat(levels, picture: int) -> dict[str, np.ndarray]:
    """A picture's maps of all levels, by points."""
    found = {}
    for name in ("scores", "boxes", "landmarks", "visibility"):
        maps = [getattr(level, name) for level in levels]
        if maps[0] is not None:
            parts = [one[picture].flatten(1).T.detach().double().numpy() for one in maps]
            found[name] = np.concatenate(parts)
    return found


def garments(one) -> dict[str, np.ndarray]:
    return {
        "boxes": one.gt_instances.bboxes.double().numpy(),
        "labels": one.gt_instances.labels.numpy(),
        "landmarks": one.gt_instances.landmarks.double().numpy(),
    }


def test_points_in_the_padding_of_a_batch_cost_nothing():
    torch.manual_seed(2)
    head = built(kgdet_settings(1), spread=0.3).bbox_head
    one = sample(2, seed=1, height=64, width=64)
    narrow, wide = torch.randn(1, 8, 8, 8), torch.randn(1, 8, 8, 12)
    coarse, coarse_wide = torch.randn(1, 8, 4, 4), torch.randn(1, 8, 4, 6)
    wide[..., :8], coarse_wide[..., :4] = narrow, coarse
    maps = head([wide, coarse_wide])
    cut = [
        [
            type(level)(*(each if each is None else each[..., :n] for each in level))
            for level, n in zip(maps[0], (8, 4), strict=True)
        ]
    ]
    for name, cost in head.loss(maps, [one]).items():
        torch.testing.assert_close(cost, head.loss(cut, [one])[name])


@BOTH
def test_all_that_learns_learns(informative):
    torch.manual_seed(3)
    network = built(kgdet_settings(3, informative))
    cost = network.loss(torch.randn(2, 3, 64, 96), [sample(2, seed=1), sample(0, seed=2)])
    sum(cost.values()).backward()
    for name, weights in network.named_parameters():
        assert (weights.grad is not None) == weights.requires_grad, name
        assert weights.grad is None or weights.grad.isfinite().all()


@BOTH
def test_it_learns_in_mixed_precision(informative):
    torch.manual_seed(5)
    network = built(kgdet_settings(2, informative))
    picture, samples = torch.randn(1, 3, 64, 96), [sample(2, seed=1)]
    exact = network.loss(picture, samples)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network.loss(picture, samples)
    sum(mixed.values()).backward()
    for name, cost in mixed.items():
        assert cost.dtype == torch.float32
        torch.testing.assert_close(cost, exact[name], rtol=0.02, atol=0.02)
    assert all(w.grad.isfinite().all() for w in network.bbox_head.parameters())


def test_a_picture_without_garments_has_gradients_too():
    network = built(kgdet_settings(2, "selection"))
    cost = network.loss(torch.randn(1, 3, 64, 96), [sample(0, seed=2)])
    sum(cost.values()).backward()
    assert all(w.grad is not None for w in network.parameters() if w.requires_grad)
    assert cost["loss_box_1"] == cost["loss_landmark_2"] == cost["loss_visibility_2"] == 0
    assert cost["loss_class_1"] > 0


def reaches(output: torch.Tensor, module: torch.nn.Module) -> float:
    """How large a gradient goes from an output to a part of the network."""
    gradients = torch.autograd.grad(
        output.square().sum(), list(module.parameters()), retain_graph=True, allow_unused=True
    )
    return max((one.abs().max().item() for one in gradients if one is not None), default=0.0)


def test_a_stage_learns_of_the_next_one_only_where_that_looks():
    """Places are added to the former stage's without a gradient; through where is looked a tenth goes."""
    torch.manual_seed(4)
    head = built(kgdet_settings(2), spread=0.3).bbox_head
    first, second = (levels[0] for levels in head([torch.randn(1, 8, 4, 5)]))
    assert reaches(second.scores, head.stages[0].encode) > 0
    assert reaches(second.landmarks, head.stages[0].encode) > 0
    assert reaches(second.landmarks, head.stages[0].scores) == 0
    with torch.no_grad():
        for conv in (*head.stages[1].see_place.convs, *head.stages[1].see_class.convs):
            conv.weight.zero_()  # nothing is seen: nothing can go back through where it was
    first, second = (levels[0] for levels in head([torch.randn(1, 8, 4, 5)]))
    assert reaches(second.landmarks, head.stages[0]) == reaches(second.boxes, head.stages[0]) == 0
    assert reaches(first.boxes, head.stages[0].encode) > 0


def test_weights_start_as_retinanets():
    head = built(kgdet_settings(2, "selection", head_width=64, fpn_channels=64)).bbox_head
    for name, weights in head.named_parameters():
        if name.endswith("scores.bias"):
            torch.testing.assert_close(weights.sigmoid(), torch.full_like(weights, 0.01))
        elif weights.dim() == 4 and weights.numel() > 1000:
            assert weights.std().item() == pytest.approx(0.01, rel=0.1), name
        elif name.endswith(("conv.bias", "landmarks.bias", "visibility.bias")):
            assert (weights == 0).all(), name


def test_too_few_landmarks_to_select_of():
    with pytest.raises(HemlineError, match=r"points \[9\]: 8 landmarks are too few.*encoding"):
        kgdet_model(kgdet_settings(2, "selection"), CATEGORIES, FLIP_INDEX[:8])
