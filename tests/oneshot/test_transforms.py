"""What a picture goes through before the network: whatever is drawn, garments and landmarks stay on their spots."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope

from hemline.errors import HemlineError
from hemline.oneshot import transforms
from hemline.oneshot.fitting import fit
from hemline.oneshot.transforms import (
    CropPicture,
    FitPicture,
    FlipGarments,
    JitterColours,
    LoadGarments,
    PackGarments,
    train_pipeline,
)
from hemline.params import load_params
from hemline.wardrobe import category, grouping

ROOT = Path(__file__).parents[2]
SCALES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
SIGMA = 2.5  # of a disc, input pixels
GROUPINGS = ["independent", "aggregated"]


@pytest.fixture(autouse=True)
def _seeded():
    np.random.seed(0)


def sample(picture, boxes=(), labels=None, landmarks=None):
    """A sample as `LoadGarments` leaves it."""
    count = len(boxes)
    return {
        "img": picture,
        "img_shape": picture.shape[:2],
        "gt_bboxes": HorizontalBoxes(np.reshape(boxes, (-1, 4)).astype(np.float32)),
        "gt_bboxes_labels": np.arange(count) if labels is None else np.array(labels),
        "gt_landmarks": np.zeros((count, 81, 3), np.float32) if landmarks is None else landmarks,
    }


def numbers(results):
    """Boxes, labels and landmarks."""
    return results["gt_bboxes"].numpy(), results["gt_bboxes_labels"], results["gt_landmarks"]


def disc(shape, x, y, sigma):
    """A soft disc on black, (h, w) from 0 to 255; the corner of the top-left pixel is (0, 0)."""
    down, across = np.ogrid[: shape[0], : shape[1]]
    return 255 * np.exp(-((across + 0.5 - x) ** 2 + (down + 0.5 - y) ** 2) / (2 * sigma**2))


def centroid(layer):
    """x, y of what is bright in (h, w), in the same coordinates."""
    bright = np.maximum(layer.astype(float) - layer.max() / 8, 0)
    down, across = np.mgrid[: layer.shape[0], : layer.shape[1]] + 0.5
    return np.array([(across * bright).sum(), (down * bright).sum()]) / bright.sum()


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


GEOMETRY = {
    "fit": lambda size: [FitPicture(size)],
    "fit to a part": lambda size: [FitPicture(size, scale=0.75)],
    "crop": lambda size: [CropPicture(size, SCALES)],
    "flip": lambda size: [FitPicture(size), FlipGarments("aggregated", 1.0)],
    "colours": lambda size: [FitPicture(size), JitterColours(0.4)],
    "all": lambda size: [CropPicture(size, SCALES), FlipGarments("aggregated", 0.5), JitterColours(0.2)],
}


def drawn_shapes(count):
    """Pictures' shapes, upright and wide, large and small beside the input, and inputs' sizes."""
    generator = np.random.default_rng(1)
    for _ in range(count):
        yield tuple(generator.integers(60, 500, 2).tolist()), ((128, 128), (96, 160))[generator.integers(2)]


@pytest.mark.parametrize("name", GEOMETRY)
def test_a_landmark_stays_on_its_spot(name):
    generator, compared = np.random.default_rng(2), 0
    own = grouping("aggregated").channels(8)
    for shape, size in drawn_shapes(80):
        wide = SIGMA * max(shape[1] / size[0], shape[0] / size[1])
        if min(shape) < 6 * wide:
            continue
        place = generator.uniform(3 * wide, np.array(shape[::-1]) - 3 * wide)
        picture = np.repeat(disc(shape, *place, wide)[..., None], 3, axis=2).round().astype(np.uint8)
        landmarks = np.zeros((1, 81, 3), np.float32)
        landmarks[0, own[3]] = *place, 2
        results = sample(picture, [(0, 0, *shape[::-1])], [7], landmarks)
        for step in GEOMETRY[name](size):
            results = step.transform(results)
        channel = own[3]
        if results.get("flip"):
            channel = grouping("aggregated").flip_index[channel]
        found = results["gt_landmarks"][0, channel] if len(results["gt_landmarks"]) else np.zeros(3)
        whole = (found[:2] > 4 * SIGMA).all() and (found[:2] < np.array(size) - 4 * SIGMA).all()
        if found[2] and whole:
            compared += 1
            assert np.abs(centroid(results["img"][..., 1]) - found[:2]).max() < 0.3
    assert compared > 20


def coverage(length, start, end):
    """(length,) the share of each pixel between two places."""
    pixels = np.arange(length)
    return np.clip(np.minimum(pixels + 1, end) - np.maximum(pixels, start), 0, 1)


def extent(profile):
    """Both ends of what is bright in a line."""
    inside = profile.astype(float) / 255
    middle = (inside * (np.arange(len(inside)) + 0.5)).sum() / inside.sum()
    return middle - inside.sum() / 2, middle + inside.sum() / 2


@pytest.mark.parametrize("name", [key for key in GEOMETRY if key not in ("colours", "all")])
def test_a_box_stays_on_its_spot_and_is_clipped_with_the_picture(name):
    generator, compared = np.random.default_rng(3), 0
    for shape, size in drawn_shapes(60):
        (x1, x2), (y1, y2) = (np.sort(generator.uniform(0, side, 2)) for side in shape[::-1])
        if min(x2 - x1, y2 - y1) < 10:
            continue
        filled = np.outer(coverage(shape[0], y1, y2), coverage(shape[1], x1, x2))
        results = sample(
            np.repeat((255 * filled[..., None]).round().astype(np.uint8), 3, axis=2), [(x1, y1, x2, y2)]
        )
        for step in GEOMETRY[name](size):
            results = step.transform(results)
        boxes, layer = results["gt_bboxes"].numpy(), results["img"][..., 0]
        if not len(boxes) or min(boxes[0, 2:] - boxes[0, :2]) < 3:
            continue
        compared += 1
        middle = boxes[0].reshape(2, 2).mean(0).astype(int)
        across, down = extent(layer[middle[1]]), extent(layer[:, middle[0]])
        assert np.abs(np.array([across[0], down[0], across[1], down[1]]) - boxes[0]).max() < 0.3
    assert compared > 25


@pytest.mark.parametrize("name", GROUPINGS)
def test_flipped_twice_is_as_before(name):
    groups = grouping(name)
    generator = np.random.default_rng(4)
    landmarks = np.zeros((3, groups.size, 3), np.float32)
    for garment, category_id in zip(landmarks, (1, 5, 13), strict=True):
        own = groups.channels(category_id)[::2]  # the others aren't labelled
        garment[own, :2] = generator.uniform(0, 100, (len(own), 2)).round(3)
        garment[own, 2] = generator.integers(1, 3, len(own))
    boxes = np.array([[3, 4, 50, 60], [0, 0, 128, 96], [100.5, 20.25, 128, 90]])
    before = sample(noise((96, 128)), boxes, [0, 4, 12], landmarks)
    flip = FlipGarments(name, 1.0)
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
    groups, entry = grouping(name), category(10)
    own = groups.channels(entry.id)
    landmarks = np.zeros((1, groups.size, 3), np.float32)
    landmarks[0, own] = [(number, 2 * number, 2) for number in range(1, len(own) + 1)]
    flipped = FlipGarments(name, 1.0).transform(sample(noise((96, 128)), [(0, 0, 9, 9)], [9], landmarks))
    found = flipped["gt_landmarks"][0]
    partners = groups.flip_index[own]
    np.testing.assert_array_equal(found[partners, 0], 128 - np.arange(1, len(own) + 1))
    np.testing.assert_array_equal(found[partners, 1], 2 * np.arange(1, len(own) + 1))
    assert found[:, 2].astype(bool).sum() == len(own) and not found[found[:, 2] == 0].any()


def test_garments_are_clipped_removed_and_masked_by_what_a_crop_shows():
    generator, seen = np.random.default_rng(5), {"clipped": 0, "removed": 0, "masked": 0, "shown": 0}
    for _ in range(40):
        corners = np.sort(generator.uniform(0, (400, 300), (6, 2, 2)), axis=1).reshape(6, 4)
        landmarks = np.zeros((6, 81, 3), np.float32)
        landmarks[:, :20, :2], landmarks[:, :20, 2] = generator.uniform(0, 300, (6, 20, 2)), 1
        landmarks[:, 5] = 0
        given = landmarks.copy()
        results = CropPicture((64, 64), (0.3, 0.5)).transform(
            sample(noise((300, 400)), corners, None, landmarks)
        )
        placed = results["fit"].to_input(corners.reshape(-1, 2, 2)).reshape(-1, 4)
        clipped = placed.clip(0, 64)
        area = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
        points = results["fit"].to_input(given[..., :2])
        shown = (given[..., 2] > 0) & ((points >= 0) & (points < 64)).all(-1)
        boxes, labels, found = numbers(results)
        assert labels.tolist() == np.flatnonzero(area > 0).tolist()
        np.testing.assert_allclose(boxes, clipped[area > 0], atol=1e-4)
        np.testing.assert_array_equal(found[..., 2], shown[area > 0])
        np.testing.assert_allclose(found[..., :2], np.where(shown[..., None], points, 0)[area > 0], atol=1e-4)
        seen["clipped"] += (clipped != placed).any(1).sum()
        seen["removed"] += (area == 0).sum()
        seen["masked"] += ((given[..., 2] > 0) & ~shown).sum()
        seen["shown"] += shown.sum()
    assert min(seen.values()) > 50


def centernet_border(size):
    """CenterNet, datasets/sample/multi_pose.py: `_get_border(128, size)`."""
    divided = 1
    while size - 128 // divided <= 128 // divided:
        divided *= 2
    return 128 // divided


@pytest.mark.parametrize("shape", [(624, 468), (257, 256), (200, 100), (40, 700)])
def test_crops_are_drawn_as_centernet_draws_them(shape):
    crop = CropPicture((64, 64), SCALES)
    fits = [crop.transform(sample(np.zeros((*shape, 3), np.uint8)))["fit"] for _ in range(400)]
    # CenterNet maps a square of the longer side, times the scale, to the input.
    scales = np.array([64 / (fitted.scale_x * max(shape)) for fitted in fits])
    assert all(fitted.scale_x == fitted.scale_y for fitted in fits)
    nearest = np.abs(scales[:, None] - SCALES).argmin(1)
    assert np.abs(scales - np.array(SCALES)[nearest]).max() < 1 / min(shape)
    assert (np.bincount(nearest, minlength=8) > 20).all()  # 50 on average
    centres = np.array([fitted.to_picture(np.array([32.0, 32.0])) for fitted in fits])
    for drawn, side in zip(centres.T, shape[::-1], strict=True):
        low, high = centernet_border(side), side - centernet_border(side)
        assert low <= drawn.min() + 0.5 and drawn.max() - 0.5 <= high
        reach = (high - low) / 20 + 1
        assert drawn.min() < low + reach and drawn.max() > high - reach


def test_an_input_that_is_no_square_shows_the_whole_picture_at_scale_one():
    results = CropPicture((96, 160), (1.0,)).transform(sample(noise((300, 400))))
    assert results["img"].shape == (160, 96, 3)
    assert results["fit"].scale_x == pytest.approx(96 / 400, rel=2e-3)
    assert results["fit"].scale_y == pytest.approx(96 / 400, rel=2e-3)


@pytest.mark.parametrize(("scale", "corners"), [(1.0, [64, 0, 448, 512]), (0.75, [112, 64, 400, 448])])
def test_a_fitted_picture_is_whole_and_in_the_middle(scale, corners):
    picture = np.full((624, 468, 3), 200, np.uint8)
    pixels, fitted = fit(picture, (512, 512), scale)
    assert pixels.shape == (512, 512, 3)
    ends = np.array([[[0, 0], [468, 624]]])
    np.testing.assert_allclose(fitted.to_input(ends).ravel(), corners, atol=0.5)
    np.testing.assert_allclose(fitted.to_picture(fitted.to_input(ends)), ends)
    x1, y1, x2, y2 = corners
    assert (pixels[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1] == 200).all()
    outside = pixels.copy()
    outside[max(y1 - 1, 0) : y2 + 1, x1 - 1 : x2 + 1] = 0
    assert not outside.any()


@pytest.mark.parametrize("step", [FitPicture((128, 128)), CropPicture((128, 128), (1.0,))])
def test_a_fine_print_shrinks_to_its_mean(step):
    """Every third column of 512 is white: with linear interpolation alone a pattern of wide stripes is left."""
    picture = np.zeros((512, 512, 3), np.uint8)
    picture[:, ::3] = 255
    pixels = step.transform(sample(picture))["img"]
    shown = pixels[40:-40, 40:-40] if isinstance(step, FitPicture) else pixels[pixels > 0]
    assert abs(float(np.median(shown)) - 85) < 25
    assert shown.std() < 40  # linear interpolation: about 120
    linear = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_LINEAR)
    assert linear.std() > 60


def reference_colours(picture, colour, seed):
    """CenterNet's color_aug, step by step, with the draws of `JitterColours`."""
    generator = np.random.RandomState(seed)
    image = picture / np.float32(255)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    for kind in generator.permutation(3):
        factor = generator.uniform(1 - colour, 1 + colour)
        target = (0.0, grey, grey.mean())[kind]
        image = image * factor + target * (1 - factor)
    image = image + transforms.COLOUR_VECTORS @ (
        transforms.COLOUR_VALUES * generator.normal(scale=0.1, size=3)
    )
    return (255 * image).clip(0, 255)


