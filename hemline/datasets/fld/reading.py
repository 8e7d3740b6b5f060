"""FLD's own layout on disk, read as a stream.

A folder has `Img/` and the lists Anno/list_bbox.txt, Anno/list_landmarks.txt, Eval/list_eval_partition.txt, and perhaps
Anno/list_joints.txt (human joints; only its clothes_type is looked at). Each list speaks of all splits; the last but
one says which. Visibility is 0 visible, 1 occluded, 2 cut off (mmfashion, docs/dataset/LANDMARK_DETECT_DATASET.md):
here 2, 1, 0, as in COCO. Memory holds two numbers a row, never the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from hemline.datasets.checks import as_number
from hemline.datasets.files import require_whole
from hemline.datasets.fld.garments import VARIATION, add_garment
from hemline.datasets.fld.lists import List, picture_key
from hemline.datasets.splits import Entry, Inspection, Problem, Rules, Split
from hemline.errors import HemlineError
from hemline.wardrobe import Category, Wardrobe

WARDROBE, IMAGES = "fld", "Img"

PARTITION, BOXES = "Eval/list_eval_partition.txt", "Anno/list_bbox.txt"
LANDMARKS, JOINTS = "Anno/list_landmarks.txt", "Anno/list_joints.txt"
_TYPES = ("image_name", "clothes_type", "variation_type")
_COLUMNS = {
    PARTITION: ("image_name", "evaluation_status"),
    BOXES: ("image_name", "x_1", "y_1", "x_2", "y_2"),
    LANDMARKS: _TYPES,
    JOINTS: _TYPES,
}
# The lists' words for the splits.
_STATUS = {"train": "train", "val": "validation", "test": "test"}


def find_splits(root: Path) -> dict[str, Path]:
    """The splits that the partition names, each with the folder `root`. HemlineError when it names none."""
    require_whole(root)
    named = _named(List(root, PARTITION, _COLUMNS[PARTITION]))
    if not named:
        raise HemlineError(f"{root / PARTITION}: no row says train, val or test")
    return dict.fromkeys(named, root)


def open_split(name: str, folder: Path, wardrobe: Wardrobe, images: str | None = None) -> "FldSplit":
    """The split `name` of the data set in `folder`; a test split may lack `Anno/`, and has pictures alone then.

    HemlineError when a list or the folder of pictures is missing.
    """
    require_whole(folder)
    pictures = folder / (images or IMAGES)
    if not pictures.is_dir():
        raise HemlineError(
            f"{pictures}: no such folder; data.images (--images) says where FLD's pictures are"
        )
    annotated = name != "test" or (folder / "Anno").is_dir()
    for needed in (PARTITION, BOXES, LANDMARKS) if annotated else (PARTITION,):
        if not (folder / needed).is_file():
            raise HemlineError(f"{folder / needed}: no such file; FLD's layout needs it")
    return FldSplit(name, pictures, wardrobe, annotated, folder)


def _named(partition: List) -> list[str]:
    statuses = partition.values(1)
    return [name for status, name in _STATUS.items() if status in statuses]


@dataclass(frozen=True)
class FldEntry(Entry):
    """A picture with its row of each list, without its name."""

    rows: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class FldSplit(Split):
    """The pictures that the partition gives to a split."""

    folder: Path

    garment_attributes: ClassVar[tuple[str, ...]] = (VARIATION,)

    def listing(self) -> "FldListing":
        """Every picture of the split, by its number."""
        return FldListing(self)

    def annotate(self, found: Inspection, rules: Rules) -> None:
        """Read and check the picture's rows."""
        assert isinstance(found.entry, FldEntry)
        rows = found.entry.rows
        problems = list(_row_problems(rows, self.wardrobe))
        if problems:
            found.problems += [(None, problem) for problem in problems]
            return
        kind, variation, *values = rows[LANDMARKS]
        category = _category(kind, self.wardrobe)
        assert category is not None
        landmarks = [
            value for v, x, y in _triplets(values) for value in (as_number(x), as_number(y), 2 - int(v))
        ]
        box = [as_number(text) for text in rows[BOXES]]
        add_garment(found, category, landmarks, box, {VARIATION: as_number(variation)}, rules)


