"""Training of a one-shot network: settings and a COCO-style file in, a model folder out."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from hemline.errors import HemlineError
from hemline.files import write_json
from hemline.oneshot.deepmark.centernet import rename
from hemline.oneshot.deepmark.transforms import deepmark_pipeline
from hemline.oneshot.network import build_oneshot, oneshot_config
from hemline.oneshot.schedule import schedule
from hemline.params import DeepMarkSettings, MaskRCNNSettings, OneShotSettings
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
from hemline.training.optimizing import optimizer
from hemline.wardrobe import Wardrobe


def train_oneshot(
    settings: OneShotSettings,
    wardrobe: Wardrobe,
    annotations: Path,
    images: Path,
    out: Path,
    state: Path,
    title: str,
    base: Path | None = None,
    record: Record | None = None,
    watch: Watch | None = None,
    judge: Judge | None = None,
) -> None:
    """Train a one-shot network on the garments of `annotations` (COCO-style, pictures relative to `images`).

    The file's categories are the wardrobe's and its keypoints of `settings.grouping`, of `independent` for networks
    without landmarks. `base` is the model folder of a network of the same shape to start from, instead of
    `settings.init`. Writes `out`/settings.json and what `fit` writes; `state` keeps what an interrupted training needs
    to go on. `record` receives one dict an epoch; `watch` is shown the model after each. With `judge` the epoch that it
    likes best is kept (`settings.patience`). HemlineError when no picture has a garment.
    """
    config = training_config(settings, wardrobe, annotations, images)
    write_json(out / "settings.json", {"wardrobe": wardrobe.name, **settings.model_dump(mode="json")})
    sources = _sources(settings, base)
    init = initial_weights(
        lambda: build_oneshot(settings, wardrobe), sources, seed=settings.seed, state=state, out=out
    )
    hooks = onlookers(state, watch, judge, settings.patience)
    fit(config, settings, title=title, out=out, state=state, init=init, record=record, hooks=hooks)


def _sources(settings: OneShotSettings, base: Path | None) -> list[Source]:
    """The backbone's weights first: those of a whole network would take their place."""
    if base is not None:
        return [Source(str(base / "weights.pt"))]
    if isinstance(settings, DeepMarkSettings):
        return [Source(settings.init, rename=rename)] if settings.init else []
    named = [(settings.backbone.init, "backbone."), (settings.init, "")]
    return [Source(init, part) for init, part in named if init]


def training_config(settings: OneShotSettings, wardrobe: Wardrobe, annotations: Path, images: Path) -> Config:
    """The whole mmengine config of a training."""
    base = oneshot_config(settings, wardrobe)
    return Config(
        {
            "default_scope": "mmdet",
            "model": base.model,
            "channels_last": "" if isinstance(settings, DeepMarkSettings) else "backbone",
            "train_dataloader": _loader(settings, wardrobe, annotations, images),
            "optim_wrapper": optimizer(settings),
            "param_scheduler": schedule(settings),
        }
    )


def _loader(settings: OneShotSettings, wardrobe: Wardrobe, annotations: Path, images: Path) -> dict[str, Any]:
    if not annotations.is_file():
        raise HemlineError(f"{annotations}: no such annotations; `hemline convert` writes them")
    dataset = {
        "_scope_": "mmdet",
        "type": "LandmarkPictures",
        "ann_file": str(annotations),
        "data_prefix": {"img": str(images)},
        "wardrobe": wardrobe.name,
        "grouping": settings.grouping or "independent",
        "masks": _masks(settings),
        "pipeline": _pipeline(settings, wardrobe.name),
    }
    # DeepMark's inputs are all of one size; of others, upright and wide ones come in passes of their own
    return loader(dataset, settings, by_shape=not isinstance(settings, DeepMarkSettings))


def _pipeline(settings: OneShotSettings, wardrobe: str) -> list[dict[str, Any]]:
    if isinstance(settings, DeepMarkSettings):
        return deepmark_pipeline(settings, wardrobe)
    channels = {"wardrobe": wardrobe, "grouping": settings.grouping or "independent"}
    return [
        {"type": "LoadGarments", **channels, "masks": _masks(settings)},
        {"type": "ResizePicture", "size": settings.image_size},
        {"type": "FlipGarments", **channels, "prob": settings.flip},
        {"type": "PackGarments"},
    ]


def _masks(settings: OneShotSettings) -> bool:
    return isinstance(settings, MaskRCNNSettings) and settings.mask_weight > 0
