"""The sizes of pictures in a COCO-style file, for what reads submissions back."""

import math
from collections.abc import Mapping
from typing import Any

from hemline.errors import HemlineError

Size = tuple[float, float]


def size_of(entry: Mapping[str, Any], where: str) -> Size | None:
    """A picture's width and height, None where `entry` doesn't say; HemlineError unless they are numbers over 0."""
    if not {"width", "height"} <= entry.keys():
        return None
    for key in ("width", "height"):
        value = entry[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise HemlineError(f"{where}: {key} is {value!r:.60}; it must be a number of pixels")
    return entry["width"], entry["height"]
