"""Windows of pictures brought to a network's input."""

from typing import NamedTuple

import cv2
import numpy as np

from hemline.oneshot.placing import Fit


class Window(NamedTuple):
    """A rectangle of a picture, in whole pixels; it may reach over the picture's edges."""

    left: int
    top: int
    width: int
    height: int


def fit(picture: np.ndarray, size: tuple[int, int], scale: float = 1.0) -> tuple[np.ndarray, Fit]:
    """A picture (H, W, 3), its shape kept, in the middle of an input `size` (width, height), of which it fills `scale`.

    Returns the input (height, width, 3), black around the picture, and where the picture lies in it. CenterNet's
    `fix_res`: an input is the square about a picture's middle with its longer side.
    """
    height, width = picture.shape[:2]
    return cut(picture, window(picture, size, scale, (width / 2, height / 2)), size)


def window(picture: np.ndarray, size: tuple[int, int], scale: float, centre: tuple[float, float]) -> Window:
    """The window about `centre` (x, y; pixels) that an input `size` shows: a picture fitted into it fills `scale`.

    It has the input's shape to half a pixel; so has the fit.
    """
    height, width = picture.shape[:2]
    ratio = scale * min(size[0] / width, size[1] / height)
    sides = [max(1, round(side / ratio)) for side in size]
    left, top = (round(middle - side / 2) for middle, side in zip(centre, sides, strict=True))
    return Window(left, top, *sides)


def cut(picture: np.ndarray, window: Window, size: tuple[int, int]) -> tuple[np.ndarray, Fit]:
    """A window of a picture (H, W, 3) that it meets, brought to `size` (width, height); black beyond the picture.

    Areas are averaged where it shrinks: prints would alias. Both ends of a side fall on those of the input's, so that
    the fit is exact.
    """
    pixels = _padded(picture, window)
    scale_x, scale_y = size[0] / window.width, size[1] / window.height
    smooth = cv2.INTER_AREA if scale_x <= 1 and scale_y <= 1 else cv2.INTER_LINEAR
    fitted = Fit(scale_x, scale_y, -window.left * scale_x, -window.top * scale_y)
    return cv2.resize(pixels, size, interpolation=smooth), fitted


def _padded(picture: np.ndarray, window: Window) -> np.ndarray:
    height, width = picture.shape[:2]
    right, bottom = window.left + window.width, window.top + window.height
    inside = picture[max(window.top, 0) : max(bottom, 0), max(window.left, 0) : max(right, 0)]
    above, before = max(-window.top, 0), max(-window.left, 0)
    below, behind = max(bottom - height, 0), max(right - width, 0)
    return cv2.copyMakeBorder(inside, above, below, before, behind, cv2.BORDER_CONSTANT)
