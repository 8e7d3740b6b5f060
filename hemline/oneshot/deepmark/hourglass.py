"""Stacked hourglasses as CenterNet has them: a feature map of a quarter of the picture's size after each."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmdet.models.backbones.hourglass import HourglassNet
from mmdet.models.backbones.resnet import BasicBlock
from mmdet.models.layers import ResLayer
from mmdet.registry import MODELS
from torch import nn

NORM = {"type": "BN", "requires_grad": True}


@MODELS.register_module()
class StackedHourglass(HourglassNet):
    """mmdet's HourglassNet, which is CenterNet's large_hourglass.py, in any size (`HourglassSettings`).

    mmdet's own has a stem of half of `channels[0]`, and with one stack a block that nothing goes through.
    """

    def __init__(
        self, stacks: int, stem: int, blocks: Sequence[int], channels: Sequence[int], features: int
    ) -> None:
        super().__init__(
            downsample_times=len(channels) - 1,
            num_stacks=stacks,
            stage_channels=list(channels),
            stage_blocks=list(blocks),
            feat_channel=features,
            norm_cfg=NORM,
        )
        self.stem = nn.Sequential(
            ConvModule(3, stem, 7, padding=3, stride=2, norm_cfg=NORM),
            ResLayer(BasicBlock, stem, channels[0], 1, stride=2, norm_cfg=NORM),
        )
        if stacks == 1:
            self.inters = nn.Sequential()

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, 3, H, W) -> for each stack (B, features, H / 4, W / 4)."""
        return tuple(super().forward(pictures))
