"""How far landmarks lie from where they should: FLD's normalised error (NE), and the numbers of mmpose's FLD configs.

NE is the mean distance of landmarks in a picture of width and height 1: "the l2 distance between predicted landmarks
and ground truth landmarks in the normalized coordinate space" (Liu et al., Fashion Landmark Detection in the Wild;
papers 002 and 004 have the words from there). Visible landmarks count: open-mmlab/mmfashion and
fdjingyuan/Deep-Fashion-Analysis-ECCV2018 look at no others. Both cut the garment's box out first, so that their "width
and height" are the box's: `NE_box`.

The other numbers are mmpose's (mmpose.evaluation.functional), over visible and occluded landmarks.

The error of a garment needs to know which result is meant for it. FLD has one garment a picture and gives its category:
it is the result of that category that scores best. Where there are more, results take garments in the order of their
scores, each the free one that its box overlaps most.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from pycocotools.mask import iou
from scipy.sparse import csr_array, vstack

from hemline.evaluation.compact import expand
from hemline.evaluation.results import Result
from hemline.evaluation.summary import NUMBERS_AT_ONCE, draws, interval
from hemline.evaluation.truth import Annotation, GroundTruth, own_landmarks
from hemline.wardrobe import Wardrobe

PCK_THRESHOLD = 0.2  # of the box's sides; mmpose, configs/fashion_2d_keypoint
AUC_PIXELS = 30  # mmpose, AUC's norm_factor; shares of it from 0 to 0.95 are its 20 thresholds
AUC_THRESHOLDS = np.arange(20) / 20


@dataclass(frozen=True)
class Error:
    """What a name stands for: an error of found landmarks, or with `share` one of all, those not found being wrong.

    A share is mmpose's: the mean over the landmarks' own shares. An error is the mean over all, each once.
    """

    visible: bool = False
    share: bool = False


ERRORS: Mapping[str, Error] = {
    "NE": Error(visible=True),
    "NE_all": Error(),
    "NE_box": Error(visible=True),
    "NME": Error(),
    "EPE": Error(),
    "PCK": Error(share=True),
    "AUC": Error(share=True),
}


@dataclass(frozen=True, eq=False)
class Labelled:
    """The P labelled landmarks of a ground truth's garments, and how far a result is from each.

    `image` (P,) is a place in the list of images, `landmark` (P,) the index in the wardrobe; `away` (P, 2) the distance
    in x and y in pixels, NaN where nothing was found; `picture` and `box` (P, 2) are widths and heights in pixels.
    """

    image: np.ndarray
    landmark: np.ndarray
    visible: np.ndarray
    away: np.ndarray
    picture: np.ndarray
    box: np.ndarray

    def values(self) -> dict[str, np.ndarray]:
        """Each landmark's part in the numbers of `ERRORS` (P,)."""
        pixels = np.linalg.norm(self.away, axis=1)
        of_box = np.linalg.norm(self.away / self.box, axis=1)
        of_picture = np.linalg.norm(self.away / self.picture, axis=1)
        return {
            "NE": of_picture,
            "NE_all": of_picture,
            "NE_box": of_box,
            "NME": pixels / self.box.max(axis=1),
            "EPE": pixels,
            "PCK": (of_box < PCK_THRESHOLD).astype(np.float64),
            "AUC": (pixels[:, None] / AUC_PIXELS < AUC_THRESHOLDS).mean(axis=1),
        }


def normalised_error(
    truth: GroundTruth, results: Sequence[Result], resamples: int = 0, seed: int = 0
) -> dict[str, Any] | None:
    """The numbers of `ERRORS`, NE `per_category` and `per_landmark` name, and with resamples their 95 % `intervals`.

    `NE` is over visible landmarks, `NE_all` also over occluded ones, both over the picture's width and height, `NE_box`
    over the box's; `NME` over the box's longer side; `EPE` in pixels; `PCK` the share within 0.2 of the box's width and
    height; `AUC` the mean share within 0 to 28.5 pixels. None stands for a number that no landmark is there for.

    `garments` have labelled landmarks. `garments_not_found` of them no result was left for: errors are those of the
    others, in PCK and AUC they count as wrong. `not_found_per_category` says which. Intervals are of resampled images.

    None in the place of all this where the ground truth doesn't say the width and height of its pictures.
    """
    garments = [entry for entry in truth.annotations if entry.labelled and not entry.crowd]
    if any(entry.image_id not in truth.sizes for entry in garments):
        return None
    found = match(garments, results, truth.wardrobe)
    numbers = _summary(_tallies(_labelled(truth, garments, found), truth, resamples, seed), truth.wardrobe)
    missed = [entry.category_id for entry, result in zip(garments, found, strict=True) if result is None]
    names = truth.wardrobe.categories
    return numbers | {
        "garments": len(garments),
        "garments_not_found": len(missed),
        "not_found_per_category": {entry.name: missed.count(entry.id) for entry in names},
    }


