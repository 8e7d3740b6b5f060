"""The network of an estimator, from its settings."""

from collections.abc import Callable
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from hemline.estimation.networks import cpm, cpn, fashionnet, fpm, hourglass, hrnet
from hemline.params import NetworkSettings
from hemline.training import quiet

RECIPES: dict[str, Callable[[Any, int], Config]] = {
    "cpm": cpm.recipe,
    "cpn": cpn.recipe,
    "fashionnet": fashionnet.recipe,
    "fpm": fpm.recipe,
    "hourglass": hourglass.recipe,
    "hrnet": hrnet.recipe,
}


def recipe(settings: NetworkSettings, channels: int) -> Config:
    """The config file of the network's type with its sizes put in, for `channels` groups of landmarks."""
    return RECIPES[settings.type](settings, channels)


def build_estimator(settings: NetworkSettings, channels: int) -> nn.Module:
    """mmpose's TopdownPoseEstimator for `channels` groups of landmarks, weights not yet initialised."""
    quiet()
    import mmpose.models  # noqa: F401 (registers the parts that the config names)
    from mmpose.registry import MODELS

    with DefaultScope.overwrite_default_scope("mmpose"):
        return MODELS.build(recipe(settings, channels).model)


def output_keys(settings: NetworkSettings, channels: int) -> frozenset[str]:
    """The weights that make the last maps, or coordinates, of each stage, by their names in the state_dict.

    They are those of which more channels need more: the first dimension of a layer's weights is that of its outputs.
    """
    with torch.device("meta"):
        own, more = (build_estimator(settings, count).state_dict() for count in (channels, channels + 1))
    return frozenset(key for key, value in own.items() if value.shape[:1] != more[key].shape[:1])
