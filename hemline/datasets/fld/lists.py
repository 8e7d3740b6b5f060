"""FLD's lists: line 1 is the number of rows, line 2 the columns' names, then a row a picture, its name first.

(mmfashion, docs/dataset/LANDMARK_DETECT_DATASET.md.) Lists are joined by the pictures' numbers, whatever their order,
and held as two numbers a row.
"""

import mmap
import os
import re
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np

from hemline.datasets.splits import Problem, plain_number
from hemline.errors import HemlineError

_NUMBERED = re.compile(r"(?:.*[^0-9])?([0-9]{1,18})\.jpg", re.DOTALL)


class List:
    """One list, its rows found by their pictures' keys.

    `name` is its file relative to the data set's folder. HemlineError when it cannot be opened, or its first two lines
    are not a number and `columns` (the first ones: their number may vary by row).
    """

    def __init__(self, root: Path, name: str, columns: tuple[str, ...]) -> None:
        self.name, self._path = name, root / name
        self._bytes = self._open()
        self._start = 0
        promised, header = self._line(), self._line().split()
        count = plain_number(os.fsdecode(promised).strip())
        if count is None:
            raise HemlineError(
                f"{self._path}: line 1 is {os.fsdecode(promised)[:40]!r}, not the number of rows"
            )
        if header[: len(columns)] != [column.encode() for column in columns]:
            raise HemlineError(f"{self._path}: line 2 must name the columns {' '.join(columns)} ...")
        self.keys, self._offsets = self._index()
        self.problems = list(self._check(count))

    def _open(self) -> mmap.mmap | bytes:
        try:
            with open(self._path, "rb") as handle:
                empty = os.fstat(handle.fileno()).st_size == 0
                return b"" if empty else mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise HemlineError(f"{self._path}: {error.strerror}: FLD's layout needs this file") from None

    def _line(self) -> bytes:
        """The first of the lines that have not been read."""
        line, self._start = self._line_at(self._start)
        return line

    def _line_at(self, start: int) -> tuple[bytes, int]:
        """The line that begins at `start`, and where the next one does."""
        end = self._bytes.find(b"\n", start)
        end = len(self._bytes) if end < 0 else end
        return self._bytes[start:end], min(end + 1, len(self._bytes))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Where each row begins, and its values."""
        start = self._start
        while start < len(self._bytes):
            line, after = self._line_at(start)
            if line.strip():
                yield start, os.fsdecode(line).split()
            start = after

    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows' keys in order, and where each row begins."""
        keys, offsets = array("q"), array("q")
        for start, row in self._rows():
            keys.append(picture_key(row[0]))
            offsets.append(start)
        order = np.argsort(np.array(keys, np.int64), kind="stable")
        return np.array(keys, np.int64)[order], np.array(offsets, np.int64)[order]

    def _check(self, promised: int) -> Iterator[Problem]:
        if promised != len(self.keys):
            yield Problem("row-count", f"line 1 says {promised}, there are {len(self.keys)} rows")

    def rows(self, key: int) -> list[list[str]]:
        """The rows of a picture: its name, then the row's other values."""
        first, last = np.searchsorted(self.keys, key, "left"), np.searchsorted(self.keys, key, "right")
        return [os.fsdecode(self._line_at(int(start))[0]).split() for start in self._offsets[first:last]]

    def values(self, column: int) -> set[str]:
        """The distinct values of a column; the picture's name is column 0."""
        return {row[column] for _, row in self._rows() if len(row) > column}


def picture_key(name: str) -> int:
    """A picture's number, "img/img_00000128.jpg" 128; for a name without one a negative number that is its own."""
    if match := _NUMBERED.fullmatch(name):
        return int(match.group(1))
    digest = blake2b(os.fsencode(name), digest_size=8).digest()
    return -1 - (int.from_bytes(digest) >> 1)
