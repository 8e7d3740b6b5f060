"""The parts of a cascaded pyramid network behind its backbone, in mmpose's registry (Chen et al., CVPR 2018).

The wiring is that of HiKapok/tf.fashionAI (net/cpn.py, net/detnet_cpn.py): no convolution has a bias, and batch
normalisation is in the bottlenecks alone. Theirs is TensorFlow 1's bilinear interpolation, which aligns corners by
their upper left pixels; here maps are resized about their centres, so that a mirrored crop has mirrored maps.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from mmpose.models.backbones.resnet import Bottleneck, ResLayer
from mmpose.models.heads import HeatmapHead
from mmpose.registry import MODELS
from torch import nn
from torch.nn import functional

from hemline.estimation.parts.cpn_loss import CPNLoss  # noqa: F401 (registers it)

Maps = list[torch.Tensor]


def resized(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(n, channels, height, width) at another `size` (height, width), bilinearly."""
    if maps.shape[-2:] == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


class GlobalNet(nn.Module):
    """A feature pyramid whose levels each say where all landmarks are. All its levels are ordered coarse to fine.

    Args:
        in_channels: of the backbone's levels.
        strides: theirs. Between levels of one stride (DetNet's) features are added as they are; else they are doubled
            in size and go through a 1x1 convolution first, which is what sets GlobalNet apart from an FPN.
        features: the pyramid's width.
        out_channels: landmarks.
    """

    def __init__(
        self, in_channels: Sequence[int], strides: Sequence[int], features: int, out_channels: int
    ) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, features, 1, bias=False) for width in in_channels)
        self.down = nn.ModuleList(
            nn.Conv2d(features, features, 1, bias=False) if coarse != fine else nn.Identity()
            for coarse, fine in pairwise(strides)
        )
        self.says = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(features, features, 1, bias=False),
                nn.ReLU(inplace=True),
                nn.Conv2d(features, out_channels, 3, padding=1, bias=False),
            )
            for _ in in_channels
        )

    def forward(self, feats: Sequence[torch.Tensor]) -> Maps:
        """The pyramid's levels, of those of the backbone."""
        levels: Maps = []
        for number, (lateral, feat) in enumerate(zip(self.lateral, feats, strict=True)):
            level = functional.relu(lateral(feat))
            if levels:
                level = level + self.down[number - 1](resized(levels[-1], level.shape[-2:]))
            levels.append(level)
        return levels

    def maps(self, levels: Maps) -> Maps:
        """What each of the pyramid's levels says, at its own size: what the loss wants, and nobody else."""
        return [says(level) for says, level in zip(self.says, levels, strict=True)]


class RefineNet(nn.Module):
    """The pyramid's levels put together at the heatmaps' size; coarse ones go through more bottlenecks before.

    Args:
        features: the pyramid's width, and that of the result.
        bottlenecks: how many on each level, coarse to fine.
        width: of their hidden layers.
    """

    def __init__(self, features: int, bottlenecks: Sequence[int], width: int) -> None:
        super().__init__()
        kind = {"out_channels": features, "expansion": features // width}
        self.deepen = nn.ModuleList(
            ResLayer(Bottleneck, count, features, **kind) if count else nn.Identity() for count in bottlenecks
        )
        self.merge = ResLayer(Bottleneck, 1, features * len(bottlenecks), **kind)

    def forward(self, levels: Maps, size: tuple[int, int]) -> torch.Tensor:
        """(n, features, height, width) of `size` (height, width)."""
        deep = [resized(deepen(level), size) for deepen, level in zip(self.deepen, levels, strict=True)]
        merged: torch.Tensor = self.merge(torch.cat(deep, dim=1))
        return merged


@MODELS.register_module()
class CPNHead(HeatmapHead):
    """GlobalNet and RefineNet. What it gives are RefineNet's heatmaps, of height 1; GlobalNet's are for the loss.

    Args:
        in_channels, strides: of the backbone's levels, fine to coarse, as the backbone gives them.
        out_channels: landmarks.
        heatmap_size: (width, height).
        features, bottlenecks, bottleneck_width: see `GlobalNet`, `RefineNet`; coarse to fine.
        target_scale: how high the targets are that the layers learn.
        options: `loss` and `decoder`, as in mmpose's HeatmapHead.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        out_channels: int,
        heatmap_size: tuple[int, int],
        features: int,
        bottlenecks: Sequence[int],
        bottleneck_width: int,
        target_scale: float,
        **options: Any,
    ) -> None:
        last = {"kernel_size": 3, "padding": 1, "bias": False}
        super().__init__(features, out_channels, deconv_out_channels=None, final_layer=last, **options)
        self.size = (heatmap_size[1], heatmap_size[0])
        self.target_scale = target_scale
        self.global_net = GlobalNet(in_channels[::-1], strides[::-1], features, out_channels)
        self.refine_net = RefineNet(features, bottlenecks, bottleneck_width)

    @property
    def default_init_cfg(self) -> list[dict[str, Any]]:
        """HiKapok's: Glorot's uniform distribution."""
        xavier = {"type": "Xavier", "layer": "Conv2d", "distribution": "uniform"}
        return [xavier, {"type": "Constant", "layer": "BatchNorm2d", "val": 1}]

    def forward(self, feats: Sequence[torch.Tensor]) -> torch.Tensor:
        """Heatmaps (n, landmarks, height, width) of the backbone's features, 1 where a landmark surely is."""
        return self._refined(self.global_net(feats[::-1])) / self.target_scale

    def _refined(self, levels: Maps) -> torch.Tensor:
        maps: torch.Tensor = self.final_layer(self.refine_net(levels, self.size))
        return maps

    def maps(self, feats: Sequence[torch.Tensor]) -> Maps:
        """GlobalNet's maps, coarse to fine, then RefineNet's: (n, landmarks, height, width), up to target_scale."""
        levels = self.global_net(feats[::-1])
        said = self.global_net.maps(levels)
        return [*(resized(maps, self.size) for maps in said), self._refined(levels)]

    def loss(
        self, feats: Sequence[torch.Tensor], batch_data_samples: list[Any], train_cfg: Any = None
    ) -> dict[str, Any]:
        """The terms of `CPNLoss` of a batch of mmpose's samples."""
        targets = torch.stack([sample.gt_fields.heatmaps for sample in batch_data_samples])
        weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in batch_data_samples])
        counts = torch.tensor([sample.get("landmark_count", 0) for sample in batch_data_samples])
        terms: dict[str, Any] = self.loss_module(
            self.maps(feats), targets * self.target_scale, weights, counts.to(weights.device)
        )
        return terms
