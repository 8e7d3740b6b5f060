"""finetune@CATEGORY-VARIANT: an expert (paper 000 sec. 2.2)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hemline.estimation import finetune_expert
from hemline.params import EstimatorSettings, Params, load_params
from hemline.training.launching import launch
from stages.stage import Attempt, main, read_by, recorded, state_folder

START = Path("models/estimators/aggregated")
VALIDATION = Path("data/coco/validation-independent.json")  # `select: best` and `patience` read it


def finetune(slug: str, variant: str) -> None:
    """Write models/experts/VARIANT/CATEGORY, starting from models/estimators/aggregated."""
    params = load_params()
    launch(params.finetune.training.gpus)
    train(
        params,
        slug,
        variant,
        Attempt(f"finetune@{slug}-{variant}", Path("models/experts") / variant / slug),
    )


def train(params: Params, slug: str, variant: str, attempt: Attempt) -> None:
    """Finetune the expert of a category with these params."""
    training = params.finetune.for_category(slug, variant)
    settings = EstimatorSettings(network=params.estimator.network, training=training)
    shown = {"finetune": {**settings.model_dump(), "select": params.finetune.select}}
    judged = params.finetune.select == "best" or training.patience is not None
    title = f"expert {slug} {variant}"
    train_on_one(
        params, settings, slug, START, attempt, shown, title=title, judged=judged, variant=variant
    )  # fmt: skip


def train_on_one(
    params: Params,
    settings: EstimatorSettings,
    slug: str,
    start: Path,
    attempt: Attempt,
    shown: Mapping[str, Any],
    *,
    title: str,
    judged: bool,
    new_outputs: bool = False,
    **tags: str,
) -> None:
    """Train the network in `start` further, on the garments of one category.

    `shown` are the params that decide the result, as the run records them. `judged` by its validation AP after each
    epoch the best one is kept.
    """
    annotations = Path(f"data/coco/categories/train-{slug}.json")
    judge = None
    if judged:
        # Imported when it is wanted: evaluation takes longer to import than a small expert to train.
        from stages.selection import validation_ap

        judge = partial(validation_ap, params, slug, crops=settings.training.crops)
    with recorded(attempt.name, shown, category=slug, **tags, **attempt.tags) as run:
        read_by(run, "training", annotations)
        finetune_expert(
            settings,
            slug,
            annotations,
            params.data.pictures("train"),
            start=start,
            out=attempt.out,
            state=state_folder(attempt.name, shown, annotations, VALIDATION, start / "weights.pt"),
            title=attempt.title or title,
            new_outputs=new_outputs,
            record=run.epoch,
            judge=judge,
            watch=attempt.watching(run),
        )


if __name__ == "__main__":
    main(finetune)
