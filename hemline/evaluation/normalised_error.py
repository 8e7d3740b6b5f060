"""How far landmarks lie from where they should: normalised errors (NE), and the numbers of mmpose's FLD configs.

NE is the mean distance of landmarks in a picture of width and height 1: "the l2 distance between predicted landmarks
and ground truth landmarks in the normalized coordinate space" (Liu et al., Fashion Landmark Detection in the Wild, FLD;
paper 004 has the words from there, for FashionAI). Visible landmarks count: open-mmlab/mmfashion and
fdjingyuan/Deep-Fashion-Analysis-ECCV2018 look at no others. Both cut the garment's box out first, so that their "width
and height" are the box's: `NE_box`.

`NE_contest` is the FashionAI contest's, paper 002's (sec. 2.1): the sum of d_k / s_k over the visible landmarks of all
pictures, over their number; no mean of the pictures' means. s is the distance between the garment's two annotated
armpits, of trousers and skirts between the ends of the waistband: the column `normaliser` of the wardrobe's table. They
may be occluded; a garment that lacks one, or has both in one place, is left out. NE are shares: the contest's 5 % is
0.05. Public code differs: HiKapok/tf.fashionAI counts occluded landmarks too (run_local_mertric.py: v != -1), and like
gathierry/FashionAI-KeyPointsDetectionOfApparel takes an armpit that isn't there for one at (-1, -1).

The other numbers are mmpose's (mmpose.evaluation.functional), over visible and occluded landmarks.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack

from hemline.evaluation.labelled import Labelled, labelled, match, normaliser
from hemline.evaluation.results import Result
from hemline.evaluation.summary import NUMBERS_AT_ONCE, draws, interval
from hemline.evaluation.truth import Annotation, GroundTruth
from hemline.wardrobe import Category, Wardrobe

PCK_THRESHOLD = 0.2  # of the box's sides; mmpose, configs/fashion_2d_keypoint
AUC_PIXELS = 30  # mmpose, AUC's norm_factor; shares of it from 0 to 0.95 are its 20 thresholds
AUC_THRESHOLDS = np.arange(20) / 20
FARTHEST = 1e100  # what a larger error counts as, infinite ones too: their sums stay finite


@dataclass(frozen=True)
class Error:
    """What a name stands for: an error of found landmarks, or with `share` one of all, those not found being wrong.

    `of` gives each landmark's part (P,), NaN where it has none. A share is mmpose's: the mean over the
    landmarks' own shares. An error is the mean over all, each once.
    """

    of: Callable[[Labelled], np.ndarray]
    visible: bool = False
    share: bool = False


def _length(away: np.ndarray) -> np.ndarray:
    return np.linalg.norm(away, axis=1)


def _under_curve(points: Labelled) -> np.ndarray:
    return (_length(points.away)[:, None] / AUC_PIXELS < AUC_THRESHOLDS).mean(axis=1)


ERRORS: Mapping[str, Error] = {
    "NE": Error(lambda points: _length(points.away / points.picture), visible=True),
    "NE_all": Error(lambda points: _length(points.away / points.picture)),
    "NE_box": Error(lambda points: _length(points.away / points.box), visible=True),
    "NE_contest": Error(lambda points: _length(points.away) / points.normaliser, visible=True),
    "NME": Error(lambda points: _length(points.away) / points.box.max(axis=1)),
    "EPE": Error(lambda points: _length(points.away)),
    "PCK": Error(lambda points: _length(points.away / points.box) < PCK_THRESHOLD, share=True),
    "AUC": Error(_under_curve, share=True),
}
PARTS = {"NE": "", "NE_contest": "_contest"}  # what per_category and per_landmark of these errors end in


def normalised_error(
    truth: GroundTruth, results: Sequence[Result], resamples: int = 0, seed: int = 0
) -> dict[str, Any] | None:
    """The numbers of `ERRORS`, NE `per_category` and `per_landmark` name, and with resamples their 95 % `intervals`.

    `NE` is over visible landmarks, `NE_all` also over occluded ones, both over the picture's width and height, `NE_box`
    over the box's; `NE_contest` over the garment's normaliser, with `per_category_contest` and `per_landmark_contest`
    (empty of a wardrobe without normalisers); `NME` over the box's longer side; `EPE` in pixels; `PCK` the share within
    0.2 of the box's width and height; `AUC` the mean share within 0 to 28.5 pixels. None stands for a number that no
    landmark is there for. Landmarks of several categories that share a name are one of `per_landmark`.

    `garments` have labelled landmarks. `garments_not_found` of them no result was left for: errors are those of the
    others, in PCK and AUC they count as wrong. `not_found_per_category` says which. `garments_without_normaliser` are
    left out of NE_contest, found or not. Intervals are of resampled images.

    None in the place of all this where the ground truth doesn't say the width and height of its pictures.
    """
    garments = _measurable(truth)
    if garments is None:
        return None
    found = match(garments, results, truth.wardrobe)
    points = labelled(truth, garments, found)
    summary = _summary(_tallies(points, truth, resamples, seed), truth.wardrobe)
    return summary | _counts(garments, found, truth.wardrobe)


def error_tallies(
    truth: GroundTruth, results: Sequence[Result], resamples: int = 0, seed: int = 0
) -> dict[str, np.ndarray] | None:
    """What `normalised_error` is made of: by the names of `ERRORS` sum and count by landmark, (2, L, 1 + resamples).

    Column 0 is of the images as they are, the others of draws of them: equal seeds draw equal images, so that columns
    of several rows can be compared one by one. None as in `normalised_error`.
    """
    garments = _measurable(truth)
    if garments is None:
        return None
    points = labelled(truth, garments, match(garments, results, truth.wardrobe))
    return _tallies(points, truth, resamples, seed)


def _measurable(truth: GroundTruth) -> list[Annotation] | None:
    """The garments with landmarks; None where the size of the picture of one isn't known."""
    garments = [entry for entry in truth.annotations if entry.labelled and not entry.crowd]
    return garments if all(entry.image_id in truth.sizes for entry in garments) else None


