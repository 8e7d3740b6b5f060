"""Garments drawn as outlines, each landmark as a dot: the larger and darker, the farther off."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from hemline.drawing import outline
from hemline.reporting.errors import CategoryErrors
from hemline.reporting.svg import dot, figure, line, text, titled

WIDTH, TALLEST, MARGIN = 340, 350, 26  # user units; the labels stand in the margin
# From these errors on a dot has the next class: shares of the box's side, doubling.
LIMITS = (0.01, 0.02, 0.04, 0.08)
RADII = (2.4, 3.2, 4.2, 5.4, 6.8)
DIGIT, LINE = 6.0, 9.0  # a number's width a digit, and its height
GAPS = (1.5, 6.0, 13.0, 22.0)  # between a dot and its number


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
    pairs = [pair for way in outline(errors.category.id) for pair in pairwise(way) if known[list(pair)].all()]
    parts = [_line(points[a], points[b], "outline") for a, b in pairs]
    shown = np.flatnonzero(known & ~np.isnan(errors.errors))
    radii = {int(number): RADII[level(errors.errors[number])] for number in shown}
    for number, place in _places(points, pairs, radii):
        parts += _label(number, points[number], place, radii[number])
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


def _places(
    points: np.ndarray, pairs: Sequence[tuple[int, int]], radii: dict[int, float]
) -> Iterator[tuple[int, np.ndarray]]:
    """The middle of each landmark's number: near its dot, outward, on no dot and no number, on no line if it can be."""
    middle = np.nanmean(points, axis=0)
    steps = np.linspace(0, 1, 12)[:, None]
    lines = np.concatenate([points[a] + (points[b] - points[a]) * steps for a, b in pairs] or [points[:0]])
    on_lines = np.hstack([lines, lines])  # left, top, right, bottom
    taken = np.array(
        [[*(points[number] - radius), *(points[number] + radius)] for number, radius in radii.items()]
    )
    for number, radius in radii.items():
        half = np.array([DIGIT * len(str(number + 1)) + 2, LINE]) / 2
        tried = []
        for far, gap in enumerate(GAPS):
            for turn, way in enumerate(_ways(points[number] - middle)):
                place = points[number] + way * (radius + gap + np.abs(way) @ half)
                cost = 8 * _covered(place, half, taken) + _covered(place, half, on_lines).clip(max=2)
                tried.append((float(cost + far + 0.1 * turn), place))
        place = np.round(min(tried, key=lambda one: one[0])[1], 1)
        taken = np.vstack([taken, [*(place - half), *(place + half)]])
        yield number, place


def _ways(outward: np.ndarray) -> list[np.ndarray]:
    """Sixteen directions, the nearest to `outward` first."""
    turns = sorted(range(-7, 9), key=abs)
    angles = np.arctan2(outward[1], outward[0]) + np.pi / 8 * np.array(turns)
    return [np.array([np.cos(angle), np.sin(angle)]) for angle in angles]


def _covered(place: np.ndarray, half: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """How many of the rectangles (n, 4) one touches."""
    apart = (place - half >= taken[:, 2:]) | (taken[:, :2] >= place + half)
    return (~apart.any(axis=1)).sum()


def _label(number: int, point: np.ndarray, place: np.ndarray, radius: float) -> list[str]:
    """The number, and a thin line to its dot where it stands far off."""
    words = text(float(place[0]), round(float(place[1]) + 3.5, 1), str(number + 1), "middle", "number")
    near = np.linalg.norm(place - point) <= radius + GAPS[1] + LINE
    return [words] if near else [_line(point, place, "leader"), words]