def _row_problems(rows: dict[str, list[str]], wardrobe: Wardrobe) -> Iterator[Problem]:
    """What is wrong with the rows' form, before their coordinates are looked at."""
    if len(rows[BOXES]) != 4:
        yield Problem("bad-row", f"{BOXES}: {len(rows[BOXES])} values behind the name, not 4")
    kind, values = "".join(rows[LANDMARKS][:1]), rows[LANDMARKS][2:]
    if len(rows[LANDMARKS]) < 2 or len(values) % 3:
        yield Problem(
            "bad-row", f"{LANDMARKS}: {len(rows[LANDMARKS])} values behind the name, not 2 and 3 a landmark"
        )
    elif _category(kind, wardrobe) is None:
        yield Problem("unknown-category", f"clothes_type is {kind[:20]!r}")
    if JOINTS in rows and rows[JOINTS][:1] != [kind]:
        other = "".join(rows[JOINTS][:1])
        yield Problem("category-contradiction", f"clothes_type is {kind!r}, in {JOINTS} {other!r}")
    for number, (v, _, _) in enumerate(_triplets(values), start=1):
        if v not in ("0", "1", "2"):
            yield Problem("visibility", f"landmark {number}: visibility is {v[:20]!r}")
            return


def _category(kind: str, wardrobe: Wardrobe) -> Category | None:
    """clothes_type counts categories from 1: upper body, lower body, full body."""
    return next((entry for entry in wardrobe.categories if str(entry.id) == kind), None)


def _triplets(values: list[str]) -> Iterator[tuple[str, str, str]]:
    """Visibility, x, y of each landmark."""
    return zip(values[0::3], values[1::3], values[2::3], strict=False)


class FldListing:
    """A split's pictures by number, from all lists; iterating again starts again.

    What the partition gives to no known split is bad, and counts with the first of the splits that it names.
    """

    def __init__(self, split: FldSplit) -> None:
        self.split = split
        given = _COLUMNS if split.annotated else (PARTITION,)
        names = [name for name in given if name != JOINTS or (split.folder / name).is_file()]
        self._lists = [List(split.folder, name, _COLUMNS[name]) for name in names]
        self._partition = self._lists[0]
        named = _named(self._partition)
        if split.name not in named:
            raise HemlineError(f"{split.folder / PARTITION}: no row is of the {split.name} split")
        self._takes_strays = split.name == named[0]
        self._keys = np.unique(np.concatenate([one.keys for one in self._lists]))

    @property
    def problems(self) -> list[tuple[str, Problem]]:
        """A list whose first line isn't its number of rows; told once, with the first split."""
        if not self._takes_strays:
            return []
        return [(one.name, problem) for one in self._lists for problem in one.problems]

    @property
    def others(self) -> int:
        """How many .jpg files beside the split's no list names; counted with the first split."""
        if not self._takes_strays:
            return 0
        pictures = (path.relative_to(self.split.images) for path in self.split.images.rglob("*.jpg"))
        return sum(not self._has(picture_key(path.as_posix())) for path in pictures)

    def _has(self, key: int) -> bool:
        place = int(np.searchsorted(self._keys, key))
        return place < len(self._keys) and int(self._keys[place]) == key

    def __iter__(self) -> Iterator[Entry]:
        for key in map(int, self._keys):
            if self._takes(self._partition.rows(key)):
                yield self._entry(key)

    def __len__(self) -> int:
        return sum(self._takes(self._partition.rows(key)) for key in map(int, self._keys))

    def _takes(self, partition: list[list[str]]) -> bool:
        splits = {_split(row) for row in partition} or {None}
        return self.split.name in splits or (self._takes_strays and splits == {None})

    def _entry(self, key: int) -> FldEntry:
        rows = {one.name: one.rows(key) for one in self._lists}
        names = sorted({row[0] for found in rows.values() for row in found})
        problems = tuple(_list_problems(key, names, rows))
        single = {name: found[0][1:] for name, found in rows.items() if found} if not problems else {}
        return FldEntry(key if key >= 0 else None, names[0], names[0], True, problems, rows=single)


def _split(row: list[str]) -> str | None:
    return _STATUS.get(row[1]) if len(row) == 2 else None


def _list_problems(key: int, names: list[str], rows: dict[str, list[list[str]]]) -> Iterator[Problem]:
    """What the lists have against a picture before its values are looked at."""
    if key < 0:
        reason = "leaves-folder" if ".." in names[0] or "\\" in names[0] else "bad-file-name"
        yield Problem(reason, f"{names[0]}: expected a name with a number, such as img_00000001.jpg")
    if len(names) > 1:
        yield Problem("duplicate-id", f"{', '.join(names)} have the same number")
    splits = {row[1] if len(row) == 2 else "" for row in rows[PARTITION]}
    if len(splits) > 1:
        yield Problem("several-splits", f"{PARTITION} says {', '.join(sorted(splits))}")
    for status in sorted(splits - set(_STATUS)):
        yield Problem("unknown-split", f"{PARTITION} says {status[:20]!r}")
    for name, found in rows.items():
        if not found and name == JOINTS:  # only its clothes_type is looked at, where it is
            continue
        if not found:
            yield Problem("missing-row", f"no row in {name}")
        elif len(found) > 1 and not (name == PARTITION and len(splits) > 1):
            yield Problem("duplicate-row", f"{len(found)} rows in {name}")
