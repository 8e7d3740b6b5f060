"""Stacked hourglasses (Newell et al., ECCV 2016), as mmpose has them."""

from mmengine.config import Config

from hemline.estimation.codecs import codec
from hemline.estimation.recipes import loss_weight, read_recipe
from hemline.params import StackedHourglassSettings


def recipe(settings: StackedHourglassSettings, channels: int) -> Config:
    """configs/estimation/hourglass.py with this network's sizes put in; each stack gives `channels` heatmaps."""
    config = read_recipe("hourglass")
    config.model.backbone.update(
        settings.model_dump(include={"stacks", "stem", "channels", "blocks", "features"})
    )
    config.model.head.update(
        in_channels=settings.features,
        out_channels=channels,
        num_stages=settings.stacks,
        target_scale=settings.target_scale,
        decoder=codec(settings),
    )
    config.model.head.loss.loss_weight = loss_weight(settings.target_scale)
    return config
