"""Garments read off maps."""

import pytest
import torch

from hemline.oneshot.kgdet.decoding import garments
from hemline.oneshot.kgdet.points import Maps
from tests.oneshot.kgdet.networks import CATEGORIES, FLIP_INDEX, meta

TEST = {"nms_pre": 100, "score_thr": 0.1, "nms": {"type": "nms", "iou_threshold": 0.5}, "max_per_img": 100}
LANDMARKS = len(FLIP_INDEX)


def empty(height: int, width: int, visible: bool = False, pictures: int = 1) -> Maps:
    sizes = {"scores": CATEGORIES, "boxes": 4, "landmarks": 2 * LANDMARKS, "visibility": LANDMARKS}
    maps = {name: torch.zeros(pictures, size, height, width) for name, size in sizes.items()}
    maps["scores"] -= 20
    return Maps(**maps) if visible else Maps(**{**maps, "visibility": None})


def grid(height: int, width: int, stride: int) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([columns * stride, rows * stride], dim=-1).flatten(0, 1)
    return torch.cat([places, torch.full((len(places), 2), stride)], dim=1).float()


def put(
    maps: Maps, cell: tuple[int, int], category: int, logit: float, box=(-1.0, -1.0, 1.0, 1.0), picture=0
) -> None:
    row, column = cell
    maps.scores[picture, category, row, column] = logit
    maps.boxes[picture, :, row, column] = torch.tensor(box)


def find(*levels: tuple[Maps, int], test: dict = TEST, rescale: bool = False, shape=(64, 96), **changes):
    points = [grid(*maps.boxes.shape[2:], stride) for maps, stride in levels]
    metas = [{**meta(64, 96), "img_shape": shape, **changes}] * len(levels[0][0].boxes)
    return garments([maps for maps, _ in levels], points, metas, test, rescale)


def test_a_garment_is_where_its_maps_say():
    maps = empty(8, 12)
    put(maps, (3, 5), 2, 0.0, (-1.5, -2.0, 1.0, 3.0))
    maps.landmarks[0, :4, 3, 5] = torch.tensor([0.5, -1.0, 2.0, 3.0])  # y before x
    (found,) = find((maps, 8))
    assert found.bboxes.tolist() == [[28.0, 8.0, 48.0, 48.0]]
    assert found.labels.tolist() == [2] and found.scores.tolist() == [0.5]
    assert found.landmarks[0, :2].tolist() == [[32.0, 28.0, 1.0], [64.0, 40.0, 1.0]]
    assert found.landmarks[0, 2:].tolist() == [[40.0, 24.0, 1.0]] * 8


def test_the_score_of_a_landmark_is_that_it_is_visible():
    maps = empty(8, 12, visible=True)
    put(maps, (3, 5), 0, 1.0)
    maps.visibility[0, :, 3, 5] = torch.linspace(-3, 3, LANDMARKS)
    (found,) = find((maps, 8))
    torch.testing.assert_close(found.landmarks[0, :, 2], torch.linspace(-3, 3, LANDMARKS).sigmoid())


def test_all_is_within_the_picture_not_its_padding():
    maps = empty(8, 12)
    put(maps, (1, 1), 0, 1.0, (-9.0, -9.0, 30.0, 30.0))
    maps.landmarks[0, :4, 1, 1] = torch.tensor([-5.0, -6.0, 40.0, 50.0])
    (found,) = find((maps, 8), shape=(60, 90))
    assert found.bboxes.tolist() == [[0.0, 0.0, 90.0, 60.0]]
    assert found.landmarks[0, :2].tolist() == [[0.0, 0.0, 1.0], [90.0, 60.0, 1.0]]


def test_of_one_category_the_better_of_overlapping_boxes_remains_with_its_landmarks():
    fine, coarse = empty(8, 12), empty(4, 6)
    put(fine, (4, 4), 1, 1.0, (-2.0, -2.0, 2.0, 2.0))
    put(coarse, (2, 2), 1, 2.0, (-1.0, -1.0, 1.0, 1.1))
    put(fine, (4, 5), 0, 0.5, (-3.0, -2.0, 1.0, 2.0))  # another category: stays
    coarse.landmarks[0, 1, 2, 2] = 1.0
    (found,) = find((fine, 8), (coarse, 16))
    assert found.labels.tolist() == [1, 0]
    assert found.landmarks[0, 0].tolist() == [48.0, 32.0, 1.0]
    torch.testing.assert_close(found.scores, torch.tensor([2.0, 0.5]).sigmoid())


@pytest.mark.parametrize(
    ("change", "scores"),
    [
        ({}, [3.0, 2.0, 1.0, 0.0]),
        ({"score_thr": 0.6}, [3.0, 2.0, 1.0]),
        ({"nms_pre": 2}, [3.0, 2.0]),
        ({"max_per_img": 1}, [3.0]),
    ],
)
def test_what_remains(change, scores):
    maps = empty(8, 12)
    for number in range(4):
        put(maps, (1 + 2 * (number // 2), 2 + 5 * (number % 2)), 0, float(number))
    (found,) = find((maps, 8), test={**TEST, **change})
    torch.testing.assert_close(found.scores, torch.tensor(scores).sigmoid())


def test_each_picture_has_its_own_garments_or_none():
    maps = empty(8, 12, pictures=3)
    put(maps, (3, 5), 1, 1.0, picture=2)
    found = find((maps, 8))
    assert [len(one) for one in found] == [0, 0, 1]
    assert found[0].bboxes.shape == (0, 4) and found[0].landmarks.shape == (0, LANDMARKS, 3)


def test_places_in_the_picture_before_it_was_resized():
    maps = empty(8, 12)
    put(maps, (3, 5), 1, 1.0)
    (found,) = find((maps, 8), rescale=True, scale_factor=(2.0, 4.0))
    assert found.bboxes.tolist() == [[16.0, 4.0, 24.0, 8.0]]
    assert found.landmarks[0, 0].tolist() == [20.0, 6.0, 1.0]
