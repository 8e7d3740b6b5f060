"""FashionAI's csv files: a row a picture, its name and category, and 24 points but in the contest's test.csv.

Columns are found by their names. A point is `x_y_v`, pixels and a visibility.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hemline.errors import HemlineError
from hemline.wardrobe import Wardrobe

PICTURE = IMAGE_ID, IMAGE_CATEGORY = "image_id", "image_category"
ABSENT = "-1_-1_-1"  # a point that is not there


def points(wardrobe: Wardrobe) -> tuple[str, ...]:
    """The columns of points, in the contest's order: a group of the wardrobe each."""
    names = {landmark.group: landmark.name for landmark in wardrobe.landmarks}
    return tuple(names[group] for group in sorted(names))


@dataclass(frozen=True)
class Table:
    """A csv file `path`, called `name` in reports, and its columns."""

    path: Path
    name: str
    columns: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path, path: Path, wardrobe: Wardrobe) -> "Table":
        """The file, its first line read. HemlineError unless that has all columns, or those of the picture alone."""
        header = next(_lines(path), None)
        if header is None:
            raise HemlineError(
                f"{path}: empty; its first line must name the columns {', '.join(PICTURE)} ..."
            )
        _check(path, header, points(wardrobe))
        return cls(path, path.relative_to(folder).as_posix(), tuple(header))

    @property
    def annotated(self) -> bool:
        """Whether it has points."""
        return len(self.columns) > len(PICTURE)

    def rows(self) -> Iterator[list[str]]:
        """The values of each row, as many as it has."""
        rows = _lines(self.path)
        next(rows)
        yield from rows

    def image_id(self, row: list[str]) -> str:
        """The picture of a row; of one that is too short its first value."""
        place = self.columns.index(IMAGE_ID)
        return row[place if place < len(row) else 0]


def _lines(path: Path) -> Iterator[list[str]]:
    """The values of each line that isn't blank. A name may hold any bytes; with commas it stands in quotes."""
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as handle:
            for number, line in enumerate(handle, start=1):
                if line.strip():
                    yield _values(line, f"{path}: line {number}")
    except OSError as error:
        raise HemlineError(f"{path}: {error.strerror}") from None


def _values(line: str, where: str) -> list[str]:
    """A row's values. Each line is read by itself: a quote that isn't closed would take the lines behind it along."""
    try:
        (row,) = csv.reader([line], strict=True, skipinitialspace=True)
    except csv.Error as error:
        raise HemlineError(
            f"{where}: no comma-separated values ({error}); a quoted value begins and ends with a quote, in one line"
        ) from None
    return [value.strip() for value in row]


def _check(path: Path, header: list[str], points: tuple[str, ...]) -> None:
    known = (*PICTURE, *points)
    unknown = [name for name in header if name not in known]
    if unknown:
        raise HemlineError(f"{path}: unknown column {unknown[0][:40]!r}; known are {', '.join(known)}")
    twice = [name for name in known if header.count(name) > 1]
    if twice:
        raise HemlineError(f"{path}: the column {twice[0]} stands there twice")
    missing = [name for name in known if name not in header]
    if missing and set(header) != set(PICTURE):
        raise HemlineError(
            f"{path}: no column {missing[0]}; it needs {', '.join(PICTURE)} and all points, or these two alone"
        )
