"""How much AP differs between two rows, with an interval.

Rows are measured on the same pictures, so that their APs rise and fall together from one resample of the
pictures to the next: the difference is known better than the two intervals suggest. It is taken inside each
resample (paired bootstrap, 95 % percentile interval).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hemline.evaluation.matching import MatchTable, match_landmarks
from hemline.evaluation.precision import average_precision
from hemline.evaluation.results import read_landmark_results
from hemline.evaluation.truth import GroundTruth
from hemline.reporting.evidence import Estimate
from hemline.wardrobe import CATEGORIES

COLUMNS_AT_ONCE = 100  # resamples; bounds the memory


@dataclass(frozen=True, eq=False)
class Resampled:
    """AP of one row: (14, 1 + R), over all categories and by category; first on the pictures as they are."""

    values: np.ndarray


@dataclass(frozen=True)
class Difference:
    """After minus before: of AP, and by category name; None where validation has no such garment."""

    ap: Estimate
    categories: Mapping[str, Estimate | None]


def resample(truth: GroundTruth, results: Path, resamples: int, seed: int) -> Resampled:
    """Landmark AP of a result file on `resamples` draws of the pictures; equal seeds draw equal pictures."""
    table = match_landmarks(truth, read_landmark_results(results, truth))
    generator = np.random.default_rng(seed)
    parts = [_values(table, np.ones((table.images, 1), dtype=np.int32))]
    for start in range(0, resamples, COLUMNS_AT_ONCE):
        draws = [_draw(generator, table.images) for _ in range(min(COLUMNS_AT_ONCE, resamples - start))]
        parts.append(_values(table, np.stack(draws, axis=1)))
    return Resampled(np.concatenate(parts, axis=1))


def difference(before: Resampled, after: Resampled) -> Difference:
    """After minus before, resample by resample."""
    found = [_estimate(row) for row in after.values - before.values]
    overall = found[0]
    assert overall is not None  # evidence.py has refused rows without AP
    names = [entry.name for entry in CATEGORIES]
    return Difference(overall, dict(zip(names, found[1:], strict=True)))


def _draw(generator: np.random.Generator, images: int) -> np.ndarray:
    return np.bincount(generator.integers(0, images, size=images), minlength=images).astype(np.int32)


def _values(table: MatchTable, weights: np.ndarray) -> np.ndarray:
    """(14, R): the mean over the categories that are there, then each category's AP; NaN for none."""
    rows = np.full((len(CATEGORIES), weights.shape[1]), np.nan)
    for place, entry in enumerate(CATEGORIES):
        matches = table.cells.get(("all", entry.id))
        if matches is not None:
            rows[place] = average_precision(matches, weights)[0].mean(axis=0)
    present = ~np.isnan(rows)
    total, count = np.where(present, rows, 0.0).sum(axis=0), present.sum(axis=0)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return np.concatenate([mean[None], rows])


def _estimate(row: np.ndarray) -> Estimate | None:
    drawn = row[1:][~np.isnan(row[1:])]
    if np.isnan(row[0]) or not drawn.size:
        return None
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(float(row[0]), float(low), float(high))
