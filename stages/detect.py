"""detect@NAME: boxes of the validation and test pictures."""

from pathlib import Path

from hemline.detection import Detector, detect_images
from hemline.files import write_json
from hemline.params import load_params
from stages.stage import main, read_by, recorded

IMAGES = {"validation": "data/coco/validation-independent.json", "test": "data/coco/test.json"}


def detect(name: str) -> None:
    """Write results/boxes/NAME/{validation,test}.json."""
    params = load_params()
    settings = getattr(params.detect, name)
    with recorded(f"detect@{name}", {"detect": {name: settings.model_dump()}}, detector=name) as run:
        detector = Detector.load(Path("models/detectors") / name, settings)
        for split, images in IMAGES.items():
            read_by(run, split, Path(images))
            folder = params.data.pictures(split)
            boxes = detect_images(detector, Path(images), folder, title=f"{name} boxes, {split}")
            write_json(Path("results/boxes") / name / f"{split}.json", boxes, indent=None)
            run.log({f"{split}.boxes": len(boxes)})


if __name__ == "__main__":
    main(detect)
