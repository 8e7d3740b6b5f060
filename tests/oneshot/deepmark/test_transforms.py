"""DeepMark's own transforms: crops and colours as CenterNet's; whatever is drawn, garments stay on their spots."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope

from hemline.oneshot.deepmark import transforms
from hemline.oneshot.deepmark.fitting import fit
from hemline.oneshot.deepmark.transforms import CropPicture, FitPicture, JitterColours, deepmark_pipeline
from hemline.oneshot.transforms import FlipGarments
from hemline.params import load_params
from tests.oneshot.drawn import check_boxes_stay, check_landmarks_stay, noise, numbers, sample
from tests.oneshot.garments import DEEPFASHION2

SCALES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
GEOMETRY = {
    "fit": lambda size: [FitPicture(size)],
    "fit to a part": lambda size: [FitPicture(size, scale=0.75)],
    "crop": lambda size: [CropPicture(size, SCALES)],
    "colours": lambda size: [FitPicture(size), JitterColours(0.4)],
    "all": lambda size: [
        CropPicture(size, SCALES), FlipGarments("deepfashion2", "aggregated", 0.5), JitterColours(0.2)
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", GEOMETRY)
def test_a_landmark_stays_on_its_spot(name):
    check_landmarks_stay(GEOMETRY[name])


@pytest.mark.parametrize("name", [key for key in GEOMETRY if key not in ("colours", "all")])
def test_a_box_stays_on_its_spot_and_is_clipped_with_the_picture(name):
    check_boxes_stay(GEOMETRY[name])


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


def settings(**augmentation):
    base = load_params("params/demo.yaml").oneshot.settings("dla-aggregated")
    changed = base.augmentation.model_copy(update=augmentation)
    return base.model_copy(update={"augmentation": changed, "image_size": (192, 192)})


@pytest.mark.parametrize("scales", [(), SCALES])
def test_a_training_s_pipeline_from_file_to_sample(stored, scales):
    wanted = settings(scales=scales, flip=0.5, colour=0.4)
    place = "CropPicture" if scales else "FitPicture"
    steps = deepmark_pipeline(wanted, "deepfashion2")
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
        assert len(labelled) in ((0, DEEPFASHION2.category(1).count) if label == 0 else (0,))
        np.testing.assert_allclose(labelled[:, 0], 192 - x if found.flip else x, rtol=1e-5)
        np.testing.assert_allclose(labelled[:, 1], y, rtol=1e-5)
