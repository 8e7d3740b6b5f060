"""A grouping in plain values, as mmengine's configs and a model folder's settings.json have it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hemline.wardrobe import Grouping, Wardrobe


def to_plain(grouping: Grouping) -> dict[str, Any]:
    """`wardrobe`, its name, and `grouping`: its name and `group_of`, each landmark's channel from 0."""
    plain = {"name": grouping.name, "group_of": grouping.group_of.tolist()}
    return {"wardrobe": grouping.wardrobe.name, "grouping": plain}


def from_plain(wardrobe: Wardrobe, plain: Mapping[str, Any]) -> Grouping:
    """The grouping of `name` and `group_of`; HemlineError when it doesn't fit the wardrobe."""
    return Grouping(wardrobe, plain["name"], np.asarray(plain["group_of"], dtype=np.int64))
