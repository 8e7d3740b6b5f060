"""A row's errors on the validation pictures and on draws of them: what metrics have no number or no difference of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from hemline.evaluation import GroundTruth
from hemline.evaluation.normalised_error import error_tallies, ratio
from hemline.evaluation.results import read_landmark_results
from hemline.reporting.differences import estimated
from hemline.reporting.evidence import Estimate
from hemline.reporting.networks.rows import Row
from hemline.wardrobe import Wardrobe

SIDES = ("left", "right")  # words in the names of landmarks


@dataclass(frozen=True, eq=False)
class Errors:
    """One of a row's errors: sums and counts by landmark (2, L, 1 + resamples)."""

    wardrobe: Wardrobe
    tallies: np.ndarray

    @property
    def all(self) -> np.ndarray:
        """Over all landmarks (1 + resamples,)."""
        return ratio(*self.tallies.sum(axis=1))

    def category(self, name: str) -> np.ndarray:
        """Over a category's landmarks (1 + resamples,)."""
        return ratio(*self.tallies[:, self.wardrobe.category(name).slice].sum(axis=1))

    def landmark(self, name: str) -> np.ndarray:
        """Over the landmarks of a name of `sides_together`, in all categories (1 + resamples,)."""
        own = [entry.index for entry in self.wardrobe.landmarks if without_side(entry.name) == name]
        return ratio(*self.tallies[:, own].sum(axis=1))

    @property
    def mean(self) -> np.ndarray:
        """The mean of the categories that there are, all with the same weight (1 + resamples,)."""
        values = np.stack([self.category(entry.name) for entry in self.wardrobe.categories])
        known = ~np.isnan(values)
        return ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0))


Measure = Callable[[Row, str], Errors]  # a row's errors of a name: NE, NE_contest


def measuring(truth: GroundTruth, resamples: int, seed: int) -> Measure:
    """What measures rows on a ground truth: each one's results are read once."""

    @cache
    def tallies(results: Path) -> dict[str, np.ndarray]:
        found = error_tallies(truth, read_landmark_results(results, truth), resamples, seed)
        if found is None:  # pictures without sizes: no landmark has an error
            empty = np.zeros((2, len(truth.wardrobe.landmarks), 1 + resamples))
            return {"NE": empty, "NE_contest": empty}
        return {name: found[name] for name in ("NE", "NE_contest")}

    return lambda row, error: Errors(truth.wardrobe, tallies(row.results)[error])


def change(before: np.ndarray, after: np.ndarray) -> Estimate | None:
    """After minus before, draw by draw."""
    return estimated(after - before)


def relative(before: np.ndarray, after: np.ndarray) -> Estimate | None:
    """After over before, less 1, draw by draw: -0.25 is a quarter better."""
    return estimated(np.divide(after, before, out=np.full(after.shape, np.nan), where=before > 0) - 1)


def sides_together(wardrobe: Wardrobe) -> tuple[str, ...]:
    """The names of landmarks, left and right ones as one: FashionAI's 24 are the 13 columns of paper 004's Table 1."""
    return tuple(dict.fromkeys(without_side(landmark.name) for landmark in wardrobe.landmarks))


def without_side(name: str) -> str:
    """ "cuff_left_in" is "cuff_in", FLD's "left collar" is "collar"."""
    between = "_" if "_" in name else " "
    return between.join(word for word in name.split(between) if word not in SIDES)
