"""What the maps should be for given garments: CenterNet's targets for objects with landmarks, made on the device.

The rule is that of CenterNet's code (datasets/sample/multi_pose.py and utils/image.py), for any number of garments and
without dense maps: heatmaps exist only for the channels that show something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Input pixels in a cell of the maps, on a side.
STRIDE = 4

# CornerNet: a Gaussian reaches so far that boxes with corners within it overlap the garment's by at least this IoU.
MIN_OVERLAP = 0.7


@dataclass(frozen=True)
class Heatmaps:
    """The T heatmaps that aren't zero everywhere.

    `values` (T, h, w) float32 from 0 to 1, 1 at a point's own cell alone; `index` (T, 2) int64 picture and channel, no
    pair twice.
    """

    values: Tensor
    index: Tensor


@dataclass(frozen=True)
class Targets:
    """What a batch of B pictures with N garments and P labelled landmarks teaches; all lengths are in cells.

    `centre` and `heatmap` are the heatmaps of the garments' centres (a channel a label) and of the landmarks.
    `label_of` (N, 2) int64 is each garment's picture and label. `centres` (N, 3) int64 is its cell: picture, row,
    column; `size` (N, 2) its box's width and height, `offset` (N, 2) its centre's place in the cell, and `coarse`
    (N, K, 2) its landmarks less its cell. `boxed` (N,) bool says whose size and offset count, `seen` (N, K) bool which
    landmarks do. `landmarks` (P, 3) int64 is each landmark's cell, `landmark_offset` (P, 2) its place there.
    """

    centre: Heatmaps
    heatmap: Heatmaps
    label_of: Tensor
    centres: Tensor
    size: Tensor
    offset: Tensor
    coarse: Tensor
    boxed: Tensor
    seen: Tensor
    landmarks: Tensor
    landmark_offset: Tensor


def make_targets(samples: Sequence[Any], shape: tuple[int, int]) -> Targets:
    """The targets of a batch for maps of `shape` (h, w).

    Each sample's `gt_instances` has `bboxes` (n, 4) x1, y1, x2, y2 and `landmarks` (n, K, 3) x, y, v in pixels of the
    input, origin at its top left corner, and `labels` (n,). Boxes are cut to the map, and garments without a part in
    it left out; landmarks with v 0 or outside of the map teach nothing.
    """
    picture, boxes, labels, landmarks = _inside(*_gathered(samples), shape)
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    cell = _cells(centre, shape)
    places, radius = landmarks[..., :2] / STRIDE, gaussian_radius(size)
    width_height = places.new_tensor((shape[1], shape[0]))
    seen = (landmarks[..., 2] > 0) & ((places >= 0) & (places < width_height)).all(dim=-1)
    garment, channel = seen.nonzero(as_tuple=True)
    place = places[garment, channel]
    landmark_cell = _cells(place, shape)
    return Targets(
        centre=_heatmaps(picture, labels, cell, radius, shape),
        heatmap=_heatmaps(picture[garment], channel, landmark_cell, radius[garment], shape),
        label_of=torch.stack([picture, labels], dim=1),
        centres=_placed(picture, cell),
        size=size,
        offset=centre - cell,
        coarse=places - cell[:, None],
        # CenterNet takes a garment with no labelled landmark at all, in the crop or out of it, for one whose box isn't
        # to be trusted. It means to make its centre neutral as well (0.9999 in the heatmap, where only 1 is a
        # positive), but draws the Gaussian, with its 1, over that afterwards: the centre is learnt as any other.
        boxed=landmarks[..., 2].sum(dim=1) > 0,
        seen=seen,
        landmarks=_placed(picture[garment], landmark_cell),
        landmark_offset=place - landmark_cell,
    )


def gaussian_radius(size: Tensor) -> Tensor:
    """The radius (N,) float32 of the Gaussians of garments, from the width and height (N, 2) of their boxes, in cells.

    CenterNet's (utils/image.py), of sides rounded up, cut to an integer. It takes the least root of three quadratic
    equations of CornerNet, each divided by 2 in the place of 2a: so the third, the only one here, always is the least,
    and 2.8 times as long as CornerNet's own, which mmdet's `gaussian_radius` gives. CenterNet's weights have learnt it.
    """
    width, height = size.ceil().double().unbind(dim=1)
    half = MIN_OVERLAP * (width + height)
    area = width * height * MIN_OVERLAP * (1 - MIN_OVERLAP)
    return ((half.square() + 4 * area).sqrt() - half).floor().float()


def _gathered(samples: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """All garments of a batch: picture (N,), boxes (N, 4) in cells, labels (N,), landmarks (N, K, 3) in pixels."""
    garments = [sample.gt_instances for sample in samples]
    boxes = torch.cat([one.bboxes for one in garments]).float() / STRIDE
    counts = torch.tensor([len(one.bboxes) for one in garments], device=boxes.device)
    picture = torch.arange(len(garments), device=boxes.device).repeat_interleave(counts)
    labels = torch.cat([one.labels for one in garments])
    return picture, boxes, labels, torch.cat([one.landmarks for one in garments])


def _inside(
    picture: Tensor, boxes: Tensor, labels: Tensor, landmarks: Tensor, shape: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The garments with a part in the map, their boxes cut to it."""
    boxes = boxes.clamp(min=0).minimum(boxes.new_tensor((shape[1], shape[0]) * 2))
    kept = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    return picture[kept], boxes[kept], labels[kept], landmarks[kept]


def _cells(points: Tensor, shape: tuple[int, int]) -> Tensor:
    """The cells (n, 2) int64, x before y, of points (n, 2) in the map; one on its far edge is in the last cell."""
    return points.long().minimum(torch.tensor((shape[1] - 1, shape[0] - 1), device=points.device))


def _placed(picture: Tensor, cell: Tensor) -> Tensor:
    """Cells (n, 2) x, y as (n, 3) picture, row, column."""
    return torch.stack([picture, cell[:, 1], cell[:, 0]], dim=1)


def _heatmaps(
    picture: Tensor, channel: Tensor, cell: Tensor, radius: Tensor, shape: tuple[int, int]
) -> Heatmaps:
    """Gaussians about `cell` (n, 2); of those in one channel of a picture each cell has the greatest."""
    index, which = torch.stack([picture, channel], dim=1).unique(dim=0, return_inverse=True)
    rows = _profile(cell[:, 1], radius, shape[0])[:, :, None]
    columns = _profile(cell[:, 0], radius, shape[1])[:, None]
    drawn = rows * columns
    values = drawn.new_zeros(len(index), *shape)
    return Heatmaps(values.scatter_reduce_(0, which[:, None, None].expand_as(drawn), drawn, "amax"), index)


def _profile(cell: Tensor, radius: Tensor, length: int) -> Tensor:
    """One axis (n, length) of Gaussians cut off at their radius; sigma is a sixth of the diameter."""
    distance = (torch.arange(length, device=cell.device) - cell[:, None]).abs()
    sigma = (2 * radius + 1) / 6
    profile = torch.exp(-distance.square() / (2 * sigma.square()[:, None]))
    return profile * (distance <= radius[:, None])
