"""How far off landmarks are: worked out by hand on few garments."""

import re

import numpy as np
import pytest

from hemline.inference.garments import Garment
from hemline.reporting.errors import category_errors
from hemline.reporting.labels import GAPS
from hemline.reporting.outlines import RADII, level, outline_figure, scale_figure
from hemline.reporting.pictures import Sample
from hemline.reporting.story import overall_worst, worst_landmarks
from tests.reporting.conftest import DEEPFASHION2

SKIRT = DEEPFASHION2.category(
    "skirt"
)  # left waistband, its centre, right; left side; left hem corner, centre, right; right side
FRONT = [(0, 0), (0.5, 0), (1, 0), (0, 0.5), (0, 1), (0.5, 1), (1, 1), (1, 0.5)]


def skirt(points=FRONT, visibility=2.0, shift=(0.0, 0.0), image_id=1) -> Garment:
    """In a box of 40 x 90 at (10, 20), whose area's square root is 60."""
    places = np.array(points) * [40, 90] + [10, 20] + np.array(shift)
    landmarks = np.column_stack([places, np.broadcast_to(visibility, 8)])
    return Garment(image_id, SKIRT.id, (10, 20, 40, 90), 1.0, landmarks, 1.0, DEEPFASHION2)


def test_errors_are_medians_over_the_side_of_the_box():
    shifts = [(3, 4), (0, 12), (60, 0)]  # 5, 12 and 60 pixels
    (found,) = category_errors([Sample(skirt(), skirt(shift=shift), 0.5) for shift in shifts])
    assert found.category is SKIRT and found.garments == 3 and found.aspect == pytest.approx(40 / 90)
    assert found.errors == pytest.approx([12 / 60] * 8)
    assert found.shape == pytest.approx(np.array(FRONT))


def test_only_labelled_landmarks_and_found_garments_count():
    """The first landmark is labelled in one garment alone, the second in none; a lost garment has its shape still."""
    visibility = [np.array([2, 0, *[1] * 6]), np.array([0, 0, *[2] * 6])]
    samples = [
        Sample(skirt(visibility=one), skirt(shift=(6 * n, 0)), 0.5) for n, one in enumerate(visibility, 1)
    ]
    (found,) = category_errors([*samples, Sample(skirt(visibility=visibility[1]), None, 0.0)])
    assert found.garments == 2
    assert found.errors[0] == pytest.approx(0.1) and np.isnan(found.errors[1])
    assert found.errors[2:] == pytest.approx([0.15] * 6)
    assert np.isnan(found.shape[1]).all() and found.shape[0] == pytest.approx([0, 0])
    (none,) = category_errors([Sample(skirt(), None, 0.0)])
    assert none.garments == 0 and np.isnan(none.errors).all()
    assert worst_landmarks(none) == "skirt, 0 garments: none predicted."


def test_a_garment_from_behind_is_turned_before_the_mean_is_taken():
    behind = [(1 - x, y) for x, y in FRONT]
    (found,) = category_errors([Sample(skirt(), None, 0), Sample(skirt(behind), None, 0)])
    assert found.shape == pytest.approx(np.array(FRONT))


def test_the_worst_are_named():
    off = skirt().landmarks.copy()
    for number, pixels in ((3, 30), (5, 6), (7, 12)):
        off[number, 0] += pixels
    predicted = Garment(1, SKIRT.id, (10, 20, 40, 90), 1.0, off, 1.0, DEEPFASHION2)
    (found,) = category_errors([Sample(skirt(), predicted, 0.5)])
    names = [landmark.name for landmark in SKIRT.landmarks]
    assert [(landmark.landmark, value) for landmark, value in found.worst(3)] == [
        (4, 0.5),
        (8, 0.2),
        (6, 0.1),
    ]
    assert worst_landmarks(found) == (
        f"skirt, 1 garment. Worst: 4 {names[3]} 50.0\u00a0%, 8 {names[7]} 20.0\u00a0% and 6 {names[5]} 10.0\u00a0%."
    )
    assert overall_worst([found]).startswith(
        f"The farthest off: {names[3]} of skirt (50.0\u00a0%), {names[7]} of"
    )
    drawing = outline_figure(found)
    assert [drawing.count(f'"error e{step}"') for step in range(5)] == [5, 0, 0, 0, 3]
    assert f"<title>4 {names[3]}: 50.0 %</title>" in drawing and drawing.count('"outline"') == 8


def test_the_worst_are_in_order_whatever_is_labelled():
    """A landmark without an error, as the second here, must not upset the ranking."""
    off = skirt().landmarks.copy()
    off[:, 0] += np.array([18, 0, 30, 24, 6, 0, 0, 0])
    predicted = Garment(1, SKIRT.id, (10, 20, 40, 90), 1.0, off, 1.0, DEEPFASHION2)
    truth = skirt(visibility=np.array([2, 0, *[2] * 6]))
    (found,) = category_errors([Sample(truth, predicted, 0.5)])
    assert [landmark.landmark for landmark, _ in found.worst(8)] == [3, 4, 1, 5, 6, 7, 8]


def test_classes_double():
    assert [level(value) for value in (0, 0.0099, 0.01, 0.02, 0.05, 0.08, 3)] == [0, 0, 1, 2, 3, 4, 4]
    assert scale_figure().count("<circle") == len(RADII) == 5 and list(GAPS) == sorted(GAPS)


def test_a_landmark_that_is_labelled_nowhere_is_not_drawn():
    visibility = np.array([2, 0, *[2] * 6])
    (found,) = category_errors([Sample(skirt(visibility=visibility), skirt(), 0.5)])
    drawing = outline_figure(found)
    assert drawing.count("<circle") == 7 and "nan" not in drawing and drawing.count('"outline"') == 6


@pytest.mark.parametrize("entry", DEEPFASHION2.categories, ids=lambda entry: entry.slug)
def test_numbers_cover_no_dot_and_each_other_not(entry):
    """On an ellipse, where landmarks stand as close as in a real garment's worst places."""
    angle = 2 * np.pi * np.arange(entry.count) / entry.count
    points = np.column_stack([50 + 40 * np.cos(angle), 70 + 60 * np.sin(angle), np.full(entry.count, 2)])
    garment = Garment(1, entry.id, (10, 10, 80, 120), 1.0, points, 1.0, DEEPFASHION2)
    (found,) = category_errors([Sample(garment, garment, 1.0)])
    drawing = outline_figure(found)
    numbers = re.findall(r'class="number" x="([\d.]+)" y="([\d.]+)" text-anchor="middle">(\d+)<', drawing)
    dots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', drawing)
    assert len(numbers) == len(dots) == entry.count
    boxes = [(float(x), float(y) - 3.5, 3.0 * len(word), 4.5) for x, y, word in numbers]  # middle, half sides
    boxes += [(float(x), float(y), float(r), float(r)) for x, y, r in dots]
    for place, one in enumerate(boxes):
        for other in boxes[:place]:
            apart = abs(one[0] - other[0]) >= one[2] + other[2] - 0.2
            assert apart or abs(one[1] - other[1]) >= one[3] + other[3] - 0.2, (one, other)