@pytest.mark.parametrize("seed", range(8))
def test_colours_are_jittered_as_centernet_does(seed):
    picture = noise((20, 30), seed)
    np.random.seed(seed)
    found = JitterColours(0.4).transform({"img": picture})["img"]
    assert found.dtype == np.uint8
    assert np.abs(found - reference_colours(picture, 0.4, seed)).max() < 0.51
    assert np.abs(found.astype(float) - picture).mean() > 1


def test_colours_principal_components_are_at_right_angles():
    vectors = transforms.COLOUR_VECTORS
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-5)


def test_brightness_ranges_over_what_is_given():
    grey = np.full((2, 2, 3), 100, np.uint8)  # contrast and saturation leave it as it is
    found = np.array([JitterColours(0.4).transform({"img": grey})["img"].mean() for _ in range(300)])
    assert 60 - 15 < found.min() < 70 and 130 < found.max() < 140 + 15  # the tint's deviation is 3


def test_no_colour_leaves_the_picture_as_it_is():
    picture = noise((20, 30))
    before = np.random.get_state()[2]
    assert JitterColours(0.0).transform({"img": picture})["img"] is picture
    assert np.random.get_state()[2] == before


def test_flips_come_as_often_as_asked_for():
    flip = FlipGarments("aggregated", 0.3)
    flips = [flip.transform(sample(noise((4, 4))))["flip"] for _ in range(400)]
    assert 0.2 < np.mean(flips) < 0.4  # four standard errors


