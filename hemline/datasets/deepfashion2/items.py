"""DeepFashion2's annotation of one garment: its keys checked, its known values taken."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from hemline.datasets.checks import (
    check_box,
    check_landmarks,
    check_polygons,
    known,
    one_a_reason,
    show,
)
from hemline.datasets.splits import LONGEST_ID, Problem, Rules, Size
from hemline.errors import HemlineError
from hemline.wardrobe import Category, Wardrobe

REQUIRED = ("category_id", "category_name", "bounding_box", "landmarks", "segmentation")

# DeepFashion2 README, "Data Description". `style` 0 means that no other picture shows the garment.
ATTRIBUTES = ("scale", "occlusion", "zoom_in", "viewpoint")
LEVELS = (1, 2, 3)

_ITEM = re.compile(r"item(\d+)")


def items(annotation: dict[str, Any]) -> list[tuple[str, Any]]:
    """The garments as (key, item) by item number: the files' own key order is arbitrary.

    Keys that begin with "item" but have no number come last; "item1" comes before its double "item01".
    """
    keys = [key for key in annotation if key.startswith("item")]
    return [(key, annotation[key]) for key in sorted(keys, key=_item_order)]


def item_number(key: str) -> int | None:
    """`"item12"` -> 12; None for another key."""
    match = _ITEM.fullmatch(key)
    return int(match.group(1)) if match and key.isascii() and len(key) <= LONGEST_ID else None


def _item_order(key: str) -> tuple[int, int, str]:
    number = item_number(key)
    return (10**LONGEST_ID if number is None else number, len(key), key)


def check_item(key: str, item: Any, wardrobe: Wardrobe, size: Size | None, rules: Rules) -> list[Problem]:
    """Every fault of one garment, one a reason, in a fixed order. `size` is width, height; None: unknown."""
    if item_number(key) is None:
        return [Problem("bad-item-key", f"{show(key)}: expected item1, item2, ...")]
    if not isinstance(item, dict):
        return [Problem("wrong-type", f"an object is expected, not {show(item)}")]
    return one_a_reason(_problems(item, wardrobe, size, rules))


def _problems(item: dict[str, Any], wardrobe: Wardrobe, size: Size | None, rules: Rules) -> Iterator[Problem]:
    missing = [key for key in REQUIRED if key not in item]
    if missing:
        yield Problem("missing-key", f"no {', '.join(missing)}")
    yield from _check_category(item, wardrobe)
    if "landmarks" in item:
        yield from check_landmarks(item["landmarks"], category_of(item, wardrobe), size, rules)
    if "bounding_box" in item:
        yield from check_box(item["bounding_box"], size, rules)
    if "segmentation" in item:
        yield from check_polygons(item["segmentation"], size, rules)


def _check_category(item: dict[str, Any], wardrobe: Wardrobe) -> Iterator[Problem]:
    number, name = item.get("category_id"), item.get("category_name")
    if "category_name" in item and not isinstance(name, str):
        yield Problem("wrong-type", f"category_name is {show(name)}")
    if "category_id" not in item:
        return
    if type(number) is not int:
        yield Problem("wrong-type", f"category_id is {show(number)}")
    elif (expected := category_of(item, wardrobe)) is None:
        yield Problem("unknown-category", f"category_id is {show(number)}")
    elif isinstance(name, str) and not _names(name, expected, wardrobe):
        yield Problem("category-contradiction", f"id {number} is {expected.name}, not {show(name)}")


def _names(name: str, expected: Category, wardrobe: Wardrobe) -> bool:
    try:
        return wardrobe.category(name) == expected
    except HemlineError:
        return False


def category_of(item: dict[str, Any], wardrobe: Wardrobe) -> Category | None:
    """The item's category by its id, None when there is none of that id."""
    number = item.get("category_id")
    if type(number) is not int or not 1 <= number <= len(wardrobe.categories):
        return None
    return wardrobe.category(number)


def picture_attributes(annotation: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The known values of `source` and `pair_id`, and a note for each unusable one."""
    return known(
        annotation,
        {"source": lambda value: value in ("shop", "user"), "pair_id": lambda value: type(value) is int},
    )


def item_attributes(item: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The known values of style, scale, occlusion, zoom_in, viewpoint, and a note for each unusable one."""
    tests: dict[str, Callable[[Any], bool]] = dict.fromkeys(
        ATTRIBUTES, lambda value: type(value) is int and value in LEVELS
    )
    return known(item, {"style": lambda value: type(value) is int and value >= 0, **tests})
