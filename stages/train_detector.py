"""train_detector@NAME: a garment detector (paper 000 sec. 3.1)."""

from functools import partial
from pathlib import Path

from hemline.detection import train_detector as fit
from hemline.params import Params, load_params
from hemline.training.launching import launch
from stages.stage import Attempt, main, read_by, recorded, state_folder

VALIDATION = Path("data/coco/validation-independent.json")  # `patience` reads it


def train_detector(name: str) -> None:
    """Write models/detectors/NAME."""
    params = load_params()
    launch(getattr(params.detector, name).gpus)
    train(params, name, Attempt(f"train_detector@{name}", Path("models/detectors") / name))


def train(params: Params, name: str, attempt: Attempt) -> None:
    """Train the detector `name` with these params."""
    settings = getattr(params.detector, name)
    annotations = Path("data/coco/train-independent.json")
    shown = {"detector": {name: settings.model_dump()}}
    judge = None
    if settings.patience is not None:
        from stages.selection import validation_box_ap  # evaluation takes seconds to import

        judge = partial(validation_box_ap, params, name)
    with recorded(attempt.name, shown, detector=name, **attempt.tags) as run:
        read_by(run, "training", annotations)
        fit(
            settings,
            params.wardrobe,
            annotations,
            params.data.pictures("train"),
            out=attempt.out,
            state=state_folder(attempt.name, shown, annotations, VALIDATION),
            title=attempt.title or f"detector {name}",
            record=run.epoch,
            watch=attempt.watching(run),
            judge=judge,
        )


if __name__ == "__main__":
    main(train_detector)