@pytest.fixture
def stored(tmp_path):
    """A picture of `LandmarkPictures` with two garments, the second without labelled landmarks."""
    path = tmp_path / "000001.png"
    cv2.imwrite(str(path), noise((150, 120)))
    shirt, skirt = np.zeros((category(1).count, 3), np.float32), np.zeros((category(9).count, 3), np.float32)
    shirt[:] = 60.5, 70.5, 2
    garments = [
        {"bbox": [20, 30, 100, 90], "bbox_label": 0, "landmarks": shirt},
        {"bbox": [30, 80, 90, 140], "bbox_label": 8, "landmarks": skirt},
    ]
    return {"img_path": str(path), "img_id": 1, "width": 120, "height": 150, "instances": garments}


@pytest.mark.parametrize("name", GROUPINGS)
def test_landmarks_are_laid_on_their_category_s_channels(stored, name):
    results = LoadGarments(name).transform(stored)
    np.testing.assert_array_equal(results["img"], noise((150, 120)))
    boxes, labels, landmarks = numbers(results)
    np.testing.assert_array_equal(boxes, [[20, 30, 100, 90], [30, 80, 90, 140]])
    assert labels.dtype == np.int64 and labels.tolist() == [0, 8]
    np.testing.assert_array_equal(landmarks[0, :, 2] > 0, grouping(name).category_mask(1))
    assert not landmarks[1].any() and landmarks.shape == (2, grouping(name).size, 3)


