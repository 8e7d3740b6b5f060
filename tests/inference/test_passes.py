"""A second look: in the box around what the first one found."""

import json

import numpy as np
import pytest

from hemline.inference import pipeline
from hemline.inference.pipeline import DetectedBox, Estimators, estimate, estimate_boxes, see_boxes
from hemline.inference.sightings import Sightings
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.wardrobes import picture
from tests.inference.test_pipeline import SETTINGS, estimator, write

FASHIONAI = wardrobe("fashionai")
AGGREGATED = grouping(FASHIONAI, "aggregated")
TROUSERS, SKIRT = 4, 5
WHOLE = [0.0, 0.0, 160.0, 200.0]


@pytest.fixture(scope="module")
def estimators():
    return Estimators(estimator(1, AGGREGATED), {SKIRT: estimator(2, AGGREGATED)})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The whole of seven pictures, one of them with two garments, of two categories."""
    kinds = [
        (1, SKIRT),
        (2, TROUSERS),
        (3, SKIRT),
        (4, TROUSERS),
        (4, SKIRT),
        (5, 1),
        (6, SKIRT),
        (7, TROUSERS),
    ]
    boxes = [
        {"image_id": image, "category_id": kind, "bbox": WHOLE, "score": 0.5 + 0.05 * image}
        for image, kind in kinds
    ]
    return write(tmp_path_factory.mktemp("pictures"), boxes)


def run(files, estimators, passes, flip_test=False, **choice):
    test = SETTINGS.model_copy(update=choice)
    return list(
        estimate_boxes(*files, estimators, test, flip_test=flip_test, passes=passes, title="landmarks")
    )


def box_around(points):
    """x, y, width, height of points in a picture of 160 x 200, with 25 px to each side."""
    x, y = points[:, 0].clip(0, 160), points[:, 1].clip(0, 200)
    x1, y1 = max(x.min() - 25, 0), max(y.min() - 25, 0)
    x2, y2 = min(x.max() + 25, 160), min(y.max() + 25, 200)
    return [x1, y1, x2 - x1, y2 - y1]


@pytest.mark.parametrize("choice", [{}, {"flip_test": True}, {"box_scale": 1.2}])
def test_two_passes_are_one_pass_twice(files, estimators, choice, tmp_path):
    """By hand: the boxes around what the first pass finds, as a box file of their own."""
    first = run(files, estimators, 1, **choice)
    boxes = [
        {"image_id": one.image_id, "category_id": one.category_id, "bbox": box, "score": one.box_score}
        for one, box in ((one, box_around(one.landmarks)) for one in first)
    ]
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(boxes))
    expected = run((path, *files[1:]), estimators, 1, **choice)
    found = run(files, estimators, 2, **choice)
    assert len(found) == len(expected) == 8
    for one, other, before in zip(found, expected, first, strict=True):
        assert (one.landmarks == other.landmarks).all() and one.score == other.score
        assert one.box == tuple(WHOLE) and one.box_score == before.box_score  # what was asked about
    moved = [(one.landmarks != before.landmarks).any() for one, before in zip(found, first, strict=True)]
    assert sum(moved) > 3  # an untrained network's landmarks may lie all over the picture


def test_a_sweep_sees_the_same(files, estimators, tmp_path):
    seen = see_boxes(*files, estimators, SETTINGS, flip_test=False, passes=2, title="boxes")
    seen.write(tmp_path / "kept.npz")
    assert Sightings.read(tmp_path / "kept.npz").garments(SETTINGS) == run(files, estimators, 2)


def test_chunks_change_nothing(files, estimators, monkeypatch):
    """Each picture's landmarks go to its own second look, wherever a chunk ends."""
    expected = run(files, estimators, 2)
    monkeypatch.setattr(pipeline, "CHUNK", 1)
    for batch_size in (1, 2, 3):
        found = run(files, estimators, 2, batch_size=batch_size)
        assert [one.image_id for one in found] == [one.image_id for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert np.allclose(one.landmarks, other.landmarks, atol=1e-3)


def test_experts_serve_both_passes(files):
    general, expert = estimator(1, AGGREGATED), estimator(2, AGGREGATED)
    run(files, Estimators(general, {SKIRT: expert}), 2)
    assert (general.cut, expert.cut) == (2 * 4, 2 * 4)


def test_pictures_in_memory(files, estimators):
    """As `stages/speed` and `hemline predict` give them; one without a box is no trouble."""
    boxes = [DetectedBox(3, SKIRT, tuple(WHOLE), 0.65)]
    found = list(
        estimate([(picture(5), []), (picture(3), boxes)], estimators, SETTINGS, flip_test=False, passes=2)
    )
    (alone,) = estimate([(picture(3), boxes)], estimators, SETTINGS, flip_test=False, passes=2)
    assert len(found) == 1 and (found[0].landmarks == alone.landmarks).all()


def test_no_box_at_all(tmp_path, estimators):
    assert run(write(tmp_path, []), estimators, 2) == []
