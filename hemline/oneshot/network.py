"""One-shot networks of every type, as mmdet models with the settings' sizes."""

import contextlib
import io
from functools import cache
from importlib import import_module
from typing import Any

from mmengine.config import Config
from torch import nn

from hemline.detection.network import import_mmdet
from hemline.params import (
    DeepMarkSettings,
    FcosSettings,
    KGDetSettings,
    MaskRCNNSettings,
    OneShotSettings,
    RepPointsKpSettings,
    RepPointsSettings,
    RetinaNetSettings,
)
from hemline.wardrobe import Wardrobe, grouping

# What registers parts of networks and of their samples.
PARTS = (
    *("pictures", "transforms"),
    *(f"deepmark.{module}" for module in ("detector", "dla", "head", "hourglass", "transforms")),
    *(f"kgdet.{module}" for module in ("detector", "head", "pyramid", "reppoints")),
    *(f"baselines.{module}" for module in ("landmarks", "reppoints")),
)


def build_oneshot(settings: OneShotSettings, wardrobe: Wardrobe) -> nn.Module:
    """Build the network for a wardrobe's categories and landmarks, with random weights (nothing is downloaded)."""
    model = bare_oneshot(settings, wardrobe)
    model.init_weights()
    return model


def bare_oneshot(settings: OneShotSettings, wardrobe: Wardrobe) -> nn.Module:
    """Build the network with its weights not yet initialised: it can also be built on the device "meta"."""
    config = oneshot_config(settings, wardrobe)
    return import_module("mmdet.registry").MODELS.build(config.model)


def oneshot_config(settings: OneShotSettings, wardrobe: Wardrobe) -> Config:
    """mmdet's config of the network: its `model`."""
    import_oneshot()
    return Config({"model": {"_scope_": "mmdet", **_model(settings, wardrobe)}})


@cache
def import_oneshot() -> None:
    """Import mmdet's parts and ours, silently: importing is what registers their names."""
    import_mmdet()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for module in PARTS:
            import_module(f"hemline.oneshot.{module}")


def _model(settings: OneShotSettings, wardrobe: Wardrobe) -> dict[str, Any]:
    """Of a type's own module: mmdet is imported only when a network is built."""
    from hemline.oneshot.baselines import config as baselines
    from hemline.oneshot.deepmark import config as deepmark
    from hemline.oneshot.kgdet import config as kgdet

    categories = len(wardrobe.categories)
    match settings:
        case DeepMarkSettings():
            return deepmark.deepmark_model(settings, wardrobe)
        case KGDetSettings():
            return kgdet.kgdet_model(settings, categories, _flips(settings, wardrobe))
        case RepPointsKpSettings():
            return kgdet.reppoints_kp_model(settings, categories, _flips(settings, wardrobe))
        case MaskRCNNSettings():
            return baselines.mask_rcnn_model(settings, categories, len(_flips(settings, wardrobe)))
        case RepPointsSettings():
            return baselines.reppoints_model(settings, categories)
        case RetinaNetSettings():
            return baselines.retinanet_model(settings, categories)
        case FcosSettings():
            return baselines.fcos_model(settings, categories)


def _flips(settings: KGDetSettings | RepPointsKpSettings | MaskRCNNSettings, wardrobe: Wardrobe) -> list[int]:
    """Each landmark channel's partner under a horizontal flip."""
    flips: list[int] = grouping(wardrobe, settings.grouping).flip_index.tolist()
    return flips
