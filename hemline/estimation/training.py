"""Estimators trained, and finetuned to experts (paper 000 sec. 2.1 and 2.2)."""

from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from torch import nn

from hemline.errors import HemlineError
from hemline.estimation.config import training_config
from hemline.estimation.estimator import (
    Estimator,
    estimator_of,
    read_settings,
    rebuild,
    write_no_expert,
    write_settings,
)
from hemline.estimation.garments import read_garments
from hemline.estimation.network import build_estimator, output_keys
from hemline.params import EstimatorSettings, NetworkSettings
from hemline.training import Judge, Source, Watch, fit, initial_weights, onlookers
from hemline.training.hooks import Record
from hemline.wardrobe import Grouping


def train_estimator(
    settings: EstimatorSettings,
    grouping: Grouping,
    annotations: Path,
    images: Path,
    *,
    out: Path,
    state: Path,
    title: str,
    record: Record | None = None,
    init: str | None = None,
    watch: Watch | None = None,
    judge: Judge | None = None,
) -> None:
    """Train an estimator on all categories and write its model folder `out`.

    `annotations` is a COCO-style file of this grouping, `images` the folder of its pictures. `state` holds what an
    interrupted training needs. `init` names weights to start from, one of `hemline weights list` or a file; of those
    made for other channels (such as mmpose's COCO weights, of 17 channels) the layers that fit are taken. The network's
    own `init`, if it has one, is taken before, for its backbone. `watch` is shown the Estimator after each epoch. With
    `judge` the epoch that it likes best is kept (`settings.training.patience`).
    """
    start = initial_weights(
        lambda: _new(settings.network, grouping),
        _sources(settings.network, init),
        seed=settings.training.seed,
        state=state,
        out=out,
    )
    hooks = _looking(settings, grouping, state, watch, judge)
    _train(settings, grouping, annotations, images, out, state, title, record, start, hooks)
    write_settings(out, settings, grouping, category=None, start=init)


def finetune_expert(
    settings: EstimatorSettings,
    slug: str,
    annotations: Path,
    images: Path,
    *,
    start: Path,
    out: Path,
    state: Path,
    title: str,
    new_outputs: bool = False,
    record: Record | None = None,
    judge: Judge | None = None,
    watch: Watch | None = None,
) -> bool:
    """Finetune the estimator in `start` to one category and write the expert's model folder `out`.

    `annotations` holds the category's garments, in the grouping of `start`, all of whose channels are kept. Without
    garments there is no expert: `out`/settings.json says so, the estimator in `start` will serve the category, and
    False is returned. The last epoch is kept, or the one that `judge` likes best (the authors took the best validation
    AP with ground-truth boxes, which selects on the reported set). `watch` is shown the Estimator after each epoch.
    With `new_outputs` the layers that make the last maps start anew (HiKapok/tf.fashionAI, which has a category's own
    channels alone from here on).
    """
    network, grouping = rebuild(read_settings(start), start)
    expert = grouping.wardrobe.category(slug)
    if network != settings.network:
        raise HemlineError(
            f"{start}: its network is {network}; an expert needs the same, not {settings.network}"
        )
    if not any(entry["category_id"] == expert.id for entry in read_garments(annotations, images, grouping)):
        write_no_expert(out, slug, f"no {expert.name} with a labelled landmark to train on")
        return False
    init = _first(settings, grouping, start, out, state) if new_outputs else start / "weights.pt"
    hooks = _looking(settings, grouping, state, watch, judge)
    _train(settings, grouping, annotations, images, out, state, title, record, init, hooks)
    write_settings(out, settings, grouping, category=slug, start=str(start))
    return True


def _first(
    settings: EstimatorSettings, grouping: Grouping, start: Path, out: Path, state: Path
) -> Path | None:
    """Weights of the network in `start`, but for its outputs, which are drawn anew."""
    source = Source(str(start / "weights.pt"), without=output_keys(settings.network, grouping.size))
    return initial_weights(
        lambda: _new(settings.network, grouping), [source], seed=settings.training.seed, state=state, out=out
    )


def _train(
    settings: EstimatorSettings,
    grouping: Grouping,
    annotations: Path,
    images: Path,
    out: Path,
    state: Path,
    title: str,
    record: Record | None,
    init: Path | None,
    hooks: list[Hook],
) -> None:
    config = training_config(settings, grouping, annotations, images)
    fit(config, settings.training, title=title, out=out, state=state, init=init, record=record, hooks=hooks)


def _looking(
    settings: EstimatorSettings, grouping: Grouping, state: Path, watch: Watch | None, judge: Judge | None
) -> list[Hook]:
    """The hooks that show the network to others, as an Estimator."""

    def wrap(model: Any) -> Estimator:
        return estimator_of(model, settings.network, grouping)

    return onlookers(state, watch, judge, settings.training.patience, wrap)


def _sources(network: NetworkSettings, init: str | None) -> list[Source]:
    """The backbone's weights first, where a network names some: those of a whole estimator take their place."""
    named = [(getattr(network, "init", None), "backbone."), (init, "")]
    return [Source(weights, part) for weights, part in named if weights]


def _new(network: NetworkSettings, grouping: Grouping) -> nn.Module:
    model = build_estimator(network, grouping.size)
    model.init_weights()
    return model
