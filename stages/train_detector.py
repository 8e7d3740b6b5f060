"""train_detector@NAME: a garment detector (paper 000 sec. 3.1)."""

from pathlib import Path

from hemline.detection import train_detector as fit
from hemline.params import Params, load_params
from stages.stage import Attempt, main, read_by, recorded, state_folder


def train_detector(name: str) -> None:
    """Write models/detectors/NAME."""
    train(load_params(), name, Attempt(f"train_detector@{name}", Path("models/detectors") / name))


def train(params: Params, name: str, attempt: Attempt) -> None:
    """Train the detector `name` with these params."""
    settings = getattr(params.detector, name)
    annotations = Path("data/coco/train-independent.json")
    shown = {"detector": {name: settings.model_dump()}}
    with recorded(attempt.name, shown, detector=name, **attempt.tags) as run:
        read_by(run, "training", annotations)
        fit(
            settings,
            annotations,
            Path(params.data.train) / "image",
            out=attempt.out,
            state=state_folder(attempt.name, shown, annotations),
            title=attempt.title or f"detector {name}",
            record=run.epoch,
            watch=attempt.watching(run),
        )


if __name__ == "__main__":
    main(train_detector)
