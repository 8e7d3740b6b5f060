"""Training of a one-shot network: settings and a COCO-style file in, a model folder out."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from hemline.errors import HemlineError
from hemline.files import write_json
from hemline.oneshot.centernet import rename
from hemline.oneshot.network import build_oneshot, oneshot_config
from hemline.oneshot.schedule import schedule
from hemline.oneshot.transforms import train_pipeline
from hemline.params import OneShotSettings
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


def train_oneshot(
    settings: OneShotSettings,
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

    The file's keypoints are of `settings.grouping`. `base` is the model folder of a network of the same shape to
    start from, instead of `settings.init`. Writes `out`/settings.json and what `fit` writes; `state` keeps what an
    interrupted training needs to go on. `record` receives one dict an epoch; `watch` is shown the model after each.
    With `judge` the epoch that it likes best is kept (`settings.patience`). HemlineError when no picture has a
    garment.
    """
    config = training_config(settings, annotations, images)
    write_json(out / "settings.json", settings.model_dump(mode="json"))
    sources = _sources(settings, base)
    init = initial_weights(lambda: build_oneshot(settings), sources, seed=settings.seed, state=state, out=out)
    hooks = onlookers(state, watch, judge, settings.patience)
    fit(config, settings, title=title, out=out, state=state, init=init, record=record, hooks=hooks)


def _sources(settings: OneShotSettings, base: Path | None) -> list[Source]:
    if base is not None:
        return [Source(str(base / "weights.pt"))]
    return [Source(settings.init, rename=rename)] if settings.init else []


def training_config(settings: OneShotSettings, annotations: Path, images: Path) -> Config:
    """The whole mmengine config of a training."""
    base = oneshot_config(settings)
    return Config(
        {
            "default_scope": "mmdet",
            "model": base.model,
            "channels_last": "",
            "train_dataloader": _loader(settings, annotations, images),
            "optim_wrapper": optimizer(settings),
            "param_scheduler": schedule(settings),
        }
    )


def _loader(settings: OneShotSettings, annotations: Path, images: Path) -> dict[str, Any]:
    if not annotations.is_file():
        raise HemlineError(f"{annotations}: no such annotations; `hemline convert` writes them")
    dataset = {
        "_scope_": "mmdet",
        "type": "LandmarkPictures",
        "ann_file": str(annotations),
        "data_prefix": {"img": str(images)},
        "grouping": settings.grouping,
        "pipeline": train_pipeline(settings),
    }
    return loader(dataset, settings)
