"""Maps to garments: against CenterNet's rule in plain NumPy, and there and back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hemline.oneshot.deepmark.decoding import Maps, decode, fuse, suppress
from hemline.oneshot.deepmark.targets import Heatmaps, make_targets
from hemline.oneshot.found import Found, joined
from hemline.params import DeepMarkFind
from hemline.wardrobe import Grouping, grouping
from tests.oneshot.deepmark import rendering
from tests.oneshot.garments import DEEPFASHION2, garment, mirrored, sample

SETTINGS = DeepMarkFind(
    candidates=30,
    peak_threshold=0.1,
    reach=0.3,
    nms_sigma=0.5,
    score_threshold=0.01,
    max_per_image=20,
    batch_size=1,
)
FIELDS = ("centre", "size", "offset", "coarse", "heatmap", "landmark_offset")


def distinct(*shape: int) -> Tensor:
    """Scores from 0 to 1, mostly low, each value once in a picture."""
    count = int(np.prod(shape[1:]))
    scores = [((torch.randperm(count) + 1) / (count + 1)) ** 4 for _ in range(shape[0])]
    return torch.stack(scores).view(shape)


def random_maps(seed: int, channels: int, height: int, width: int, pictures: int = 2) -> Maps:
    torch.manual_seed(seed)
    shape = (height, width)
    return Maps(
        centre=distinct(pictures, 13, *shape),
        size=torch.rand(pictures, 2, *shape) * 15,
        offset=torch.rand(pictures, 2, *shape),
        coarse=torch.randn(pictures, 2 * channels, *shape) * 4,
        heatmap=distinct(pictures, channels, *shape),
        landmark_offset=torch.rand(pictures, 2, *shape),
    )


def perfect_maps(pictures: list[list[dict]], chosen: Grouping, shape: tuple[int, int]) -> Maps:
    """What a network would say that has learnt its targets by heart; 0 where it is taught nothing."""
    made = make_targets([sample(one, chosen.size) for one in pictures], shape)

    def scattered(cells: Tensor, values: Tensor) -> Tensor:
        maps = torch.zeros(len(pictures), values.shape[1], *shape)
        maps[cells[:, 0], :, cells[:, 1], cells[:, 2]] = values
        return maps

    def dense(heatmaps: Heatmaps, channels: int) -> Tensor:
        maps = torch.zeros(len(pictures), channels, *shape)
        maps[heatmaps.index[:, 0], heatmaps.index[:, 1]] = heatmaps.values
        return maps

    return Maps(
        centre=dense(made.centre, 13),
        size=scattered(made.centres, made.size),
        offset=scattered(made.centres, made.offset),
        coarse=scattered(made.centres, made.coarse.flatten(1)),
        heatmap=dense(made.heatmap, chosen.size),
        landmark_offset=scattered(made.landmarks, made.landmark_offset),
    )


def outfit(seed: int, chosen: Grouping, shape: tuple[int, int]) -> list[dict]:
    """Three garments whose centres and landmarks all have cells of their own."""
    random = np.random.default_rng(seed)
    boxes = [(0.3, 1.2, 14.9, 20.4), (9.7, 12.1, 31.6, 27.7), (20.2, 0.1, 35.3, 17.9)]
    labels = random.permutation(13)[:3]
    garments = [garment(random, chosen, int(label), box) for label, box in zip(labels, boxes, strict=True)]
    taken: set[tuple[int, int]] = set()
    for one in garments:
        x1, y1, x2, y2 = one["box"]
        one["landmarks"][:, 2] = one["landmarks"][:, 2] > 0
        for landmark in one["landmarks"]:
            while landmark[2] and (cell := (int(landmark[1]), int(landmark[0]))) in taken:
                landmark[:2] = random.uniform((x1, y1), (x2, y2))
            if landmark[2]:
                taken.add(cell)
    return garments


def seen(chosen: Grouping, one: dict) -> np.ndarray:
    """Which of the category's own landmarks are labelled."""
    return one["landmarks"][chosen.channels(one["label"] + 1), 2] > 0


def check_found(found: Found, garments: list[dict], chosen: Grouping) -> None:
    """These garments, no other, each landmark exact and confirmed by its peak."""
    assert len(found) == len(garments)
    for one in garments:
        (place,) = (found.labels == one["label"]).nonzero().flatten().tolist()
        assert np.allclose(found.boxes[place], one["box"], atol=1e-4)
        own = chosen.channels(one["label"] + 1)
        landmarks = found.landmarks[place, : len(own)].numpy()[seen(chosen, one)]
        assert np.allclose(landmarks[:, :2], one["landmarks"][own][seen(chosen, one), :2], atol=1e-4)
        assert np.allclose(landmarks[:, 2], 1)


CASES = [("independent", 16, 16), ("independent", 20, 17), ("aggregated", 16, 24), ("aggregated", 40, 40)]


