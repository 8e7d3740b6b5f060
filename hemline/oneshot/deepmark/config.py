"""DeepMark (paper 001) as an mmdet model, with the settings' sizes."""

from typing import Any

from hemline.params import DeepMarkSettings
from hemline.wardrobe import Wardrobe

BACKBONES = {"dla": "DeepLayerAggregation", "hourglass": "StackedHourglass"}

# Of COCO's pictures, blue, green, red, from 0 to 1 (CenterNet, lib/datasets/dataset/coco_hp.py).
MEAN = (0.40789654, 0.44719302, 0.47026115)
STD = (0.28863828, 0.27408164, 0.27809835)


def deepmark_model(settings: DeepMarkSettings, wardrobe: Wardrobe) -> dict[str, Any]:
    """mmdet's config of the network.

    Its weights are drawn as CenterNet draws them; DLA's trunk, which CenterNet takes from ImageNet, as DLA's authors
    do.
    """
    return {
        "type": "DeepMark",
        "data_preprocessor": _preprocessor(),
        "backbone": _backbone(settings),
        "bbox_head": _head(settings, wardrobe),
    }


def _preprocessor() -> dict[str, Any]:
    return {
        "_scope_": "mmdet",
        "type": "DetDataPreprocessor",
        "mean": [255 * value for value in MEAN],
        "std": [255 * value for value in STD],
        "bgr_to_rgb": False,
    }


def _backbone(settings: DeepMarkSettings) -> dict[str, Any]:
    sizes = settings.backbone.model_dump()
    return {**sizes, "type": BACKBONES[sizes["type"]]}


def _head(settings: DeepMarkSettings, wardrobe: Wardrobe) -> dict[str, Any]:
    return {
        "type": "DeepMarkHead",
        "features": settings.backbone.features,
        "head_width": settings.head_width,
        "stacks": settings.backbone.stacks,
        "wardrobe": wardrobe.name,
        "grouping": settings.grouping,
        "losses": settings.losses.model_dump(),
        "negatives": settings.negatives,
    }
