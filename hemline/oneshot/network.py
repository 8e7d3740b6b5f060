"""The one-shot network: DeepMark (paper 001) as an mmdet model, with the settings' sizes."""

import contextlib
import io
from functools import cache
from importlib import import_module
from typing import Any

from mmengine.config import Config
from torch import nn

from hemline.detection.network import import_mmdet
from hemline.params import OneShotSettings

BACKBONES = {"dla": "DeepLayerAggregation", "hourglass": "StackedHourglass"}

# Of COCO's pictures, blue, green, red, from 0 to 1 (CenterNet, lib/datasets/dataset/coco_hp.py).
MEAN = (0.40789654, 0.44719302, 0.47026115)
STD = (0.28863828, 0.27408164, 0.27809835)


def build_oneshot(settings: OneShotSettings) -> nn.Module:
    """Build the network with random weights (nothing is downloaded).

    Drawn as CenterNet draws them; DLA's trunk, which CenterNet takes from ImageNet, as DLA's authors do.
    """
    model = bare_oneshot(settings)
    model.init_weights()
    return model


def bare_oneshot(settings: OneShotSettings) -> nn.Module:
    """Build the network with its weights not yet initialised: it can also be built on the device "meta"."""
    config = oneshot_config(settings)
    return import_module("mmdet.registry").MODELS.build(config.model)


def oneshot_config(settings: OneShotSettings) -> Config:
    """mmdet's config of the network: its `model`."""
    import_oneshot()
    return Config(
        {
            "model": {
                "_scope_": "mmdet",
                "type": "DeepMark",
                "data_preprocessor": _preprocessor(),
                "backbone": _backbone(settings),
                "bbox_head": _head(settings),
            }
        }
    )


@cache
def import_oneshot() -> None:
    """Import mmdet's parts and ours, silently: importing is what registers their names."""
    import_mmdet()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for module in ("deepmark", "dla", "head", "hourglass", "pictures", "transforms"):
            import_module(f"hemline.oneshot.{module}")


def _preprocessor() -> dict[str, Any]:
    return {
        "_scope_": "mmdet",
        "type": "DetDataPreprocessor",
        "mean": [255 * value for value in MEAN],
        "std": [255 * value for value in STD],
        "bgr_to_rgb": False,
    }


def _backbone(settings: OneShotSettings) -> dict[str, Any]:
    sizes = settings.backbone.model_dump()
    return {**sizes, "type": BACKBONES[sizes["type"]]}


def _head(settings: OneShotSettings) -> dict[str, Any]:
    return {
        "type": "DeepMarkHead",
        "features": settings.backbone.features,
        "head_width": settings.head_width,
        "stacks": settings.backbone.stacks,
        "grouping": settings.grouping,
        "losses": settings.losses.model_dump(),
        "negatives": settings.negatives,
    }
