"""The heads and their losses, against heads that make every map whole."""

import numpy as np
import pytest
import torch
from torch import Tensor

from hemline.oneshot.deepmark.head import DeepMarkHead
from hemline.wardrobe import grouping
from tests.oneshot.deepmark import rendering
from tests.oneshot.deepmark.rendering import focal_loss as plain
from tests.oneshot.garments import DEEPFASHION2, garment, sample

SHAPE = (12, 17)
WEIGHTS = {"centre": 1.0, "size": 0.1, "offset": 1.0, "coarse": 0.7, "heatmap": 0.9, "landmark_offset": 0.3}


def make_head(
    name: str = "aggregated", stacks: int = 1, negatives: str = "all", scale: float = 1.0, width: int = 8
) -> DeepMarkHead:
    """Heads in float64 whose first logits aren't all alike."""
    torch.manual_seed(0)
    config = {"features": 6, "head_width": width, "stacks": stacks, "losses": WEIGHTS, "negatives": negatives}
    config |= {"wardrobe": DEEPFASHION2.name, "grouping": name}
    head = DeepMarkHead(**config)
    head.init_weights()
    for branches in head.branches.values():
        for branch in branches:
            torch.nn.init.normal_(branch[-1].weight, std=scale)
    return head.double()


def pictures(name: str) -> list[list[dict]]:
    random, chosen = np.random.default_rng(0), grouping(DEEPFASHION2, name)
    first = [
        garment(random, chosen, 0, (1.3, 2.1, 9.7, 10.2)),
        garment(random, chosen, 8, (4.2, 1.3, 16.1, 11.9), reach=1.5),
    ]
    second = [
        garment(random, chosen, 0, (-3.3, 0.5, 9.4, 11.1)),
        garment(random, chosen, 6, (8.2, 2.0, 15.0, 9.0)),
    ]
    second[1]["landmarks"][:, 2] = 0
    return [first, [], second]


def plain_losses(
    head: DeepMarkHead, feature: Tensor, batch: list[list[dict]], stack: int
) -> dict[str, Tensor]:
    """CenterNet's losses from whole maps and dense targets."""
    out = {name: branches[stack](feature) for name, branches in head.branches.items()}
    made = [rendering.targets(one, out["heatmap"].shape[1], SHAPE) for one in batch]
    centre, heatmap = (torch.tensor(np.array([one[key] for one in made])) for key in ("centre", "heatmap"))
    if head.negatives == "own":
        own = torch.zeros(heatmap.shape[:2], dtype=torch.bool)
        for number, garments in enumerate(batch):
            for one in garments:
                own[number, torch.from_numpy(grouping_of(head).channels(one["label"] + 1))] = True
        maps = plain(out["heatmap"][own], heatmap[own])
    else:
        maps = plain(out["heatmap"], heatmap)
    garments = [(number, each) for number, one in enumerate(made) for each in one["garments"]]
    points = [(number, each) for number, one in enumerate(made) for each in one["landmarks"]]
    boxed = [(number, each) for number, each in garments if each["boxed"]]
    coarse = [
        (out["coarse"][number, 2 * channel + axis, *each["cell"]], place[axis])
        for number, each in garments
        for channel, place in each["coarse"].items()
        for axis in (0, 1)
    ]
    return {
        "centre": plain(out["centre"], centre),
        "size": mean_difference(pairs(out["size"], boxed, "size")),
        "offset": mean_difference(pairs(out["offset"], boxed, "offset")),
        "coarse": mean_difference(coarse),
        "heatmap": maps,
        "landmark_offset": mean_difference(pairs(out["landmark_offset"], points, "offset")),
    }


def grouping_of(head: DeepMarkHead):
    return grouping(DEEPFASHION2, "independent" if head.own.shape[1] == 294 else "aggregated")


def pairs(maps: Tensor, items: list, key: str) -> list[tuple[Tensor, float]]:
    return [(maps[number, axis, *each["cell"]], each[key][axis]) for number, each in items for axis in (0, 1)]


