"""train_estimator@GROUPING: a channel for each landmark, or for each group of them (paper 000 sec. 2.1)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hemline.estimation import train_estimator as fit
from hemline.params import EstimatorSettings, Params, load_params
from hemline.training.launching import launch
from hemline.wardrobe import grouping
from stages.stage import Attempt, main, read_by, recorded, state_folder

VALIDATION = Path("data/coco/validation-independent.json")  # `patience` reads it


def train_estimator(name: str) -> None:
    """Write models/estimators/NAME."""
    params = load_params()
    launch(params.estimator.settings(name).training.gpus)
    train(params, name, Attempt(f"train_estimator@{name}", Path("models/estimators") / name))


def train(params: Params, name: str, attempt: Attempt) -> None:
    """Train the estimator `name` with these params."""
    settings, init = params.estimator.settings(name), params.estimator.init
    shown = {"estimator": {**settings.model_dump(), "init": init}}
    title = f"estimator {name}"
    train_on_all(params, settings, name, init, attempt, shown, title=title, estimator=name)


def train_on_all(
    params: Params,
    settings: EstimatorSettings,
    groups: str,
    init: str | None,
    attempt: Attempt,
    shown: Mapping[str, Any],
    *,
    title: str,
    **tags: str,
) -> None:
    """Train a network on the garments of all categories, its channels those of the grouping `groups`.

    `shown` are the params that decide the result, as the run records them.
    """
    annotations = Path(f"data/coco/train-{groups}.json")
    judge = None
    if settings.training.patience is not None:
        from stages.selection import validation_ap  # evaluation takes seconds to import

        judge = partial(validation_ap, params, None, crops=settings.training.crops)
    with recorded(attempt.name, shown, **tags, **attempt.tags) as run:
        read_by(run, "training", annotations)
        fit(
            settings,
            grouping(params.wardrobe, groups),
            annotations,
            params.data.pictures("train"),
            out=attempt.out,
            state=state_folder(attempt.name, shown, annotations, VALIDATION),
            title=attempt.title or title,
            record=run.epoch,
            init=init,
            watch=attempt.watching(run),
            judge=judge,
        )


if __name__ == "__main__":
    main(train_estimator)
