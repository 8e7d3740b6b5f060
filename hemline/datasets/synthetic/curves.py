"""Curves that outlines are made of. Points are arrays (n, 2), x before y."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.floating]

STEPS = 7  # points per stretch of a spline: smooth at any zoom that a picture of a thousand pixels shows


def points(*pairs: ArrayLike) -> Points:
    """(n, 2) array of the given x, y pairs."""
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def spline(knots: ArrayLike) -> Points:
    """A Catmull-Rom curve through all `knots` (n, 2), with mirrored ends."""
    k = np.asarray(knots, dtype=np.float64)
    if len(k) < 3:
        return k
    k = np.vstack([2 * k[0] - k[1], k, 2 * k[-1] - k[-2]])
    p0, p1, p2, p3 = k[:-3, None], k[1:-2, None], k[2:-1, None], k[3:, None]
    t = np.linspace(0.0, 1.0, STEPS, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * (p1 - p2) + p3 - p0) * t**3
    )
    return np.vstack([curve.reshape(-1, 2), k[-2]])


def join(*stretches: ArrayLike) -> Points:
    """One closed outline of several stretches (n, 2); corners stay where stretches meet."""
    return np.vstack([np.asarray(s, dtype=np.float64).reshape(-1, 2) for s in stretches])


def mirror(curve: ArrayLike) -> Points:
    """The other side: x changes its sign."""
    return np.asarray(curve, dtype=np.float64) * (-1.0, 1.0)


def shift(curve: ArrayLike, right: float, down: float) -> Points:
    """Points moved."""
    return np.add(curve, (right, down))


def ellipse(
    centre: ArrayLike, radii: ArrayLike, start: float = 0.0, stop: float = 360.0, count: int = 28
) -> Points:
    """Points of an ellipse from `start` to `stop` degrees, clockwise on the screen from the right."""
    angle = np.radians(np.linspace(start, stop, count))
    return np.asarray(centre) + np.stack([np.cos(angle), np.sin(angle)], axis=-1) * np.asarray(radii)


def ramp(value: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((np.asarray(value, dtype=np.float64) - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
