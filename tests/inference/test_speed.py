"""Rows take turns; medians and quartiles are theirs. The clock is the test's."""

from dataclasses import astuple
from functools import partial

import numpy as np
import pytest

from hemline.inference.speed import Stopwatch, measure

PICTURES = [np.full((4, 4, 3), number, np.uint8) for number in range(5)]


class Bench:
    """Rows that take as many seconds as they say, by a clock that stands still but for them."""

    def __init__(self):
        self.now, self.seen = 0.0, []

    def row(self, name, seconds):
        return partial(self.run, name, seconds)

    def run(self, name, seconds, picture):
        self.seen.append((name, int(picture[0, 0, 0])))
        self.now += seconds(int(picture[0, 0, 0]))

    def measure(self, rows, pictures=PICTURES):
        return measure(rows, pictures, Stopwatch(lambda: self.now))


def test_medians_and_quartiles_are_of_the_row():
    bench = Bench()
    rows = {
        "slow": bench.row("slow", lambda number: 1.0 + number),
        "fast": bench.row("fast", lambda _: 0.004),
    }
    found = bench.measure(rows)
    assert astuple(found["slow"]) == pytest.approx((3000, 2000, 4000))  # milliseconds, low, high
    assert astuple(found["fast"]) == pytest.approx((4, 4, 4))


def test_rows_take_turns_on_the_same_pictures():
    bench = Bench()
    bench.measure({name: bench.row(name, lambda _: 1.0) for name in "abc"})
    assert bench.seen[:3] == [("a", 0), ("b", 0), ("c", 0)]  # warm up
    rounds = [bench.seen[start : start + 3] for start in range(3, 18, 3)]
    assert [[name for name, _ in one] for one in rounds] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
        ["b", "c", "a"],
    ]
    assert [{number for _, number in one} for one in rounds] == [{0}, {1}, {2}, {3}, {4}]


def test_what_warms_up_does_not_count():
    bench = Bench()
    first = iter([100.0])
    found = bench.measure({"one": bench.row("one", lambda _: next(first, 1.0))}, PICTURES[:2])
    assert found["one"].high == pytest.approx(1000) and len(bench.seen) == 3


def test_no_rows_no_speeds():
    assert measure({}, PICTURES) == {}
