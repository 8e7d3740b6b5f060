"""What a picture goes through before any network: garments, landmarks and masks stay on their spots."""

from pathlib import Path

import mmdet.datasets.transforms
import numpy as np
import pytest
import torch
from mmdet.structures.mask import PolygonMasks

from hemline.errors import HemlineError
from hemline.oneshot.transforms import FlipGarments, LoadGarments, PackGarments, ResizePicture
from hemline.wardrobe import grouping
from tests.oneshot.drawn import check_boxes_stay, check_landmarks_stay, noise, numbers, sample
from tests.oneshot.garments import DEEPFASHION2, FLD

GROUPINGS = ["independent", "aggregated"]
GEOMETRY = {
    "resize": lambda size: [ResizePicture(size)],
    "resize and flip": lambda size: [ResizePicture(size), FlipGarments("deepfashion2", "aggregated", 1.0)],
}


@pytest.mark.parametrize("name", GEOMETRY)
def test_a_landmark_stays_on_its_spot(name):
    check_landmarks_stay(GEOMETRY[name])


@pytest.mark.parametrize("name", GEOMETRY)
def test_a_box_stays_on_its_spot(name):
    check_boxes_stay(GEOMETRY[name])


@pytest.mark.parametrize("size", [(1333, 800), (160, 96), (96, 96)])
@pytest.mark.parametrize("shape", [(624, 468), (200, 331), (97, 96), (40, 700)])
def test_pictures_are_resized_as_mmdet_does(shape, size):
    boxes = np.random.default_rng(0).uniform(0, min(shape), (4, 2, 2))
    boxes = np.sort(boxes, axis=1).reshape(4, 4)
    ours = ResizePicture(size).transform(sample(noise(shape), boxes))
    theirs = mmdet.datasets.transforms.Resize(scale=size, keep_ratio=True)(sample(noise(shape), boxes))
    assert ours["img"].shape == theirs["img"].shape and ours["img_shape"] == theirs["img_shape"]
    np.testing.assert_allclose(ours["gt_bboxes"].numpy(), theirs["gt_bboxes"].numpy(), rtol=1e-5)
    assert ours["fit"][:2] == pytest.approx(theirs["scale_factor"])


@pytest.mark.parametrize(("shape", "expected"), [((1, 1000), (1, 96)), ((1000, 1), (96, 1))])
def test_a_sliver_keeps_a_pixel(shape, expected):
    found = ResizePicture((96, 96)).transform(sample(noise(shape), np.zeros((0, 4))))
    assert found["img"].shape == (*expected, 3)


def test_a_fine_print_shrinks_to_its_mean():
    """Every third column is white: with linear interpolation alone a pattern of wide stripes is left."""
    picture = np.zeros((512, 512, 3), np.uint8)
    picture[:, ::3] = 255
    pixels = ResizePicture((128, 128)).transform(sample(picture))["img"]
    assert abs(float(np.median(pixels)) - 85) < 25 and pixels.std() < 40


