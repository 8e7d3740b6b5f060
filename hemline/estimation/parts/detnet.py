"""DetNet, in mmpose's registry (Li et al., "DetNet: Design Backbone for Object Detection", ECCV 2018)."""

from typing import Any

from mmpose.models.backbones.resnet import Bottleneck, ResNet
from mmpose.registry import MODELS
from torch import nn


@MODELS.register_module()
class DetNet(ResNet):
    """ResNet-50 up to stride 16, where two stages of dilated bottlenecks follow, as wide as what they stand on.

    For crops (n, 3, height, width) it gives C2 to C6, of strides 4, 8, 16, 16 and 16, those that `out_indices` (from 0)
    names. Its first three stages have ResNet-50's names and shapes (`layer1` to `layer3`) and take its weights; the
    other two are `dilated1` and `dilated2`.

    Args:
        depth: 59.
        out_indices: stages that are wanted.
        options: as mmpose's ResNet has them (`base_channels`, `stem_channels`, `style`, ...).
    """

    # 3 x (3 + 4 + 6 + 3 + 3) layers, the first and a classifier's are 59
    arch_settings = {59: (Bottleneck, (3, 4, 6, 3, 3))}  # noqa: RUF012 (mmpose's way to say so)

    def __init__(
        self, depth: int = 59, out_indices: tuple[int, ...] = (0, 1, 2, 3, 4), **options: Any
    ) -> None:
        super().__init__(
            depth, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,), **options
        )
        self.out_indices = out_indices
        for number, blocks in enumerate(self.arch_settings[depth][1][3:], start=1):
            self.add_module(f"dilated{number}", dilated_stage(self.feat_dim, blocks))
            self.res_layers.append(f"dilated{number}")


def dilated_stage(width: int, blocks: int) -> nn.Sequential:
    """Bottlenecks with a 3x3 of dilation 2, `width` channels in and out, a quarter of it hidden.

    The first has a 1x1 projection in its shortcut though nothing changes in size: the paper's type B, its mark of a new
    stage; the others are of type A.
    """
    projection = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))
    first = Bottleneck(width, width, dilation=2, downsample=projection)
    return nn.Sequential(first, *(Bottleneck(width, width, dilation=2) for _ in range(1, blocks)))
