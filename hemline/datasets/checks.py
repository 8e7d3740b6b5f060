"""What can be wrong with one garment's annotation, each fault with its own reason.

A fault quarantines the garment, or the picture when the whole file is unusable. What doesn't hurt training
or evaluation is a note: the value counts as unknown. Coordinates are pixels, origin at the centre of the
top-left pixel, so that a picture reaches from -0.5 to its size - 0.5.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hemline.datasets.splits import Problem, Rules, Size
from hemline.wardrobe import Category

REASONS = {
    # the annotation file
    "not-json": "the annotation is no JSON",
    "empty-file": "the annotation file is empty",
    "unreadable-file": "the annotation file cannot be read",
    "duplicate-key": "a key stands twice in one JSON object",
    "wrong-type": "a value of the wrong type (true and false are no numbers)",
    "missing-key": "a key that every garment needs is missing",
    "bad-file-name": "the file's name is no number",
    "leaves-folder": "a file name or link that leads out of the split's folder",
    "duplicate-id": "the same picture number or item number twice",
    "bad-item-key": "a key that begins with item but has no number",
    # the picture
    "missing-image": "there is no picture for the annotation",
    "image-empty": "the picture's file is empty",
    "image-unreadable": "the picture cannot be decoded",
    "image-truncated": "the picture's file ends too early",
    "image-is-png": "a PNG that is named .jpg",
    "image-not-jpeg": "another format that is named .jpg",
    # the garment
    "unknown-category": "the id of no category",
    "category-contradiction": "the category's name and id contradict each other",
    "landmark-count": "not the category's number of landmarks",
    "visibility": "a visibility other than 0, 1 and 2",
    "nan": "not a number (NaN)",
    "infinite": "an infinite number",
    "negative-coordinate": "a labelled landmark left of or above the picture",
    "far-outside": "a coordinate far outside the picture",
    "unlabelled-with-coordinates": "a landmark with v = 0 that has coordinates",
    "box-without-area": "a box of no width or height",
    "box-outside": "a box outside the picture",
    "no-landmark": "no landmark is labelled, and the data set has no boxes: nothing says where the garment is",
    "no-polygon": "no polygon at all",
    "short-polygon": "a polygon of fewer than 3 points",
    "odd-polygon": "a polygon with a lone coordinate",
    # lists of many pictures, as FLD's and FashionAI's
    "row-count": "a list whose first line is not its number of rows",
    "bad-row": "a row of too few or too many columns",
    "missing-row": "a picture that one list has and another has not",
    "duplicate-row": "a picture that stands twice in a list",
    "unknown-split": "a split other than train, val and test",
    "several-splits": "a picture in several splits",
    "image-size": "the picture is not as large as its annotation says",
}

NOTES = {
    "bad-attribute": "an attribute of no known value counts as unknown",
    "image-without-annotation": "a picture without annotation is left out",
    "exif-orientation": "a picture that asks to be turned: readers must ignore its EXIF orientation",
    "cut-off-with-coordinates": "a landmark that is cut off, or not there, is unlabelled, whatever its coordinates",
    "foreign-landmark": "a landmark that the category has not is left out",
    "landmark-outside": "a garment with landmarks a little outside the picture is kept",
}


_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|nan|inf)", re.IGNORECASE)


def as_number(text: str) -> int | float | str:
    """`"095"` -> 95; a text that is no number stays one, for the checks to name it."""
    if not _NUMBER.fullmatch(text):
        return text
    value = float(text)
    return int(value) if value.is_integer() else value


def one_a_reason(problems: Iterable[Problem]) -> list[Problem]:
    """The first problem of each reason, in their order."""
    found: dict[str, Problem] = {}
    for problem in problems:
        found.setdefault(problem.reason, problem)
    return list(found.values())


def check_landmarks(
    values: Any, entry: Category | None, size: Size | None, rules: Rules
) -> Iterator[Problem]:
    """Faults of a garment's x, y, v triplets, a flat list; `entry` is its category, None where that is unknown.

    `size` is the picture's width, height; None: unknown.
    """
    bad = list(_bad_numbers("landmarks", values))
    yield from bad
    if bad:
        return
    if entry and len(values) != 3 * entry.count:
        count = f"{len(values) / 3:g} landmarks"
        yield Problem("landmark-count", f"{count} where {entry.name} has {entry.count}")
    if len(values) % 3 == 0:
        for number, triplet in enumerate(triplets(values), start=1):
            yield from _check_triplet(f"landmark {number}", triplet, size, rules)


def triplets(values: list[float]) -> Iterator[tuple[float, float, float]]:
    """x, y, v of each landmark of the flat list."""
    return zip(values[0::3], values[1::3], values[2::3], strict=True)


def _check_triplet(
    name: str, triplet: tuple[float, float, float], size: Size | None, rules: Rules
) -> Iterator[Problem]:
    x, y, visibility = triplet
    if visibility not in (0, 1, 2):
        yield Problem("visibility", f"{name}: v is {show(visibility)}")
    elif visibility == 0:
        if x or y:
            yield Problem("unlabelled-with-coordinates", f"{name}: v is 0 at {show([x, y])}")
    elif x < -0.5 or y < -0.5:
        yield Problem("negative-coordinate", f"{name} at {show([x, y])}")
    elif size and _outside(x, y, size, rules.far_share):
        yield Problem("far-outside", f"{name} at {show([x, y])} of a picture of {size[0]}x{size[1]}")


def _outside(x: float, y: float, size: Size, share: float) -> bool:
    """Whether a point lies outside the picture by more than `share` of the picture's side."""
    return any(
        not -0.5 - share * side <= value <= side - 0.5 + share * side
        for value, side in zip((x, y), size, strict=True)
    )


