"""Short names beside dots: near them, on no other dot or name, on no line if it can be."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hemline.reporting.svg import line, text

DIGIT, LINE = 6.0, 9.0  # a name's width a character, and its height, user units
GAPS = (1.5, 6.0, 13.0, 22.0)  # between a dot and its name


def places(
    points: np.ndarray,
    lines: Sequence[tuple[np.ndarray, np.ndarray]],
    radii: Mapping[int, float],
    names: Mapping[int, str],
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield for each dot its number and the middle of its name, (2,): outward of all dots' middle, if it can be.

    `points` (n, 2) are the dots' middles, NaN for those that are not drawn; `lines` have their two ends; `radii` and
    `names` are those of the dots that get a name. User units.
    """
    middle = np.nanmean(points, axis=0)
    steps = np.linspace(0, 1, 12)[:, None]
    along = np.concatenate([start + (stop - start) * steps for start, stop in lines] or [points[:0]])
    on_lines = np.hstack([along, along])  # left, top, right, bottom
    taken = np.array(
        [[*(points[number] - radius), *(points[number] + radius)] for number, radius in radii.items()]
    )
    for number, radius in radii.items():
        half = np.array([DIGIT * len(names[number]) + 2, LINE]) / 2
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


def label(name: str, point: np.ndarray, place: np.ndarray, radius: float) -> list[str]:
    """The name, and a thin line to its dot where it stands far off."""
    words = text(float(place[0]), round(float(place[1]) + 3.5, 1), name, "middle", "number")
    near = np.linalg.norm(place - point) <= radius + GAPS[1] + LINE
    leader = line(float(point[0]), float(point[1]), float(place[0]), float(place[1]), "leader")
    return [words] if near else [leader, words]