def test_a_picture_that_cannot_be_read_is_named(stored):
    Path(stored["img_path"]).write_bytes(b"not a picture")
    with pytest.raises(HemlineError, match=r"000001\.png: cannot be read"):
        LoadGarments("aggregated").transform(dict(stored))
    with pytest.raises(HemlineError, match=r"gone\.png: No such file"):
        LoadGarments("aggregated").transform({**stored, "img_path": "gone.png"})


def settings(**augmentation):
    base = load_params(ROOT / "params/demo.yaml").oneshot.settings("dla-aggregated")
    changed = base.augmentation.model_copy(update=augmentation)
    return base.model_copy(update={"augmentation": changed, "image_size": (192, 192)})


@pytest.mark.parametrize("scales", [(), SCALES])
def test_a_training_s_pipeline_from_file_to_sample(stored, scales):
    wanted = settings(scales=scales, flip=0.5, colour=0.4)
    place = "CropPicture" if scales else "FitPicture"
    steps = train_pipeline(wanted)
    assert [step["type"] for step in steps] == [
        *("LoadGarments", place, "FlipGarments", "JitterColours", "PackGarments")
    ]
    with DefaultScope.overwrite_default_scope("mmdet"):
        pipeline = Compose(steps)
    flips = set()
    for _ in range(20):
        packed = pipeline({**stored, "instances": list(stored["instances"])})
        inputs, found = packed["inputs"], packed["data_samples"]
        assert inputs.shape == (3, 192, 192) and inputs.dtype == torch.uint8 and inputs.is_contiguous()
        check_packed(found, noise((150, 120)).shape[:2])
        flips.add(found.flip)
    assert flips == {False, True}


