"""Targets against CenterNet's, in plain NumPy."""

import itertools

import numpy as np
import pytest
import torch

from hemline.oneshot.deepmark.targets import Heatmaps, gaussian_radius, make_targets
from hemline.wardrobe import grouping
from tests.oneshot.deepmark import rendering
from tests.oneshot.garments import DEEPFASHION2, garment, sample

SHAPE = (18, 27)


def pictures(random: np.random.Generator, chosen) -> list[list[dict]]:
    """Garments that overlap, that reach out of the map, that are out of it, and that have no labels."""
    first = [
        garment(random, chosen, 0, (1.3, 2.1, 12.7, 15.2)),
        garment(random, chosen, 0, (4.2, 3.3, 16.1, 17.9)),
        garment(random, chosen, 9, (14.5, 0.2, 26.6, 17.0), reach=1.7),
    ]
    second = [
        garment(random, chosen, 12, (-6.3, 5.5, 9.4, 30.1)),
        garment(random, chosen, 7, (30.0, 2.0, 35.0, 9.0)),
        garment(random, chosen, 3, (20.2, 11.4, 29.9, 14.8)),
    ]
    second[2]["landmarks"][:, 2] = 0
    return [first, [], second]


def dense(heatmaps: Heatmaps, picture: int, channels: int) -> np.ndarray:
    whole = np.zeros((channels, *SHAPE))
    own = heatmaps.index[:, 0] == picture
    whole[heatmaps.index[own, 1]] = heatmaps.values[own]
    return whole


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["independent", "aggregated"])
def test_as_centernet(name: str, seed: int) -> None:
    chosen = grouping(DEEPFASHION2, name)
    batch = pictures(np.random.default_rng(seed), chosen)
    made = make_targets([sample(one, chosen.size) for one in batch], SHAPE)
    wanted = [rendering.targets(one, chosen.size, SHAPE) for one in batch]
    for number, one in enumerate(wanted):
        assert np.allclose(dense(made.centre, number, 13), one["centre"], atol=1e-6)
        assert np.allclose(dense(made.heatmap, number, chosen.size), one["heatmap"], atol=1e-6)
    garments = [(number, each) for number, one in enumerate(wanted) for each in one["garments"]]
    assert made.centres.tolist() == [[number, *each["cell"]] for number, each in garments]
    for key in ("size", "offset"):
        assert np.allclose(getattr(made, key), [each[key] for _, each in garments], atol=1e-5)
    assert made.boxed.tolist() == [each["boxed"] for _, each in garments]
    for seen, coarse, (_, each) in zip(made.seen, made.coarse, garments, strict=True):
        assert seen.nonzero().flatten().tolist() == list(each["coarse"])
        wanted_coarse = np.array(list(each["coarse"].values())).reshape(-1, 2)
        assert np.allclose(coarse[seen], wanted_coarse, atol=1e-5)
    landmarks = [(number, each) for number, one in enumerate(wanted) for each in one["landmarks"]]
    assert made.landmarks.tolist() == [[number, *each["cell"]] for number, each in landmarks]
    assert np.allclose(made.landmark_offset, [each["offset"] for _, each in landmarks], atol=1e-5)


def test_only_channels_that_show_something() -> None:
    chosen = grouping(DEEPFASHION2, "independent")
    batch = pictures(np.random.default_rng(0), chosen)
    heatmap = make_targets([sample(one, chosen.size) for one in batch], SHAPE).heatmap
    assert len(heatmap.index.unique(dim=0)) == len(heatmap.index) < sum(len(one) for one in batch) * 39
    assert (heatmap.values.amax(dim=(1, 2)) == 1).all()


def test_garment_without_labels() -> None:
    """Its centre is a positive as any other; its box counts for nothing."""
    chosen = grouping(DEEPFASHION2, "aggregated")
    one = garment(np.random.default_rng(0), chosen, 4, (3.0, 3.0, 11.0, 12.0))
    one["landmarks"][:, 2] = 0
    made = make_targets([sample([one], chosen.size)], SHAPE)
    assert (made.centre.values == 1).sum() == 1
    assert not made.boxed.any() and not made.seen.any() and len(made.landmarks) == 0


def test_labels_out_of_the_map_vouch_for_the_box() -> None:
    chosen = grouping(DEEPFASHION2, "aggregated")
    one = garment(np.random.default_rng(0), chosen, 4, (3.0, 3.0, 11.0, 12.0))
    one["landmarks"][:, :2] += 40 * (one["landmarks"][:, 2:] > 0)
    made = make_targets([sample([one], chosen.size)], SHAPE)
    assert made.boxed.all() and not made.seen.any()


@pytest.mark.parametrize("edge", ["left", "right"])
def test_edges_of_the_map(edge: str) -> None:
    """A landmark on the map's left edge is in its first cell; one on its right edge is outside."""
    chosen = grouping(DEEPFASHION2, "aggregated")
    one = garment(np.random.default_rng(0), chosen, 6, (2.0, 2.0, 20.0, 14.0))
    channel = chosen.channels(7)[0]
    one["landmarks"][:, 2] = 0
    one["landmarks"][channel] = (0.0 if edge == "left" else SHAPE[1], 0.0, 1)
    made = make_targets([sample([one], chosen.size)], SHAPE)
    assert made.landmarks.tolist() == ([[0, 0, 0]] if edge == "left" else [])


def test_a_sliver_at_the_far_edge_is_in_the_last_cell() -> None:
    """Half of its two coordinates is rounded to the edge itself."""
    chosen = grouping(DEEPFASHION2, "aggregated")
    below = float(np.nextafter(np.float32(SHAPE[1]), np.float32(0)))
    one = garment(np.random.default_rng(0), chosen, 6, (below, 4.0, 40.0, 8.0))
    assert make_targets([sample([one], chosen.size)], SHAPE).centres.tolist() == [[0, 6, SHAPE[1] - 1]]


def test_radius() -> None:
    sides = [0.2, 1.0, 2.5, 7.0, 19.4, 64.0, 100.9, 128.0]
    sizes = list(itertools.product(sides, sides))
    assert gaussian_radius(torch.tensor(sizes)).tolist() == [rendering.gaussian_radius(*one) for one in sizes]
