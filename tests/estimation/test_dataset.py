"""Garments as mmpose's samples: flips, categories, which landmarks carry weight."""

from pathlib import Path

import mmpose
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.datasets.transforms import RandomFlip

from hemline.errors import HemlineError
from hemline.estimation.config import pipeline
from hemline.estimation.dataset import WidenBox
from hemline.estimation.garments import PictureCache, read_garments, read_images, read_picture
from hemline.wardrobe import grouping
from tests.estimation.wardrobes import (
    DEEPFASHION2,
    NETWORK,
    landmarks,
    settings,
    training_set,
    write_dataset,
)

BOX = (30.0, 40.0, 80.0, 110.0)


def build(folder, name, garments, **options):
    """The data set of a training on these garments."""
    return training_set(settings(**options), grouping(DEEPFASHION2, name), garments, folder)


def one_of_each():
    return [
        (entry.id, entry.id, BOX, landmarks(entry.id, BOX, entry.id)) for entry in DEEPFASHION2.categories
    ]


@pytest.mark.parametrize("name", ["aggregated", "independent"])
def test_flip_indices_are_an_involution_with_an_entry_for_each_channel(tmp_path, name):
    flips = build(tmp_path, name, one_of_each()).metainfo["flip_indices"]
    chosen = grouping(DEEPFASHION2, name)
    assert len(flips) == chosen.size
    assert np.array_equal(np.asarray(flips)[flips], np.arange(chosen.size))
    assert np.array_equal(flips, chosen.flip_index)


def test_mmpose_own_flip_breaks_the_vest():
    # Should this fail one day, mmpose has mended it; ours must not change.
    configs = Path(mmpose.__file__).parent / ".mim" / "configs"
    flips = Config.fromfile(configs / "_base_/datasets/deepfashion2.py").dataset_info["keypoint_info"]
    assert (flips[140]["name"], flips[140]["swap"]) == ("vest_kpt13", "")
    assert (flips[136]["name"], flips[136]["swap"]) == ("vest_kpt9", "vest_kpt13")
    assert grouping(DEEPFASHION2, "independent").flip_index[[136, 140]].tolist() == [140, 136]


@pytest.mark.parametrize("name", ["aggregated", "independent"])
def test_every_category_keeps_its_id_and_only_its_own_channels_have_weight(tmp_path, name):
    samples = build(tmp_path, name, one_of_each(), augment=False)
    assert len(samples) == len(DEEPFASHION2.categories)
    for entry, sample in zip(DEEPFASHION2.categories, samples, strict=True):
        found = sample["data_samples"]
        assert found.metainfo["category_id"] == entry.id
        weights = found.gt_instance_labels.keypoint_weights.numpy()
        assert np.array_equal(weights[0] > 0, grouping(DEEPFASHION2, name).category_mask(entry.id))


def test_a_landmark_without_a_label_has_no_weight(tmp_path):
    points = landmarks(8, BOX)
    points[3] = 0
    sample = build(tmp_path, "aggregated", [(1, 8, BOX, points)], augment=False)[0]["data_samples"]
    own = sample.gt_instance_labels.keypoint_weights.numpy()[0][
        grouping(DEEPFASHION2, "aggregated").channels(8)
    ]
    assert np.flatnonzero(own == 0).tolist() == [3]


def test_an_occluded_landmark_has_the_weight_of_a_visible_one(tmp_path):
    points = landmarks(8, BOX)
    points[:, 2] = 1
    sample = build(tmp_path, "aggregated", [(1, 8, BOX, points)], augment=False)[0]["data_samples"]
    assert sample.gt_instance_labels.keypoint_weights.sum() == DEEPFASHION2.category(8).count


