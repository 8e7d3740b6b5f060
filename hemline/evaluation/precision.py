"""Average precision of weighted images.

The formula is pycocotools' accumulate (COCO's 101-point interpolation), for whole columns of image weights at
once: with all weights one it is COCO's AP; weights from drawing images with replacement give the bootstrap.
"""

import numpy as np

from hemline.evaluation.matching import RECALLS, Matches


def average_precision(matches: Matches, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AP and recall at each threshold for each column of weights.

    `weights` is (images, R) int32, how often each image counts. Returns two (10, R) float64 arrays, NaN where
    no garment is left. An image drawn twice counts as two images whose equal scores stand side by side; only
    where scores of different results tie can the order, and so the AP, differ from a real second copy.
    """
    garments = weights[matches.garments].sum(axis=0, dtype=np.int64)
    thresholds, columns = len(matches.true), weights.shape[1]
    precision, recall = np.empty((thresholds, columns)), np.empty((thresholds, columns))
    ranked: tuple[np.ndarray, np.ndarray] | None = None
    for place, (true, counted) in enumerate(zip(matches.true, matches.counted, strict=True)):
        # Mostly the same results count at all thresholds: one running sum then serves all.
        if ranked is None or not np.array_equal(ranked[0], counted):
            ranked = counted, _running(weights, matches.image, counted)
        precision[place], recall[place] = _at_threshold(ranked, weights, matches.image, true, garments)
    lost = garments == 0
    precision[:, lost] = recall[:, lost] = np.nan
    return precision, recall


def _running(weights: np.ndarray, image: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(number chosen, R) int32: the summed weights of the chosen results so far."""
    return weights[image[chosen]].cumsum(axis=0, dtype=np.int32)


def _at_threshold(
    ranked: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    image: np.ndarray,
    true: np.ndarray,
    garments: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """AP (R,) and recall (R,).

    Recall rises only at true positives, and the precision's maxima stand there: looking at them is enough.
    Each adds its interpolated precision (the best at its recall or higher) for every recall of the 101 that
    it is the first to reach.
    """
    counted, total = ranked
    hits = _running(weights, image, true)
    if not len(hits):
        return np.zeros(len(garments)), np.zeros(len(garments))
    precision = hits / np.maximum(total[true[counted]], 1)
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    recall = hits / np.maximum(garments, 1)
    reached = np.searchsorted(RECALLS, recall, side="right")
    gained = np.diff(reached, axis=0, prepend=0)
    return (best * gained).sum(axis=0) / len(RECALLS), recall[-1]
