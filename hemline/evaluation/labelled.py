"""The labelled landmarks of a ground truth, and how far from each the result that is meant for its garment lies.

FLD and FashionAI have one garment a picture and give its category: it is the result of that category that scores best.
Where there are more, results take garments in the order of their scores, each the free one that its box overlaps most.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools.mask import iou

from hemline.evaluation.compact import expand
from hemline.evaluation.results import Result
from hemline.evaluation.truth import Annotation, GroundTruth, own_landmarks
from hemline.wardrobe import Wardrobe


@dataclass(frozen=True, eq=False)
class Labelled:
    """The P labelled landmarks of a ground truth's garments, and how far a result is from each.

    `image` (P,) is a place in the list of images, `landmark` (P,) the index in the wardrobe; `away` (P, 2) the distance
    in x and y in pixels, NaN where nothing was found; `picture` and `box` (P, 2) are widths and heights in pixels;
    `normaliser` (P,) is `normaliser` of the landmark's garment.
    """

    image: np.ndarray
    landmark: np.ndarray
    visible: np.ndarray
    away: np.ndarray
    picture: np.ndarray
    box: np.ndarray
    normaliser: np.ndarray


def labelled(truth: GroundTruth, garments: Sequence[Annotation], found: Sequence[Result | None]) -> Labelled:
    """The landmarks of garments, beside each garment's result (`match`)."""
    pairs, none = np.empty((0, 2)), np.empty(0)
    whole = none.astype(np.intp)
    parts: list[tuple[np.ndarray, ...]] = [(whole, whole, whole.astype(bool), pairs, pairs, pairs, none)]
    parts += [_garment(truth, entry, result) for entry, result in zip(garments, found, strict=True)]
    return Labelled(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def normaliser(entry: Annotation, wardrobe: Wardrobe) -> float:
    """Pixels between the two landmarks that a garment's errors are measured in, visible or occluded.

    NaN where one of them isn't labelled, where both are in one place, and of a category that has none.
    """
    places = wardrobe.category(entry.category_id).normaliser
    if places is None:
        return np.nan
    points = own_landmarks(entry, wardrobe)[list(places)]
    distance = np.linalg.norm(points[0, :2] - points[1, :2])
    return float(distance) if distance and (points[:, 2] > 0).all() else np.nan


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


def _garment(truth: GroundTruth, entry: Annotation, result: Result | None) -> tuple[np.ndarray, ...]:
    """One garment's part of `Labelled`, column by column."""
    own = own_landmarks(entry, truth.wardrobe)
    known = np.flatnonzero(own[:, 2] > 0)
    points = np.full((len(own), 2), np.nan) if result is None else _points(result, truth.wardrobe)
    width, height = entry.box[2:]
    return (
        np.full(len(known), truth.index[entry.image_id]),
        truth.wardrobe.category(entry.category_id).start + known,
        own[known, 2] == 2,
        (points - own[:, :2])[known],
        np.tile(truth.sizes[entry.image_id], (len(known), 1)),
        np.tile((width or np.nan, height or np.nan), (len(known), 1)),
        np.full(len(known), normaliser(entry, truth.wardrobe)),
    )
