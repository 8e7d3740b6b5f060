"""Groupings: which landmarks share an estimator's channel (paper 000 sec. 2.1)."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hemline.errors import HemlineError
from hemline.wardrobe.categories import Wardrobe


@dataclass(frozen=True, eq=False)
class Grouping:
    """A partition of a wardrobe's L landmarks into `size` groups, one estimator channel each.

    `group_of` (L,) is each landmark's group, from 0. A grouping is checked when it is made: groups are
    numbered 0 to size - 1 without a gap, no two landmarks of a category share one, and the landmarks' flip
    partners agree on one partner for each group.
    """

    wardrobe: Wardrobe
    name: str
    group_of: np.ndarray

    def __post_init__(self) -> None:
        _check_numbering(self)
        _check_no_collision(self)
        _check_flips(self)

    @cached_property
    def size(self) -> int:
        """The number of groups."""
        return int(self.group_of.max()) + 1

    @cached_property
    def flip_index(self) -> np.ndarray:
        """(size,) each group's partner under a horizontal flip."""
        index = np.empty(self.size, dtype=np.int64)
        index[self.group_of] = self.group_of[self.wardrobe.flip_index]
        return index

    @cached_property
    def sigmas(self) -> np.ndarray:
        """(size,) the mean OKS sigma of each group's landmarks: a convenience, no evaluation uses it."""
        return np.bincount(self.group_of, self.wardrobe.sigmas) / np.bincount(self.group_of)

    @cached_property
    def group_names(self) -> tuple[str, ...]:
        """(size) unique names: the group's number from 1 and its landmarks' names."""
        names: list[dict[str, None]] = [{} for _ in range(self.size)]
        for landmark, group in zip(self.wardrobe.landmarks, self.group_of, strict=True):
            names[group].setdefault(landmark.name)
        return tuple(f"{number} {' / '.join(group)}" for number, group in enumerate(names, start=1))

    def channels(self, category_id: int) -> np.ndarray:
        """The groups of a category's landmarks, in the landmarks' order: (n,) for n landmarks."""
        return self.group_of[self.wardrobe.category(category_id).slice]

    def category_mask(self, category_id: int) -> np.ndarray:
        """(size,) bool: which channels belong to the category."""
        mask = np.zeros(self.size, dtype=bool)
        mask[self.channels(category_id)] = True
        return mask

    def aggregate(self, keypoints: np.ndarray, category_id: int) -> np.ndarray:
        """Labels (..., L, d) of one category's garments as labels of its groups, (..., size, d)."""
        grouped = np.zeros((*keypoints.shape[:-2], self.size, keypoints.shape[-1]), dtype=keypoints.dtype)
        grouped[..., self.channels(category_id), :] = keypoints[..., self._slice(category_id), :]
        return grouped

    def expand(self, keypoints: np.ndarray, category_id: int) -> np.ndarray:
        """The reverse of `aggregate`: (..., size, d) to (..., L, d), zeros outside the category."""
        shape = (*keypoints.shape[:-2], len(self.group_of), keypoints.shape[-1])
        expanded = np.zeros(shape, dtype=keypoints.dtype)
        expanded[..., self._slice(category_id), :] = keypoints[..., self.channels(category_id), :]
        return expanded

    def _slice(self, category_id: int) -> slice:
        return self.wardrobe.category(category_id).slice


def grouping(wardrobe: Wardrobe, name_or_path: str | Path) -> Grouping:
    """Get `aggregated` (DeepFashion2: 81 groups), `independent` (294), or the grouping of a user's CSV file.

    The file has the columns `index` (from 0, each once) and `group` (from 1); `hemline landmarks --format
    csv` prints such a file to start from. Raises HemlineError naming the file, the row and the value.
    """
    if name_or_path == "aggregated":
        groups = np.array([landmark.group - 1 for landmark in wardrobe.landmarks])
        return Grouping(wardrobe, "aggregated", groups)
    count = len(wardrobe.landmarks)
    if name_or_path == "independent":
        return Grouping(wardrobe, "independent", np.arange(count))
    return Grouping(wardrobe, str(name_or_path), _read_groups(Path(name_or_path), count))


def _read_groups(path: Path, count: int) -> np.ndarray:
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HemlineError(
            f"grouping {str(path)!r}: neither 'aggregated' nor 'independent' nor a file that can be read ({error})"
        ) from None
    groups = np.zeros(count, dtype=np.int64)
    for line, row in enumerate(rows, start=2):
        index = _integer(path, line, row, "index", count - 1, least=0)
        if groups[index]:
            raise HemlineError(f"{path}:{line}: landmark {index} stands in two groups; leave one row for it")
        groups[index] = _integer(path, line, row, "group", count, least=1)
    missing = np.flatnonzero(groups == 0)
    if missing.size:
        raise HemlineError(f"{path}: landmarks without a group: {_shorten(missing)}; add a row for each")
    return groups - 1


def _integer(path: Path, line: int, row: dict[str, str], key: str, most: int, least: int) -> int:
    value = row.get(key)
    if value is None:
        raise HemlineError(f"{path}:{line}: no column {key!r}; the file needs the columns index and group")
    if not value.strip().isdecimal() or not least <= int(value) <= most:
        raise HemlineError(f"{path}:{line}: {key} is {value!r}; it must be an integer from {least} to {most}")
    return int(value)


def _check_numbering(grouping: Grouping) -> None:
    name, group_of, count = grouping.name, grouping.group_of, len(grouping.wardrobe.landmarks)
    if group_of.shape != (count,):
        raise HemlineError(f"grouping {name}: {group_of.shape} groups for {count} landmarks")
    unused = np.setdiff1d(np.arange(group_of.max() + 1), group_of) + 1
    if unused.size:
        raise HemlineError(
            f"grouping {name}: groups without a landmark: {_shorten(unused)}; number without gaps"
        )


def _check_no_collision(grouping: Grouping) -> None:
    for entry in grouping.wardrobe.categories:
        groups, counts = np.unique(grouping.group_of[entry.slice], return_counts=True)
        if (counts > 1).any():
            raise HemlineError(
                f"grouping {grouping.name}: two landmarks of {entry.name} share group {groups[counts > 1][0] + 1}; "
                "a channel can show only one of them"
            )


def _check_flips(grouping: Grouping) -> None:
    partner: dict[int, int] = {}
    for landmark in grouping.wardrobe.landmarks:
        group = int(grouping.group_of[landmark.index])
        flipped = int(grouping.group_of[landmark.flip_index])
        if partner.setdefault(group, flipped) != flipped:
            raise HemlineError(
                f"grouping {grouping.name}: under a horizontal flip group {group + 1} would become both group "
                f"{partner[group] + 1} and {flipped + 1} (landmark {landmark.index}); split it"
            )


def _shorten(values: Sequence[int] | np.ndarray) -> str:
    listed = ", ".join(str(value) for value in values[:8])
    return listed + (", ..." if len(values) > 8 else "")
