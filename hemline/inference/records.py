"""Landmark result files: a JSON list of DeepFashion2's records, read one record at a time.

A record is {"image_id", "category_id", "keypoints": x1, y1, v1, ... of all L landmarks of the wardrobe, "score"}
(DeepFashion2 evaluation/evaluation.md: 882 numbers). Ours carry two keys more: "box" [x, y, width, height] and
"box_score". The key is not "bbox" on purpose: pycocotools' loadRes would take a result's area from a "bbox" instead of
its landmarks, and so score our files otherwise than the submission made of them. Records are numbered from 1.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from hemline.errors import HemlineError
from hemline.wardrobe import Category, Wardrobe

Box = tuple[float, float, float, float]

# Large enough that parsing, not reading, takes the time; small enough to be nothing beside the garments.
CHUNK = 1 << 20
NOT_SPACE = re.compile(r"[^ \t\r\n]")


@dataclass(frozen=True, eq=False)
class Record:
    """One checked record: `keypoints` is (L, 3) float64 for the wardrobe's L; boxes are None where the file has none.

    `box` is ours, `bbox` what other programs add.
    """

    number: int
    image_id: int
    category_id: int
    keypoints: np.ndarray
    score: float
    wardrobe: Wardrobe
    box: Box | None = None
    box_score: float | None = None
    bbox: Box | None = None

    @property
    def category(self) -> Category:
        """The garment's category."""
        return self.wardrobe.category(self.category_id)


def read_records(path: str | os.PathLike[str], wardrobe: Wardrobe) -> Iterator[Record]:
    """Yield the checked records of a result file; memory does not grow with the file.

    Raises HemlineError naming the file, the record, the key and the value when the file is not a JSON list of
    landmark records, or a number in it is not finite.
    """
    try:
        with open(path, encoding="utf-8") as handle:
            for number, value in enumerate(stream_array(handle, str(path)), start=1):
                yield check_record(value, number, f"{path}: record {number}", wardrobe)
    except (OSError, UnicodeDecodeError) as error:
        raise HemlineError(f"{path}: cannot be read ({error})") from None


def stream_array(handle: IO[str], where: str) -> Iterator[Any]:
    """Yield the elements of the one JSON list in `handle`, holding little more than one of them.

    Raises HemlineError, which starts with `where`, when the text is not a JSON list.
    """
    text = _Text(handle, where)
    if text.take() != "[":
        raise HemlineError(f"{where}: not a JSON list; a result file is a list of records")
    more = text.peek() != "]" or not text.take()
    while more:
        yield text.element()
        mark = text.take()
        if mark not in (",", "]"):
            raise HemlineError(f"{where}: not JSON: ',' or ']' expected, found {mark!r}; is the file whole?")
        more = mark == ","
    if text.peek():
        raise HemlineError(
            f"{where}: not JSON: {text.peek()!r} follows the end of the list; was it written twice?"
        )


class _Text:
    """A text read in chunks: what was taken is forgotten."""

    def __init__(self, handle: IO[str], where: str) -> None:
        self.handle, self.where = handle, where
        self.text, self.at = "", 0
        self.decode = json.JSONDecoder().raw_decode

    def peek(self) -> str:
        """The next character that is not a space; "" at the end."""
        while True:
            match = NOT_SPACE.search(self.text, self.at)
            if match:
                self.at = match.start()
                return match.group()
            self.at = len(self.text)
            if not self.more():
                return ""

    def take(self) -> str:
        """The same, and step over it."""
        character = self.peek()
        self.at += len(character)
        return character

    def element(self) -> Any:
        """The JSON value that starts here."""
        self.peek()
        while True:
            try:
                value, self.at = self.decode(self.text, self.at)
                return value
            except json.JSONDecodeError as error:
                if not self.more():
                    raise HemlineError(f"{self.where}: not JSON ({error.msg}); is the file whole?") from None
            # A number of thousands of digits, or thousands of brackets in each other.
            except (ValueError, RecursionError) as error:
                raise HemlineError(f"{self.where}: not JSON that can be read ({error})") from None

    def more(self) -> bool:
        """Read on. Twice as much each time, so that an element that never ends costs linear time."""
        self.text, self.at = self.text[self.at :], 0
        read = self.handle.read(max(CHUNK, len(self.text)))
        self.text += read
        return bool(read)


