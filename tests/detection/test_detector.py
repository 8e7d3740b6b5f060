"""Running a detector: valid boxes, views merged, the same after saving."""

import cv2
import numpy as np
import pytest
import torch

from hemline.detection import Detector, build_detector, detect_images, write_settings
from hemline.errors import HemlineError
from hemline.files import write_json
from hemline.params import DetectSettings
from hemline.training import save_weights
from tests.detection.conftest import DEEPFASHION2

EVERYTHING = DetectSettings(score_threshold=0.0, max_per_image=20)


@pytest.fixture(scope="module")
def pictures():
    """Noise of several sizes, so that batches are padded."""
    noise = np.random.default_rng(0)
    return [
        noise.integers(0, 255, (height, width, 3), np.uint8)
        for height, width in ((128, 96), (90, 128), (60, 60))
    ]


def share_found(wanted, boxes):
    """The share of `wanted` boxes that are among `boxes`; not all are, since equal scores may fall either way."""
    return np.isclose(wanted[:, None], boxes[None], atol=0.1).all(-1).any(1).mean()


def detector_of(settings, test=EVERYTHING, seed=0):
    torch.manual_seed(seed)
    return Detector(build_detector(settings, 13, test), settings, DEEPFASHION2, test)


@pytest.mark.parametrize("kind", ["cascade", "htc"])
def test_boxes_of_random_weights_are_valid(small, pictures, kind):
    found = list(detector_of(small(kind)).detect(pictures))
    assert len(found) == len(pictures)
    for picture, boxes in zip(pictures, found, strict=True):
        height, width = picture.shape[:2]
        assert 0 < len(boxes) <= 20
        assert set(boxes.category_ids) <= set(range(1, 14))
        assert (np.diff(boxes.scores) <= 0).all() and (boxes.scores >= 0).all() and (boxes.scores <= 1).all()
        assert (boxes.boxes >= 0).all()
        assert (boxes.boxes[:, 0] + boxes.boxes[:, 2] <= width + 1e-3).all()
        assert (boxes.boxes[:, 1] + boxes.boxes[:, 3] <= height + 1e-3).all()


@pytest.mark.parametrize("category_id", [1, 13])
def test_labels_become_category_ids(small, pictures, category_id):
    detector = detector_of(small("cascade"))
    for head in detector.model.roi_head.bbox_head:
        torch.nn.init.zeros_(head.fc_cls.weight)
        head.fc_cls.bias.data = 5.0 * torch.nn.functional.one_hot(torch.tensor(category_id - 1), 14)
    assert next(detector.detect(pictures)).category_ids[0] == category_id


def test_boxes_are_in_the_picture_s_own_pixels(small, pictures):
    """The same picture, twice as large, gives the same boxes, twice as large."""
    detector = detector_of(small("cascade", image_size=(64, 64)))
    large = cv2.resize(pictures[0], None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    one, two = detector.detect([pictures[0], large])
    assert share_found(2 * one.boxes, two.boxes) > 0.8
    assert share_found(one.boxes, two.boxes) < 0.2


def test_masks_are_not_computed(small, pictures):
    model = build_detector(small("htc"), 13, EVERYTHING)
    assert model.roi_head.with_mask
    detector = Detector(model, small("htc"), DEEPFASHION2, EVERYTHING)
    assert not detector.model.roi_head.with_mask
    next(detector.detect(pictures))


@pytest.mark.parametrize("kind", ["cascade", "htc"])
def test_saved_and_loaded_gives_the_same_boxes(small, pictures, tmp_path, kind):
    settings = small(kind)
    torch.manual_seed(1)
    model = build_detector(settings, 13, EVERYTHING)
    save_weights(model, tmp_path / "weights.pt")
    write_settings(tmp_path, settings, DEEPFASHION2)
    wanted = list(Detector(model, settings, DEEPFASHION2, EVERYTHING).detect(pictures))
    found = list(Detector.load(tmp_path, EVERYTHING).detect(pictures))
    for one, two in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(one.boxes, two.boxes)
        np.testing.assert_array_equal(one.scores, two.scores)
        np.testing.assert_array_equal(one.category_ids, two.category_ids)


def test_flip_and_scales_are_merged(small):
    """With flip, a mirrored picture has the mirrored boxes: its views are the same, in another order."""
    test = DetectSettings(
        scales=((64, 64), (96, 96), (128, 128)), flip=True, score_threshold=0.0, max_per_image=100
    )
    detector = detector_of(small("htc"), test)
    calls = []
    step = detector.model.test_step
    detector.model.test_step = lambda data: calls.append(1) or step(data)
    picture = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    plain, mirror = detector.detect([picture, picture[:, ::-1].copy()])
    assert len(calls) == 6  # three scales, twice
    assert len(plain) == 100
    assert share_found(turned(plain, 128), mirror.boxes) > 0.8
    alone, other = detector_of(small("htc")).detect([picture, picture[:, ::-1].copy()])
    assert share_found(turned(alone, 128), other.boxes) < 0.5  # so it is flip that brings this about


def turned(boxes, width):
    """The boxes as they lie in the mirrored picture."""
    x, y, w, h = boxes.boxes.T
    return np.stack([width - x - w, y, w, h], axis=1)


def test_suppression_runs_over_all_views(small, pictures):
    test = DetectSettings(scales=((96, 96), (128, 128)), flip=True, score_threshold=0.0, max_per_image=100)
    for boxes in detector_of(small("cascade"), test).detect(pictures[:2]):
        assert _largest_overlap(boxes) <= test.nms_threshold + 1e-3


def _largest_overlap(boxes):
    """The largest IoU of two boxes of one category."""
    low, high = boxes.boxes[:, :2], boxes.boxes[:, :2] + boxes.boxes[:, 2:]
    inner = np.clip(
        np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None]), 0, None
    ).prod(-1)
    areas = boxes.boxes[:, 2:].prod(-1)
    overlap = inner / (areas[:, None] + areas[None] - inner)
    overlap[boxes.category_ids[:, None] != boxes.category_ids[None]] = 0
    np.fill_diagonal(overlap, 0)
    return overlap.max()


def test_records_of_a_file_s_pictures(small, stocked, tmp_path):
    stocked.add((96, 128))  # a picture without garments is looked at all the same
    detector = detector_of(small("cascade"))
    records = detect_images(detector, stocked.write(), stocked.folder, "test")
    write_json(tmp_path / "boxes.json", records)  # refuses NaN
    assert {record["image_id"] for record in records} == {1, 2, 3, 4, 5}
    assert {type(record["category_id"]) for record in records} == {int}
    assert set(records[0]) == {"image_id", "category_id", "bbox", "score"}


def test_a_picture_that_cannot_be_read_is_named(small, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    detector = detector_of(small("cascade"))
    with pytest.raises(HemlineError, match=r"bad\.jpg: cannot be read"):
        list(detector.detect([bad]))
    with pytest.raises(HemlineError, match=r"none\.jpg: No such file"):
        list(detector.detect([tmp_path / "none.jpg"]))
