"""Deep layer aggregation as CenterNet has it: one feature map of a quarter of the picture's size."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from timm.models.dla import DLA, DlaBasic
from torch import nn
from torchvision.ops import DeformConv2d

# The levels that are joined, of a quarter to a 32nd of the picture's size (CenterNet's first_level of 2; all after it).
LEVELS = [2, 3, 4, 5]


class DeformableConv(DeformConv2d):
    """A 3x3 convolution that learns where to look: deformable, version 2 (Zhu et al., CVPR 2019, eq. 1 and sec. 3.2).

    At first it looks where a plain one does, with half the weight. torchvision's operator, not mmcv's: it also has
    shapes without numbers (device "meta") and takes part in mixed precision; the values are the same.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.conv_offset = nn.Conv2d(in_channels, 3 * 9, 3, padding=1)
        for weights in (self.bias, self.conv_offset.weight, self.conv_offset.bias):
            nn.init.zeros_(weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, h, w) -> (B, out_channels, h, w), in the weights' precision also where others are mixed."""
        found = self.conv_offset(x).to(self.weight.dtype)
        offsets, mask = found.split([2 * 9, 9], dim=1)
        return super().forward(x.to(self.weight.dtype), offsets, mask.sigmoid())


def _convolution(in_channels: int, out_channels: int, deformable: bool) -> nn.Sequential:
    """3x3, normalised, rectified. Normalising takes a bias away; the deformable one has CenterNet's nevertheless."""
    conv = (
        DeformableConv(in_channels, out_channels)
        if deformable
        else nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    )
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def _upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """(B, channels, h, w) -> (B, channels, factor * h, factor * w); bilinear until it learns otherwise."""
    up = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, groups=channels, bias=False
    )
    distances = (torch.arange(2 * factor) - (factor - 0.5)).abs() / factor
    up.weight.data.copy_((1 - distances).outer(1 - distances).expand_as(up.weight))
    return up


class Joining(nn.Module):
    """Iterative aggregation (Yu et al., CVPR 2018, sec. 3.1; CenterNet's IDAUp): maps joined one by one, finest first.

    The map after the first one number `i` has `channels[i]` and is `factors[i]` times as coarse as the first, which has
    `out_channels`.
    """

    def __init__(
        self, channels: Sequence[int], factors: Sequence[int], out_channels: int, deformable: bool
    ) -> None:
        super().__init__()
        self.projections = nn.ModuleList(_convolution(one, out_channels, deformable) for one in channels)
        self.ups = nn.ModuleList(_upsampling(out_channels, factor) for factor in factors)
        self.nodes = nn.ModuleList(_convolution(out_channels, out_channels, deformable) for _ in channels)

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The first map, then for each other one what it and those before it say together, of the first one's size."""
        joined = [maps[0]]
        layers = zip(maps[1:], self.projections, self.ups, self.nodes, strict=True)
        for coarse, project, up, node in layers:
            joined.append(node(up(project(coarse)) + joined[-1]))
        return joined


@MODELS.register_module()
class DeepLayerAggregation(BaseModule):
    """DLA's trunk (timm's) and CenterNet's way up from it (DLAUp and IDAUp of its pose_dla_dcn.py).

    `blocks` and `channels` are those of the levels 0 to 5 (`DlaSettings`). timm leaves out two projections that
    CenterNet's trunk has and never uses: 41,728 weights of DLA-34.
    """

    def __init__(
        self, blocks: Sequence[int], channels: Sequence[int], deformable: bool, **config: Any
    ) -> None:
        super().__init__(**config)
        self.trunk = DLA(tuple(blocks), tuple(channels), block=DlaBasic, num_classes=0)
        widths = [channels[level] for level in LEVELS]
        # from the coarsest two levels on: each joins all coarser ones, which the one before it made as fine as its own
        self.joins = nn.ModuleList(
            Joining([coarse] * number, [2] * number, fine, deformable)
            for number, (fine, coarse) in enumerate(zip(widths[-2::-1], widths[:0:-1], strict=True), start=1)
        )
        self.last = Joining(widths[1:-1], [2, 4], widths[0], deformable)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor]:
        """(B, 3, H, W) -> one map (B, channels[2], H / 4, W / 4)."""
        maps = self.trunk.forward_intermediates(pictures, LEVELS, intermediates_only=True)
        finest_first: list[torch.Tensor] = []
        for number, join in enumerate(self.joins, start=2):
            maps[-number:] = join(maps[-number:])
            finest_first.insert(0, maps[-1])
        return (self.last(finest_first)[-1],)
