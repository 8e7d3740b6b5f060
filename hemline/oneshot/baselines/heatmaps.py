"""Landmarks read off the heatmaps of boxes."""

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

# A cell is refined into this many a side. Boxes of up to 8 x 56 px are read off to a pixel.
FINER = 8

# The peak lies in the best cell or beside it; a bicubic value rests on two cells more.
BESIDE, AROUND = 1, 3


def landmarks_of(logits: Tensor, boxes: Tensor) -> Tensor:
    """The peaks of heatmaps (n, K, S, S) in their boxes (n, 4), x1 y1 x2 y2 -> (n, K, 3): x, y, score.

    A heatmap covers its box, edge to edge. A peak is the largest of its bicubic values, as in Mask R-CNN's code
    (Detectron; torchvision's heatmaps_to_keypoints), but refined about the best cell alone: of hundreds of channels, as
    large as their box, that is a hundredth of the work. The score is the probability of the best cell, from 0 to 1:
    the softmax over all cells, which the loss trains.
    """
    count, channels, size, _ = logits.shape
    flat = logits.float().flatten(0, 1)
    score = flat.flatten(1).softmax(dim=1).amax(dim=1)
    places = _peaks(flat).unflatten(0, (count, channels)) / size
    corners = boxes[:, None, :2] + places * (boxes[:, None, 2:] - boxes[:, None, :2])
    return torch.cat([corners, score.view(count, channels, 1)], dim=2)


def _peaks(heatmaps: Tensor) -> Tensor:
    """Heatmaps (m, S, S) -> x, y of their peaks, (m, 2), in cells from the top-left corner."""
    size, device = heatmaps.shape[-1], heatmaps.device
    best = heatmaps.flatten(1).argmax(dim=1)
    cells = torch.stack([best // size, best % size], dim=1)
    fine = _refined(heatmaps, cells)
    steps = (torch.arange(fine.shape[-1], device=device) + 0.5) / FINER - BESIDE
    rows, columns = (cells[..., None] + steps).unbind(dim=1)
    outside = [(line < 0) | (line > size) for line in (rows, columns)]
    fine = fine.masked_fill(outside[0][:, :, None] | outside[1][:, None, :], -torch.inf)
    peak = fine.flatten(1).argmax(dim=1, keepdim=True)
    width = fine.shape[-1]
    return torch.cat([columns.gather(1, peak % width), rows.gather(1, peak // width)], dim=1)


def _refined(heatmaps: Tensor, cells: Tensor) -> Tensor:
    """Bicubic values of heatmaps (m, S, S) in and beside `cells` (m, 2), row and column: (m, 3 FINER, 3 FINER)."""
    size, device = heatmaps.shape[-1], heatmaps.device
    around = torch.arange(-AROUND, AROUND + 1, device=device)
    rows, columns = (cells[..., None] + around).clamp(0, size - 1).unbind(dim=1)
    number = torch.arange(len(heatmaps), device=device)[:, None, None]
    patches = heatmaps[number, rows[:, :, None], columns[:, None, :]]
    weights = _bicubic(device)
    return cast(Tensor, weights @ patches @ weights.T)


def _bicubic(device: torch.device) -> Tensor:
    """(3 FINER, 2 AROUND + 1): torch's bicubic weights of a row of cells for the finer ones in its middle three."""
    cells = 2 * AROUND + 1
    each = torch.eye(cells, device=device)[None, None]
    fine = functional.interpolate(each, size=(cells * FINER, cells), mode="bicubic")[0, 0]
    edge = (AROUND - BESIDE) * FINER
    return fine[edge:-edge]
