"""How much AP differs between two rows, with an interval.

Rows are measured on the same pictures, so that their APs rise and fall together from one resample of the
pictures to the next: the difference is known better than the two intervals suggest. It is taken inside each
resample (paired bootstrap, 95 % percentile interval).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from hemline.evaluation.matching import match_boxes, match_landmarks
from hemline.evaluation.results import read_box_results, read_landmark_results
from hemline.evaluation.summary import BOX_NUMBERS, LANDMARK_NUMBERS, Columns, interval, resample
from hemline.evaluation.truth import GroundTruth
from hemline.reporting.evidence import Estimate


@dataclass(frozen=True)
class Difference:
    """After minus before: of AP, and by category name; None where validation has no such garment."""

    ap: Estimate
    categories: Mapping[str, Estimate | None]


def resample_row(truth: GroundTruth, results: Path, resamples: int, seed: int) -> Columns:
    """Landmark AP of a result file on `resamples` draws of the pictures; equal seeds draw equal pictures."""
    table = match_landmarks(truth, read_landmark_results(results, truth))
    return resample(table, {"AP": LANDMARK_NUMBERS["AP"]}, resamples, seed)


def resample_boxes(truth: GroundTruth, results: Path, resamples: int, seed: int) -> Columns:
    """Box AP of a result file on the same draws."""
    table = match_boxes(truth, read_box_results(results, truth))
    return resample(table, {"AP": BOX_NUMBERS["AP"]}, resamples, seed)


def difference(before: Columns, after: Columns) -> Difference:
    """After minus before, resample by resample."""
    overall = estimated(after.numbers["AP"] - before.numbers["AP"])
    assert overall is not None  # evidence.py has refused rows without AP
    categories = {
        name: estimated(after.per_category[name] - values) for name, values in before.per_category.items()
    }
    return Difference(overall, categories)


class Named(Protocol):
    """A row of any table."""

    @property
    def name(self) -> str: ...


def paired(resampled: Callable[[str], Columns]) -> Callable[[Named, Named], Difference]:
    """What says how two rows differ, from what resamples a row by its name: each once."""
    known = cache(resampled)
    return lambda before, after: difference(known(before.name), known(after.name))


def estimated(values: np.ndarray) -> Estimate | None:
    """A number and its interval from its columns, (1 + resamples,); None without a number."""
    ends = interval(values[1:])
    return None if ends is None or np.isnan(values[0]) else Estimate(float(values[0]), *ends)