def mean_difference(both: list[tuple[Tensor, float]]) -> Tensor:
    return sum((said - wanted).abs() for said, wanted in both) / (len(both) + 1e-4)


@pytest.mark.parametrize("negatives", ["all", "own"])
@pytest.mark.parametrize("name", ["independent", "aggregated"])
def test_as_with_whole_maps(name: str, negatives: str) -> None:
    """Losses, and gradients of weights and features, are those of the plain way; two stacks are averaged."""
    batch, head = pictures(name), make_head(name, stacks=2, negatives=negatives)
    features = [torch.randn(3, 6, *SHAPE, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    stacks = [plain_losses(head, feature, batch, stack) for stack, feature in enumerate(features)]
    wanted = {f"loss_{key}": WEIGHTS[key] * (stacks[0][key] + stacks[1][key]) / 2 for key in WEIGHTS}
    losses = head.loss(features, [sample(one, grouping(DEEPFASHION2, name).size) for one in batch])
    assert losses.keys() == wanted.keys()
    for key, loss in losses.items():
        assert loss.item() == pytest.approx(wanted[key].item(), rel=1e-5), key
    inputs = [*head.parameters(), *features]
    ours = torch.autograd.grad(sum(losses.values()), inputs)
    theirs = torch.autograd.grad(sum(wanted.values()), inputs)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, rtol=1e-4, atol=1e-5 * other.abs().max())


def test_maps_are_scores_of_the_last_stack() -> None:
    head = make_head(stacks=2)
    feature = torch.randn(2, 6, *SHAPE, dtype=torch.float64)
    maps = head.maps(feature)
    for name, branches in head.branches.items():
        raw = branches[1](feature)
        wanted = raw.sigmoid() if name in ("centre", "heatmap") else raw
        assert torch.allclose(getattr(maps, name), wanted.float()), name


def test_heatmaps_start_low() -> None:
    """CenterNet: a bias of -2.19, a score of 0.1."""
    head = make_head(scale=1e-6)
    maps = head.maps(torch.randn(1, 6, *SHAPE, dtype=torch.float64))
    for scores in (maps.centre, maps.heatmap):
        assert torch.allclose(scores, torch.tensor(0.1), atol=0.001)
    assert maps.size.abs().max() < 0.001


@pytest.mark.parametrize("negatives", ["all", "own"])
def test_pictures_without_garments_reach_every_weight(negatives: str) -> None:
    """Else data-parallel training would wait for gradients that never come."""
    head = make_head(negatives=negatives)
    losses = head.loss([torch.randn(2, 6, *SHAPE, dtype=torch.float64)], [sample([], 81)] * 2)
    sum(losses.values()).backward()
    assert all(weights.grad is not None for weights in head.parameters())
    assert losses["loss_size"] == losses["loss_coarse"] == losses["loss_landmark_offset"] == 0


def test_autocast() -> None:
    """Under bfloat16 the losses are float32, and near those of float32."""
    head, batch = make_head(scale=0.1).float(), pictures("aggregated")
    feature, samples = torch.randn(3, 6, *SHAPE), [sample(one, 81) for one in batch]
    exact = head.loss([feature], samples)
    with torch.autocast("cpu", torch.bfloat16):
        rough = head.loss([feature], samples)
    for key, loss in rough.items():
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(exact[key].item(), rel=0.02), key


@pytest.mark.parametrize("negatives", ["all", "own"])
def test_each_loss_goes_down(negatives: str) -> None:
    """Three pictures learnt from features that say which cell is which."""
    batch = [sample(one, 81) for one in pictures("aggregated")]
    head = make_head(negatives=negatives, scale=0.01, width=128).float()
    feature = torch.randn(3, 6, *SHAPE)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    history = []
    for _ in range(60):
        losses = head.loss([feature], batch)
        history.append({key: loss.item() for key, loss in losses.items()})
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    for key, last in history[-1].items():
        assert last < 0.5 * history[0][key], key
