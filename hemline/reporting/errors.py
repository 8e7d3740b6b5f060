"""How far off each landmark is, on the garments of validation."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hemline.inference.garments import Garment
from hemline.reporting.pictures import Sample
from hemline.wardrobe import Category, Landmark


@dataclass(frozen=True, eq=False)
class CategoryErrors:
    """One category's landmarks: where they are on the mean garment, and how far off they are predicted.

    `shape` (n, 2) is the mean of the annotated landmarks in their boxes, both sides of which are 1; `aspect` the boxes'
    median width over height. `errors` (n,) are medians of distance over the square root of the box's area. NaN
    stands for a landmark that is labelled nowhere. `garments` is the number of garments with a prediction.
    """

    category: Category
    garments: int
    aspect: float
    shape: np.ndarray
    errors: np.ndarray

    def worst(self, number: int) -> list[tuple[Landmark, float]]:
        """The landmarks with the largest errors, worst first."""
        pairs = zip(self.category.landmarks, self.errors.tolist(), strict=True)
        known = [(landmark, error) for landmark, error in pairs if not np.isnan(error)]
        return sorted(known, key=lambda one: -one[1])[:number]


def category_errors(samples: Iterable[Sample]) -> tuple[CategoryErrors, ...]:
    """The errors of all categories that have a garment, in the categories' order."""
    groups: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.truth.category_id].append(sample)
    return tuple(_errors(groups[key]) for key in sorted(groups))


def _errors(samples: Sequence[Sample]) -> CategoryErrors:
    entry = samples[0].truth.category
    boxes = np.array([sample.truth.box for sample in samples])
    shapes = np.stack([_in_box(sample.truth) for sample in samples])
    pairs = [(one.truth, one.prediction) for one in samples if one.prediction is not None]
    distances = np.stack([_distances(*pair) for pair in pairs] or [np.full(entry.count, np.nan)])
    return CategoryErrors(
        category=entry,
        garments=len(pairs),
        aspect=float(np.median(boxes[:, 2] / boxes[:, 3])),
        shape=np.ma.masked_invalid(shapes).mean(axis=0).filled(np.nan),
        errors=np.ma.median(np.ma.masked_invalid(distances), axis=0).filled(np.nan),
    )


def _in_box(garment: Garment) -> np.ndarray:
    """(n, 2) labelled landmarks with the box as the unit square; NaN for the others.

    Garments seen from behind are mirrored: left stays left, and the mean is a garment.
    """
    x, y, width, height = garment.box
    points = (garment.landmarks[:, :2] - [x, y]) / [width, height]
    points = np.where(garment.landmarks[:, 2:] > 0, points, np.nan)
    own = garment.category
    partners = garment.wardrobe.flip_index[own.slice] - own.start
    left = np.array([landmark.name.startswith("left") for landmark in own.landmarks])
    if np.nansum((points[partners] - points)[left, 0]) < 0:
        points[:, 0] = 1 - points[:, 0]
    return points


def _distances(truth: Garment, prediction: Garment) -> np.ndarray:
    """(n,) over the square root of the annotated box's area; NaN where nothing is labelled."""
    away = np.linalg.norm(prediction.landmarks[:, :2] - truth.landmarks[:, :2], axis=1)
    return np.where(truth.landmarks[:, 2] > 0, away / np.sqrt(truth.box[2] * truth.box[3]), np.nan)