@pytest.mark.parametrize("name", GROUPINGS)
def test_flipped_twice_is_as_before(name):
    groups = grouping(DEEPFASHION2, name)
    generator = np.random.default_rng(4)
    landmarks = np.zeros((3, groups.size, 3), np.float32)
    for garment, category_id in zip(landmarks, (1, 5, 13), strict=True):
        own = groups.channels(category_id)[::2]  # the others aren't labelled
        garment[own, :2] = generator.uniform(0, 100, (len(own), 2)).round(3)
        garment[own, 2] = generator.integers(1, 3, len(own))
    boxes = np.array([[3, 4, 50, 60], [0, 0, 128, 96], [100.5, 20.25, 128, 90]])
    before = sample(noise((96, 128)), boxes, [0, 4, 12], landmarks)
    flip = FlipGarments("deepfashion2", name, 1.0)
    once = flip.transform(sample(before["img"], boxes, [0, 4, 12], landmarks.copy()))
    assert once["flip"] is True
    np.testing.assert_array_equal(once["img"], before["img"][:, ::-1])
    np.testing.assert_array_equal(once["gt_bboxes"].numpy()[0], [78, 4, 125, 60])
    twice = flip.transform(dict(once))
    np.testing.assert_array_equal(twice["img"], before["img"])
    for found, wanted in zip(numbers(twice), numbers(before), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("name", GROUPINGS)
def test_a_flip_gives_the_landmarks_their_partners_channels(name):
    groups, entry = grouping(DEEPFASHION2, name), DEEPFASHION2.category(10)
    own = groups.channels(entry.id)
    landmarks = np.zeros((1, groups.size, 3), np.float32)
    landmarks[0, own] = [(number, 2 * number, 2) for number in range(1, len(own) + 1)]
    flipped = FlipGarments("deepfashion2", name, 1.0).transform(
        sample(noise((96, 128)), [(0, 0, 9, 9)], [9], landmarks)
    )
    found = flipped["gt_landmarks"][0]
    partners = groups.flip_index[own]
    np.testing.assert_array_equal(found[partners, 0], 128 - np.arange(1, len(own) + 1))
    np.testing.assert_array_equal(found[partners, 1], 2 * np.arange(1, len(own) + 1))
    assert found[:, 2].astype(bool).sum() == len(own) and not found[found[:, 2] == 0].any()


def test_flips_come_as_often_as_asked_for():
    flip = FlipGarments("deepfashion2", "aggregated", 0.3)
    flips = [flip.transform(sample(noise((4, 4))))["flip"] for _ in range(400)]
    assert 0.2 < np.mean(flips) < 0.4  # four standard errors


@pytest.mark.parametrize("name", GROUPINGS)
def test_landmarks_are_laid_on_their_category_s_channels(stored, name):
    results = LoadGarments("deepfashion2", name).transform(stored)
    np.testing.assert_array_equal(results["img"], noise((150, 120)))
    boxes, labels, landmarks = numbers(results)
    np.testing.assert_array_equal(boxes, [[20, 30, 100, 90], [30, 80, 90, 140]])
    assert labels.dtype == np.int64 and labels.tolist() == [0, 8]
    np.testing.assert_array_equal(landmarks[0, :, 2] > 0, grouping(DEEPFASHION2, name).category_mask(1))
    assert not landmarks[1].any() and landmarks.shape == (2, grouping(DEEPFASHION2, name).size, 3)


def test_a_picture_that_cannot_be_read_is_named(stored):
    Path(stored["img_path"]).write_bytes(b"not a picture")
    with pytest.raises(HemlineError, match=r"000001\.png: cannot be read"):
        LoadGarments("deepfashion2", "aggregated").transform(dict(stored))
    with pytest.raises(HemlineError, match=r"gone\.png: No such file"):
        LoadGarments("deepfashion2", "aggregated").transform({**stored, "img_path": "gone.png"})


def test_a_crop_without_garments_is_a_sample_too():
    results = PackGarments().transform(sample(noise((64, 64))))
    assert results["data_samples"].gt_instances.bboxes.shape == (0, 4)
    assert results["data_samples"].gt_instances.landmarks.shape == (0, 81, 3)


def test_landmarks_of_another_wardrobe_are_laid_on_its_channels(stored):
    lower = FLD.category(2)
    garment = {"bbox": [20, 30, 100, 90], "bbox_label": 1, "landmarks": np.ones((lower.count, 3), np.float32)}
    results = LoadGarments("fld", "aggregated").transform({**stored, "instances": [garment]})
    assert results["gt_landmarks"].shape == (1, 8, 3)
    channels = np.flatnonzero(results["gt_landmarks"][0, :, 2])
    assert channels.tolist() == sorted(grouping(FLD, "aggregated").channels(2).tolist())


def masked(shape, boxes):
    """A sample whose garments are white rectangles, their polygons those of the boxes."""
    picture = np.zeros((*shape, 3), np.uint8)
    polygons = []
    for x1, y1, x2, y2 in boxes:
        picture[y1:y2, x1:x2] = 255
        polygons.append([np.array([x1, y1, x2, y1, x2, y2, x1, y2], dtype=float)])
    return {**sample(picture, boxes), "gt_masks": PolygonMasks(polygons, *shape)}


@pytest.mark.parametrize("flip", [0.0, 1.0])
@pytest.mark.parametrize("size", [(96, 64), (300, 200)])
def test_masks_move_with_the_picture(size, flip):
    """A mask covers what was drawn of its garment, whatever the picture's size, mirrored or not."""
    box = (20, 40, 52, 104)
    results = masked((150, 120), [box, (60, 10, 100, 30)])
    steps = [ResizePicture(size), FlipGarments("deepfashion2", "aggregated", flip)]
    for step in steps:
        results = step.transform(results)
    packed = PackGarments().transform(results)
    masks = packed["data_samples"].gt_instances.masks.masks
    height, width = packed["inputs"].shape[1:]
    assert masks.shape == (2, height, width) and max(height, width) <= max(size)
    drawn = packed["inputs"][0].numpy() > 127
    assert (masks.astype(bool).any(0) != drawn).mean() < 0.03  # a row of pixels at the edges
    for mask, (x1, y1, x2, y2) in zip(masks, packed["data_samples"].gt_instances.bboxes, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(found, [x1, y1, x2, y2], atol=1.01)


def test_a_garment_without_area_goes_with_its_mask():
    results = masked((150, 120), [(20, 40, 52, 104), (60, 10, 100, 30)])
    results["gt_bboxes"].tensor[0] = torch.tensor((130.0, 40, 140, 104))  # beside the picture
    packed = PackGarments().transform(ResizePicture((96, 64)).transform(results))
    garments = packed["data_samples"].gt_instances
    assert garments.labels.tolist() == [1] and len(garments.masks) == 1
    rows = np.flatnonzero(garments.masks.masks[0].any(1))
    assert rows[-1] < 30 * 96 / 150 + 1  # the second's


def test_without_polygons_there_are_no_masks():
    packed = PackGarments().transform(sample(noise((64, 64)), [(1, 2, 30, 40)]))
    assert "masks" not in packed["data_samples"].gt_instances


def test_polygons_are_read_when_asked_for(stored):
    outline = [[20.0, 30, 100, 30, 100, 90]]
    garments = [{**one, "mask": outline} for one in stored["instances"]]
    results = LoadGarments("deepfashion2", "aggregated", masks=True).transform(
        {**stored, "instances": garments}
    )
    assert len(results["gt_masks"]) == 2 and results["gt_masks"].masks[0][0].tolist() == outline[0]
    assert "gt_masks" not in LoadGarments("deepfashion2", "aggregated").transform(stored)
