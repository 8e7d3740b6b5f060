"""Which point of the maps learns which garment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# What a point is assigned to, in mmdet's numbers; a garment's is its place in the picture's list, from 1.
BACKGROUND, IGNORED = 0, -1


def nearest_points(points: Tensor, boxes: Tensor, scale: float, positives: int) -> Tensor:
    """The garment (P,) of each point, 0 being none: RepPoints' assignment (sec. 3.3).

    `points` (P, 3) are x, y, stride, `boxes` (N, 4) x1, y1, x2, y2, in pixels. A garment belongs to the level whose
    stride is the power of two below (or at) its box's size, sqrt(width * height) / `scale`, or to the nearest level
    that there is. Its points are the `positives` nearest to the box's centre, in widths and heights of it; a point of
    several garments goes to that with the nearest centre. As mmdet's PointAssigner, which however fails where a level
    has fewer points.
    """
    if not len(boxes) or not len(points):
        return torch.full((len(points),), BACKGROUND, device=points.device)
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-6)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    levels = points[:, 2].log2().int()
    own = (size / scale).log2().mean(dim=1).int().clamp(levels.min(), levels.max())
    distance = ((points[:, :2] - centre[:, None]) / size[:, None]).norm(dim=2)
    distance = distance.masked_fill(levels != own[:, None], torch.inf)
    least, which = distance.topk(min(positives, len(points)), dim=1, largest=False)
    near = torch.full_like(distance, torch.inf).scatter(1, which, least)
    nearest, garment = near.min(dim=0)
    return torch.where(nearest.isfinite(), garment + 1, BACKGROUND)


@dataclass(frozen=True)
class Targets:
    """What P points of B pictures should say, the n positive ones among them.

    `labels` (B, P) int64 are categories, the number of categories for background; `counts` (B, P) bool says which
    points cost anything. At the positives `picture` and `point` (n,) there are `boxes` (n, 4) x1, y1, x2, y2 and
    `landmarks` (n, K, 3) x, y, v in pixels. `number` is that of the positives, a picture without one counting as one.
    """

    labels: Tensor
    counts: Tensor
    picture: Tensor
    point: Tensor
    boxes: Tensor
    landmarks: Tensor
    number: int


def make_targets(assigned: Sequence[Tensor], samples: Sequence[Any], categories: int) -> Targets:
    """The targets of what each picture's points are `assigned` (P,) to: garments from 1, BACKGROUND or IGNORED."""
    garments = [sample.gt_instances for sample in samples]
    chosen = torch.stack(list(assigned))
    picture, point = (chosen > 0).nonzero(as_tuple=True)
    places = [one[one > 0] - 1 for one in assigned]
    labels = torch.full_like(chosen, categories)
    labels[picture, point] = _taken([one.labels for one in garments], places)
    return Targets(
        labels=labels,
        counts=chosen != IGNORED,
        picture=picture,
        point=point,
        boxes=_taken([one.bboxes for one in garments], places),
        landmarks=_taken([one.landmarks for one in garments], places),
        number=sum(max(len(one), 1) for one in places),
    )


def _taken(values: Sequence[Tensor], places: Sequence[Tensor]) -> Tensor:
    return torch.cat([each[place] for each, place in zip(values, places, strict=True)])