@pytest.mark.parametrize(
    ("crops", "least", "most"),
    [
        ("boxes", (70, 95, 100, 150), (70, 95, 100, 150)),  # the garment's centre, its width padded by 1.25
        ("between", (55, 75, 100, 150), (95, 120, 200, 300)),
        ("whole", (80, 100, 200, 300), (80, 100, 200, 300)),  # of a picture 160 wide and 200 high
    ],
)
def test_a_crop_is_the_garments_box_its_whole_picture_or_between_the_two(tmp_path, crops, least, most):
    """As the training has it: centre, width and height of crops of 64 x 96, over two hundred draws."""
    np.random.seed(0)
    chosen = settings(augment=False)
    training = chosen.training.model_copy(update={"crops": crops})
    chosen = chosen.model_copy(update={"training": training})
    garment = (1, 8, BOX, landmarks(8, BOX))
    samples = training_set(chosen, grouping(DEEPFASHION2, "aggregated"), [garment], tmp_path)
    found = [samples[0]["data_samples"].metainfo for _ in range(200)]
    drawn = np.array([np.concatenate([one["input_center"], one["input_scale"]]) for one in found])
    reach = 0.15 * np.subtract(most, least) + 1e-3
    assert (drawn >= np.array(least) - 1e-3).all() and (drawn.min(axis=0) <= least + reach).all()
    assert (drawn <= np.array(most) + 1e-3).all() and (drawn.max(axis=0) >= most - reach).all()


def test_boxes_between_a_garment_and_its_picture():
    """Each draw holds the garment and lies in the picture; each side goes all the way, and by itself."""
    np.random.seed(0)
    picture = np.zeros((200, 160, 3), np.uint8)
    widen = WidenBox(least=0.0)
    garment = np.array([[30, 40, 110, 150]], np.float32)
    drawn = np.concatenate([widen({"img": picture, "bbox": garment})["bbox"] for _ in range(400)])
    shares = (drawn - garment) / (np.array([0, 0, 160, 200]) - garment)
    assert (shares >= -1e-6).all() and (shares <= 1 + 1e-6).all()
    assert (shares.min(axis=0) < 0.05).all() and (shares.max(axis=0) > 0.95).all()
    assert np.abs(np.corrcoef(shares.T) - np.eye(4)).max() < 0.2


def test_garments_without_landmarks_are_skipped(tmp_path):
    nothing = np.zeros((DEEPFASHION2.category(9).count, 3))
    samples = build(tmp_path, "aggregated", [(1, 9, BOX, nothing), (2, 9, BOX, landmarks(9, BOX))])
    assert [samples.get_data_info(index)["img_id"] for index in range(len(samples))] == [2]


def test_nothing_to_train_on_is_said(tmp_path):
    with pytest.raises(HemlineError, match=r"train-aggregated\.json: no garment with a labelled landmark"):
        build(tmp_path, "aggregated", [(1, 9, BOX, np.zeros((DEEPFASHION2.category(9).count, 3)))])


def test_annotations_of_another_grouping_are_refused(tmp_path):
    path = write_dataset(tmp_path, grouping(DEEPFASHION2, "aggregated"), [(1, 9, BOX, landmarks(9, BOX))])
    with pytest.raises(HemlineError, match="81 keypoints, but grouping independent has 294"):
        read_garments(path, tmp_path, grouping(DEEPFASHION2, "independent"))


