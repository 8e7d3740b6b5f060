"""What a row of a table costs from end to end: milliseconds a picture."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hemline.progress import progress

Find = Callable[[np.ndarray], object]


@dataclass(frozen=True)
class Speed:
    """Milliseconds a picture: the median over the pictures, and the quartiles."""

    milliseconds: float
    low: float
    high: float


@dataclass(frozen=True)
class Stopwatch:
    """Milliseconds that a call takes, what a GPU still has to do of it included."""

    clock: Callable[[], float] = field(default=time.perf_counter)

    def __call__(self, find: Find, picture: np.ndarray) -> float:
        from hemline.inference.timing import finish  # torch and mmpose: who only reads speeds is spared them

        finish()
        started = self.clock()
        find(picture)
        finish()
        return 1000 * (self.clock() - started)


def measure(
    rows: Mapping[str, Find], pictures: Sequence[np.ndarray], stopwatch: Stopwatch | None = None
) -> dict[str, Speed]:
    """How long each row takes for a picture, (height, width, 3) uint8 BGR; all of them see the same pictures.

    The rows take turns, picture by picture, so that a busy machine holds all of them up alike; each round begins with
    another row, so that none always follows the same one. One round more, on the first picture, warms up. A row must
    have done all its work when it returns: not return a generator.
    """
    stopwatch = stopwatch or Stopwatch()
    names = list(rows)
    for name in names:
        rows[name](pictures[0])
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn, picture in enumerate(progress(pictures, "speed", unit="pictures")):
        start = turn % len(names) if names else 0
        for name in (*names[start:], *names[:start]):
            found[name].append(stopwatch(rows[name], picture))
    return {name: _speed(values) for name, values in found.items()}


def _speed(values: Sequence[float]) -> Speed:
    low, middle, high = np.percentile(values, (25, 50, 75)).tolist()
    return Speed(milliseconds=middle, low=low, high=high)