@pytest.mark.parametrize("name, height, width", CASES)
@pytest.mark.parametrize("seed", range(2))
def test_as_centernet(name: str, height: int, width: int, seed: int) -> None:
    chosen = grouping(DEEPFASHION2, name)
    maps = random_maps(seed, chosen.size, height, width, pictures=2)
    channels = [chosen.channels(entry.id) for entry in DEEPFASHION2.categories]
    refined = 0
    for picture, found in enumerate(decode(maps, chosen, SETTINGS)):
        own = {field: getattr(maps, field)[picture].double().numpy() for field in FIELDS}
        wanted = rendering.decode(own, channels, SETTINGS.candidates, SETTINGS.peak_threshold, SETTINGS.reach)
        assert found.labels.tolist() == [one["label"] for one in wanted]
        assert np.allclose(found.scores, [one["score"] for one in wanted])
        assert np.allclose(found.boxes, [one["box"] for one in wanted], atol=1e-4)
        for landmarks, one in zip(found.landmarks.numpy(), wanted, strict=True):
            count = len(one["landmarks"])
            assert np.allclose(landmarks[:count], one["landmarks"], atol=1e-4)
            assert np.isnan(landmarks[count:]).all()
            refined += (one["landmarks"][:, 2] > 0).sum()
    assert refined > 100


def single(**changes: float) -> tuple[Maps, Grouping]:
    """A skirt at cell (8, 8), its box 10 x 6 cells; its first landmark has a peak and its coarse place at (6, 7).

    `score` is the peak's, `x` and `y` its offset from the cell's corner, `away` the coarse place's distance in x.
    """
    chosen = grouping(DEEPFASHION2, "aggregated")
    channel = int(chosen.channels(9)[0])
    zeros = torch.zeros(1, 2, 16, 16)
    maps = Maps(
        centre=torch.zeros(1, 13, 16, 16),
        size=zeros.clone(),
        offset=zeros.clone(),
        coarse=torch.zeros(1, 2 * chosen.size, 16, 16),
        heatmap=torch.zeros(1, chosen.size, 16, 16),
        landmark_offset=zeros.clone(),
    )
    maps.centre[0, 8, 8, 8] = 0.9
    maps.size[0, :, 8, 8] = torch.tensor((10.0, 6.0))
    maps.heatmap[0, channel, 7, 6] = changes.get("score", 0.5)
    maps.landmark_offset[0, :, 7, 6] = torch.tensor((changes.get("x", 0.0), changes.get("y", 0.0)))
    place = torch.tensor((6 + changes.get("x", 0.0) + changes.get("away", 0.0), 7 + changes.get("y", 0.0)))
    maps.coarse[0, 2 * channel : 2 * channel + 2, 8, 8] = place - 8
    return maps, chosen


@pytest.mark.parametrize(
    "changes, confirmed",
    [
        ({}, True),
        ({"score": 0.1}, False),  # the threshold itself isn't enough
        ({"score": 0.11}, True),
        ({"x": -3.0}, True),  # on the box's left edge
        ({"x": -3.01}, False),
        ({"y": -2.0}, True),  # on its top edge
        ({"y": -2.01}, False),
        ({"x": 7.0}, True),  # on its right edge
        ({"x": 7.01}, False),
        ({"y": 4.0}, True),  # on its bottom edge
        ({"y": 4.01}, False),
        ({"away": 3.0}, True),  # 0.3 times the longer side
        ({"away": 3.01}, False),
    ],
)
def test_when_a_peak_confirms(changes: dict[str, float], confirmed: bool) -> None:
    (found,) = decode(*single(**changes), SETTINGS)
    x, y, score = found.landmarks[0, 0].tolist()
    away = 0.0 if confirmed else changes.get("away", 0.0)
    assert (x, y) == pytest.approx((6 + changes.get("x", 0.0) + away, 7 + changes.get("y", 0.0)))
    assert score == (pytest.approx(changes.get("score", 0.5)) if confirmed else 0)


def test_only_the_categorys_own_channels_count() -> None:
    """Whatever other channels say, and however the padding's channel 0 looks."""
    maps, chosen = single()
    loud = maps.heatmap.clone()
    others = np.setdiff1d(np.arange(chosen.size), chosen.channels(9))
    loud[:, others] = distinct(1, len(others), 16, 16)
    for plain, changed in zip(
        decode(maps, chosen, SETTINGS), decode(replace(maps, heatmap=loud), chosen, SETTINGS), strict=True
    ):
        assert torch.equal(plain.landmarks[:, :8], changed.landmarks[:, :8])
        assert changed.landmarks[:, 8:].isnan().all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["independent", "aggregated"])
