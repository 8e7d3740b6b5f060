"""Ensembles: the same garment's landmarks from several result lists, averaged (paper 000 sec. 3.2).

The authors' script (scripts/ensemble.py) pairs garments by a float key made of the box's centre and needs both lists to
hold the same boxes. Here garments are one if image and category are the same and their boxes overlap by an
IoU of 0.99 or more, each with at most one of every other list, whatever their order.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from hemline.errors import HemlineError
from hemline.inference.garments import Garment

# Rows share their detector's boxes; a rounding or two moves a box of ten pixels by less than this.
SAME_BOX = 0.99

# A member of a match: the number of its list, and the garment.
Member = tuple[int, Garment]


def ensemble(results: Sequence[Sequence[Garment]], weights: Sequence[float] | None = None) -> list[Garment]:
    """Average the landmarks, boxes and scores of matched garments.

    `weights`, one a list, are equal unless given. A garment that a list lacks has the score 0 there: its
    landmarks are the mean of those that found it, its score is lowered by the weight of those that did not.
    The order of the lists and of their garments doesn't matter; the ensemble of one list is that list. Raises
    HemlineError when there is no list or the weights do not fit.
    """
    shares = _shares(results, weights)
    if len(results) == 1:
        return list(results[0])
    merged = [_merge(members, shares) for members in match(results)]
    return sorted(
        merged, key=lambda garment: (garment.image_id, garment.category_id, -garment.score, garment.box)
    )


def match(results: Sequence[Sequence[Garment]]) -> list[list[Member]]:
    """Group the garments of all lists: a group is one garment, with at most one member a list.

    Pairs join greedily, the greatest IoU first, then the nearest box scores. Greedy is right here: beside an
    IoU of 0.99 a rival of the same category has survived the detector's NMS only if the boxes are all but
    equal, and then the scores tell them apart. Ties beyond that fall to the garments' own numbers, never to
    the order of anything.
    """
    places: dict[tuple[int, int], list[Member]] = defaultdict(list)
    for number, garments in enumerate(results):
        for garment in garments:
            places[garment.image_id, garment.category_id].append((number, garment))
    return [group for members in places.values() for group in _join(members)]


def _join(members: list[Member]) -> Iterator[list[Member]]:
    group_of = {place: [place] for place in range(len(members))}
    for first, second in _pairs(members):
        left, right = group_of[first], group_of[second]
        lists = {members[place][0] for place in left} & {members[place][0] for place in right}
        if left is not right and not lists:
            left += right
            group_of.update(dict.fromkeys(right, left))
    unique = {id(group): group for group in group_of.values()}
    yield from ([members[place] for place in group] for group in unique.values())


def _pairs(members: list[Member]) -> list[tuple[int, int]]:
    """The places of garments of different lists with the same box, best pair first."""
    ranked = []
    for first, second in combinations(range(len(members)), 2):
        (list_one, one), (list_two, two) = members[first], members[second]
        overlap = _iou(one.box, two.box) if list_one != list_two else 0.0
        if overlap >= SAME_BOX:
            own = sorted((_own_numbers(one), _own_numbers(two)))
            ranked.append((-overlap, abs(one.box_score - two.box_score), own, first, second))
    return [(first, second) for *_, first, second in sorted(ranked)]


def _own_numbers(garment: Garment) -> tuple[object, ...]:
    return (garment.box, garment.box_score, garment.score, tuple(garment.landmarks.ravel().tolist()))


def _iou(one: Sequence[float], two: Sequence[float]) -> float:
    """Of boxes x, y, width, height. Equal boxes have 1, whatever their area."""
    if tuple(one) == tuple(two):
        return 1.0
    width = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    height = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (one[2] * one[3] + two[2] * two[3] - width * height)


def _merge(members: Sequence[Member], shares: Sequence[float]) -> Garment:
    garments = [garment for _, garment in members]
    weights = np.array([shares[number] for number, _ in members])
    box = _mean(np.array([garment.box for garment in garments]), weights)
    found = math.fsum(weights)
    return Garment(
        image_id=garments[0].image_id,
        category_id=garments[0].category_id,
        box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        box_score=found * float(_mean(np.array([garment.box_score for garment in garments]), weights)),
        landmarks=_mean(np.stack([garment.landmarks for garment in garments]), weights),
        score=found * float(_mean(np.array([garment.score for garment in garments]), weights)),
    )


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over the first axis; the terms are sorted, so that their order can't change a digit.

    Where all values are equal the mean is that value, to the last digit.
    """
    terms = np.sort(values * weights.reshape(-1, *[1] * (values.ndim - 1)), axis=0)
    mean = terms.sum(axis=0) / math.fsum(weights)
    return np.where((values == values[0]).all(axis=0), values[0], mean)


def _shares(results: Sequence[Sequence[Garment]], weights: Sequence[float] | None) -> list[float]:
    given = [1.0] * len(results) if weights is None else [float(weight) for weight in weights]
    if not results:
        raise HemlineError("an ensemble needs at least one list of results")
    if len(given) != len(results) or not all(math.isfinite(weight) and weight > 0 for weight in given):
        raise HemlineError(
            f"ensemble weights are {given}; {len(results)} positive numbers are expected, one a list"
        )
    total = math.fsum(given)
    return [weight / total for weight in given]
