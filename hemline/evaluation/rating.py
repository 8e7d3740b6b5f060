"""Landmark AP of many results against one ground truth, fast.

The numbers are those of `evaluate_landmarks`. pycocotools matches picture by picture in Python; here all pictures and
categories are matched at once, and OKS, the slow part, is had once for results whose landmarks stay while their scores
change.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hemline.errors import HemlineError
from hemline.evaluation.compact import expand
from hemline.evaluation.matching import LANDMARK_LIMIT, THRESHOLDS, Matches, MatchTable
from hemline.evaluation.summary import LANDMARK_NUMBERS, summarize
from hemline.evaluation.truth import Annotation, GroundTruth
from hemline.inference.garments import rounded
from hemline.inference.suppression import closeness, variances
from hemline.inference.tables import GarmentTable, LandmarkTable
from hemline.wardrobe import Wardrobe

# pycocotools' area range "all": garments beyond it are ignored.
AREAS = (0.0, 1e10)
# Results compared at once: some 10 MB.
CHUNK = 4096


class Rater:
    """A ground truth, prepared.

    Its garments stand by picture and category in `seats` (cells, G), -1 where a cell has fewer, those that pycocotools
    ignores last. The last cell has none: it is that of all results without a garment to match.
    """

    def __init__(self, truth: GroundTruth) -> None:
        self.truth = truth
        self.entries = sorted(truth.annotations, key=_ignored)
        self.ignored = np.array([_ignored(entry) for entry in self.entries] + [False])
        self.crowd = np.array([bool(entry.crowd) for entry in self.entries] + [False])
        self.place = np.array([truth.index[entry.image_id] for entry in self.entries], dtype=np.int64)
        self.category_id = np.array([entry.category_id for entry in self.entries], dtype=np.int64)
        self.cells, cell = np.unique(self._kind(self.place, self.category_id), return_inverse=True)
        self.seats = _seats(cell, len(self.cells))
        self.targets = _Targets.of(self.entries, truth.wardrobe)

    def judge(self, table: LandmarkTable) -> "Judged":
        """Compare landmarks, rounded as result files round them, with the ground truth.

        HemlineError for a picture that the ground truth lacks, or garments of another wardrobe.
        """
        if table.wardrobe is not self.truth.wardrobe:
            raise HemlineError(
                f"{self.truth.path} is of {self.truth.wardrobe.name}; the results are of {table.wardrobe.name}"
            )
        place = self._places(table.image_id)
        kind = self._kind(place, table.category_id)
        cell = np.searchsorted(self.cells, kind)
        cell[np.append(self.cells, -1)[cell] != kind] = len(self.cells)
        seats = self.seats[cell]
        oks = np.full(seats.shape, -1.0)
        points = rounded(table.landmarks)[:, :, :2]
        for row, seat in _chunks(np.argwhere(seats >= 0)):
            oks[row, seat] = self.targets.oks(points[row], seats[row, seat])
        return Judged(self, place, table.category_id, kind, seats, oks, _outside(points))

    def rate(self, table: GarmentTable) -> dict[str, Any]:
        """`AP` and `per_category` as `evaluate_landmarks` has them for the table's result file."""
        return self.judge(table).rate(np.arange(len(table)), table.score)

    def _kind(self, place: np.ndarray, category_id: np.ndarray) -> np.ndarray:
        kind: np.ndarray = place * (len(self.truth.wardrobe.categories) + 1) + category_id
        return kind

    def _places(self, image_ids: np.ndarray) -> np.ndarray:
        known = np.array(self.truth.images)
        places = np.searchsorted(known, image_ids)
        unknown = image_ids[known[np.minimum(places, len(known) - 1)] != image_ids]
        if unknown.size:
            raise HemlineError(f"image {unknown[0]}: {self.truth.path} has no such image (another split's?)")
        return places


