"""Ensembles: the same garment's landmarks from several result lists, averaged (paper 000 sec. 3.2).

The authors' script (scripts/ensemble.py) pairs garments by a float key made of the box's centre and needs both lists to
hold the same boxes. Here garments are one if image and category are the same and their boxes overlap by an
IoU of 0.99 or more, each with at most one of every other list, whatever their order.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hemline.errors import HemlineError
from hemline.inference.garments import Garment
from hemline.inference.tables import GarmentTable, pairs_within
from hemline.wardrobe import Wardrobe

# Rows share their detector's boxes; a rounding or two moves a box of ten pixels by less than this.
SAME_BOX = 0.99


def ensemble(
    results: Sequence[Sequence[Garment]],
    wardrobe: Wardrobe,
    weights: Sequence[float] | None = None,
) -> list[Garment]:
    """Average the landmarks, boxes and scores of matched garments: see `Ensemble.merged`."""
    tables = [GarmentTable.of(garments, wardrobe) for garments in results]
    return Ensemble(tables).merged(weights).garments()


class Ensemble:
    """Lists of garments, matched once; `merged` averages them with as many weights as are to be tried.

    `table` holds all lists, one after the other. A row of `groups` (M, lists) is one garment: its place in the table
    for each list, -1 for a list that lacks it.
    """

    def __init__(self, results: Sequence[GarmentTable]) -> None:
        """HemlineError when there is no list, or they are of several wardrobes."""
        if not results:
            raise HemlineError("an ensemble needs at least one list of results")
        wardrobes = sorted({table.wardrobe.name for table in results})
        if len(wardrobes) > 1:
            raise HemlineError(f"an ensemble's results must be of one wardrobe; these are of {wardrobes}")
        self.count = len(results)
        self.table = _joined(results)
        lists = np.repeat(range(self.count), [len(table) for table in results])
        self.groups = _groups(self.table, lists, self.count)

    def merged(self, weights: Sequence[float] | None = None) -> GarmentTable:
        """The weighted means of landmarks, boxes and scores.

        `weights`, one a list, are equal unless given. A garment that a list lacks has the score 0 there: its
        landmarks are the mean of those that found it, its score is lowered by the weight of those that did not.
        The order of the lists and of their garments doesn't matter; the ensemble of one list is that list. Raises
        HemlineError when the weights do not fit.
        """
        shares = _shares(self.count, weights)
        if self.count == 1:
            return self.table
        present = self.groups.T >= 0
        given = np.where(present, shares[:, None], 0.0)
        found = np.array([math.fsum(row) for row in given.T.tolist()])
        first = self.table.take(self.groups.max(axis=1))
        merged = GarmentTable(
            image_id=first.image_id,
            category_id=first.category_id,
            box=self._mean(self.table.box, given, found),
            box_score=found * self._mean(self.table.box_score, given, found),
            landmarks=self._mean(self.table.landmarks, given, found),
            score=found * self._mean(self.table.score, given, found),
            wardrobe=first.wardrobe,
        )
        return merged.take(_in_order(merged))

    def _mean(self, column: np.ndarray, given: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Weighted mean of each group's values in a column of the table.

        The terms are sorted, so that their order can't change a digit. Where all values are equal the mean is that
        value, to the last digit.
        """
        shape = [-1] + [1] * (column.ndim - 1)
        first = column[self.groups.max(axis=1)]
        values = np.where((given > 0).reshape(self.count, *shape), column[self.groups.T], first)
        terms = values * given.reshape(self.count, *shape)
        if self.count > 2:  # two add up to the same in either order
            terms.sort(axis=0)
        mean: np.ndarray = terms.sum(axis=0) / found.reshape(shape)
        return np.where((values == first).all(axis=0), first, mean)


def _joined(results: Sequence[GarmentTable]) -> GarmentTable:
    columns = [table.columns() for table in results]
    return replace(
        results[0], **{name: np.concatenate([own[name] for own in columns]) for name in columns[0]}
    )


def _in_order(table: GarmentTable) -> np.ndarray:
    """By image, category, score (best first) and box."""
    return np.lexsort((*table.box.T[::-1], -table.score, table.category_id, table.image_id))


def _groups(table: GarmentTable, lists: np.ndarray, count: int) -> np.ndarray:
    """Group the garments of all lists (N,): a group is one garment, with at most one member a list.

    Pairs join greedily, the greatest IoU first, then the nearest box scores. Greedy is right here: beside an
    IoU of 0.99 a rival of the same category has survived the detector's NMS only if the boxes are all but
    equal, and then the scores tell them apart. Ties beyond that fall to the garments' own numbers, never to
    the order of anything.
    """
    members: list[dict[int, int]] = [{number: place} for place, number in enumerate(lists.tolist())]
    for first, second in _pairs(table, lists):
        left, right = members[first], members[second]
        if not left.keys() & right.keys():
            left.update(right)
            for place in right.values():
                members[place] = left
    unique = {id(group): group for group in members}.values()
    rows = [[group.get(number, -1) for number in range(count)] for group in unique]
    return np.array(rows, dtype=np.intp).reshape(-1, count)


def _pairs(table: GarmentTable, lists: np.ndarray) -> list[tuple[int, int]]:
    """The places of garments of different lists with the same box, best pair first."""
    first, second = pairs_within(table.kind)
    other = lists[first] != lists[second]
    first, second = first[other], second[other]
    overlap = _iou(table.box[first], table.box[second])
    same = overlap >= SAME_BOX
    first, second, overlap = first[same], second[same], overlap[same]
    apart = np.abs(table.box_score[first] - table.box_score[second])
    times = np.bincount(np.concatenate([first, second]), minlength=len(table))
    contested = (times[first] > 1) | (times[second] > 1)

    def rank(pair: int) -> tuple[object, ...]:
        # The garments' own numbers take long to compare, and a pair without a rival has no need of a rank.
        places = (first[pair], second[pair]) if contested[pair] else ()
        return -overlap[pair], apart[pair], sorted(_own_numbers(table, place) for place in places)

    order = sorted(range(len(first)), key=rank)
    return list(zip(first[order].tolist(), second[order].tolist(), strict=True))


def _own_numbers(table: GarmentTable, place: int) -> tuple[object, ...]:
    landmarks = table.landmarks[place, : table.wardrobe.category(int(table.category_id[place])).count]
    own = table.box[place].tolist(), float(table.box_score[place]), float(table.score[place])
    return (*own, landmarks.ravel().tolist())


def _iou(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Of boxes (P, 4) x, y, width, height. Equal boxes have 1, whatever their area."""
    width, height = (
        np.minimum(one[:, axis] + one[:, axis + 2], two[:, axis] + two[:, axis + 2])
        - np.maximum(one[:, axis], two[:, axis])
        for axis in (0, 1)
    )
    shared = np.where((width > 0) & (height > 0), width * height, 0.0)
    union = one[:, 2] * one[:, 3] + two[:, 2] * two[:, 3] - width * height
    equal = (one == two).all(axis=1)
    return np.where(equal, 1.0, shared / np.where(shared > 0, union, 1.0))


def _shares(count: int, weights: Sequence[float] | None) -> np.ndarray:
    given = [1.0] * count if weights is None else [float(weight) for weight in weights]
    if len(given) != count or not all(math.isfinite(weight) and weight > 0 for weight in given):
        raise HemlineError(f"ensemble weights are {given}; {count} positive numbers are expected, one a list")
    total = math.fsum(given)
    return np.array([weight / total for weight in given])