def test_there_and_back(name: str, seed: int) -> None:
    """Garments become targets, and perfect maps the same garments; coarse places need only be near."""
    chosen, shape = grouping(DEEPFASHION2, name), (28, 36)
    pictures = [outfit(seed, chosen, shape), [], outfit(seed + 100, chosen, shape)]
    maps = perfect_maps(pictures, chosen, shape)
    near = maps.coarse + torch.rand(maps.coarse.shape) * 0.2
    for coarse in (maps.coarse, near):
        for found, garments in zip(
            decode(replace(maps, coarse=coarse), chosen, SETTINGS), pictures, strict=True
        ):
            check_found(found, garments, chosen)


@pytest.mark.parametrize("name", ["independent", "aggregated"])
def test_fuse_with_the_mirrored_pictures_maps(name: str) -> None:
    """Two perfect maps make a perfect map, coarse places included."""
    chosen, shape = grouping(DEEPFASHION2, name), (28, 36)
    garments = outfit(5, chosen, shape)
    maps = perfect_maps([garments], chosen, shape)
    fused = fuse(maps, perfect_maps([mirrored(garments, chosen, shape[1])], chosen, shape), chosen)
    check_found(decode(fused, chosen, SETTINGS)[0], garments, chosen)
    for field in FIELDS[:2] + FIELDS[4:]:
        assert torch.allclose(getattr(fused, field), getattr(maps, field), atol=1e-5), field
    silent = replace(fused, heatmap=torch.zeros_like(fused.heatmap))
    (coarse,) = decode(silent, chosen, SETTINGS)
    for one in garments:
        (place,) = (coarse.labels == one["label"]).nonzero().flatten().tolist()
        own = chosen.channels(one["label"] + 1)
        landmarks = coarse.landmarks[place, : len(own)].numpy()[seen(chosen, one)]
        assert np.allclose(landmarks[:, :2], one["landmarks"][own][seen(chosen, one), :2], atol=1e-4)
        assert (landmarks[:, 2] == 0).all()


def test_fuse_averages_and_keeps_the_pictures_own_offsets() -> None:
    chosen = grouping(DEEPFASHION2, "aggregated")
    one, other = (random_maps(seed, chosen.size, 6, 9) for seed in (0, 1))
    fused = fuse(one, other, chosen)
    assert torch.allclose(fused.centre[0, 3, 2, 1], (one.centre[0, 3, 2, 1] + other.centre[0, 3, 2, 7]) / 2)
    left = next(channel for channel, partner in enumerate(chosen.flip_index) if partner != channel)
    right = int(chosen.flip_index[left])
    assert torch.allclose(
        fused.heatmap[1, left, 4, 8], (one.heatmap[1, left, 4, 8] + other.heatmap[1, right, 4, 0]) / 2
    )
    assert torch.allclose(
        fused.coarse[1, 2 * left : 2 * left + 2, 4, 8] * 2 - one.coarse[1, 2 * left : 2 * left + 2, 4, 8],
        torch.stack([1 - other.coarse[1, 2 * right, 4, 0], other.coarse[1, 2 * right + 1, 4, 0]]),
        atol=1e-5,
    )
    assert torch.equal(fused.offset, one.offset) and torch.equal(fused.landmark_offset, one.landmark_offset)


def random_found(seed: int, count: int, low: float = 0.0) -> Found:
    torch.manual_seed(seed)
    corner = torch.rand(count, 2) * 6 + low
    return Found(
        boxes=torch.cat([corner, corner + 8 + torch.rand(count, 2) * 6], dim=1),
        labels=torch.randint(0, 3, (count,)),
        scores=(torch.randperm(count) + 1) / (count + 1),
        landmarks=torch.rand(count, DEEPFASHION2.longest, 3),
    )


@pytest.mark.parametrize("seed, low", [(0, 0.0), (1, 100.0), (2, -30.0), (3, -200.0)])
def test_soft_nms(seed: int, low: float) -> None:
    """Within categories only, also for boxes that reach out of the picture; landmarks go along."""
    found = random_found(seed, 60, low)
    wanted = rendering.soft_nms(
        found.boxes.numpy(), found.labels.numpy(), found.scores.numpy(), SETTINGS.nms_sigma, 0.001
    )
    kept = suppress(found, SETTINGS)
    places = [place for place, _ in wanted]
    assert len(wanted) < 60 and min(score for _, score in wanted) < 0.01
    assert np.allclose(kept.scores, [score for _, score in wanted], atol=1e-5)
    for field in ("boxes", "labels", "landmarks"):
        assert torch.equal(getattr(kept, field), getattr(found, field)[places])


def test_pictures_without_garments() -> None:
    chosen = grouping(DEEPFASHION2, "independent")
    empty = perfect_maps([[], []], chosen, (16, 16))
    for found in decode(empty, chosen, SETTINGS):
        assert found.boxes.shape == (0, 4) and found.landmarks.shape == (0, DEEPFASHION2.longest, 3)
        assert len(suppress(joined([found, found]), SETTINGS)) == 0
