"""Garments as columns, so that thousands of them are one array operation.

A `Garment` is one garment with names; a table holds N of them, each column an array whose first axis is N.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import count
from typing import Self

import numpy as np

from hemline.errors import HemlineError
from hemline.inference.garments import Garment, rounded
from hemline.wardrobe import Wardrobe


@dataclass(frozen=True, eq=False, kw_only=True)
class LandmarkTable:
    """N boxes with landmarks.

    `image_id` and `category_id` (N,) int64; `box` (N, 4) float64 x, y, width, height and `box_score` (N,) float64 as
    the detector gave them; `landmarks` (N, longest, 3) float64 x, y, score of the category's own landmarks in order,
    then NaN up to the most that a category of the wardrobe has. Pixels of the original picture.
    """

    image_id: np.ndarray
    category_id: np.ndarray
    box: np.ndarray
    box_score: np.ndarray
    landmarks: np.ndarray
    wardrobe: Wardrobe

    def __len__(self) -> int:
        return len(self.image_id)

    def take(self, places: np.ndarray) -> Self:
        """The rows at `places` (integers or a mask), in that order."""
        return replace(self, **{name: column[places] for name, column in self.columns().items()})

    def own_landmarks(self) -> list[np.ndarray]:
        """Each garment's landmarks (n, 3), those of its own category alone."""
        numbers = (self.wardrobe.category(one).count for one in self.category_id.tolist())
        return [landmarks[:number] for landmarks, number in zip(self.landmarks, numbers, strict=True)]

    def columns(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}

    @cached_property
    def kind(self) -> np.ndarray:
        """(N,) int64: one number for each picture and category; only garments with the same one can be one garment."""
        return self.image_id * (len(self.wardrobe.categories) + 1) + self.category_id


@dataclass(frozen=True, eq=False, kw_only=True)
class GarmentTable(LandmarkTable):
    """N garments: `score` (N,) float64 ranks them."""

    score: np.ndarray

    @classmethod
    def of(cls, garments: Sequence[Garment], wardrobe: Wardrobe) -> "GarmentTable":
        """The table of a list. HemlineError when a garment is of another wardrobe."""
        other = next((garment for garment in garments if garment.wardrobe is not wardrobe), None)
        if other is not None:
            raise HemlineError(f"a garment of {other.wardrobe.name} in a table of {wardrobe.name}'s")
        return cls(
            image_id=np.array([garment.image_id for garment in garments], dtype=np.int64),
            category_id=np.array([garment.category_id for garment in garments], dtype=np.int64),
            box=np.array([garment.box for garment in garments], dtype=np.float64).reshape(-1, 4),
            box_score=np.array([garment.box_score for garment in garments], dtype=np.float64),
            landmarks=padded([garment.landmarks for garment in garments], wardrobe),
            score=np.array([garment.score for garment in garments], dtype=np.float64),
            wardrobe=wardrobe,
        )

    def garments(self) -> list[Garment]:
        """The list of the table."""
        return [
            Garment(
                image_id=image_id,
                category_id=category_id,
                box=(x, y, width, height),
                box_score=box_score,
                landmarks=landmarks,
                score=score,
                wardrobe=self.wardrobe,
            )
            for image_id, category_id, (x, y, width, height), box_score, landmarks, score in zip(
                self.image_id.tolist(),
                self.category_id.tolist(),
                self.box.tolist(),
                self.box_score.tolist(),
                self.own_landmarks(),
                self.score.tolist(),
                strict=True,
            )
        ]

    def as_written(self) -> "GarmentTable":
        """The same as a result file holds it: see `Garment.to_record`."""
        return replace(self, landmarks=rounded(self.landmarks))


def padded(landmarks: Sequence[np.ndarray], wardrobe: Wardrobe) -> np.ndarray:
    """Landmarks of N garments, each (n, 3), as (N, longest, 3) float64, NaN after each garment's own."""
    table = np.full((len(landmarks), wardrobe.longest, 3), np.nan)
    for row, own in zip(table, landmarks, strict=True):
        row[: len(own)] = own
    return table


def pairs_within(kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of places in `kinds` (N,) that hold the same number: two arrays (P,), the lower place first."""
    order = np.argsort(kinds, kind="stable")
    ordered = kinds[order]
    first, second = [order[:0]], [order[:0]]
    for step in count(1):
        same = ordered[step:] == ordered[:-step]
        if not same.any():
            break
        first.append(order[:-step][same])
        second.append(order[step:][same])
    return np.concatenate(first), np.concatenate(second)
