"""Training of a detector: settings and a COCO-style file in, a model folder out."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from hemline.detection.folder import write_settings
from hemline.detection.network import build_detector, detector_config
from hemline.errors import HemlineError
from hemline.params import DetectorSettings
from hemline.training import (
    Judge,
    Source,
    Watch,
    fit,
    initial_weights,
    loader,
    onlookers,
)
from hemline.training.hooks import Record
from hemline.training.optimizing import cosine, optimizer
from hemline.wardrobe import Wardrobe

# Annotations are of pictures as stored: what EXIF says about turning them is ignored.
STORED = "color_ignore_orientation"


def train_detector(
    settings: DetectorSettings,
    wardrobe: Wardrobe,
    annotations: Path,
    images: Path,
    out: Path,
    state: Path,
    title: str,
    record: Record | None = None,
    watch: Watch | None = None,
    judge: Judge | None = None,
) -> None:
    """Train a detector of a wardrobe's categories on `annotations` (COCO-style, pictures relative to `images`).

    Writes `out`/settings.json and what `fit` writes. `state` keeps what an interrupted training needs to go on.
    `record` receives one dict an epoch; `watch` is shown the model (mmdet's, in training) after each. With `judge`
    the epoch that it likes best is kept (`settings.patience`). Raises HemlineError when no picture has a garment.
    """
    config = training_config(settings, wardrobe, annotations, images)
    write_settings(out, settings, wardrobe)
    init = initial_weights(
        lambda: build_detector(settings, len(wardrobe.categories)),
        _sources(settings),
        seed=settings.seed,
        state=state,
        out=out,
    )
    hooks = onlookers(state, watch, judge, settings.patience)
    fit(config, settings, title=title, out=out, state=state, init=init, record=record, hooks=hooks)


def _sources(settings: DetectorSettings) -> list[Source]:
    """The backbone's weights first: those of a whole detector would take their place."""
    named = [(settings.backbone.init, "backbone."), (settings.init, "")]
    return [Source(init, part) for init, part in named if init]


def training_config(
    settings: DetectorSettings, wardrobe: Wardrobe, annotations: Path, images: Path
) -> Config:
    """The whole mmengine config of a training."""
    base = detector_config(settings, len(wardrobe.categories))
    return Config(
        {
            "default_scope": "mmdet",
            "env_cfg": base.env_cfg,
            "model": base.model,
            "channels_last": "backbone",
            "train_dataloader": _loader(settings, wardrobe, annotations, images),
            "optim_wrapper": optimizer(settings),
            "param_scheduler": schedule(settings),
        }
    )


def _loader(
    settings: DetectorSettings, wardrobe: Wardrobe, annotations: Path, images: Path
) -> dict[str, Any]:
    if not annotations.is_file():
        raise HemlineError(f"{annotations}: no such annotations; `hemline convert` writes them")
    dataset = {
        "_scope_": "mmdet",
        "type": "GarmentPictures",
        "wardrobe": wardrobe.name,
        "ann_file": str(annotations),
        "data_prefix": {"img": str(images)},
        "filter_cfg": {"filter_empty_gt": True, "min_size": 32},
        "pipeline": _pipeline(settings),
    }
    # upright and wide pictures in passes of their own, so that little of a pass is padding
    return loader(dataset, settings, by_shape=True)


def _pipeline(settings: DetectorSettings) -> list[dict[str, Any]]:
    masks = [{"type": "DrawMasks"}] if settings.masks else []
    return [
        {"type": "LoadImageFromFile", "color_type": STORED},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": settings.masks, "poly2mask": False},
        resize(settings.image_size),
        {"type": "RandomFlip", "prob": settings.flip},
        *masks,
        {"type": "PackDetInputs"},
    ]


def resize(size: tuple[int, int]) -> dict[str, Any]:
    """Fit a picture into `size` (long side, short side; pixels), its shape kept.

    Averaged over areas: pictures shrink to a quarter in the demo, and prints would alias.
    """
    return {"type": "Resize", "scale": tuple(size), "keep_ratio": True, "interpolation": "area"}


def schedule(settings: DetectorSettings) -> list[dict[str, Any]]:
    """A linear warm-up over steps, then either drops to a tenth at milestones or a cosine to zero by steps."""
    warmup = {"type": "LinearLR", "start_factor": 0.001, "by_epoch": False, "end": settings.warmup_steps}
    if settings.milestones:
        drops = list(settings.milestones)
        return [warmup, {"type": "MultiStepLR", "by_epoch": True, "milestones": drops, "gamma": 0.1}]
    return [warmup, cosine(settings.epochs)]
