"""Estimators trained, and finetuned to experts (paper 000 sec. 2.1 and 2.2)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from torch import nn

from hemline.errors import HemlineError
from hemline.estimation.config import training_config
from hemline.estimation.estimator import Estimator, read_settings, rebuild, write_no_expert, write_settings
from hemline.estimation.garments import read_garments
from hemline.estimation.network import build_estimator
from hemline.files import read_json, write_json
from hemline.params import EstimatorSettings, NetworkSettings
from hemline.training import Source, Watch, WatchHook, fit, initial_weights, load_weights, save_weights
from hemline.training.hooks import ChannelsLastHook, Record
from hemline.wardrobe import Grouping, category

# Says how good an estimator is, the higher the better: `finetune_expert` keeps the epoch that it likes best.
Judge = Callable[[Estimator], float]


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
) -> None:
    """Train an estimator on all categories and write its model folder `out`.

    `annotations` is a COCO-style file of this grouping, `images` the folder of its pictures. `state` holds what an
    interrupted training needs. `init` names weights to start from, one of `hemline weights list` or a file; of those
    made for other channels (such as mmpose's COCO weights, 17 instead of 81) the layers that fit are taken. `watch` is
    shown the Estimator after each epoch.
    """
    sources = [Source(init)] if init else []
    start = initial_weights(
        lambda: _new(settings.network, grouping), sources, seed=settings.training.seed, state=state, out=out
    )
    hooks = _watching(watch, settings.network, grouping)
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
    record: Record | None = None,
    judge: Judge | None = None,
    watch: Watch | None = None,
) -> bool:
    """Finetune the estimator in `start` to one category and write the expert's model folder `out`.

    `annotations` holds the category's garments, in the grouping of `start`, all of whose channels are kept. Without
    garments there is no expert: `out`/settings.json says so, the estimator in `start` will serve the category, and
    False is returned. The last epoch is kept, or the one that `judge` likes best (the authors took the best validation
    AP with ground-truth boxes, which selects on the reported set). `watch` is shown the Estimator after each epoch.
    """
    expert = category(slug)
    base = read_settings(start)
    network, grouping = rebuild(base, start)
    if network != settings.network:
        raise HemlineError(
            f"{start}: its network is {network}; an expert needs the same, not {settings.network}"
        )
    if not any(entry["category_id"] == expert.id for entry in read_garments(annotations, images, grouping)):
        write_no_expert(out, slug, f"no {expert.name} with a labelled landmark to train on")
        return False
    hooks = _watching(watch, network, grouping)
    if judge is not None:
        hooks.append(BestEpochHook(state, network, grouping, judge))
    _train(settings, grouping, annotations, images, out, state, title, record, start / "weights.pt", hooks)
    write_settings(out, settings, grouping, category=slug, start=str(start))
    return True


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
    seed = settings.training.seed
    hooks = [ChannelsLastHook(), *hooks]
    fit(config, title=title, out=out, state=state, seed=seed, init=init, record=record, hooks=hooks)


def _watching(watch: Watch | None, network: NetworkSettings, grouping: Grouping) -> list[Hook]:
    if watch is None:
        return []
    return [WatchHook(watch, lambda model: Estimator(model, network, grouping))]


def _new(network: NetworkSettings, grouping: Grouping) -> nn.Module:
    model = build_estimator(network, grouping.size)
    model.init_weights()
    return model


class BestEpochHook(Hook):
    """Keep the weights of the epoch that `judge` likes best, and end the training with them."""

    def __init__(self, state: Path, network: NetworkSettings, grouping: Grouping, judge: Judge) -> None:
        self.weights, self.value = state / "best.pt", state / "best.json"
        self.network, self.grouping, self.judge = network, grouping, judge

    def after_train_epoch(self, runner: Any) -> None:
        """Judge the epoch. The state folder keeps the best, so that a resumed training knows it."""
        value = self.judge(Estimator(runner.model, self.network, self.grouping))
        runner.numbers["AP"] = value
        if self.value.is_file() and read_json(self.value)["value"] >= value:
            return
        save_weights(runner.model, self.weights)
        write_json(self.value, {"epoch": runner.epoch + 1, "value": value})

    def after_train(self, runner: Any) -> None:
        """Take the best weights."""
        load_weights(runner.model, self.weights)
