"""The feature pyramid of dense networks: a ResNet and an FPN, of which the heads see some levels."""

import math
from collections.abc import Sequence
from typing import Any

from mmdet.models.necks import FPN
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional

from hemline.params.dense import DenseSettings

# Red, green, blue, from 0 to 255: of DeepFashion2 (KGDet's configs).
MEAN, STD = (154.992, 146.197, 140.744), (62.757, 64.507, 62.076)

# A ResNet's outputs are C2 to C5, level l of a stride of 2^l pixels; a coarser level is an extra convolution.
FINEST, COARSEST = 2, 5

# The finest level that is built even where heads see coarser ones alone, as in RetinaNet's pyramid. KGDet builds P3 and
# P4 without a use for them: their weights are in its Table 1.
USUAL_FINEST = 3


@MODELS.register_module()
class LevelsFPN(FPN):
    """mmdet's FPN, of which only `levels` come out, finest first; what they don't need is neither computed nor learnt.

    The inputs are C2 to C5; all else as in mmdet's. (Several GPUs wait for a gradient of all that learns, which unused
    weights never get.)
    """

    def __init__(self, levels: Sequence[int], **config: Any) -> None:
        super().__init__(**config)
        self.levels = tuple(levels)
        source = COARSEST + 1 if self.add_extra_convs == "on_input" else COARSEST
        self.computed = sorted({*self.levels, *range(source, self.levels[-1] + 1)})
        for place, lateral in enumerate(self.lateral_convs):
            lateral.requires_grad_(self._level(place) >= self.computed[0])
        for place, conv in enumerate(self.fpn_convs):
            conv.requires_grad_(self._level(place) in self.computed)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """C2 to C5, each (B, channels, h, w) -> the levels (B, out_channels, h, w)."""
        laterals = self._laterals(inputs)
        outs: dict[int, Tensor] = {}
        for level in self.computed:
            outs[level] = (
                self._conv(level)(laterals[level])
                if level <= COARSEST
                else self._coarser(level, inputs[-1], outs.get(level - 1))
            )
        return tuple(outs[level] for level in self.levels)

    def _laterals(self, inputs: Sequence[Tensor]) -> dict[int, Tensor]:
        """From C5 down to the finest that is needed, each with all coarser ones added."""
        laterals: dict[int, Tensor] = {}
        for level in range(COARSEST, self.computed[0] - 1, -1):
            lateral = self.lateral_convs[self._place(level)](inputs[level - FINEST])
            if laterals:
                lateral = lateral + functional.interpolate(laterals[level + 1], lateral.shape[2:])
            laterals[level] = lateral
        return laterals

    def _coarser(self, level: int, input: Tensor, finer: Tensor) -> Tensor:
        if not self.add_extra_convs:
            return functional.max_pool2d(finer, 1, stride=2)
        if level > COARSEST + 1:
            return self._conv(level)(functional.relu(finer) if self.relu_before_extra_convs else finer)
        return self._conv(level)(input if self.add_extra_convs == "on_input" else finer)

    def _conv(self, level: int) -> nn.Module:
        return self.fpn_convs[self._place(level)]

    def _place(self, level: int) -> int:
        return level - FINEST - self.start_level

    def _level(self, place: int) -> int:
        return place + FINEST + self.start_level


def pyramid(settings: DenseSettings, norm: dict[str, Any] | None, extra: str) -> dict[str, Any]:
    """mmdet's "backbone" and "neck" of a dense network, whose feature maps are `settings.levels`, finest first.

    `norm` is mmdet's normalisation after the FPN's convolutions. P6 and P7 are convolutions `on_input` (of C5;
    RetinaNet), `on_output` (of P5, P7 behind a ReLU; FCOS), or every second point of the level before (`pool`; Faster
    R-CNN).
    """
    return {"backbone": _backbone(settings), "neck": _neck(settings, norm, extra)}


def preprocessor(**options: Any) -> dict[str, Any]:
    """mmdet's preprocessor: RGB, normalised by MEAN and STD, a batch padded to a multiple of 32 pixels.

    `options` are mmdet's own, such as `pad_mask`.
    """
    return {
        "type": "DetDataPreprocessor",
        "mean": list(MEAN),
        "std": list(STD),
        "bgr_to_rgb": True,
        "pad_size_divisor": 32,
        **options,
    }


def group_norm(channels: int) -> dict[str, Any]:
    """mmdet's group normalisation in 32 groups (Wu and He, ECCV 2018); fewer where `channels` can't be shared out."""
    return {"type": "GN", "num_groups": math.gcd(32, channels), "requires_grad": True}


def _backbone(settings: DenseSettings) -> dict[str, Any]:
    backbone = settings.backbone
    pretrained = backbone.init is not None
    config = {
        "type": backbone.type,
        "depth": backbone.depth,
        "base_channels": backbone.base_channels,
        "num_stages": 4,
        "out_indices": (0, 1, 2, 3),
        # From nothing, the batch statistics must be learnt as well; mmdet's files freeze ImageNet's.
        "frozen_stages": 1 if pretrained else -1,
        "norm_eval": pretrained,
        "style": "pytorch",
    }
    if backbone.type == "ResNeXt":
        config |= {"groups": backbone.groups, "base_width": backbone.base_width}
    return config


def _neck(settings: DenseSettings, norm: dict[str, Any] | None, extra: str) -> dict[str, Any]:
    first = min(USUAL_FINEST, settings.levels[0])
    return {
        "type": "LevelsFPN",
        "levels": settings.levels,
        "in_channels": settings.backbone.channels,
        "out_channels": settings.fpn_channels,
        "start_level": first - FINEST,
        "num_outs": max(COARSEST, settings.levels[-1]) - first + 1,
        "add_extra_convs": False if extra == "pool" else extra,
        "relu_before_extra_convs": extra == "on_output",
        "norm_cfg": norm,
    }
