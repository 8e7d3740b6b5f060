"""train_oneshot@NAME: a network that finds garments and landmarks at once (papers 001 and 003), or a baseline of it."""

from functools import partial
from pathlib import Path

from hemline.oneshot import train_oneshot as fit
from hemline.params import OneShotSettings, Params, load_params
from hemline.training.launching import launch
from stages.stage import Attempt, main, read_by, recorded, state_folder

VALIDATION = Path("data/coco/validation-independent.json")  # `patience` reads it
MODELS = Path("oneshot/models")


def train_oneshot(name: str) -> None:
    """Write oneshot/models/PAGE/NAME."""
    params = load_params()
    launch(params.oneshot.settings(name).gpus)
    train(params, name, Attempt(f"train_oneshot@{name}", model_folder(params, name)))


def model_folder(params: Params, name: str) -> Path:
    """Where the network `name` is kept: each page's in a folder of its own."""
    return MODELS / params.oneshot.page(name) / name


def starting_weights(settings: OneShotSettings) -> list[Path]:
    """The files of our own that the training starts from: others make another training."""
    named = (settings.init, getattr(settings.backbone, "init", None))
    return [Path(init) for init in named if init is not None and Path(init).is_file()]


def train(params: Params, name: str, attempt: Attempt, base: str | None = None) -> None:
    """Train the network `name` with these params, from the weights of `base` if there is one."""
    settings = params.oneshot.settings(name)
    annotations = Path(f"data/coco/train-{settings.grouping or 'independent'}.json")
    section = "finetuned" if base else "networks"
    shown = {"oneshot": {section: {name: settings.model_dump()}}}
    start = None if base is None else model_folder(params, base)
    inputs = [annotations, VALIDATION, *starting_weights(settings)]
    inputs += [] if start is None else [start / "weights.pt"]
    judge = None
    if settings.patience is not None:
        from stages.selection import validation_oneshot_ap  # evaluation takes seconds to import

        judge = partial(validation_oneshot_ap, params, name)
    with recorded(attempt.name, shown, network=name, **attempt.tags) as run:
        read_by(run, "training", annotations)
        fit(
            settings,
            params.wardrobe,
            annotations,
            params.data.pictures("train"),
            out=attempt.out,
            state=state_folder(attempt.name, shown, *inputs),
            title=attempt.title or f"one-shot {name}",
            base=start,
            record=run.epoch,
            watch=attempt.watching(run),
            judge=judge,
        )


if __name__ == "__main__":
    main(train_oneshot)
