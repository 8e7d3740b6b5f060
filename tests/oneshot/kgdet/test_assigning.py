"""Which point learns which garment."""

import math

import numpy as np
import pytest
import torch
from mmdet.models.task_modules import PointAssigner
from mmengine.structures import InstanceData

from hemline.oneshot.kgdet.assigning import make_targets, nearest_points
from tests.oneshot.kgdet import rendering
from tests.oneshot.kgdet.networks import CATEGORIES, sample

LEVELS = {(3, 4, 5): (8, 12), (5, 6, 7): (6, 7), (5,): (7, 9)}


def points(levels: tuple[int, ...]) -> list[tuple[float, float, int]]:
    height, width = LEVELS[levels]
    found = []
    for number, level in enumerate(levels):
        found += rendering.grid(math.ceil(height / 2**number), math.ceil(width / 2**number), 2**level)
    return found


def boxes(random: np.random.Generator, levels: tuple[int, ...], count: int) -> torch.Tensor:
    """Of all sizes, some too small and some too large for the levels."""
    reach = LEVELS[levels][1] * 2 ** levels[0]
    corner = random.random((count, 2)) * reach * 0.7
    size = np.exp(random.uniform(np.log(2), np.log(2 * reach), (count, 2)))
    return torch.tensor(np.concatenate([corner, corner + size], axis=1)).float()


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("seed", range(5))
def test_points_are_those_of_mmdet_and_of_the_rendering(levels, seed):
    random = np.random.default_rng(seed)
    grid = points(levels)
    garments = boxes(random, levels, 6)
    priors = torch.tensor(grid).float()
    for positives in (1, 4):
        found = nearest_points(priors, garments, 4, positives)
        assert found.tolist() == rendering.assigned(grid, garments.double().numpy(), 4, positives)
        theirs = PointAssigner(scale=4, pos_num=positives).assign(
            InstanceData(priors=priors), InstanceData(bboxes=garments, labels=torch.zeros(6).long())
        )
        assert torch.equal(found, theirs.gt_inds)


def test_a_level_of_few_points_gives_them_all():
    """P7 of a small picture has fewer points than KGDet's 25 positives."""
    grid = torch.tensor(points((5, 6, 7))).float()
    large = torch.tensor([[0.0, 0, 600, 600]])
    found = nearest_points(grid, large, 4, 25)
    assert torch.equal(found, (grid[:, 2] == 128).long())


@pytest.mark.parametrize("positives", [1, 1000])
def test_of_a_shared_point_the_nearer_garment_has_it(positives):
    grid = torch.tensor(rendering.grid(4, 4, 32)).float()
    near, far = [22.0, 22, 82, 82], [0.0, 0, 250, 250]
    found = nearest_points(grid, torch.tensor([far, near]), 4, positives)
    at = int(((grid[:, 0] == 64) & (grid[:, 1] == 64)).nonzero())
    near_first = nearest_points(grid, torch.tensor([near, far]), 4, positives)
    assert torch.equal(near_first, torch.tensor([0, 2, 1])[found])
    if positives == 1000:
        assert found[at] == 2 and (found > 0).all()


def test_no_garment_no_point():
    grid = torch.tensor(rendering.grid(4, 4, 32)).float()
    assert nearest_points(grid, torch.zeros(0, 4), 4, 9).tolist() == [0] * 16


def test_targets_are_those_of_the_garments():
    samples = [sample(2, seed=1), sample(0, seed=2), sample(3, seed=3)]
    assigned = [torch.tensor(one) for one in ([0, 2, 0, 1], [0, 0, -1, 0], [3, 0, 1, -1])]
    targets = make_targets(assigned, samples, CATEGORIES)
    first, last = samples[0].gt_instances, samples[2].gt_instances
    assert targets.picture.tolist() == [0, 0, 2, 2] and targets.point.tolist() == [1, 3, 0, 2]
    assert targets.labels[0].tolist() == [3, first.labels[1], 3, first.labels[0]]
    assert targets.labels[1:].flatten().tolist() == [3, 3, 3, 3, last.labels[2], 3, last.labels[0], 3]
    assert torch.equal(targets.boxes, torch.cat([first.bboxes[[1, 0]], last.bboxes[[2, 0]]]))
    assert torch.equal(targets.landmarks, torch.cat([first.landmarks[[1, 0]], last.landmarks[[2, 0]]]))
    assert targets.counts.tolist() == [[True] * 4, [True, True, False, True], [True, True, True, False]]
    assert targets.number == 2 + 1 + 2
