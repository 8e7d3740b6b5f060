"""Garments drawn as outlines, each landmark as a dot: the larger and darker, the farther off."""

from itertools import pairwise

import numpy as np

from hemline.drawing import outline
from hemline.reporting.errors import CategoryErrors
from hemline.reporting.labels import label, places
from hemline.reporting.svg import dot, figure, line, text, titled

WIDTH, TALLEST, MARGIN = 340, 350, 26  # user units; the labels stand in the margin
# From these errors on a dot has the next class: shares of the box's side, doubling.
LIMITS = (0.01, 0.02, 0.04, 0.08)
RADII = (2.4, 3.2, 4.2, 5.4, 6.8)


def level(error: float) -> int:
    """Which of the five classes an error has, 0 the smallest."""
    return sum(error >= limit for limit in LIMITS)


def scale_figure() -> str:
    """The classes' dots with their meaning."""
    ends = [f"{100 * limit:g}" for limit in LIMITS]
    names = [f"under {ends[0]} %", *(f"{a} – {b} %" for a, b in pairwise(ends)), f"{ends[-1]} % or more"]
    parts, x = [], 8.0
    for step, (name, radius) in enumerate(zip(names, RADII, strict=True)):
        parts += [dot(x + 4, 10, f"error e{step}", radius), text(x + 14, 14, name, kind="tick")]
        x += 24 + 6.2 * len(name)
    return figure(parts, 20, "Dots by the median error, a share of the box's side", width=420)


def outline_figure(errors: CategoryErrors) -> str:
    """One category's mean garment with its landmarks' numbers and errors."""
    points, height = _placed(errors)
    known = ~np.isnan(points).any(axis=1)
    pairs = [pair for way in outline(errors.category) for pair in pairwise(way) if known[list(pair)].all()]
    parts = [_line(points[a], points[b], "outline") for a, b in pairs]
    shown = np.flatnonzero(known & ~np.isnan(errors.errors))
    radii = {int(number): RADII[level(errors.errors[number])] for number in shown}
    lines = [(points[a], points[b]) for a, b in pairs]
    names = {number: str(number + 1) for number in radii}
    for number, place in places(points, lines, radii, names):
        parts += label(names[number], points[number], place, radii[number])
    parts += [_dot(errors, number, points[number], radius) for number, radius in radii.items()]
    return figure(parts, height, f"Median error of each landmark of {errors.category.name}", width=WIDTH)


def _placed(errors: CategoryErrors) -> tuple[np.ndarray, int]:
    """The landmarks in user units, and the drawing's height."""
    height = min(TALLEST - 2 * MARGIN, (WIDTH - 2 * MARGIN) / errors.aspect)
    size = np.array([height * errors.aspect, height])
    corner = np.array([(WIDTH - size[0]) / 2, MARGIN])
    return np.round(corner + errors.shape * size, 1), round(height + 2 * MARGIN)


def _line(start: np.ndarray, end: np.ndarray, kind: str) -> str:
    return line(float(start[0]), float(start[1]), float(end[0]), float(end[1]), kind)


def _dot(errors: CategoryErrors, number: int, point: np.ndarray, radius: float) -> str:
    error, name = errors.errors[number], errors.category.landmarks[number].name
    drawn = dot(float(point[0]), float(point[1]), f"error e{level(error)}", radius)
    return titled(f"{number + 1} {name}: {100 * error:.1f} %", drawn)
