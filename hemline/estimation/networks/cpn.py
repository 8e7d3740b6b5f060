"""The cascaded pyramid network (paper 002) on ResNet, SE-ResNet or DetNet: settings to mmengine's config."""

from typing import Any

from mmengine.config import Config

from hemline.estimation.codecs import codec
from hemline.estimation.recipes import read_recipe
from hemline.params import CPNSettings

BACKBONES = {"resnet": "ResNet", "se-resnet": "SEResNet", "detnet": "DetNet"}


def recipe(settings: CPNSettings, channels: int) -> Config:
    """configs/estimation/cpn.py with this network's sizes put in; `channels` heatmaps come out."""
    config = read_recipe("cpn")
    config.model.backbone = _backbone(settings)
    config.model.head.update(
        **_levels(settings),
        out_channels=channels,
        heatmap_size=settings.heatmap_size,
        features=settings.features,
        bottlenecks=settings.bottlenecks,
        bottleneck_width=settings.bottleneck_width,
        target_scale=settings.target_scale,
        decoder=codec(settings),
    )
    config.model.head.loss.update(
        blur=settings.blur,
        heights=settings.heights,
        hard=settings.hard,
        global_weight=settings.global_weight,
    )
    return config


def _backbone(settings: CPNSettings) -> dict[str, Any]:
    """C2 to C5 of a ResNet; of a DetNet C3 to C6, as in HiKapok's net/detnet_cpn.py: four levels as well."""
    return {
        "type": BACKBONES[settings.backbone],
        "depth": settings.depth,
        "stem_channels": settings.base_channels,
        "base_channels": settings.base_channels,
        "out_indices": (1, 2, 3, 4) if settings.backbone == "detnet" else (0, 1, 2, 3),
    }


def _levels(settings: CPNSettings) -> dict[str, tuple[int, ...]]:
    """Channels and strides of the four levels, the finest first."""
    narrowest = settings.base_channels * (1 if settings.depth < 50 else 4)  # basic blocks, bottlenecks
    growth = (2, 4, 4, 4) if settings.backbone == "detnet" else (1, 2, 4, 8)
    return {
        "in_channels": tuple(narrowest * times for times in growth),
        "strides": tuple(4 * times for times in growth),
    }
