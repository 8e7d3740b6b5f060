"""train_estimator@GROUPING: 294 channels, or 81 (paper 000 sec. 2.1)."""

from pathlib import Path

from hemline.estimation import train_estimator as train
from hemline.params import load_params
from hemline.wardrobe import grouping
from stages.stage import main, read_by, recorded, state_folder


def train_estimator(name: str) -> None:
    """Write models/estimators/NAME."""
    params = load_params()
    settings = params.estimator.settings(name)
    annotations = Path(f"data/coco/train-{name}.json")
    init = params.estimator.init
    shown = {"estimator": {**settings.model_dump(), "init": init}}
    with recorded(f"train_estimator@{name}", shown, estimator=name) as run:
        read_by(run, "training", annotations)
        train(
            settings,
            grouping(name),
            annotations,
            Path(params.data.train) / "image",
            out=Path("models/estimators") / name,
            state=state_folder(f"train_estimator@{name}", shown, annotations),
            title=f"estimator {name}",
            record=run.epoch,
            init=None if init is None else Path(init),
        )


if __name__ == "__main__":
    main(train_estimator)
