"""Crops, heatmaps, landmarks: there and back; the flip test; a folder on disk."""

import json

import cv2
import numpy as np
import pytest
import torch

from hemline.errors import HemlineError
from hemline.estimation import Estimator, build_estimator, to_picture
from hemline.estimation.estimator import write_no_expert, write_settings
from hemline.training import save_weights
from hemline.wardrobe import grouping
from tests.estimation.wardrobes import DEEPFASHION2, NETWORK, landmarks, picture, settings

AGGREGATED = grouping(DEEPFASHION2, "aggregated")
HEATMAP_PIXEL = 4  # crop pixels


def estimator(seed: int = 0, name: str = "aggregated") -> Estimator:
    """A network with random weights that are not all but zero."""
    torch.manual_seed(seed)
    chosen = grouping(DEEPFASHION2, name)
    model = build_estimator(NETWORK, chosen.size)
    model.init_weights()
    torch.nn.init.normal_(model.head.final_layer.weight, std=0.3)
    return Estimator(model, NETWORK, chosen)


def perfect(own: Estimator, crop, points: np.ndarray, category_id: int) -> torch.Tensor:
    """The heatmaps that the training asks for, of landmarks (n, 2) in picture pixels."""
    places = cv2.transform(points[None], cv2.invertAffineTransform(crop.to_picture.astype(np.float64)))
    keypoints = np.zeros((1, own.grouping.size, 2), dtype=np.float32)
    keypoints[0, own.grouping.channels(category_id)] = places[0]
    visible = own.grouping.category_mask(category_id)[None].astype(np.float32)
    return torch.from_numpy(own._codec.encode(keypoints, visible)["heatmaps"])


@pytest.mark.parametrize("entry", DEEPFASHION2.categories, ids=lambda entry: entry.slug)
@pytest.mark.parametrize(
    "box", [(52.0, 61.0, 24.0, 36.0), (20.5, 30.0, 100.0, 40.0), (10.0, 5.0, 40.0, 180.0)]
)
def test_perfect_heatmaps_decode_to_the_labelled_places(entry, box):
    own = estimator()
    crop = own.crop(picture(), box)
    points = landmarks(entry.id, box)[:, :2]
    found = to_picture(own.decode(perfect(own, crop, points, entry.id), entry.id).landmarks, crop)
    # Targets are drawn at whole heatmap pixels: half a one is as near as the paper's codec can come.
    limit = HEATMAP_PIXEL / 2 * abs(crop.to_picture[0, 0]) + 1e-3
    assert np.abs(found[:, :2] - points).max() <= limit
    if box[3] == 36.0:
        assert limit < 1.0  # pixel of the picture
    assert np.allclose(found[:, 2], 1.0)


def test_a_landmark_is_a_quarter_pixel_toward_the_higher_neighbour():
    own = estimator()
    heatmaps = torch.zeros(81, 24, 16)
    first, second = own.grouping.channels(9)[:2]
    heatmaps[first, 10, 7], heatmaps[first, 10, 8], heatmaps[first, 9, 7] = 1.0, 0.5, 0.2
    heatmaps[second, 4, 5] = 0.7
    found = own.decode(heatmaps, 9)
    assert found.landmarks[0].tolist() == pytest.approx([(7 + 0.25) * 4, (10 - 0.25) * 4, 1.0])
    assert found.landmarks[1].tolist() == pytest.approx([5 * 4, 4 * 4, 0.7])


def test_a_heatmap_that_is_nowhere_positive_still_has_a_highest_pixel():
    own = estimator()
    heatmaps = torch.full((81, 24, 16), -0.5)
    heatmaps[own.grouping.channels(9)[0], 12, 3] = -0.25
    found = own.decode(heatmaps, 9)
    assert found.landmarks[0].tolist() == pytest.approx([12, 48, -0.25])
    assert (found.landmarks[:, :2] >= 0).all()


