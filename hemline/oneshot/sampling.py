"""Deformable convolutions on the CPU, as bilinear samples and a matrix product."""

import torch
from torch import Tensor
from torch.nn import functional


def point_conv(x: Tensor, points: Tensor, weight: Tensor) -> Tensor:
    """A convolution whose taps are at given points: deformable, version 1 (Dai et al., ICCV 2017, eq. 2).

    `x` (B, C, h, w); `points` (B, 2n, h, w) y, x of point 0, y, x of point 1..., in cells from the cell where they
    stand; `weight` (D, C, k, k) with n = k * k taps, row by row. Returns (B, D, h, w); outside of x there are zeros.
    The numbers and gradients are those of torchvision's and mmcv's operators, whose backward passes on the CPU take
    several times as long (benchmarks/deformable.py).
    """
    height, width = x.shape[2:]
    row = torch.arange(height, dtype=x.dtype, device=x.device)[:, None]
    column = torch.arange(width, dtype=x.dtype, device=x.device)
    places = torch.stack(
        [(2 * (points[:, 1::2] + column) + 1) / width - 1, (2 * (points[:, 0::2] + row) + 1) / height - 1],
        dim=-1,
    )
    seen = functional.grid_sample(x, places.flatten(2, 3), padding_mode="zeros", align_corners=False)
    with torch.autocast(x.device.type, enabled=False):  # nor do the operators mix precisions
        return torch.einsum("dcn,bcnp->bdp", weight.flatten(2), seen).unflatten(2, (height, width))


def taps(size: int) -> Tensor:
    """The taps of a plain convolution, `size` squared, as points (2 * size^2, 1, 1) for `point_conv`."""
    steps = torch.arange(size) - size // 2
    return torch.cartesian_prod(steps, steps).flatten()[:, None, None].float()