def match(
    garments: Sequence[Annotation], results: Sequence[Result], wardrobe: Wardrobe
) -> list[Result | None]:
    """For each garment its result, of the same picture and category: see the module's docstring."""
    free: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, entry in enumerate(garments):
        free[entry.image_id, entry.category_id].append(place)
    found: list[Result | None] = [None] * len(garments)
    for result in sorted(results, key=lambda result: -result.score):
        places = free[result.image_id, result.category_id]
        if places:
            boxes = np.array([garments[place].box for place in places])
            overlaps = iou(np.array([_box(result, wardrobe)]), boxes, np.zeros(len(places)))
            found[places.pop(int(np.argmax(overlaps)))] = result
    return found


def _box(result: Result, wardrobe: Wardrobe) -> Sequence[float]:
    """The result's box, or where it has none the extent of its landmarks."""
    if result.box is not None:
        return result.box
    points = _points(result, wardrobe)
    low, high = points.min(axis=0), points.max(axis=0)
    return [*low, *(high - low)]


def _points(result: Result, wardrobe: Wardrobe) -> np.ndarray:
    """(n, 2) x, y of the category's own landmarks."""
    assert result.keypoints is not None
    full = expand(result.keypoints, result.category_id, wardrobe)
    return full[wardrobe.category(result.category_id).slice, :2]


def _labelled(truth: GroundTruth, garments: Sequence[Annotation], found: Sequence[Result | None]) -> Labelled:
    none = np.empty((0, 2))
    whole = none[:, 0].astype(np.intp)
    parts: list[tuple[np.ndarray, ...]] = [(whole, whole, whole.astype(bool), none, none, none)]
    parts += [_garment(truth, entry, result) for entry, result in zip(garments, found, strict=True)]
    return Labelled(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _garment(truth: GroundTruth, entry: Annotation, result: Result | None) -> tuple[np.ndarray, ...]:
    """One garment's part of `Labelled`, column by column."""
    own = own_landmarks(entry, truth.wardrobe)
    labelled = np.flatnonzero(own[:, 2] > 0)
    points = np.full((len(own), 2), np.nan) if result is None else _points(result, truth.wardrobe)
    width, height = entry.box[2:]
    return (
        np.full(len(labelled), truth.index[entry.image_id]),
        truth.wardrobe.category(entry.category_id).start + labelled,
        own[labelled, 2] == 2,
        (points - own[:, :2])[labelled],
        np.tile(truth.sizes[entry.image_id], (len(labelled), 1)),
        np.tile((width or np.nan, height or np.nan), (len(labelled), 1)),
    )


def _tallies(points: Labelled, truth: GroundTruth, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Sum and count by landmark, (2, L, 1 + resamples): of the images as they are, then of resamples of them."""
    values, rows = points.values(), []
    shape = len(truth.wardrobe.landmarks), len(truth.images)
    for name, error in ERRORS.items():
        counted = np.isfinite(values[name]) & (points.visible | (not error.visible))
        where = points.landmark[counted], points.image[counted]
        rows += [
            csr_array((column, where), shape) for column in (values[name][counted], np.ones(len(where[0])))
        ]
    by_image = vstack(rows, format="csr")
    drawn = draws(shape[1], resamples, seed, at_once=max(1, NUMBERS_AT_ONCE // max(by_image.shape)))
    columns = [by_image @ weights for weights in chain([np.ones((shape[1], 1))], drawn)]
    sums = np.concatenate(columns, axis=1).reshape(len(ERRORS), 2, shape[0], -1)
    return dict(zip(ERRORS, sums, strict=True))


def _summary(tallies: Mapping[str, np.ndarray], wardrobe: Wardrobe) -> dict[str, Any]:
    """The numbers, and where there are resamples their intervals."""
    names = np.array([landmark.name for landmark in wardrobe.landmarks])
    error = tallies["NE"]
    columns: dict[str, Any] = {
        **{name: _number(tallies[name], kind) for name, kind in ERRORS.items()},
        "per_category": {
            entry.name: _ratio(*error[:, entry.slice].sum(axis=1)) for entry in wardrobe.categories
        },
        "per_landmark": {
            name: _ratio(*error[:, names == name].sum(axis=1)) for name in dict.fromkeys(names.tolist())
        },
    }
    summary: dict[str, Any] = _each(columns, lambda values: None if np.isnan(values[0]) else float(values[0]))
    if error.shape[-1] > 1:
        summary["intervals"] = _each(columns, lambda values: interval(values[1:]))
    return summary


def _number(tally: np.ndarray, kind: Error) -> np.ndarray:
    """One of `ERRORS` for each column, from sums and counts (2, L, columns)."""
    if not kind.share:
        return _ratio(*tally.sum(axis=1))
    shares = _ratio(*tally)
    known = ~np.isnan(shares)
    return _ratio(np.where(known, shares, 0.0).sum(axis=0), known.sum(axis=0))


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """NaN where nothing was counted."""
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _each(tree: Mapping[str, Any], function: Callable[[np.ndarray], Any]) -> dict[str, Any]:
    return {
        name: _each(value, function) if isinstance(value, Mapping) else function(value)
        for name, value in tree.items()
    }