def test_maxima_are_those_of_all_channels():
    own = estimator()
    heatmaps = torch.rand(81, 24, 16)
    found = own.decode(heatmaps, 4)
    assert np.allclose(found.maxima, heatmaps.numpy().max(axis=(1, 2)))
    assert np.allclose(found.landmarks[:, 2], found.maxima[own.grouping.channels(4)])


def test_a_crop_shows_what_stands_in_the_box():
    own, whole, box = estimator(), picture(), (40.0, 50.0, 60.0, 90.0)
    crop = own.crop(whole, box)
    x, y = crop.to_picture @ (32, 48, 1)
    assert (x, y) == pytest.approx((70, 95), abs=1e-3)  # the crop's centre is the box's
    cut = np.abs(crop.pixels[48, 32].astype(int) - whole[95, 70].astype(int))
    assert cut.max() <= 2


@pytest.mark.parametrize("name", ["aggregated", "independent"])
def test_the_flip_test_sees_a_mirrored_crop_as_the_mirror_of_what_it_saw(name):
    own = estimator(name=name)
    crops = np.stack([own.crop(picture(seed), (20.0, 30.0, 90.0, 120.0)).pixels for seed in (1, 2)])
    seen = own.outputs(crops, flip_test=True, shift_heatmap=False)
    mirrored = own.outputs(np.ascontiguousarray(crops[:, :, ::-1]), flip_test=True, shift_heatmap=False)
    partners = torch.from_numpy(own.grouping.flip_index)
    assert torch.allclose(mirrored.flip(-1)[:, partners], seen, atol=1e-4 * float(seen.abs().max()))
    plain = own.outputs(crops)
    assert not torch.allclose(plain, seen, atol=1e-2 * float(seen.abs().max()))


def test_the_shift_moves_the_mirrored_half_by_one_pixel():
    own = estimator()
    crops = own.crop(picture(), (20.0, 30.0, 90.0, 120.0)).pixels[None]
    plain = own.outputs(crops)
    back = 2 * own.outputs(crops, flip_test=True, shift_heatmap=False) - plain
    shifted = 2 * own.outputs(crops, flip_test=True, shift_heatmap=True) - plain
    tolerance = 1e-4 * float(plain.abs().max())
    assert torch.allclose(shifted[..., 1:], back[..., :-1], atol=tolerance)
    assert torch.allclose(shifted[..., 0], back[..., 0], atol=tolerance)


def test_a_folder_gives_back_the_same_landmarks(tmp_path):
    own = estimator(seed=5)
    save_weights(own.model, tmp_path / "weights.pt")
    write_settings(tmp_path, settings(), own.grouping, category=None, start=None)
    loaded = Estimator.load(tmp_path, device="cpu")
    crop = own.crop(picture(), (20.0, 30.0, 90.0, 120.0))
    found = [one.decode(one.outputs(crop.pixels[None])[0], 7) for one in (own, loaded)]
    assert np.allclose(found[0].landmarks, found[1].landmarks, atol=1e-5)
    assert loaded.network == NETWORK
    assert np.array_equal(loaded.grouping.group_of, own.grouping.group_of)
    assert found[0].landmarks.shape == (DEEPFASHION2.category(7).count, 3)


def test_what_is_no_estimator_is_said(tmp_path):
    with pytest.raises(HemlineError, match="no estimator there"):
        Estimator.load(tmp_path)
    write_no_expert(tmp_path / "sling", "sling", "no sling with a labelled landmark to train on")
    with pytest.raises(HemlineError, match="no expert here: no sling"):
        Estimator.load(tmp_path / "sling")
    (tmp_path / "settings.json").write_text(json.dumps({"type": "htc"}))
    with pytest.raises(HemlineError, match="not an estimator's settings"):
        Estimator.load(tmp_path)


def test_weights_of_another_grouping_are_refused(tmp_path):
    save_weights(estimator(name="independent").model, tmp_path / "weights.pt")
    write_settings(tmp_path, settings(), AGGREGATED, category=None, start=None)
    with pytest.raises(HemlineError, match="don't fit"):
        Estimator.load(tmp_path)