def check_packed(found, shape):
    """Types, and the shirt's landmarks where the fit and the flip say."""
    assert (found.img_id, found.ori_shape, found.img_shape) == (1, shape, (192, 192))
    garments = found.gt_instances
    assert garments.bboxes.dtype == garments.landmarks.dtype == torch.float32
    assert garments.labels.dtype == torch.int64
    assert garments.bboxes.shape == (len(garments), 4) and garments.landmarks.shape == (len(garments), 81, 3)
    x, y = found.fit.to_input(np.array([60.5, 70.5]))
    for label, landmarks in zip(garments.labels.tolist(), garments.landmarks.numpy(), strict=True):
        labelled = landmarks[landmarks[:, 2] > 0]
        assert len(labelled) in ((0, category(1).count) if label == 0 else (0,))
        np.testing.assert_allclose(labelled[:, 0], 192 - x if found.flip else x, rtol=1e-5)
        np.testing.assert_allclose(labelled[:, 1], y, rtol=1e-5)


def test_a_crop_without_garments_is_a_sample_too():
    results = PackGarments().transform(sample(noise((64, 64))))
    assert results["data_samples"].gt_instances.bboxes.shape == (0, 4)
    assert results["data_samples"].gt_instances.landmarks.shape == (0, 81, 3)
