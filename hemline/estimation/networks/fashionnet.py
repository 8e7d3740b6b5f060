"""Paper 004's baseline "FashionNET", by its reading in docs/paper-004.md: VGG-16 that regresses coordinates."""

from mmengine.config import Config

from hemline.estimation.codecs import codec
from hemline.estimation.recipes import read_recipe
from hemline.params import FashionNetSettings


def recipe(settings: FashionNetSettings, channels: int) -> Config:
    """configs/estimation/fashionnet.py with this network's sizes put in; `channels` landmarks come out."""
    config = read_recipe("fashionnet")
    width, height = settings.input_size
    config.model.backbone.update(base_channels=settings.base_channels)
    config.model.head.update(
        # VGG-16's last maps: eight times as wide as its first, 1/32 of the input.
        in_features=8 * settings.base_channels * (width // 32) * (height // 32),
        hidden=settings.hidden,
        dropout=settings.dropout,
        channels=channels,
        visibility_weight=settings.visibility_weight,
        decoder=codec(settings),
    )
    return config
