"""The picture being painted, with a mask that knows which object each pixel shows."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemline.datasets.synthetic.curves import Points

Colour = Sequence[float] | NDArray[np.floating]  # BGR, 0 to 255
# left, top, coverage (height, width) -> colours (height, width, 3)
Paint = Callable[[int, int, NDArray[np.uint8]], NDArray[np.floating]]
SHIFT = 4  # fraction bits of OpenCV's drawing coordinates


def fixed(curve: Points) -> NDArray[np.int32]:
    """Points (n, 2) in pixels as OpenCV wants them with SHIFT."""
    return np.rint(np.minimum(np.maximum(curve, -4000), 8000) * (1 << SHIFT)).astype(np.int32)


class Canvas:
    """`image` (h, w, 3) uint8 BGR; `ids` (h, w) uint8: the number of the object that a pixel shows."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.image = image
        self.ids = np.zeros(image.shape[:2], dtype=np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]

    def cover(self, outline: Points) -> tuple[int, int, NDArray[np.uint8]] | None:
        """Left, top and coverage (h, w) 0..255 of a closed outline inside the frame; None when it is outside."""
        width, height = self.size
        left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
        right, bottom = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 2, (width, height))
        if right <= left or bottom <= top:
            return None
        mask = np.zeros((bottom - top, right - left), dtype=np.uint8)
        cv2.fillPoly(mask, [fixed(outline - (left, top))], 255, cv2.LINE_AA, SHIFT)
        return int(left), int(top), mask

    def fill(self, outline: Points, paint: Paint | Colour, number: int = 0) -> None:
        """Paint a closed outline with a colour or with what `paint` returns; `number` is what it shows."""
        if not callable(paint):
            corners = [fixed(outline)]
            cv2.fillPoly(self.image, corners, [float(c) for c in paint], cv2.LINE_AA, SHIFT)
            cv2.fillPoly(self.ids, corners, number, cv2.LINE_8, SHIFT)
            return
        covered = self.cover(outline)
        if covered is not None:
            self._blend(*covered, paint, number)

    def _blend(self, left: int, top: int, mask: NDArray[np.uint8], paint: Paint, number: int) -> None:
        height, width = mask.shape
        spot = (slice(top, top + height), slice(left, left + width))
        below = self.image[spot].astype(np.float32)
        colour = paint(left, top, mask).astype(np.float32, copy=False)
        colour -= below
        colour *= (mask * np.float32(1 / 255))[..., None]
        below += colour
        cv2.convertScaleAbs(np.maximum(below, 0.0, out=below), self.image[spot])
        self.ids[spot][mask > 127] = number

    def line(self, curve: Points, colour: Colour, width: float, number: int | None = None) -> None:
        """Draw an open curve over whatever is there; what pixels show changes only when `number` is given."""
        thickness = max(1, round(width))
        _stroke(self.image, curve, colour, thickness)
        if number is not None:
            cv2.polylines(self.ids, [fixed(curve)], False, number, thickness, cv2.LINE_8, SHIFT)

    def seam(self, curve: Points, colour: Colour, width: float, number: int) -> None:
        """Draw an open curve only where the canvas shows `number`."""
        thickness = max(1, round(width))
        low = np.maximum(np.floor(curve.min(axis=0)).astype(int) - thickness - 1, 0)
        high = np.minimum(np.ceil(curve.max(axis=0)).astype(int) + thickness + 2, self.size)
        if (high <= low).any():
            return
        spot = (slice(low[1], high[1]), slice(low[0], high[0]))
        drawn = self.image[spot].copy()
        _stroke(drawn, curve - low, colour, thickness)
        cv2.copyTo(drawn, (self.ids[spot] == number).view(np.uint8), self.image[spot])

    def shows(self, place: ArrayLike, numbers: set[int], radius: int = 2) -> bool:
        """Whether any pixel within `radius` of `place` shows one of `numbers`."""
        x, y = np.round(np.asarray(place)).astype(int)
        near = self.ids[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        return not numbers.isdisjoint(near.ravel().tolist())


def _stroke(image: NDArray[np.uint8], curve: Points, colour: Colour, thickness: int) -> None:
    cv2.polylines(image, [fixed(curve)], False, [float(c) for c in colour], thickness, cv2.LINE_AA, SHIFT)
