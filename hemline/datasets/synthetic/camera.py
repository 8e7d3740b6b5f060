"""From heads on the body to pixels in the picture: how the body turns and leans, how the camera looks at it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hemline.datasets.synthetic.curves import Points, ramp

DEPTH = 0.40  # heads from the body's middle plane to its front
RIPPLE = 0.022  # heads: no outline is a ruler's


@dataclass(frozen=True)
class Camera:
    """`unit`: pixels of a head; `aim`: the point in heads that `centre` in pixels shows; angles in radians.

    `turn` is the body's turn about the vertical, `lean` its slope, `sway` a bow to the side in heads, `tilt`
    the growth of scale per head downward, `ripple` phases of the cloth's small bends; `back`: seen from
    behind, so that the wearer's sides swap, as in the data set's back views.
    """

    unit: float
    aim: tuple[float, float]
    centre: tuple[float, float]
    roll: float = 0.0
    turn: float = 0.0
    lean: float = 0.0
    sway: float = 0.0
    tilt: float = 0.0
    back: bool = False
    ripple: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)

    def warp(self, curve: ArrayLike, faces: int = 0) -> Points:
        """Points (n, 2) in heads, moved as the body turns and leans; `faces` +1 front, -1 back, 0 neither."""
        p = np.array(curve, dtype=np.float64).reshape(-1, 2)
        x, y = p[:, 0].copy(), p[:, 1]
        if faces:
            reach = np.maximum(0.85, 0.3 * y)
            bulge = np.maximum(0.0, 1.0 - (x / reach) ** 2) * ramp(y, 0.0, 0.7)
            x = x + faces * DEPTH * np.tan(self.turn) * bulge
        x = (
            x * np.cos(self.turn)
            + self.lean * (y - 2.0)
            + self.sway * np.sin(np.pi * np.clip(y / 5.5, -0.2, 1.2))
        )
        a, b, c, d = self.ripple
        x, y = (
            x + RIPPLE * (np.sin(2.9 * y + 1.3 * x + a) + 0.5 * np.sin(6.1 * y + b)),
            y + RIPPLE * (np.sin(3.3 * x + 0.9 * y + c) + 0.5 * np.sin(5.3 * x + d)),
        )
        return np.stack([-x if self.back else x, y], axis=-1)

    def __call__(self, curve: ArrayLike, faces: int = 0) -> Points:
        """Points (n, 2) in pixels of points in heads."""
        p = self.warp(curve, faces) - self.aim
        p *= self.unit * (1.0 + self.tilt * p[:, 1:])
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        return p @ np.array([[cos, sin], [-sin, cos]]) + self.centre
