"""Pose machines: the backbones of CPM and FPM, and the head with a map of the background, in mmpose's registry."""

from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmpose.models.backbones.cpm import CpmBlock
from mmpose.registry import MODELS
from torch import nn

from hemline.estimation.parts.stages import StagesHead

Norm = dict[str, Any] | None


def _conv(inputs: int, outputs: int, kernel: int, norm: Norm) -> ConvModule:
    return ConvModule(inputs, outputs, kernel, padding=kernel // 2, norm_cfg=norm)


def _picture(features: int, norm: Norm) -> list[nn.Module]:
    """(B, 3, H, W) -> (B, features, H / 8, W / 8)."""
    convs = [_conv(inputs, features, 9, norm) for inputs in (3, features, features)]
    return [layer for conv in convs for layer in (conv, nn.MaxPool2d(3, stride=2, padding=1))]


def _maps(inputs: int, maps: int) -> ConvModule:
    return ConvModule(inputs, maps, 1, act_cfg=None)


@MODELS.register_module()
class PoseMachine(BaseModule):
    """A convolutional pose machine (Wei et al., CVPR 2016; layers: the authors' training/genProto.py).

    Stage 1 sees the picture; each later one features of the picture and the maps of the stage before. It is mmpose's
    CPM, in which the layers before the first maps have fixed widths; weights of the one fit the other.

    Args:
        maps: what each stage gives.
        stages: how many there are.
        features: the width of the 9x9 and 11x11 layers (authors: 128).
        middle: that of the 5x5 layers (32).
        width: that of stage 1's last two before its maps (512).
        norm_cfg: mmcv's, of a normalisation behind each convolution but those that give maps; None: without.
        init_cfg: mmengine's, how weights start.
    """

    def __init__(
        self,
        maps: int,
        stages: int,
        features: int,
        middle: int,
        width: int,
        norm_cfg: Norm = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg)
        self.stem = nn.Sequential(
            *_picture(features, norm_cfg),
            _conv(features, middle, 5, norm_cfg),
            _conv(middle, width, 9, norm_cfg),
            _conv(width, width, 1, norm_cfg),
            _maps(width, maps),
        )
        self.middle = nn.Sequential(*_picture(features, norm_cfg))
        later = range(stages - 1)
        self.middle_conv = nn.ModuleList(nn.Sequential(_conv(features, middle, 5, norm_cfg)) for _ in later)
        self.cpm_stages = nn.ModuleList(
            CpmBlock(middle + maps, [features] * 3, [11] * 3, norm_cfg=norm_cfg) for _ in later
        )
        self.out_convs = nn.ModuleList(
            nn.Sequential(_conv(features, features, 1, norm_cfg), _maps(features, maps)) for _ in later
        )

    def pictured(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """The features (B, features, H / 8, W / 8) that each stage but the first sees: one for all of them."""
        return [self.middle(pictures)] * len(self.middle_conv)

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) -> for each stage (B, maps, H / 8, W / 8)."""
        found = [self.stem(pictures)]
        for features, middle, context, out in zip(
            self.pictured(pictures), self.middle_conv, self.cpm_stages, self.out_convs, strict=True
        ):
            found.append(out(context(torch.cat([found[-1], middle(features)], dim=1))))
        return found


@MODELS.register_module()
class FashionPoseMachine(PoseMachine):
    """Paper 004's: the last of a stage's maps is the background's, and stages share features from `shared_from` on.

    The later stages before it have features of their own.
    """

    def __init__(self, shared_from: int, **sizes: Any) -> None:
        super().__init__(**sizes)
        features, norm = sizes["features"], sizes.get("norm_cfg")
        self.own = nn.ModuleList(nn.Sequential(*_picture(features, norm)) for _ in range(2, shared_from))

    def pictured(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """The features (B, features, H / 8, W / 8) that each stage but the first sees."""
        return [own(pictures) for own in self.own] + super().pictured(pictures)[len(self.own) :]

    def init_weights(self) -> None:
        """As `init_cfg` says; but landmarks' maps start near 0 and the background's near 1, as nearly all pixels are.

        Else a small training spends many of its steps on learning just that (measured as in configs/estimation/fpm.py:
        0.37 with a background that starts near 0 too, 0.47).
        """
        super().init_weights()
        for maps in (self.stem[-1], *(out[-1] for out in self.out_convs)):
            nn.init.normal_(maps.conv.weight, std=0.01)  # genProto.py, all layers
            nn.init.zeros_(maps.conv.bias)
            nn.init.ones_(maps.conv.bias[-1:])


@MODELS.register_module()
class BackgroundHead(StagesHead):
    """Of each stage's maps the last is the background's, 1 less the highest of the landmarks' targets.

    It carries loss in every sample, and takes no part in a prediction (paper 004 sec. 2.1 and 2.4; its target: issue 19
    of shihenw/convolutional-pose-machines-release). Where a landmark isn't labelled, or is another category's, what is
    wanted is background.
    """

    def wanted(self, targets: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, K + 1, h, w) targets and (B, K + 1) weights: the K landmarks', then the background's."""
        background = 1 - (targets * weights[..., None, None]).amax(dim=1, keepdim=True)
        always = torch.ones_like(weights[:, :1])
        return torch.cat([targets, background], dim=1), torch.cat([weights, always], dim=1)

    def forward(self, feats: list[torch.Tensor]) -> list[torch.Tensor]:
        """The landmarks' heatmaps of each stage, (B, K, h, w)."""
        return [maps[:, :-1] for maps in super().forward(feats)]
