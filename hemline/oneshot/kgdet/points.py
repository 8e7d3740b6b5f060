"""Points as offsets: what is sampled at them, and the box that they span.

A map of n points is (B, 2n, h, w): y, x of point 0, y, x of point 1..., as deformable convolutions want it. They are in
cells of the map, from the cell's own grid point, which in the picture lies at column * stride, row * stride.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.ops import DeformConv2d

from hemline.oneshot.sampling import point_conv, taps

# How much of the gradient goes from what is sampled to where (RepPoints' gradient_mul; KGDet has the same).
GRADIENT = 0.1
# ... and to the multipliers of the moment box (RepPoints' moment_mul).
MOMENT_GRADIENT = 0.01


class Maps(NamedTuple):
    """What a stage says of B pictures at the h * w grid points of one level, for C categories and K landmarks.

    `scores` (B, C, h, w) are logits, `boxes` (B, 4, h, w) x1, y1, x2, y2 in cells from the grid point, `landmarks`
    (B, 2K, h, w) points, `visibility` (B, K, h, w) logits. None is what the stage doesn't say.
    """

    scores: Tensor | None
    boxes: Tensor
    landmarks: Tensor
    visibility: Tensor | None = None


def damped(x: Tensor, share: float) -> Tensor:
    """`x`, whose gradient is `share` times as large."""
    return share * x + (1 - share) * x.detach()


def exact(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A layer's output in its weights' precision also where others are mixed.

    bf16 has eight bits: a landmark four cells off would be known to half a pixel on P5, to two on P7.
    """
    device = x.device.type
    mixing = torch.amp.is_autocast_available(device)  # not on "meta"
    with torch.autocast(device, enabled=False) if mixing else nullcontext():
        return layer(x.to(layer.weight.dtype))


class PointConv(DeformConv2d):
    """A convolution whose taps are at n given points, n being a square: deformable, version 1 (Dai et al., ICCV 2017).

    torchvision's operator, not mmcv's: it also has shapes without numbers (device "meta") and takes part in mixed
    precision; the values are the same.
    """

    def __init__(self, in_channels: int, out_channels: int, points: int) -> None:
        size = math.isqrt(points)
        super().__init__(in_channels, out_channels, size, padding=size // 2, bias=False)
        self.register_buffer("grid", taps(size), persistent=False)

    def forward(self, x: Tensor, points: Tensor) -> Tensor:
        """(B, in_channels, h, w) and points (B, 2n, h, w) -> (B, out_channels, h, w)."""
        x, points = x.to(self.weight.dtype), damped(points, GRADIENT).to(self.weight.dtype)
        if x.device.type == "cpu":
            return point_conv(x, points, self.weight)
        return super().forward(x, points - self.grid)


class Columns(nn.Module):
    """Features at several sets of points, each of its own `PointConv`, rectified, one after another."""

    def __init__(self, in_channels: int, out_channels: int, points: Sequence[int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(PointConv(in_channels, out_channels, count) for count in points)
        self.sizes = [2 * count for count in points]

    def forward(self, x: Tensor, points: Tensor) -> Tensor:
        """(B, in_channels, h, w) and points (B, 2 * sum, h, w) -> (B, out_channels * columns, h, w)."""
        parts = points.split(self.sizes, dim=1)
        return torch.cat([conv(x, part).relu() for conv, part in zip(self.convs, parts, strict=True)], dim=1)


class MomentBox(nn.Module):
    """The box of a set of points (RepPoints, sec. 3.2; paper 003): about their mean, as large as they are spread.

    Half of its sides are the standard deviations times the exponentials of two learnt numbers, for x and for y.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(2))

    def forward(self, points: Tensor) -> Tensor:
        """Points (B, 2n, h, w) -> x1, y1, x2, y2 (B, 4, h, w)."""
        places = points.unflatten(1, (-1, 2))
        factor = damped(self.scale, MOMENT_GRADIENT).exp()[:, None, None]
        centre = places.mean(dim=1).flip(1)
        half = places.std(dim=1).flip(1) * factor
        return torch.cat([centre - half, centre + half], dim=1)


def select(landmarks: Tensor, visibility: Tensor, count: int) -> Tensor:
    """The `count` likeliest visible of K landmarks (B, 2K, h, w) at each grid point: points (B, 2 * count, h, w).

    In the order of their channels: a category's landmarks go round the garment, so that a tap of the convolution that
    follows sees about the same part of it.
    """
    channels = visibility.topk(count, dim=1).indices.sort(dim=1).values
    places = landmarks.unflatten(1, (-1, 2))
    return places.take_along_dim(channels[:, :, None], dim=1).flatten(1, 2)


def by_point(levels: Sequence[Tensor]) -> Tensor:
    """Maps (B, C, h, w) of all levels -> (B, P, C): row by row, level after level."""
    return torch.cat([level.flatten(2).transpose(1, 2) for level in levels], dim=1)
