"""Where a picture lies in a network's input, and the way back."""

from typing import NamedTuple

import numpy as np


class Fit(NamedTuple):
    """Where a picture lies in an input: input = picture * scale + (left, top), pixels.

    Of both the origin is the top-left corner of the top-left pixel.
    """

    scale_x: float
    scale_y: float
    left: float
    top: float

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) x, y of the picture as points of the input, (..., 2)."""
        return points * self[:2] + self[2:]

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) x, y of the input as points of the picture, (..., 2)."""
        return (points - self[2:]) / self[:2]
