"""train_oneshot@NAME: a network that finds garments and landmarks at once (paper 001)."""

from functools import partial
from pathlib import Path

from hemline.oneshot import train_oneshot as fit
from hemline.params import Params, load_params
from hemline.training.launching import launch
from stages.stage import Attempt, main, read_by, recorded, state_folder

VALIDATION = Path("data/coco/validation-independent.json")  # `patience` reads it
MODELS = Path("oneshot/models")


def train_oneshot(name: str) -> None:
    """Write oneshot/models/NAME."""
    params = load_params()
    launch(params.oneshot.settings(name).gpus)
    train(params, name, Attempt(f"train_oneshot@{name}", MODELS / name))


def train(params: Params, name: str, attempt: Attempt, base: str | None = None) -> None:
    """Train the network `name` with these params, from the weights of `base` if there is one."""
    settings = params.oneshot.settings(name)
    annotations = Path(f"data/coco/train-{settings.grouping}.json")
    section = "finetuned" if base else "networks"
    shown = {"oneshot": {section: {name: settings.model_dump()}}}
    inputs = [annotations, VALIDATION, *([] if base is None else [MODELS / base / "weights.pt"])]
    judge = None
    if settings.patience is not None:
        from stages.selection import validation_oneshot_ap  # evaluation takes seconds to import

        judge = partial(validation_oneshot_ap, params, name)
    with recorded(attempt.name, shown, network=name, **attempt.tags) as run:
        read_by(run, "training", annotations)
        fit(
            settings,
            annotations,
            Path(params.data.train) / "image",
            out=attempt.out,
            state=state_folder(attempt.name, shown, *inputs),
            title=attempt.title or f"one-shot {name}",
            base=None if base is None else MODELS / base,
            record=run.epoch,
            watch=attempt.watching(run),
            judge=judge,
        )


if __name__ == "__main__":
    main(train_oneshot)
