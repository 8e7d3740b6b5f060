"""FashionAI's own layout on disk, read as a stream.

A split is a folder with `Images/CATEGORY/NAME.jpg` and csv files: those of `Annotations/`, or else those in the folder
itself, as the contest's test.csv. All are read, in the order of their names. A picture's id is the place of its row,
counted over all files from 1; its name is the contest's image_id, which begins with Images/. Visibility is 1 visible,
0 occluded, -1 not there: here 2, 1, 0, as in COCO. Memory holds one number a row, never the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from hemline.datasets.checks import as_number, check_landmarks, one_a_reason, slightly_outside, triplets
from hemline.datasets.fashionai.boxes import around
from hemline.datasets.fashionai.tables import ABSENT, IMAGE_CATEGORY, PICTURE, Table
from hemline.datasets.files import require_whole, split_folders
from hemline.datasets.splits import Entry, Garment, Inspection, Problem, Rules, Size, Split
from hemline.errors import HemlineError
from hemline.wardrobe import Category, Wardrobe

WARDROBE, IMAGES, ANNOTATIONS = "fashionai", "Images", "Annotations"

# Each picture has one garment, so that a bad one spoils its picture: it would be a picture without garments.
KEY = "item1"
VISIBILITY = {"1": 2, "0": 1, "-1": 0}


def find_splits(root: Path) -> dict[str, Path]:
    """Map split name to folder: `root` is a split itself, or holds train/, validation/, test/.

    A split without a telling folder name is called "data". HemlineError when there is none.
    """
    found = split_folders(root, lambda folder: (folder / IMAGES).is_dir() or bool(_files(folder)))
    if not found:
        raise HemlineError(
            f"{root}: no FashionAI data here: expected {IMAGES}/ and {ANNOTATIONS}/*.csv, or train/, validation/, test/"
            " that hold them"
        )
    return found


def open_split(name: str, folder: Path, wardrobe: Wardrobe, images: str | None = None) -> "FashionAISplit":
    """The split in `folder`. `images` is the subfolder that `Images/` lies in, by default the folder itself.

    HemlineError when `Images/` or the csv files are missing, or these have no points where they must.
    """
    require_whole(folder)
    pictures = folder / (images or ".")
    if not (pictures / IMAGES).is_dir():
        raise HemlineError(
            f"{pictures / IMAGES}: no such folder; data.images (--images) says where {IMAGES}/ lies, which is a part of"
            " the pictures' names: '.' for the split's folder"
        )
    tables = tuple(Table.open(folder, file, wardrobe) for file in _files(folder))
    if not tables:
        raise HemlineError(
            f"{folder}: no csv files in {ANNOTATIONS}/, nor in the {name} split's folder itself"
        )
    return FashionAISplit(name, pictures, wardrobe, _annotated(name, tables), tables)


def _files(folder: Path) -> list[Path]:
    """The csv files by name; hidden ones are other systems' notes on them."""
    for place in (folder / ANNOTATIONS, folder):
        if found := sorted(path for path in place.glob("*.csv") if not path.name.startswith(".")):
            return found
    return []


def _annotated(name: str, tables: tuple[Table, ...]) -> bool:
    """Whether the split has points. HemlineError for a file without any in train or validation, or beside one with."""
    bare = [table for table in tables if not table.annotated]
    if bare and (name in ("train", "validation") or len(bare) < len(tables)):
        raise HemlineError(
            f"{bare[0].path}: only the columns {', '.join(PICTURE)}: as a test's; each csv file of {name} needs points"
        )
    return not bare


@dataclass(frozen=True)
class FashionAIEntry(Entry):
    """A picture with the texts of its points, by column."""

    points: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FashionAISplit(Split):
    """The pictures of a split's csv files."""

    tables: tuple[Table, ...]

    def listing(self) -> "FashionAIListing":
        """Every picture, file by file, row by row."""
        return FashionAIListing(self)

    def annotate(self, found: Inspection, rules: Rules) -> None:
        """Check the points of the picture's category, and make its box."""
        assert isinstance(found.entry, FashionAIEntry) and found.entry.category_id
        category = self.wardrobe.category(found.entry.category_id)
        own = {landmark.name: found.entry.points[landmark.name] for landmark in category.landmarks}
        problems = one_a_reason(_point_problems(own, category, found.size, rules))
        found.problems += [(None, problem) for problem in problems]
        if found.size and not problems:
            _add_garment(found, category, _landmarks(own), found.size)
            _take_notes(found, found.entry.points, own)


def _add_garment(found: Inspection, category: Category, landmarks: list[Any], size: Size) -> None:
    labelled = np.array([(x, y) for x, y, v in triplets(landmarks) if v])
    found.garments.append(Garment(KEY, category.id, list(around(labelled, size)), landmarks, [], {}))
    if slightly_outside(landmarks, size):
        found.note("landmark-outside", "a picture of {}x{}".format(*size))


def _take_notes(found: Inspection, points: dict[str, str], own: dict[str, str]) -> None:
    """What is left out of a row whose garment is used; `own` are the category's `points`."""
    for name, text in points.items():
        absent = text.endswith("_-1")
        if name in own and absent and text != ABSENT:
            found.note("cut-off-with-coordinates", f"{name} is {text[:40]}")
        elif name not in own and not absent:
            found.note("foreign-landmark", f"{name} is {text[:40]}")