def test_missing_or_broken_annotations_are_named(tmp_path):
    with pytest.raises(HemlineError, match=r"none\.json: no such annotations"):
        read_images(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"images": [')
    with pytest.raises(HemlineError, match=r"half\.json: not JSON"):
        read_images(tmp_path / "half.json")


def test_an_unreadable_picture_is_named(tmp_path):
    (tmp_path / "no.jpg").write_bytes(b"not a picture")
    with pytest.raises(HemlineError, match=r"no\.jpg: cannot be read"):
        read_picture(tmp_path / "no.jpg")
    with pytest.raises(HemlineError, match=r"gone\.jpg: No such file"):
        read_picture(tmp_path / "gone.jpg")


def test_the_cache_forgets_the_oldest_pictures_first(tmp_path):
    write_dataset(tmp_path, grouping(DEEPFASHION2, "aggregated"), one_of_each()[:3])
    paths = [str(tmp_path / "image" / f"{number:06d}.jpg") for number in (1, 2, 3)]
    size = read_picture(paths[0]).nbytes
    cache = PictureCache(capacity=2 * size)
    first = cache.read(paths[0])
    cache.read(paths[1])
    assert cache.read(paths[0]) is first
    cache.read(paths[2])
    assert list(cache.pictures) == [paths[0], paths[2]]
    assert cache.size == 2 * size


@pytest.mark.parametrize("name", ["aggregated", "independent"])
@pytest.mark.parametrize("category_id", [3, 5, 8])
def test_a_mirrored_garment_has_its_landmarks_in_the_partners_channels(tmp_path, name, category_id):
    from mmpose.datasets.transforms import RandomFlip

    points = landmarks(category_id, BOX)
    info = build(tmp_path, name, [(1, category_id, BOX, points)]).get_data_info(0)
    info["img_shape"] = info["img"].shape[:2]
    flipped = RandomFlip(prob=1.0)(dict(info))
    chosen = grouping(DEEPFASHION2, name)
    partners = chosen.flip_index[chosen.channels(category_id)]
    assert np.allclose(flipped["keypoints"][0, partners, 0], 159 - points[:, 0])
    assert np.allclose(flipped["keypoints"][0, partners, 1], points[:, 1])
    assert flipped["keypoints_visible"][0, partners].all()
    assert flipped["keypoints_visible"].sum() == len(points)


def test_augmentation_has_the_authors_strength():
    given = settings().training
    crop = next(step for step in pipeline(NETWORK, given) if step["type"] == "RandomBBoxTransform")
    # HRNet draws N(0, 1) x 30 degrees, cut at 60; mmpose draws N(0, 1) cut at 1 and multiplies by its factor.
    assert crop["rotate_factor"] == 60 and crop["rotate_prob"] == 0.6
    assert crop["scale_factor"] == (0.75, 1.25) and crop["scale_prob"] == 1.0
    assert crop["shift_prob"] == 0.0


def test_flip_is_an_augmentation_of_its_own():
    kinds = [
        [step["type"] for step in pipeline(NETWORK, settings(flip=flip).training)] for flip in (False, True)
    ]
    assert "QuickRandomFlip" not in kinds[0]
    assert [kind for kind in kinds[1] if kind != "QuickRandomFlip"] == kinds[0]


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_the_quick_flip_is_mmposes(tmp_path, probability):
    from hemline.estimation.dataset import QuickRandomFlip

    chosen = grouping(DEEPFASHION2, "aggregated")
    sample = {
        "img": np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8),
        "img_shape": (60, 40),
        "bbox": np.array([[3.0, 4.0, 30.0, 50.0]], dtype=np.float32),
        "bbox_center": np.array([[16.5, 27.0]], dtype=np.float32),
        "keypoints": np.random.default_rng(1).uniform(0, 40, (1, chosen.size, 2)).astype(np.float32),
        "keypoints_visible": np.arange(chosen.size, dtype=np.float32)[None] % 2,
        "flip_indices": chosen.flip_index.tolist(),
    }
    theirs = RandomFlip(prob=probability)(sample.copy())
    ours = QuickRandomFlip(prob=probability)(sample | {"visibility": np.arange(chosen.size)[None]})
    swapped = chosen.flip_index if probability else np.arange(chosen.size)
    assert np.array_equal(ours.pop("visibility"), swapped[None])
    assert ours.keys() == theirs.keys() and ours["flip"] == bool(probability)
    for key, value in theirs.items():
        assert np.array_equal(ours[key], value), key
    assert ours["img"].flags.c_contiguous


def test_boxes_are_padded_by_a_quarter_and_brought_to_the_input_shape(tmp_path):
    sample = build(tmp_path, "aggregated", [(1, 9, BOX, landmarks(9, BOX))], augment=False)[0]["data_samples"]
    x, y, width, height = BOX
    assert np.allclose(sample.metainfo["input_center"], (x + width / 2, y + height / 2))
    assert np.allclose(sample.metainfo["input_scale"], (1.25 * 80, 1.25 * 80 * 96 / 64))


def test_samples_can_be_batched(tmp_path):
    samples = build(tmp_path, "aggregated", one_of_each()[:2])
    batch = pseudo_collate([samples[0], samples[1]])
    assert [tuple(inputs.shape) for inputs in batch["inputs"]] == [(3, 96, 64)] * 2
    assert [tuple(one.gt_fields.heatmaps.shape) for one in batch["data_samples"]] == [(81, 24, 16)] * 2