@dataclass(frozen=True, eq=False)
class Judged:
    """N results and the OKS of each with the garments of its picture and category.

    `oks` and `seats` are (N, G); `outside` (N,) says whose area is beyond pycocotools' range.
    """

    rater: Rater
    place: np.ndarray
    category_id: np.ndarray
    kind: np.ndarray
    seats: np.ndarray
    oks: np.ndarray
    outside: np.ndarray

    def rate(self, places: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
        """`AP` and `per_category` when only the results at `places` (K,) count, with these scores (K,)."""
        rank = _ranks(self.kind[places], scores)
        within = rank < LANDMARK_LIMIT
        places, scores, rank = places[within], scores[within], rank[within]
        matched, ignored = self._match(places, rank)
        counted = ~np.where(matched, ignored, self.outside[places])
        truth = self.rater.truth
        cells = {
            ("all", entry.id): self._cell(entry.id, places, scores, matched & counted, counted)
            for entry in truth.wardrobe.categories
        }
        table = MatchTable(len(truth.images), cells, truth.wardrobe)
        return summarize(table, {"AP": LANDMARK_NUMBERS["AP"]}, resamples=0, seed=0)

    def _match(self, places: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether each result is matched, and matched to an ignored garment, at each threshold: two (10, K) bool.

        As pycocotools' evaluateImg: in each cell the best result chooses first, the garment with the greatest OKS, but
        an ignored one only if it finds none that counts.
        """
        seats = self.seats[places]
        chosen = np.full((len(places), len(THRESHOLDS)), -1)
        taken = np.zeros((len(self.rater.ignored), len(THRESHOLDS)), dtype=bool)
        for turn in range(rank.max(initial=-1) + 1):
            now = np.flatnonzero((rank == turn) & (seats[:, :1] >= 0).any(axis=1))
            chosen[now] = self._choose(seats[now], self.oks[places[now]], taken)
            row, column = np.nonzero(chosen[now] >= 0)
            taken[chosen[now][row, column], column] = True
        return (chosen >= 0).T, self.rater.ignored[chosen].T

    def _choose(self, seats: np.ndarray, oks: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """The garment that each of n results, all of different cells, takes at each threshold: (n, 10), -1 for none."""
        ignored, crowd = self.rater.ignored, self.rater.crowd
        best: np.ndarray = np.tile(THRESHOLDS, (len(seats), 1))
        chosen = np.full(best.shape, -1)
        for seat, similarity in zip(seats.T, oks.T, strict=True):
            free = ~taken[seat] | crowd[seat][:, None]
            settled = (chosen >= 0) & ~ignored[chosen] & ignored[seat][:, None]
            better = free & ~settled & (similarity[:, None] >= best)
            best = np.where(better, similarity[:, None], best)
            chosen = np.where(better, seat[:, None], chosen)
        return chosen

    def _cell(
        self, number: int, places: np.ndarray, scores: np.ndarray, true: np.ndarray, counted: np.ndarray
    ) -> Matches:
        """One category, sorted as pycocotools' accumulate does (ties by image)."""
        own = np.flatnonzero(self.category_id[places] == number)
        order = own[np.lexsort((self.place[places[own]], -scores[own]))]
        rater = self.rater
        garments = rater.place[(rater.category_id == number) & ~rater.ignored[:-1]]
        return Matches(self.place[places[order]], true[:, order], counted[:, order], garments)


@dataclass(frozen=True, eq=False)
class _Targets:
    """A garments, as OKS sees them.

    A landmark is right between `low` and `high` (A, longest, 2): a point, but three times the box in each direction
    where a garment has no label (pycocotools, computeOks). `variances` (A, longest) are NaN for landmarks that do not
    count. `elsewhere` (A,) is the sum of the terms of the other categories' landmarks, which a result puts at 0, 0, and
    `counts` (A,) the number of all terms.
    """

    low: np.ndarray
    high: np.ndarray
    variances: np.ndarray
    area: np.ndarray
    elsewhere: np.ndarray
    counts: np.ndarray
    wardrobe: Wardrobe

    @classmethod
    def of(cls, entries: list[Annotation], wardrobe: Wardrobe) -> "_Targets":
        shape = len(entries), wardrobe.longest
        targets = cls(
            low=np.zeros((*shape, 2)),
            high=np.zeros((*shape, 2)),
            variances=np.full(shape, np.nan),
            area=np.array([entry.area for entry in entries], dtype=np.float64),
            elsewhere=np.zeros(len(entries)),
            counts=np.zeros(len(entries)),
            wardrobe=wardrobe,
        )
        for number, entry in enumerate(entries):
            targets._put(number, entry)
        return targets

    def _put(self, number: int, entry: Annotation) -> None:
        low, high, labelled = _bounds(entry, self.wardrobe)
        own = self.wardrobe.category(entry.category_id)
        self.low[number, : own.count], self.high[number, : own.count] = low[own.slice], high[own.slice]
        here = labelled[own.slice]
        self.variances[number, : own.count][here] = variances(self.wardrobe)[own.id, : own.count][here]
        self.counts[number] = labelled.sum()
        labelled[own.slice] = False
        if labelled.any():
            away = _away(np.zeros(low.shape), low, high)[labelled]
            tolerance = (self.wardrobe.sigmas[labelled] * 2) ** 2
            self.elsewhere[number] = closeness(away, tolerance, self.area[number]).sum()

    def oks(self, points: np.ndarray, which: np.ndarray) -> np.ndarray:
        """OKS of P results' points (P, longest, 2) with the garments at `which` (P,)."""
        away = _away(points, self.low[which], self.high[which])
        close = closeness(away, self.variances[which], self.area[which])
        return (np.nansum(close, axis=1) + self.elsewhere[which]) / self.counts[which]


def _bounds(entry: Annotation, wardrobe: Wardrobe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each of the L landmarks is right, low and high (L, 2), and which of them count (L,)."""
    keypoints = expand(entry.keypoints, entry.category_id, wardrobe)
    labelled = keypoints[:, 2] > 0
    if labelled.any():
        return keypoints[:, :2], keypoints[:, :2], labelled
    x, y, width, height = entry.box
    low, high = np.array([x - width, y - height]), np.array([x + width * 2, y + height * 2])
    everywhere = (len(wardrobe.landmarks), 2)
    return np.broadcast_to(low, everywhere), np.broadcast_to(high, everywhere), ~labelled


def _away(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    away: np.ndarray = np.maximum(0, low - points) + np.maximum(0, points - high)
    return away


def _ignored(entry: Annotation) -> bool:
    return bool(entry.crowd) or not entry.labelled or not AREAS[0] <= entry.area <= AREAS[1]


def _seats(cell: np.ndarray, cells: int) -> np.ndarray:
    """Garments, whose cells are given, as (cells + 1, G): the numbers of those in each cell, ascending, then -1."""
    turn = _ranks(cell, np.zeros(len(cell)))
    seats = np.full((cells + 1, turn.max(initial=-1) + 1), -1)
    seats[cell, turn] = np.arange(len(cell))
    return seats


def _ranks(kinds: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(K,): how many of the same kind come before each; best score first, ties in order."""
    order = np.lexsort((-scores, kinds))
    ordered = kinds[order]
    starts = np.searchsorted(ordered, ordered)
    ranks = np.empty(len(kinds), dtype=np.intp)
    ranks[order] = np.arange(len(kinds)) - starts
    return ranks


def _outside(points: np.ndarray) -> np.ndarray:
    """(N,) bool: results whose area, by pycocotools that of all L points, most of which are 0, 0, is out of range."""
    sides = np.fmax(np.nanmax(points, axis=1), 0) - np.fmin(np.nanmin(points, axis=1), 0)
    area = sides[:, 0] * sides[:, 1]
    outside: np.ndarray = (area < AREAS[0]) | (area > AREAS[1])
    return outside


def _chunks(pairs: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs (P, 2), a few at a time, as two arrays."""
    return [tuple(pairs[at : at + CHUNK].T) for at in range(0, len(pairs), CHUNK)]
