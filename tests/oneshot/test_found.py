"""What a network finds: cut to the picture, ordered, and written as garments and as boxes."""

import numpy as np
import pytest
import torch

from hemline.oneshot.found import Found, in_picture, joined
from hemline.oneshot.placing import Fit
from tests.oneshot.garments import DEEPFASHION2, FLD


def found(wardrobe=FLD, boxes=None, scores=None, landmarks=True):
    """As many garments as boxes, of the wardrobe's categories in turn, landmark l of garment n at (10 n + l, 3 l)."""
    corners = torch.tensor(boxes or [(10.0, 20, 40, 60), (5, 5, 25, 35), (0, 0, 8, 8), (30, 30, 60, 70)])
    count = len(corners)
    labels = torch.arange(count) % len(wardrobe.categories)
    places = None
    if landmarks:
        places = torch.full((count, wardrobe.longest, 3), torch.nan)
        for number, label in enumerate(labels.tolist()):
            own = torch.arange(wardrobe.categories[label].count).float()
            places[number, : len(own)] = torch.stack([10 * number + own, 3 * own, own / 100], dim=1)
    given = torch.tensor(scores or [0.5, 0.9, 0.1, 0.7][:count])
    return Found(corners, labels, given, places)


BOTH = pytest.mark.parametrize("landmarks", [True, False])


@BOTH
def test_the_best_come_first_with_all_that_is_theirs(landmarks):
    given = found(landmarks=landmarks)
    two = given.best(2)
    assert two.scores.tolist() == pytest.approx([0.9, 0.7])
    assert two.labels.tolist() == [1, 0]
    assert two.boxes[:, 0].tolist() == [5, 30]
    if landmarks:
        assert two.landmarks[:, 0, 0].tolist() == [10, 30]
    else:
        assert two.landmarks is None
    assert len(given.best(10)) == 4


def test_of_equal_scores_the_first_comes_first():
    assert found(scores=[0.5, 0.9, 0.9, 0.5]).best(3).boxes[:, 0].tolist() == [5, 0, 10]


@BOTH
def test_boxes_are_cut_at_the_picture_s_edges_and_those_beside_it_left_out(landmarks):
    boxes = [(-5.0, -6, 30, 40), (60, 10, 120, 90), (100, 10, 130, 20), (-9, 5, 0, 20)]
    shown = found(boxes=boxes, landmarks=landmarks).inside(80, 100)
    assert shown.boxes.tolist() == [[0, 0, 30, 40], [60, 10, 100, 80]]
    assert shown.labels.tolist() == [0, 1] and shown.scores.tolist() == pytest.approx([0.5, 0.9])
    if landmarks:
        assert shown.landmarks[:, 0, 0].tolist() == [0, 10]


@pytest.mark.parametrize("wardrobe", [DEEPFASHION2, FLD], ids=lambda one: one.name)
def test_garments_have_their_category_s_landmarks(wardrobe):
    garments = found(wardrobe).garments(wardrobe)
    assert [one.category_id for one in garments] == (np.arange(4) % len(wardrobe.categories) + 1).tolist()
    for number, one in enumerate(garments):
        own = np.arange(wardrobe.category(one.category_id).count)
        np.testing.assert_allclose(
            one.landmarks, np.stack([10 * number + own, 3 * own, own / 100], 1), atol=1e-6
        )
    np.testing.assert_allclose(garments[0].box, (10, 20, 30, 40))
    assert [one.score for one in garments] == pytest.approx([0.5, 0.9, 0.1, 0.7])


def test_boxes_alone_are_no_garments():
    assert found(landmarks=False).garments(FLD) == []


@BOTH
def test_boxes_are_written_as_coco_results(landmarks):
    records = found(boxes=[(10.12345, 20, 40.5, 60), (5, 5, 25, 35)], landmarks=landmarks).box_records(17)
    assert records[0] == {
        "image_id": 17, "category_id": 1, "bbox": [10.123, 20.0, 30.377, 40.0], "score": 0.5
    }  # fmt: skip
    assert (records[1]["category_id"], records[1]["bbox"]) == (2, [5.0, 5.0, 20.0, 30.0])


@BOTH
def test_from_an_input_to_its_picture(landmarks):
    """Boxes are edges; a landmark's origin is the centre of the top left pixel, half a pixel off."""
    moved = in_picture(found(landmarks=landmarks), Fit(0.5, 0.25, 4.0, -2.0))
    assert moved.boxes[0].tolist() == pytest.approx([12, 88, 72, 248])
    if landmarks:
        x, y, score = moved.landmarks[1, 3].tolist()  # (13, 9) in the input
        assert (x, y, score) == pytest.approx(((13 - 4) / 0.5 - 0.5, (9 + 2) / 0.25 - 0.5, 0.03))
        assert moved.landmarks[0, FLD.category(1).count :].isnan().all()
    else:
        assert moved.landmarks is None


def test_joined():
    one, other = found(), found(boxes=[(1.0, 2, 3, 4), (2, 3, 4, 5)])
    both = joined([one, other])
    assert torch.equal(both.boxes[4:], other.boxes) and torch.equal(both.scores[:4], one.scores)
    torch.testing.assert_close(both.landmarks[4:], other.landmarks, equal_nan=True)


@BOTH
def test_nothing_found(landmarks):
    nothing = found(landmarks=landmarks).take(torch.zeros(4, dtype=torch.bool))
    nothing = in_picture(nothing, Fit(1.0, 1.0, 0.0, 0.0)).inside(10, 10).best(5)
    assert len(nothing) == 0 and nothing.garments(FLD) == nothing.box_records(1) == []