def _counts(
    garments: Sequence[Annotation], found: Sequence[Result | None], wardrobe: Wardrobe
) -> dict[str, Any]:
    """How many garments there are, and how many of each category have no error."""
    missed = [entry.category_id for entry, result in zip(garments, found, strict=True) if result is None]
    bare = [entry.category_id for entry in garments if np.isnan(normaliser(entry, wardrobe))]
    without = {entry.name: bare.count(entry.id) for entry in wardrobe.normalised}
    return {
        "garments": len(garments),
        "garments_not_found": len(missed),
        "not_found_per_category": {entry.name: missed.count(entry.id) for entry in wardrobe.categories},
        "garments_without_normaliser": sum(without.values()),
        "without_normaliser_per_category": without,
    }


def _tallies(points: Labelled, truth: GroundTruth, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Sum and count by landmark, (2, L, 1 + resamples): of the images as they are, then of resamples of them."""
    rows = []
    shape = len(truth.wardrobe.landmarks), len(truth.images)
    for error in ERRORS.values():
        with np.errstate(over="ignore"):
            values = np.minimum(error.of(points).astype(np.float64), FARTHEST)
        counted = ~np.isnan(values) & (points.visible | (not error.visible))
        where = points.landmark[counted], points.image[counted]
        rows += [csr_array((column, where), shape) for column in (values[counted], np.ones(len(where[0])))]
    by_image = vstack(rows, format="csr")
    drawn = draws(shape[1], resamples, seed, at_once=max(1, NUMBERS_AT_ONCE // max(by_image.shape)))
    columns = [by_image @ weights for weights in chain([np.ones((shape[1], 1))], drawn)]
    sums = np.concatenate(columns, axis=1).reshape(len(ERRORS), 2, shape[0], -1)
    return dict(zip(ERRORS, sums, strict=True))


def _summary(tallies: Mapping[str, np.ndarray], wardrobe: Wardrobe) -> dict[str, Any]:
    """The numbers, and where there are resamples their intervals."""
    columns: dict[str, Any] = {name: _number(tallies[name], kind) for name, kind in ERRORS.items()}
    for name, ending in PARTS.items():
        categories = () if name == "NE_contest" and not wardrobe.normalised else wardrobe.categories
        columns |= {key + ending: part for key, part in _parts(tallies[name], categories).items()}
    summary: dict[str, Any] = _each(columns, lambda values: None if np.isnan(values[0]) else float(values[0]))
    if tallies["NE"].shape[-1] > 1:
        summary["intervals"] = _each(columns, lambda values: interval(values[1:]))
    return summary


def _number(tally: np.ndarray, kind: Error) -> np.ndarray:
    """One of `ERRORS` for each column, from sums and counts (2, L, columns)."""
    if not kind.share:
        return ratio(*tally.sum(axis=1))
    shares = ratio(*tally)
    known = ~np.isnan(shares)
    return ratio(np.where(known, shares, 0.0).sum(axis=0), known.sum(axis=0))


def _parts(tally: np.ndarray, categories: Sequence[Category]) -> dict[str, dict[str, np.ndarray]]:
    """An error by category, and by the landmarks' names, from sums and counts (2, L, columns)."""
    places: dict[str, list[int]] = defaultdict(list)
    for landmark in chain.from_iterable(entry.landmarks for entry in categories):
        places[landmark.name].append(landmark.index)
    return {
        "per_category": {entry.name: ratio(*tally[:, entry.slice].sum(axis=1)) for entry in categories},
        "per_landmark": {name: ratio(*tally[:, own].sum(axis=1)) for name, own in places.items()},
    }


def ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """NaN where nothing was counted."""
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _each(tree: Mapping[str, Any], function: Callable[[np.ndarray], Any]) -> dict[str, Any]:
    return {
        name: _each(value, function) if isinstance(value, Mapping) else function(value)
        for name, value in tree.items()
    }
