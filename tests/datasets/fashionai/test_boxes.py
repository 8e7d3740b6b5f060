"""The box around landmarks."""

import numpy as np
import pytest

from hemline.datasets.fashionai.boxes import around


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[100, 200], [130, 260], [90, 230]], (65, 175, 155, 285)),  # 25 px on each side
        ([[10, 5], [380, 480]], (0, 0, 400, 500)),  # clipped to the picture
        ([[200.5, 30.25]], (175.5, 5.25, 225.5, 55.25)),  # a single point has room around it
        ([[-300, 100], [-90, 120]], (0, 75, 25, 145)),  # nothing of it in the picture: at its edge
        ([[500, 700]], (375, 475, 400, 500)),
    ],
)
def test_the_extent_and_its_border(points, expected):
    assert around(np.array(points, dtype=np.float64), (400, 500)) == expected


def test_it_is_in_the_picture_and_never_empty():
    generator = np.random.default_rng(0)
    for _ in range(200):
        width, height = generator.integers(1, 300, 2).tolist()
        x1, y1, x2, y2 = around(generator.normal(100, 300, (generator.integers(1, 8), 2)), (width, height))
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
