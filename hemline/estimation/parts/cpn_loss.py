"""The loss of a cascaded pyramid network, in mmpose's registry."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import nn


@MODELS.register_module()
class CPNLoss(nn.Module):
    """Squared errors: of GlobalNet's levels all landmarks count, of RefineNet the hardest ones of each garment.

    A garment's term is a mean over the n landmarks of its category, or over the hardest of them, and over all pixels;
    the batch's is the mean over garments. So it is the same whatever channels other categories have, and with a single
    category it is HiKapok's (train_cpn_onebyone.py: `weights=1 / batch` cancels out in TensorFlow's Reduction.MEAN).
    Landmarks of weight 0, occluded or absent ones, are among the n with an error of 0.

    mmpose's own KeypointOHKMMSELoss mines one number of channels of every garment, whatever its category.

    Args:
        blur, heights: of the targets of GlobalNet's levels, coarse to fine; see `widened`.
        hard: the share of a garment's landmarks that makes RefineNet's loss.
        global_weight: how often GlobalNet's terms count.
    """

    def __init__(
        self, blur: Sequence[float], heights: Sequence[float], hard: float, global_weight: float
    ) -> None:
        super().__init__()
        self.blur, self.heights = tuple(blur), tuple(heights)
        self.hard, self.global_weight = hard, global_weight

    def forward(
        self, maps: list[torch.Tensor], targets: torch.Tensor, weights: torch.Tensor, counts: torch.Tensor
    ) -> dict[str, Any]:
        """`loss_global`, a list of the levels' terms, and `loss_refine`.

        Args:
            maps: GlobalNet's, coarse to fine, and RefineNet's: each (n, channels, height, width).
            targets: as one of these.
            weights: (n, channels), 0 for channels without a target.
            counts: (n,), the numbers of landmarks of the garments' categories; 0: unknown, so that of those with a
                target.
        """
        counts = torch.where(counts > 0, counts, (weights > 0).sum(1).clamp(min=1))
        errors = [
            squared_errors(own, widened(targets, sigma, height), weights)
            for own, sigma, height in zip(maps[:-1], self.blur, self.heights, strict=True)
        ]
        number = (self.hard * counts.double()).floor().clamp(min=1).long()
        return {
            "loss_global": [self.global_weight * (level.sum(1) / counts).mean() for level in errors],
            "loss_refine": hardest(squared_errors(maps[-1], targets, weights), number).mean(),
        }


def squared_errors(maps: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(n, channels): weighted means over the pixels of maps (n, channels, height, width)."""
    return (maps - targets).square().mean(dim=(2, 3)) * weights


def hardest(errors: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
    """(n,): the mean of each garment's `number` (n,) greatest errors (n, channels): online hard keypoint mining."""
    ordered = errors.sort(dim=1, descending=True).values
    mined = torch.arange(errors.shape[1], device=errors.device) < number[:, None]
    return (ordered * mined).sum(1) / number


def widened(targets: torch.Tensor, sigma: float, height: float) -> torch.Tensor:
    """Heatmaps (n, channels, height, width) blurred by a Gaussian of `sigma` pixels, `height` times as high as before.

    HiKapok's Gaussian isn't normalised: it raises targets of sigma 1 to 2 pi sigma^2 / (1 + sigma^2) of their height
    (and lies half a pixel beside their pixel, which is left out here). Chen et al. restore the maximum: height 1.
    In mixed precision, too, this is in the precision of `targets`: to float16 `tiny` is 0, and 0 / 0 no number.
    """
    if not sigma:
        return targets * height
    down, across = (_gaussian(size, sigma, targets) for size in targets.shape[2:])
    with torch.autocast(targets.device.type, enabled=False):
        blurred = down @ targets @ across
    highest = blurred.amax(dim=(2, 3), keepdim=True).clamp(min=torch.finfo(targets.dtype).tiny)
    return blurred * (height * targets.amax(dim=(2, 3), keepdim=True) / highest)


def _gaussian(size: int, sigma: float, like: torch.Tensor) -> torch.Tensor:
    """(size, size): what multiplied with a row blurs it."""
    pixels = torch.arange(size, dtype=like.dtype, device=like.device)
    return torch.exp(-(pixels[:, None] - pixels).square() / (2 * sigma**2))
