"""Pictures in, garments out, by the models that the last run made."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from hemline.detection import Boxes, Detector
from hemline.errors import HemlineError
from hemline.inference.ensemble import ensemble
from hemline.inference.garments import Garment
from hemline.inference.pipeline import DetectedBox, Estimators, estimate
from hemline.params import DetectSettings, EstimateSettings
from hemline.wardrobe import Category, Wardrobe

# As the paper tests its best rows: flip test with the one-pixel shift. Scores over the category's own channels: a
# person reads them as "how sure", and channels of other categories say nothing about that.
ESTIMATE = EstimateSettings(
    shift_heatmap=True, score="category", score_threshold=0.2, box_score_threshold=0.01, batch_size=32
)


@dataclass(frozen=True)
class Prediction:
    """One picture, (height, width, 3) uint8 BGR and upright, and the garments in it, best score first."""

    picture: np.ndarray
    garments: list[Garment]

    def to_json(self, path: Path) -> dict[str, Any]:
        """Size, and garments with category, box, scores and named landmarks; pixels of the upright picture."""
        height, width = self.picture.shape[:2]
        garments = [describe(garment) for garment in self.garments]
        return {"picture": str(path), "width": width, "height": height, "garments": garments}


def describe(garment: Garment) -> dict[str, Any]:
    """A garment in words and numbers, as JSON."""
    own = garment.category
    return {
        "category": own.name,
        "category_id": own.id,
        "box": [round(value, 2) for value in garment.box],
        "box_score": round(garment.box_score, 4),
        "score": round(garment.score, 4),
        "landmarks": [
            {
                "name": landmark.name,
                "x": round(float(x), 2),
                "y": round(float(y), 2),
                "score": round(float(score), 4),
            }
            for landmark, (x, y, score) in zip(own.landmarks, garment.landmarks, strict=True)
        ],
    }


def read_upright(path: Path) -> np.ndarray:
    """A user's picture (height, width, 3), uint8, BGR, turned the way that its camera says (EXIF).

    HemlineError when it can't be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HemlineError(f"{path}: {error.strerror}") from None
    return decode_upright(data, str(path))


def decode_upright(data: bytes, where: str) -> np.ndarray:
    """`read_upright`, of a file's bytes; errors start with `where`."""
    try:
        picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:  # more than 2^30 pixels, or a header that says so
        picture = None
    if picture is None:
        raise HemlineError(f"{where}: cannot be read as a picture")
    return picture


def detected(found: Boxes, threshold: float) -> list[DetectedBox]:
    """A detector's boxes in one picture that score `threshold` or more and have an area, to find landmarks in."""
    return [
        DetectedBox(0, int(category_id), (float(x), float(y), float(width), float(height)), float(score))
        for category_id, (x, y, width, height), score in zip(
            found.category_ids, found.boxes, found.scores, strict=True
        )
        if score >= threshold and width > 0 and height > 0
    ]


class WholePicture:
    """In a detector's place, for pictures of one garment each, whose category is known (FashionAI's): all of it."""

    def __init__(self, category: Category, wardrobe: Wardrobe) -> None:
        self.category, self.wardrobe = category, wardrobe

    def detect(self, pictures: Iterable[np.ndarray]) -> Iterator[Boxes]:
        """Yield a sure box of each picture (height, width, 3)."""
        for picture in pictures:
            height, width = picture.shape[:2]
            yield Boxes(np.array([self.category.id]), np.array([[0.0, 0.0, width, height]]), np.ones(1))


class Predictor:
    """A detector and the estimators behind it; `others` are averaged with the first, by `weights`, garment by garment.

    `flip_test` is of all of them. A whole picture is looked at a second time, around the landmarks found in it.
    HemlineError when they aren't all of one wardrobe.
    """

    def __init__(
        self,
        detector: Detector | WholePicture,
        estimators: Estimators,
        flip_test: bool = True,
        others: Sequence[Estimators] = (),
        weights: Sequence[float] | None = None,
    ) -> None:
        for one in (estimators, *others):
            if one.wardrobe is not detector.wardrobe:
                raise HemlineError(
                    f"the detector finds {detector.wardrobe.name}'s garments, an estimator {one.wardrobe.name}'s "
                    "landmarks; take models of one data set"
                )
        self.detector, self.estimators, self.flip_test = detector, estimators, flip_test
        self.others, self.weights = tuple(others), weights
        self.passes = 2 if isinstance(detector, WholePicture) else 1

    @classmethod
    def load(
        cls,
        models: str | Path = "models",
        detector: str = "htc",
        experts: str = "hflip",
        detect: DetectSettings | None = None,
        device: torch.device | None = None,
        category: str | None = None,
    ) -> "Predictor":
        """Load the models of the last run: detector `cascade` or `htc`, experts `plain`, `hflip` or `none`.

        With the name of a `category` no detector: each picture is of one garment of it. HemlineError, with what to run,
        when a model isn't there.
        """
        root = Path(models)
        estimator, detectors = root / "estimators" / "aggregated", root / "detectors" / detector
        serving = None if experts == "none" else root / "experts" / experts
        for folder in (None if category else detectors, estimator, serving):
            if folder is not None and not folder.is_dir():
                raise HemlineError(f"{folder}: no such model; {_advice(folder)}")
        estimators = Estimators.load(estimator, serving, device=device)
        if category is None:
            return cls(Detector.load(detectors, detect, device), estimators)
        return cls(WholePicture(estimators.wardrobe.category(category), estimators.wardrobe), estimators)

    def predict(self, picture: np.ndarray, threshold: float = 0.3) -> Prediction:
        """Find the garments of a picture, (height, width, 3) uint8 BGR, that score `threshold` or more."""
        found = next(iter(self.detector.detect([picture])))
        # A garment's score is its box's times a mean of at most about 1: lower ones can't reach the threshold.
        boxes = detected(found, max(threshold / 2, ESTIMATE.box_score_threshold))
        found_by = [
            list(
                estimate(
                    [(picture, boxes)], estimators, ESTIMATE, flip_test=self.flip_test, passes=self.passes
                )
            )
            for estimators in (self.estimators, *self.others)
        ]
        garments = ensemble(found_by, self.estimators.wardrobe, self.weights)
        sure = [garment for garment in garments if garment.score >= threshold]
        return Prediction(picture, sorted(sure, key=lambda garment: -garment.score))


def _advice(folder: Path) -> str:
    """How to come by a model's folder, or do without."""
    if folder.parent.name == "detectors" and not folder.parent.is_dir():
        return "`make demo` (or `dvc repro`) trains it; without a detector --category names the garment of each picture"
    return "`make demo` (or `dvc repro`) trains it"
