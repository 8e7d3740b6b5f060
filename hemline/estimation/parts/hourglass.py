"""Stacked hourglasses, in mmpose's registry."""

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmpose.models.backbones import HourglassNet
from mmpose.models.backbones.resnet import BasicBlock, ResLayer
from mmpose.registry import MODELS
from torch import nn

NORM = {"type": "BN", "requires_grad": True}


@MODELS.register_module()
class StackedHourglasses(HourglassNet):
    """mmpose's HourglassNet in any size (`StackedHourglassSettings`).

    mmpose's own has a stem of 128 and 256 whatever `channels` says, and with one stack a block that nothing goes
    through.
    """

    def __init__(
        self, stacks: int, stem: int, channels: Sequence[int], blocks: Sequence[int], features: int
    ) -> None:
        super().__init__(
            downsample_times=len(channels) - 1,
            num_stacks=stacks,
            stage_channels=list(channels),
            stage_blocks=list(blocks),
            feat_channel=features,
        )
        self.stem = nn.Sequential(
            ConvModule(3, stem, 7, padding=3, stride=2, norm_cfg=NORM),
            ResLayer(BasicBlock, 1, stem, channels[0], stride=2, norm_cfg=NORM),
        )
        if stacks == 1:
            self.inters = nn.Sequential()
