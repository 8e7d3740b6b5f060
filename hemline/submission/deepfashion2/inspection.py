"""One record of a submission, inspected while the JSON text is parsed."""

import hashlib
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hemline.submission.sizes import Size
from hemline.wardrobe import Category, Wardrobe

KEYS = ("image_id", "category_id", "keypoints", "score")


@dataclass
class Inspected:
    """What is left of a record: its ids and score (None if bad), its problems by key, and what to count.

    `digest` is the same for the same keypoints; `points` are the category's landmarks, `outside` those of them
    that lie outside the picture, `not_one` those whose v isn't 1; `long` says that a coordinate has more than
    two decimals.
    """

    image_id: int | None = None
    category_id: int | None = None
    score: float | None = None
    digest: bytes = b""
    points: int = 0
    outside: int = 0
    not_one: int = 0
    long: bool = False
    extra: tuple[str, ...] = ()
    problems: list[tuple[str, str]] = field(default_factory=list)


def inspect(
    pairs: list[tuple[str, Any]], sizes: dict[int, Size | None] | None, wardrobe: Wardrobe
) -> Inspected:
    """Inspect the keys and values of one JSON object; `sizes` is width and height by known image id."""
    record = dict(pairs)
    entry = Inspected(extra=tuple(key for key in record if key not in KEYS))
    if len(record) != len(pairs):
        entry.problems.append(("record", "a key stands twice"))
    entry.problems += [(key, "missing") for key in KEYS if key not in record]
    _inspect_ids(record, entry, sizes, len(wardrobe.categories))
    _inspect_score(record, entry)
    if "keypoints" in record:
        size = (sizes or {}).get(entry.image_id) if entry.image_id is not None else None
        _inspect_keypoints(record["keypoints"], entry, size, wardrobe)
    return entry


def _inspect_ids(
    record: dict[str, Any], entry: Inspected, sizes: dict[int, Size | None] | None, categories: int
) -> None:
    for key in ("image_id", "category_id"):
        value = record.get(key, 0)
        if type(value) is not int:
            entry.problems.append((key, f"{_short(value)} is not an integer"))
        elif key in record:
            setattr(entry, key, value)
    if entry.image_id is not None and sizes is not None and entry.image_id not in sizes:
        entry.problems.append(("image_id", f"{entry.image_id} is not in the list of images"))
    if entry.category_id is not None and not 1 <= entry.category_id <= categories:
        entry.problems.append(("category_id", f"{entry.category_id} is not one of 1 to {categories}"))
        entry.category_id = None


def _inspect_score(record: dict[str, Any], entry: Inspected) -> None:
    value = record.get("score", 0)
    if not _is_number(value):
        entry.problems.append(("score", f"{_short(value)} is not a finite number"))
    elif "score" in record:
        entry.score = float(value)


def _inspect_keypoints(value: Any, entry: Inspected, size: Size | None, wardrobe: Wardrobe) -> None:
    count = 3 * len(wardrobe.landmarks)
    if not isinstance(value, list) or len(value) != count:
        given = f"{len(value)} numbers" if isinstance(value, list) else _short(value)
        entry.problems.append(("keypoints", f"{given} instead of {count} numbers"))
        return
    bad = [place for place, number in enumerate(value) if not _is_number(number)]
    if bad:
        text = (
            f"number {bad[0]} (from 0) is {_short(value[bad[0]])}, no finite number; {len(bad)} are like that"
        )
        entry.problems.append(("keypoints", text))
        return
    points = np.array(value, dtype=np.float64).reshape(-1, 3)
    entry.digest = hashlib.blake2b(points[:, :2].tobytes(), digest_size=16).digest()
    entry.long = bool(
        (np.abs(points * 100 - np.rint(points * 100)) > 1e-6 * np.maximum(1, np.abs(points))).any()
    )
    if entry.category_id is not None:
        _inspect_points(points, entry, size, wardrobe.category(entry.category_id))


def _inspect_points(points: np.ndarray, entry: Inspected, size: Size | None, category: Category) -> None:
    own = points[category.start : category.stop]
    foreign = np.flatnonzero(points.any(axis=1))
    foreign = foreign[(foreign < category.start) | (foreign >= category.stop)]
    if foreign.size:
        text = f"landmark {foreign[0]} (from 0) is not zero; {foreign.size} outside {category.name} are not"
        entry.problems.append(("keypoints", text))
    entry.points, entry.not_one = len(own), int((own[:, 2] != 1).sum())
    if size is not None:
        # The origin is the centre of the first pixel: the picture begins half a pixel before it.
        inside = (own[:, :2] >= -0.5) & (own[:, :2] <= np.array(size) - 0.5)
        entry.outside = int((~inside.all(axis=1)).sum())


def _is_number(value: Any) -> bool:
    # A whole number may be larger than any float.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _short(value: Any) -> str:
    text = "an object" if isinstance(value, Inspected) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