def slightly_outside(values: list[float], size: Size) -> bool:
    """Whether a labelled landmark lies outside the picture at all."""
    return any(v > 0 and _outside(x, y, size, 0.0) for x, y, v in triplets(values))


def check_box(box: Any, size: Size | None, rules: Rules) -> Iterator[Problem]:
    """Faults of a box x1, y1, x2, y2."""
    bad = list(_bad_numbers("bounding_box", box, count=4))
    yield from bad
    if bad:
        return
    x1, y1, x2, y2 = box
    if x2 <= x1 or y2 <= y1:
        yield Problem("box-without-area", f"x1, y1, x2, y2 are {show(box)}")
    elif size and _box_outside(box, size, rules.far_share):
        yield Problem("box-outside", f"{show(box)} in a picture of {size[0]}x{size[1]}")


def _box_outside(box: list[float], size: Size, share: float) -> bool:
    """Whether the box misses the picture, or one of its sides lies far outside."""
    x1, y1, x2, y2 = box
    misses = x2 <= 0 or y2 <= 0 or x1 >= size[0] or y1 >= size[1]
    return misses or _outside(x1, y1, size, share) or _outside(x2 - 1, y2 - 1, size, share)


def check_polygons(polygons: Any, size: Size | None, rules: Rules) -> Iterator[Problem]:
    """Faults of a garment's polygons, lists of x, y."""
    if not isinstance(polygons, list):
        yield Problem("wrong-type", f"segmentation is {show(polygons)}")
    elif not polygons:
        yield Problem("no-polygon", "segmentation is []")
    else:
        for number, polygon in enumerate(polygons, start=1):
            yield from _check_polygon(f"polygon {number}", polygon, size, rules)


def _check_polygon(name: str, polygon: Any, size: Size | None, rules: Rules) -> Iterator[Problem]:
    bad = list(_bad_numbers(name, polygon))
    yield from bad
    if bad:
        return
    if len(polygon) % 2:
        yield Problem("odd-polygon", f"{name} has {len(polygon)} numbers")
    elif len(polygon) < 6:
        yield Problem("short-polygon", f"{name} has {len(polygon) // 2} points")
    elif size:
        for x, y in zip(polygon[0::2], polygon[1::2], strict=True):
            if _outside(x, y, size, rules.far_share):
                yield Problem("far-outside", f"{name} at {show([x, y])} of a picture of {size[0]}x{size[1]}")


def _bad_numbers(name: str, values: Any, count: int | None = None) -> Iterator[Problem]:
    if not isinstance(values, list):
        yield Problem("wrong-type", f"{name} is {show(values)}")
        return
    if count is not None and len(values) != count:
        yield Problem("wrong-type", f"{name} has {len(values)} numbers, not {count}")
    for value in values:
        if type(value) is int:
            continue
        if type(value) is not float:
            yield Problem("wrong-type", f"{name} holds {show(value)}")
        elif math.isnan(value):
            yield Problem("nan", f"{name} holds NaN")
        elif math.isinf(value):
            yield Problem("infinite", f"{name} holds {value}")


def known(
    values: dict[str, Any], tests: dict[str, Callable[[Any], bool]]
) -> tuple[dict[str, Any], list[Problem]]:
    """Those of `values` that pass their test, and a note for each other one; what is absent or null is neither."""
    present = {key: values[key] for key in tests if values.get(key) is not None}
    known = {key: value for key, value in present.items() if tests[key](value)}
    unknown = [key for key in present if key not in known]
    return known, [Problem("bad-attribute", f"{key} is {show(present[key])}") for key in unknown]


def show(value: Any) -> str:
    """A short text of a value of the file, the same on every run."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