def _point_problems(
    own: dict[str, str], category: Category, size: Size | None, rules: Rules
) -> Iterator[Problem]:
    bad = list(_form_problems(own))
    yield from bad
    if bad:
        return
    landmarks = _landmarks(own)
    yield from check_landmarks(landmarks, category, size, rules)
    if not any(landmarks[2::3]):
        yield Problem("no-landmark", f"none of the {category.count} points of {category.name}")


def _form_problems(own: dict[str, str]) -> Iterator[Problem]:
    """What is wrong with the points' form, before their coordinates are looked at."""
    for name, text in own.items():
        *place, visibility = text.split("_")
        if len(place) != 2:
            yield Problem("bad-row", f"{name} is {text[:40]!r}, not x_y_v")
        elif visibility not in VISIBILITY:
            yield Problem("visibility", f"{name}: v is {visibility[:20]!r}")


def _landmarks(own: dict[str, str]) -> list[Any]:
    """x, y, v of each point, flat, with COCO's v: `"12_34_0"` is 12, 34, 1, and what isn't there 0, 0, 0."""
    landmarks: list[Any] = []
    for text in own.values():
        x, y, visibility = text.split("_")
        v = VISIBILITY[visibility]
        landmarks += (as_number(x), as_number(y), v) if v else (0, 0, 0)
    return landmarks


class FashionAIListing:
    """A split's pictures, row by row; iterating again reads the files again.

    A picture that stands in several rows is listed once, at the first of them, and is bad: no row says which is right.
    """

    def __init__(self, split: FashionAISplit) -> None:
        self.split = split
        keys = np.fromiter((_key(table.image_id(row)) for table, row in self._rows()), np.int64)
        if not len(keys):
            raise HemlineError(f"{', '.join(str(table.path) for table in split.tables)}: no row")
        self._keys, counts = np.unique(keys, return_counts=True)
        repeated = counts > 1
        self._repeated = dict(zip(self._keys[repeated].tolist(), counts[repeated].tolist(), strict=True))

    @property
    def problems(self) -> list[tuple[str, Problem]]:
        """None: what is wrong with a file's first line is an error."""
        return []

    @property
    def others(self) -> int:
        """How many .jpg files of `Images/` no row names."""
        pictures = (self.split.images / IMAGES).rglob("*.jpg")
        return sum(not self._has(path.relative_to(self.split.images).as_posix()) for path in pictures)

    def _has(self, image_id: str) -> bool:
        key = _key(image_id)
        place = int(np.searchsorted(self._keys, key))
        return place < len(self._keys) and int(self._keys[place]) == key

    def _rows(self) -> Iterator[tuple[Table, list[str]]]:
        return chain.from_iterable(((table, row) for row in table.rows()) for table in self.split.tables)

    def __iter__(self) -> Iterator[Entry]:
        seen: set[int] = set()
        for place, (table, row) in enumerate(self._rows(), start=1):
            key = _key(table.image_id(row))
            if key not in seen:
                yield self._entry(place, table, row, self._repeated.get(key, 1))
            if key in self._repeated:
                seen.add(key)

    def __len__(self) -> int:
        return len(self._keys)

    def _entry(self, place: int, table: Table, row: list[str], times: int) -> FashionAIEntry:
        name, values = table.image_id(row), dict(zip(table.columns, row, strict=False))
        category = _category(values.get(IMAGE_CATEGORY, ""), self.split.wardrobe)
        problems = tuple(_row_problems(name, table, row, category, self.split.wardrobe))
        if times > 1:
            problems = (Problem("duplicate-row", f"{times} rows"), *problems)
        points = {column: text for column, text in values.items() if column not in PICTURE}
        number = category.id if category else None
        return FashionAIEntry(place, name, name, self.split.annotated, problems, number, points)


def _row_problems(
    name: str, table: Table, row: list[str], category: Category | None, wardrobe: Wardrobe
) -> Iterator[Problem]:
    """What is wrong with a row before its points are looked at."""
    if len(row) != len(table.columns):
        yield Problem("bad-row", f"{table.name}: {len(row)} values in {len(table.columns)} columns")
    elif not name:
        yield Problem("bad-row", f"{table.name}: no image_id")
    elif not name.startswith(f"{IMAGES}/") or str(PurePosixPath(name)) != name:
        # Another spelling of a picture would be another row.
        yield Problem("bad-row", f"{table.name}: image_id is {name[:80]!r}, not {IMAGES}/CATEGORY/NAME.jpg")
    elif category is None:
        text = row[table.columns.index(IMAGE_CATEGORY)]
        yield Problem("unknown-category", f"{IMAGE_CATEGORY} is {text[:20]!r}")
    elif _category(folder := PurePosixPath(name).parent.name, wardrobe) not in (None, category):
        yield Problem(
            "category-contradiction", f"{IMAGE_CATEGORY} is {category.name!r}, the folder {folder!r}"
        )


def _category(name: str, wardrobe: Wardrobe) -> Category | None:
    return next((category for category in wardrobe.categories if category.name == name), None)


def _key(image_id: str) -> int:
    """A number that is the picture's own."""
    text = image_id.encode(errors="surrogateescape")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)
