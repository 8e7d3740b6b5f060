"""train_detector@NAME: a garment detector (paper 000 sec. 3.1)."""

from pathlib import Path

from hemline.detection import train_detector as train
from hemline.params import load_params
from stages.stage import main, read_by, recorded, state_folder


def train_detector(name: str) -> None:
    """Write models/detectors/NAME."""
    params = load_params()
    settings = getattr(params.detector, name)
    annotations = Path("data/coco/train-independent.json")
    shown = {"detector": {name: settings.model_dump()}}
    with recorded(f"train_detector@{name}", shown, detector=name) as run:
        read_by(run, "training", annotations)
        train(
            settings,
            annotations,
            Path(params.data.train) / "image",
            out=Path("models/detectors") / name,
            state=state_folder(f"train_detector@{name}", shown, annotations),
            title=f"detector {name}",
            record=run.epoch,
        )


if __name__ == "__main__":
    main(train_detector)
