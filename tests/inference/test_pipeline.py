"""Boxes to landmarks: who serves whom, what is kept, what a garment scores."""

import json

import cv2
import numpy as np
import pytest
import torch

from hemline.errors import HemlineError
from hemline.estimation import Estimator
from hemline.estimation.estimator import write_no_expert, write_settings
from hemline.inference import pipeline
from hemline.inference.pipeline import (
    DetectedBox,
    Estimators,
    estimate,
    estimate_boxes,
    read_boxes,
)
from hemline.params import EstimateSettings
from hemline.training import save_weights
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.wardrobes import NETWORK, lively, picture, settings

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")
SETTINGS = EstimateSettings(
    shift_heatmap=True, score="all", score_threshold=0.2, box_score_threshold=0.01, batch_size=4
)
AGGREGATED = grouping(DEEPFASHION2, "aggregated")


class Counting(Estimator):
    """An estimator that counts the crops it cuts and the sizes of its batches."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.cut, self.batches = 0, []

    def crop(self, *parts):
        self.cut += 1
        return super().crop(*parts)

    def outputs(self, crops, *parts):
        self.batches.append(len(crops))
        return super().outputs(crops, *parts)


def estimator(seed: int, groups=AGGREGATED) -> Counting:
    """Random weights with heatmaps of about 0 to 1."""
    return Counting(lively(seed, groups), NETWORK, groups)


@pytest.fixture(scope="module")
def two():
    return estimator(1), estimator(2)


def box(category_id, image_id=1, at=(20.0, 30.0, 90.0, 120.0), score=0.5):
    return DetectedBox(image_id, category_id, at, score)


def run(pictures, estimators, test=SETTINGS, flip_test=False):
    return list(estimate(pictures, estimators, test, flip_test=flip_test))


def same(one, other):
    return np.allclose(one.landmarks, other.landmarks, atol=1e-3) and one.score == pytest.approx(
        other.score, rel=1e-4
    )


def test_each_category_goes_to_its_expert(two):
    general, expert = two
    boxes = [box(entry.id) for entry in DEEPFASHION2.categories]
    found = run([(picture(), boxes)], Estimators(general, {5: expert, 9: expert}))
    by = {
        name: run([(picture(), boxes)], Estimators(one))
        for name, one in (("general", general), ("expert", expert))
    }
    for index, entry in enumerate(DEEPFASHION2.categories):
        served, other = ("expert", "general") if entry.id in (5, 9) else ("general", "expert")
        assert same(found[index], by[served][index])
        assert not same(found[index], by[other][index])


def test_no_category_is_lost(two):
    # mmpose drops every detection whose category isn't 1.
    found = run(
        [(picture(), [box(entry.id) for entry in reversed(DEEPFASHION2.categories)])], Estimators(two[0])
    )
    assert [garment.category_id for garment in found] == list(range(13, 0, -1))
    assert [len(garment.landmarks) for garment in found] == [
        entry.count for entry in reversed(DEEPFASHION2.categories)
    ]


def test_nothing_is_suppressed(two):
    # mmpose's OKS-NMS compares a top and a dress on the same person by channels that one of them hasn't.
    boxes = [box(1, score=0.9), box(1, score=0.8), box(10, score=0.7), box(1, score=0.9)]
    assert [garment.box_score for garment in run([(picture(), boxes)], Estimators(two[0]))] == [
        0.9,
        0.8,
        0.7,
        0.9,
    ]


def test_every_box_is_cut_once_and_in_batches_of_its_estimator():
    general, expert = estimator(1), estimator(2)
    pictures = [(picture(n), [box(1, n), box(9, n), box(1, n)]) for n in range(5)]
    found = run(pictures, Estimators(general, {9: expert}))
    assert [garment.image_id for garment in found] == [n for n in range(5) for _ in range(3)]
    assert (general.cut, general.batches) == (10, [4, 4, 2])
    assert (expert.cut, expert.batches) == (5, [4, 1])


def test_batches_and_chunks_change_nothing(two, monkeypatch):
    pictures = [(picture(n), [box(1, n), box(9, n), box(8, n, (5.0, 5.0, 60.0, 80.0))]) for n in range(4)]
    whole = run(pictures, Estimators(*two[:1], {9: two[1]}))
    monkeypatch.setattr(pipeline, "CHUNK", 1)
    single = run(pictures, Estimators(*two[:1], {9: two[1]}), SETTINGS.model_copy(update={"batch_size": 1}))
    assert len(whole) == 12
    assert all(same(one, other) for one, other in zip(whole, single, strict=True))


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("name", ["all", "category"])
def test_a_garments_score_and_places_by_a_plain_rendering(two, flip_test, shift, name):
    test = SETTINGS.model_copy(update={"score": name, "shift_heatmap": shift})
    garment = run([(picture(), [box(8, score=0.6)])], Estimators(two[0]), test, flip_test)[0]
    crop = two[0].crop(picture(), garment.box)
    heatmaps = two[0].outputs(crop.pixels[None])[0].numpy()
    if flip_test:
        mirrored = two[0].outputs(np.ascontiguousarray(crop.pixels[None, :, ::-1]))[0].numpy()
        back = mirrored[:, :, ::-1][AGGREGATED.flip_index]
        if shift:
            back = np.concatenate([back[:, :, :1], back[:, :, :-1]], axis=2)
        heatmaps = (heatmaps + back) / 2
    chosen = range(81) if name == "all" else AGGREGATED.channels(8)
    maxima = [heatmaps[channel].max() for channel in chosen if heatmaps[channel].max() > 0.2]
    assert garment.score == pytest.approx(0.6 * sum(maxima) / len(maxima), rel=1e-4)
    for landmark, channel in zip(garment.landmarks, AGGREGATED.channels(8), strict=True):
        row, column = np.unravel_index(heatmaps[channel].argmax(), heatmaps[channel].shape)
        x, y = cv2.transform(np.array([[[column * 4.0, row * 4.0]]]), crop.to_picture.astype(float))[0, 0]
        assert abs(landmark[0] - x) <= crop.to_picture[0, 0] + 1e-3  # a quarter of a heatmap pixel
        assert abs(landmark[1] - y) <= crop.to_picture[1, 1] + 1e-3


def test_a_box_is_enlarged_about_its_centre_before_it_is_cut(two):
    """By hand: half as wide and half as high again, a quarter to each side."""
    test = SETTINGS.model_copy(update={"box_scale": 1.5})
    asked, by_hand = box(8, at=(20.0, 30.0, 90.0, 120.0)), box(8, at=(-2.5, 0.0, 135.0, 180.0))
    larger = run([(picture(), [asked])], Estimators(two[0]), test)[0]
    wanted, plain = (run([(picture(), [one])], Estimators(two[0]))[0] for one in (by_hand, asked))
    assert same(larger, wanted) and not same(larger, plain)
    assert larger.box == asked.box


def test_scores_of_all_and_of_own_channels_differ(two):
    found = [
        run([(picture(), [box(9)])], Estimators(two[0]), SETTINGS.model_copy(update={"score": name}))[0].score
        for name in ("all", "category")
    ]
    assert found[0] != pytest.approx(found[1], rel=1e-3)


def test_a_garment_without_a_sure_landmark_scores_nothing(two, monkeypatch):
    monkeypatch.setattr(two[0], "outputs", lambda crops, *_: torch.full((len(crops), 81, 24, 16), 0.1))
    assert [garment.score for garment in run([(picture(), [box(9)])], Estimators(two[0]))] == [0.0]


def write(folder, boxes):
    (folder / "image").mkdir(exist_ok=True)
    images = []
    for image_id in sorted({record["image_id"] for record in boxes}):
        cv2.imwrite(str(folder / "image" / f"{image_id:06d}.jpg"), picture(image_id))
        images.append({"id": image_id, "file_name": f"{image_id:06d}.jpg", "width": 160, "height": 200})
    (folder / "boxes.json").write_text(json.dumps(boxes))
    (folder / "images.json").write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    return folder / "boxes.json", folder / "images.json", folder / "image"


def record(image_id, category_id, score):
    return {"image_id": image_id, "category_id": category_id, "bbox": [20, 30, 90, 120], "score": score}


def test_a_box_file_by_image_and_without_the_faint_ones(tmp_path, two):
    files = write(tmp_path, [record(7, 1, 0.9), record(3, 9, 0.3), record(7, 8, 0.009), record(3, 5, 0.8)])
    found = list(estimate_boxes(*files, Estimators(two[0]), SETTINGS, flip_test=True, title="landmarks"))
    assert [(one.image_id, one.category_id) for one in found] == [(3, 9), (3, 5), (7, 1)]
    assert [one.box_score for one in found] == [0.3, 0.8, 0.9]
    assert found[0].box == (20.0, 30.0, 90.0, 120.0)


def test_landmarks_of_other_categories_stay_zero_in_the_294(tmp_path, two):
    files = write(tmp_path, [record(3, 9, 0.3)])
    garment = next(
        iter(estimate_boxes(*files, Estimators(two[0]), SETTINGS, flip_test=False, title="landmarks"))
    )
    keypoints = np.array(garment.to_record()["keypoints"]).reshape(294, 3)
    assert (keypoints[DEEPFASHION2.category(9).slice, :2] != 0).any(axis=1).all()
    keypoints[DEEPFASHION2.category(9).slice] = 0
    assert not keypoints.any()


def test_bad_boxes_are_named(tmp_path, two):
    files = write(tmp_path, [record(3, 9, 0.3)])
    for change, said in (
        ({"image_id": 99}, "image 99 is not among"),
        ({"category_id": 14}, "record 1: unknown category 14"),
        ({"bbox": [1, 2, 3]}, "record 1: not a box"),
        ({"bbox": [1, 2, 0, 5]}, "record 1: bbox"),
        ({"score": float("nan")}, "record 1: bbox"),
    ):
        files[0].write_text(json.dumps([{**record(3, 9, 0.3), **change}]))
        with pytest.raises(HemlineError, match=said):
            list(estimate_boxes(*files, Estimators(two[0]), SETTINGS, flip_test=False, title="landmarks"))


def test_an_unreadable_picture_is_named(tmp_path, two):
    files = write(tmp_path, [record(3, 9, 0.3)])
    (tmp_path / "image" / "000003.jpg").write_bytes(b"")
    with pytest.raises(HemlineError, match=r"000003\.jpg: cannot be read"):
        list(estimate_boxes(*files, Estimators(two[0]), SETTINGS, flip_test=False, title="landmarks"))


def test_boxes_are_read_without_those_under_the_threshold(tmp_path):
    files = write(tmp_path, [record(7, 1, 0.2), record(3, 9, 0.1), record(3, 8, 0.3)])
    assert [one.score for one in read_boxes(files[0], DEEPFASHION2, 0.2)] == [0.3, 0.2]


def save(folder, own, slug=None):
    folder.mkdir(parents=True)
    save_weights(own.model, folder / "weights.pt")
    write_settings(folder, settings(), own.grouping, category=slug, start=None)


def test_the_aggregated_estimator_serves_a_category_without_an_expert(tmp_path, two):
    save(tmp_path / "estimator", two[0])
    for entry in DEEPFASHION2.categories:
        folder = tmp_path / "experts" / entry.slug
        if entry.slug == "sling":
            write_no_expert(folder, entry.slug, "no sling with a labelled landmark to train on")
        else:
            save(folder, two[1], entry.slug)
    loaded = Estimators.load(tmp_path / "estimator", tmp_path / "experts", device="cpu")
    assert loaded.without_expert == ("sling",)
    assert loaded.serving(6) is loaded.default
    assert len({id(loaded.serving(entry.id)) for entry in DEEPFASHION2.categories}) == 13
    found = run([(picture(), [box(6), box(9)])], loaded)
    assert same(found[0], run([(picture(), [box(6)])], Estimators(two[0]))[0])
    assert same(found[1], run([(picture(), [box(9)])], Estimators(two[1]))[0])


def test_estimators_of_fld_find_its_landmarks(tmp_path):
    estimators = Estimators(estimator(1, grouping(FLD, "aggregated")))
    assert estimators.without_expert == ("upper-body", "lower-body", "full-body")
    files = write(tmp_path, [record(3, 1, 0.3), record(3, 3, 0.3), record(3, 2, 0.3)])
    found = list(estimate_boxes(*files, estimators, SETTINGS, flip_test=True, title="landmarks"))
    assert [(one.category.name, len(one.landmarks)) for one in found] == [
        ("upper body", 6), ("full body", 8), ("lower body", 4),
    ]  # fmt: skip
    assert {one.wardrobe for one in found} == {FLD}
    files = write(tmp_path, [record(3, 4, 0.3)])
    with pytest.raises(HemlineError, match="record 1: unknown category 4: use an id from 1 to 3"):
        list(estimate_boxes(*files, estimators, SETTINGS, flip_test=True, title="landmarks"))


def test_an_expert_of_another_wardrobe_is_refused(tmp_path, two, monkeypatch):
    of_fld = estimator(1, grouping(FLD, "aggregated"))
    for folder in ("estimator", "experts/upper-body"):
        save(tmp_path / folder, two[0])
    loaded = {tmp_path / "estimator": of_fld, tmp_path / "experts" / "upper-body": two[0]}
    monkeypatch.setattr(Estimator, "load", lambda folder, device: loaded[folder])
    with pytest.raises(HemlineError, match=r"upper-body: an expert of deepfashion2; .*estimator is of fld"):
        Estimators.load(tmp_path / "estimator", tmp_path / "experts")


def test_a_missing_expert_is_said(tmp_path, two):
    save(tmp_path / "estimator", two[0])
    save(tmp_path / "experts" / "skirt", two[1], "skirt")
    assert list(Estimators.load(tmp_path / "estimator", tmp_path / "experts").experts) == [9]
    with pytest.raises(HemlineError, match="vest: no estimator there"):
        Estimators.load(tmp_path / "estimator", tmp_path / "experts", ("skirt", "vest"))
