"""Object keypoint similarity (OKS) between found garments, and the suppression of those that are too alike."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from hemline.inference.tables import LandmarkTable, pairs_within
from hemline.wardrobe import Wardrobe

# Pairs compared at once: some 3 MB.
CHUNK = 4096


@cache
def variances(wardrobe: Wardrobe) -> np.ndarray:
    """(categories + 1, longest): (2 sigma)^2 of the landmarks of the category whose id is the row; else NaN."""
    table = np.full((len(wardrobe.categories) + 1, wardrobe.longest), np.nan)
    for entry in wardrobe.categories:
        table[entry.id, : entry.count] = (wardrobe.sigmas[entry.slice] * 2) ** 2
    table.flags.writeable = False
    return table


def closeness(away: np.ndarray, variances: np.ndarray, area: np.ndarray) -> np.ndarray:
    """exp(-d^2 / (2 sigma)^2 / 2 area), the term of one landmark in OKS (pycocotools, computeOks).

    `away` (..., n, 2) are the distances in x and y, `variances` (..., n), `area` (...,) in square pixels.
    """
    squares: np.ndarray = away[..., 0] ** 2 + away[..., 1] ** 2
    close: np.ndarray = np.exp(-(squares / variances / (area[..., None] + np.spacing(1)) / 2))
    return close


@dataclass(frozen=True, eq=False)
class Likeness:
    """The OKS of each pair of garments of the same picture and category: `first`, `second` and `oks` are (P,).

    It goes over the category's own landmarks, all of them, and the mean area of the two boxes: a box's area is what
    DeepFashion2 divides by in its evaluation (an annotation's `area` is its box's), and neither of the two garments is
    the truth (mmpose's `oks_nms` takes the same mean). mmpose's own can't be used: it compares garments of different
    categories, by channels that one of them does not have.
    """

    first: np.ndarray
    second: np.ndarray
    oks: np.ndarray

    @classmethod
    def of(cls, table: LandmarkTable) -> "Likeness":
        """Of all pairs of a table."""
        first, second = pairs_within(table.kind)
        chunks = [slice(at, at + CHUNK) for at in range(0, len(first), CHUNK)]
        parts = [_oks(table, first[chunk], second[chunk]) for chunk in chunks]
        return cls(first, second, np.concatenate([np.empty(0), *parts]))

    def kept(self, scores: np.ndarray, candidates: np.ndarray, threshold: float) -> np.ndarray:
        """Which of the `candidates` (N,) bool stay when, of two whose OKS is over `threshold`, the better one does.

        Greedy, best first: what was dropped drops nothing. Of equal scores (N,) the first garment is the better one.
        """
        rank = np.empty(len(scores), dtype=np.intp)
        rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
        pairs = np.stack([self.first, self.second])[:, self.oks > threshold]
        pairs = np.take_along_axis(pairs, np.argsort(rank[pairs], axis=0), axis=0)
        pairs = pairs[:, np.argsort(rank[pairs[0]], kind="stable")]
        kept: list[bool] = candidates.tolist()
        for better, worse in pairs.T.tolist():
            if kept[better]:
                kept[worse] = False
        return np.array(kept, dtype=bool)


def _oks(table: LandmarkTable, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    away = table.landmarks[first, :, :2] - table.landmarks[second, :, :2]
    areas = table.box[:, 2] * table.box[:, 3]
    area = (areas[first] + areas[second]) / 2
    oks: np.ndarray = np.nanmean(
        closeness(away, variances(table.wardrobe)[table.category_id[first]], area), axis=1
    )
    return oks
