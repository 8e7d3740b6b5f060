"""HRNet with a heatmap head (paper 000): all of it mmpose's."""

from typing import Any

from mmengine.config import Config

from hemline.estimation.codecs import codec
from hemline.estimation.recipes import read_recipe
from hemline.params import HRNetSettings


def recipe(settings: HRNetSettings, channels: int) -> Config:
    """configs/estimation/hrnet.py with this network's sizes put in; `channels` heatmaps come out."""
    config = read_recipe("hrnet")
    config.model.backbone.extra = _stages(settings)
    config.model.head.update(in_channels=settings.width, out_channels=channels, decoder=codec(settings))
    if settings.head_width:
        config.model.head.update(conv_out_channels=(settings.head_width,), conv_kernel_sizes=(3,))
    return config


def _stages(settings: HRNetSettings) -> dict[str, Any]:
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
