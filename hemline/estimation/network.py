"""The network of an estimator, from its settings."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from hemline.params import NetworkSettings
from hemline.training import quiet

# The config files lie beside the package, not in it: they are the user's to read and change.
RECIPE = Path(__file__).resolve().parents[2] / "configs" / "estimation" / "hrnet.py"

# HRNet's fourth branch works at 1/32 of the input; other sizes don't add up when branches are fused.
STRIDE = 32


def heatmap_size(settings: NetworkSettings) -> tuple[int, int]:
    """(width, height) of the heatmaps: a quarter of the input."""
    width, height = settings.input_size
    return width // 4, height // 4


def codec(settings: NetworkSettings) -> dict[str, Any]:
    """mmpose's codec of the paper: a Gaussian of peak 1; argmax plus a quarter pixel toward the higher neighbour.

    `unbiased` is DARK's, which smooths a heatmap by the target's own Gaussian before it reads it: mmpose gives the size
    of the window, whose sigma is OpenCV's 0.3 ((size - 1) / 2 - 1) + 0.8.
    """
    msra = {
        "type": "MSRAHeatmap",
        "input_size": tuple(settings.input_size),
        "heatmap_size": heatmap_size(settings),
        "sigma": settings.sigma,
    }
    window = 2 * round((settings.sigma - 0.8) / 0.3 + 1) + 1
    return {**msra, "unbiased": True, "blur_kernel_size": window} if settings.unbiased else msra


def recipe(settings: NetworkSettings, channels: int) -> Config:
    """configs/estimation/hrnet.py with this network's sizes put in; `channels` heatmaps come out."""
    config = copy.deepcopy(_read_recipe())
    config.codec = codec(settings)
    config.model.backbone.extra = _stages(settings)
    config.model.head.update(in_channels=settings.width, out_channels=channels, decoder=codec(settings))
    if settings.head_width:
        config.model.head.update(conv_out_channels=(settings.head_width,), conv_kernel_sizes=(3,))
    return config


@cache
def _read_recipe() -> Config:
    """Read once: to find the file that it stands on, mmengine goes through all of mmpose's indices."""
    return Config.fromfile(RECIPE)


def _stages(settings: NetworkSettings) -> dict[str, Any]:
    stages = {
        "stage1": {
            "num_modules": 1,
            "num_branches": 1,
            "block": "BOTTLENECK",
            "num_blocks": (settings.blocks,),
            "num_channels": (settings.stem_width,),
        }
    }
    for branches, modules in zip((2, 3, 4), settings.modules, strict=True):
        stages[f"stage{branches}"] = {
            "num_modules": modules,
            "num_branches": branches,
            "block": "BASIC",
            "num_blocks": (settings.blocks,) * branches,
            "num_channels": tuple(settings.width * 2**branch for branch in range(branches)),
        }
    return stages


def build_estimator(settings: NetworkSettings, channels: int) -> nn.Module:
    """mmpose's TopdownPoseEstimator: HRNet and HeatmapHead with `channels` heatmaps, weights not yet initialised."""
    quiet()
    import mmpose.models  # noqa: F401 (registers the parts that the config names)
    from mmpose.registry import MODELS

    with DefaultScope.overwrite_default_scope("mmpose"):
        return MODELS.build(recipe(settings, channels).model)
