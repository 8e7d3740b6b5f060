"""FLD's garment, one a picture, from its own lists or from mmpose's files."""

from collections.abc import Iterator
from typing import Any

from hemline.datasets.checks import (
    check_box,
    check_landmarks,
    known,
    one_a_reason,
    slightly_outside,
    triplets,
)
from hemline.datasets.splits import Garment, Inspection, Problem, Rules
from hemline.wardrobe import Category

# Each picture has one garment, so that a bad one spoils its picture: it would be a picture without garments.
KEY = "item1"

# 1 normal pose, 2 medium pose, 3 large pose, 4 medium zoom-in, 5 large zoom-in.
VARIATION = "variation_type"
_VARIATIONS = range(1, 6)


def add_garment(
    found: Inspection,
    category: Category,
    landmarks: Any,
    box: Any,
    attributes: dict[str, Any],
    rules: Rules,
) -> None:
    """Check a garment and add it to `found`, or what is wrong with it.

    `landmarks` are x, y, v, flat, with COCO's v; `box` is x1, y1, x2, y2.
    """
    landmarks = _without_cut_off(found, landmarks)
    problems = one_a_reason(_problems(found, category, landmarks, box, rules))
    if problems:
        found.problems += [(None, problem) for problem in problems]
        return
    if found.size and slightly_outside(landmarks, found.size):
        found.note("landmark-outside", "a picture of {}x{}".format(*found.size))
    attributes, notes = known(
        attributes, {VARIATION: lambda value: type(value) is int and value in _VARIATIONS}
    )
    found.notes += [(None, note) for note in notes]
    found.garments.append(Garment(KEY, category.id, box, landmarks, [], attributes))


def _problems(
    found: Inspection, category: Category, landmarks: Any, box: Any, rules: Rules
) -> Iterator[Problem]:
    yield from check_landmarks(landmarks, category, found.size, rules)
    yield from check_box(box, found.size, rules)


def _without_cut_off(found: Inspection, landmarks: Any) -> Any:
    """Landmarks that are cut off (v = 0) at 0, 0, with a note when they had coordinates."""
    if not isinstance(landmarks, list) or len(landmarks) % 3:
        return landmarks
    if any(v == 0 and (x or y) for x, y, v in triplets(landmarks)):
        found.note("cut-off-with-coordinates", found.entry.image)
    return [value for x, y, v in triplets(landmarks) for value in ((x, y, v) if v != 0 else (0, 0, 0))]