def check_record(value: Any, number: int, where: str, wardrobe: Wardrobe) -> Record:
    """Check one decoded record. Raises HemlineError, which starts with `where`."""
    if not isinstance(value, dict):
        raise HemlineError(f"{where}: {_short(value)} is not a record; each is a JSON object")
    return Record(
        number=number,
        image_id=integer(value, "image_id", where),
        category_id=category_id(value, where, wardrobe),
        keypoints=_keypoints(value, where, wardrobe),
        score=finite(value, "score", where),
        box=_optional_box(value, "box", where),
        box_score=finite(value, "box_score", where) if "box_score" in value else None,
        bbox=_optional_box(value, "bbox", where),
        wardrobe=wardrobe,
    )


def integer(record: Mapping[str, Any], key: str, where: str) -> int:
    """The integer under `key`; HemlineError when it is missing or anything else."""
    value = _get(record, key, where)
    if not isinstance(value, int) or isinstance(value, bool):
        raise HemlineError(f"{where}: {key} is {_short(value)}; it must be an integer")
    return value


def category_id(record: Mapping[str, Any], where: str, wardrobe: Wardrobe) -> int:
    """The id of one of the wardrobe's categories; HemlineError otherwise."""
    value = integer(record, "category_id", where)
    last = len(wardrobe.categories)
    if not 1 <= value <= last:
        raise HemlineError(f"{where}: category_id is {value}; the categories are 1 to {last}")
    return value


def finite(record: Mapping[str, Any], key: str, where: str) -> float:
    """The finite number under `key`; HemlineError when it is missing, NaN, infinite or no number."""
    value = _get(record, key, where)
    if not _is_finite(value):
        raise HemlineError(f"{where}: {key} is {_short(value)}; it must be a finite number")
    return float(value)


def box_of(record: Mapping[str, Any], key: str, where: str) -> Box:
    """The box x, y, width, height under `key`; HemlineError unless four finite numbers, no size negative."""
    value = _get(record, key, where)
    if not isinstance(value, list) or len(value) != 4:
        raise HemlineError(f"{where}: {key} is {_short(value)}; it must be [x, y, width, height]")
    x, y, width, height = (finite({key: number}, key, where) for number in value)
    if width < 0 or height < 0:
        raise HemlineError(f"{where}: {key} is {_short(value)}; width and height must not be negative")
    return x, y, width, height


def size_of(record: Mapping[str, Any], where: str) -> tuple[float, float]:
    """A picture's width and height in pixels; HemlineError unless both are there and over 0."""
    sides = {key: finite(record, key, where) for key in ("width", "height")}
    for key, side in sides.items():
        if side <= 0:
            raise HemlineError(f"{where}: {key} is {_short(record[key])}; it must be a number of pixels")
    return sides["width"], sides["height"]


def numbers(record: Mapping[str, Any], key: str, count: int, where: str) -> np.ndarray:
    """(count,) float64 finite numbers under `key`. HemlineError names the first that is not one."""
    value = _get(record, key, where)
    if not isinstance(value, list | np.ndarray):
        raise HemlineError(f"{where}: {key} is {_short(value)}; it must be a list of {count} numbers")
    if len(value) != count:
        raise HemlineError(f"{where}: {key} has {len(value)} numbers; {count} are expected")
    array = _as_array(value)
    if array is None or not np.isfinite(array).all():
        place = next((place for place, entry in enumerate(value) if not _is_finite(entry)), None)
        if place is None:  # whole numbers beyond 64 bits
            return np.array(value, dtype=np.float64)
        raise HemlineError(f"{where}: {key}[{place}] is {_short(value[place])}; it must be a finite number")
    return array


def _as_array(value: list[Any] | np.ndarray) -> np.ndarray | None:
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal length inside
        return None
    # numpy makes a 1 of a True among numbers.
    right = array.ndim == 1 and array.dtype.kind in "iuf" and bool not in map(type, value)
    return array.astype(np.float64) if right else None


def _is_finite(value: Any) -> bool:
    if isinstance(value, np.number):
        return bool(np.isfinite(value))
    # A whole number may be larger than any float.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _keypoints(record: Mapping[str, Any], where: str, wardrobe: Wardrobe) -> np.ndarray:
    if "keypoints" not in record and ("bbox" in record or "segmentation" in record):
        raise HemlineError(f"{where}: no key 'keypoints': these are results of another task than landmarks")
    return numbers(record, "keypoints", 3 * len(wardrobe.landmarks), where).reshape(-1, 3)


def _optional_box(record: Mapping[str, Any], key: str, where: str) -> Box | None:
    return box_of(record, key, where) if record.get(key) else None


def _get(record: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in record:
        raise HemlineError(f"{where}: no key {key!r}; it has {', '.join(map(repr, record)) or 'none'}")
    return record[key]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
