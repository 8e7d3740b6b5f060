"""Garments with landmarks, and the result files that hold them."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemline.errors import HemlineError
from hemline.files import atomic_write
from hemline.inference.records import Box, Record, check_record, read_records
from hemline.wardrobe import Category, Wardrobe

# The challenge's precision (hundredths of a pixel). Written so from the start, a result file and the
# submission made of it hold the same coordinates and score the same AP.
DECIMALS = 2
SCORE_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Garment:
    """A garment found in a picture.

    `box` is x, y, width, height and `landmarks` (n, 3) float64 x, y, score, for the n landmarks of the
    garment's own category, in order; pixels of the original picture. `box_score` is the detector's, `score`
    the one that ranks the garment. Raises HemlineError for values that no result file can hold.
    """

    image_id: int
    category_id: int
    box: Box
    box_score: float
    landmarks: np.ndarray
    score: float
    wardrobe: Wardrobe

    def __post_init__(self) -> None:
        name = f"garment of image {self.image_id}, category {self.category_id}"
        landmarks = np.array(self.landmarks, dtype=np.float64)
        expected = (self.category.count, 3)
        if landmarks.shape != expected:
            raise HemlineError(f"{name}: landmarks have the shape {landmarks.shape}; {expected} is expected")
        box = tuple(float(value) for value in self.box)
        for key, values in (("landmarks", landmarks), ("box", box), ("scores", (self.box_score, self.score))):
            if not np.isfinite(values).all():
                raise HemlineError(f"{name}: {key} hold a number that is not finite: {values}")
        if len(box) != 4:
            raise HemlineError(f"{name}: box is {box}; it must be x, y, width, height")
        landmarks.flags.writeable = False
        object.__setattr__(self, "landmarks", landmarks)
        object.__setattr__(self, "box", box)

    @property
    def category(self) -> Category:
        """One of the wardrobe's."""
        return self.wardrobe.category(self.category_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Garment) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        own = (self.wardrobe.name, self.image_id, self.category_id, self.box, self.box_score, self.score)
        return (*own, tuple(self.landmarks.ravel().tolist()))

    def to_record(self) -> dict[str, Any]:
        """The record of records.py (zeros outside the category) with our keys "box" and "box_score".

        Coordinates are rounded to hundredths of a pixel, landmark scores to six decimals.
        """
        keypoints: list[float] = [0] * (3 * len(self.wardrobe.landmarks))
        own = self.category
        keypoints[3 * own.start : 3 * own.stop] = rounded(self.landmarks).ravel().tolist()
        return {
            "image_id": int(self.image_id),
            "category_id": int(self.category_id),
            "keypoints": keypoints,
            "score": float(self.score),
            "box": list(self.box),
            "box_score": float(self.box_score),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any], wardrobe: Wardrobe, where: str = "record") -> "Garment":
        """The reverse of `to_record`; raises HemlineError, which starts with `where`."""
        return _garment(check_record(record, 1, where, wardrobe), where)


def read_results(path: str | os.PathLike[str], wardrobe: Wardrobe) -> list[Garment]:
    """Read a landmark result file that has boxes.

    Raises HemlineError naming the file, the record, the key and the value.
    """
    return list(iterate_results(path, wardrobe))


def iterate_results(path: str | os.PathLike[str], wardrobe: Wardrobe) -> Iterator[Garment]:
    """Yield the garments of a landmark result file one at a time; errors as in `read_results`."""
    for record in read_records(path, wardrobe):
        yield _garment(record, f"{path}: record {record.number}")


def write_results(path: str | os.PathLike[str], garments: Iterable[Garment]) -> int:
    """Write garments as they come, one record a line, atomically. Returns their number."""
    count = 0
    with atomic_write(path) as handle:
        handle.write("[")
        for count, garment in enumerate(garments, start=1):
            handle.write(",\n" if count > 1 else "\n")
            handle.write(json.dumps(garment.to_record(), separators=(",", ":"), allow_nan=False))
        handle.write("\n]\n")
    return count


def rounded(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks (..., 3) as result files hold them: hundredths of a pixel, scores to six decimals."""
    written = landmarks.round(SCORE_DECIMALS)
    written[..., :2] = landmarks[..., :2].round(DECIMALS)
    return written


def _garment(record: Record, where: str) -> Garment:
    box = record.box or record.bbox
    if box is None:
        raise HemlineError(
            f"{where}: no key 'box': a submission holds no boxes; use the result file it was made of"
        )
    return Garment(
        image_id=record.image_id,
        category_id=record.category_id,
        box=box,
        box_score=record.score if record.box_score is None else record.box_score,
        landmarks=record.keypoints[record.category.slice],
        score=record.score,
        wardrobe=record.wardrobe,
    )
