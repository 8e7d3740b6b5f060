"""Pictures with garments and landmarks, against the plain file and mmdet's own reading of it."""

import json
import pickle

import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.registry import DefaultScope

from hemline.datasets.conversion import convert_split
from hemline.datasets.synthetic import synthesize
from hemline.detection.dataset import GarmentPictures
from hemline.errors import HemlineError
from hemline.oneshot.pictures import LandmarkPictures
from hemline.training.order import Order, SamplePasses
from hemline.wardrobe import grouping
from tests.oneshot.garments import DEEPFASHION2

GROUPINGS = ["independent", "aggregated"]


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A drawn wardrobe's COCO-style files, by grouping."""
    folder = tmp_path_factory.mktemp("wardrobe")
    synthesize(folder / "train", 10, seed=5, size=(90, 120), workers=1)
    convert_split(folder / "train", folder / "coco", "train")
    return {name: folder / f"coco/train-{name}.json" for name in GROUPINGS}


@pytest.fixture
def content(converted):
    """The file's content with 81 keypoints a garment."""
    return json.loads(converted["aggregated"].read_text())


@pytest.fixture
def build(tmp_path):
    """The data set of a file or of a content."""

    def build(given, name="aggregated", wardrobe="deepfashion2", **options):
        path = given
        if isinstance(given, dict):
            path = tmp_path / "train.json"
            path.write_text(json.dumps(given))
        return LandmarkPictures(
            ann_file=str(path), data_prefix={"img": "image"}, wardrobe=wardrobe, grouping=name, **options
        )

    return build


@pytest.mark.parametrize("name", GROUPINGS)
def test_pictures_are_those_of_the_file(build, converted, name):
    content = json.loads(converted[name].read_text())
    data = build(converted[name], name)
    with_garments = {entry["image_id"] for entry in content["annotations"]}
    images = [image for image in content["images"] if image["id"] in with_garments]
    assert len(data) == len(images) > 5
    for index, image in enumerate(images):
        info = data.get_data_info(index)
        assert (info["img_id"], info["img_path"]) == (image["id"], f"image/{image['file_name']}")
        assert (info["width"], info["height"]) == (image["width"], image["height"])
        wanted = [entry for entry in content["annotations"] if entry["image_id"] == image["id"]]
        assert data.categories(index) == [entry["category_id"] for entry in wanted]
        for garment, entry in zip(info["instances"], wanted, strict=True):
            check_garment(garment, entry, grouping(DEEPFASHION2, name))


def check_garment(garment, entry, groups):
    """Its label, its corners, its own landmarks half a pixel further."""
    x, y, width, height = entry["bbox"]
    assert garment["bbox"] == [x, y, x + width, y + height]
    assert garment["bbox_label"] == entry["category_id"] - 1
    keypoints = np.reshape(entry["keypoints"], (-1, 3))[groups.channels(entry["category_id"])]
    wanted = np.where(keypoints[:, 2:] > 0, keypoints + np.array([0.5, 0.5, 0]), 0)
    assert garment["landmarks"].dtype == np.float32
    np.testing.assert_array_equal(garment["landmarks"], wanted)


def harmed(entry, **changes):
    return {**entry, **changes}


def test_the_garments_are_those_that_mmdet_trains_on(build, content, tmp_path):
    images, (first, *_) = content["images"], content["annotations"]
    width = next(image["width"] for image in images if image["id"] == first["image_id"])
    harms = [
        {"iscrowd": 1},
        {"ignore": True},
        {"bbox": [10, 10, 0.5, 20]},
        {"bbox": [10, 10, 20, 0.5]},
        {"bbox": [width, 10, 20, 20]},
        {"bbox": [10, -30, 20, 30]},
        {"bbox": [width - 1, 10, 20, 20]},  # a column of it is in the picture: stays
        {"area": 0},
    ]
    content["annotations"] += [harmed(first, id=1000 + number, **harm) for number, harm in enumerate(harms)]
    ours = build(content)
    theirs = GarmentPictures(
        wardrobe="deepfashion2",
        ann_file=ours.ann_file,
        data_prefix={"img": "image"},
        filter_cfg={"filter_empty_gt": True},
    )
    assert len(ours) == len(theirs)
    for index in range(len(ours)):
        kept = [one for one in theirs.get_data_info(index)["instances"] if not one["ignore_flag"]]
        found = ours.get_data_info(index)["instances"]
        assert [(one["bbox"], one["bbox_label"]) for one in found] == [
            (one["bbox"], one["bbox_label"]) for one in kept
        ]
    before = sum(entry["image_id"] == first["image_id"] for entry in content["annotations"])
    (found,) = (info for info in ours if info["img_id"] == first["image_id"])
    assert len(found["instances"]) == before - len(harms) + 1


def test_a_garment_without_a_labelled_landmark_stays(build, content):
    first = content["annotations"][0]
    first["keypoints"] = [0] * len(first["keypoints"])
    (found,) = (info for info in build(content) if info["img_id"] == first["image_id"])
    assert found["instances"][0]["bbox_label"] == first["category_id"] - 1
    assert not found["instances"][0]["landmarks"].any()


def test_pictures_without_garments_are_left_out_of_training_alone(build, content):
    empty = content["annotations"][0]["image_id"]
    content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] != empty]
    all_ids = [image["id"] for image in content["images"]]
    assert empty not in [info["img_id"] for info in build(content)]
    assert [info["img_id"] for info in build(content, test_mode=True)] == all_ids


def test_nothing_to_train_on_is_said(build, content):
    with pytest.raises(HemlineError, match=r"train\.json: no picture with a garment"):
        build({**content, "annotations": []})


@pytest.mark.parametrize("change", [lambda entries: entries[::-1], lambda entries: entries[:-1]])
def test_categories_in_another_order_or_missing_are_refused(build, content, change):
    with pytest.raises(HemlineError, match=r"train\.json: categories \[.*hemline convert"):
        build({**content, "categories": change(content["categories"])})


def test_annotations_of_another_grouping_are_refused(build, converted):
    with pytest.raises(HemlineError, match="has 81 keypoints, but grouping independent has 294 groups"):
        build(converted["aggregated"], "independent")


def test_categories_of_another_wardrobe_are_refused(build, converted):
    with pytest.raises(HemlineError, match=r"categories \[1, .*, 13\], wanted \[1, 2, 3\] of fld"):
        build(converted["aggregated"], wardrobe="fld")


def test_garments_come_with_their_polygons(build, content):
    outline = [[10.0, 10, 30, 10, 30, 40]]
    for entry in content["annotations"]:
        entry["segmentation"] = outline
    found = build(content, masks=True)
    assert all(np.array_equal(one["mask"], outline) for info in found for one in info["instances"])


@pytest.mark.parametrize("polygons", [None, [], [[10.0, 10, 30, 10]]])
def test_a_garment_without_a_polygon_stays_where_no_masks_are_wanted(build, content, polygons):
    first = content["annotations"][0]
    if polygons is None:
        del first["segmentation"]
    else:
        first["segmentation"] = polygons
    count = {
        masks: sum(len(info["instances"]) for info in build(content, masks=masks)) for masks in (False, True)
    }
    assert count == {False: len(content["annotations"]), True: len(content["annotations"]) - 1}


def test_missing_or_broken_files_are_named(build, tmp_path):
    with pytest.raises(HemlineError, match=r"none\.json: no such annotations"):
        build(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"images": [')
    with pytest.raises(HemlineError, match=r"half\.json: not JSON"):
        build(tmp_path / "half.json")


def test_it_is_kept_compact_and_survives_the_way_to_a_loader_s_process(build, converted):
    data = build(converted["independent"], "independent")
    garments = sum(len(info["instances"]) for info in data)
    assert data.data_bytes.nbytes < 1000 * garments  # 294 landmarks are 3,528 bytes
    again = pickle.loads(pickle.dumps(data))
    for one, other in zip(data, again, strict=True):
        assert str(one) == str(other)


def test_a_training_s_loader_draws_from_it_with_balance(converted):
    given = {
        "_scope_": "mmdet",
        "type": "LandmarkPictures",
        "ann_file": str(converted["aggregated"]),
        "data_prefix": {"img": "image"},
        "wardrobe": "deepfashion2",
        "grouping": "aggregated",
    }
    assert "LandmarkPictures" in DATASETS
    with DefaultScope.overwrite_default_scope("mmdet"):
        passes = SamplePasses(given)
    order = Order(passes, seed=0, balance=0.02)
    drawn = next(iter(order))
    (sample,) = passes[[drawn]]
    assert sample["sample_idx"] == drawn.sample
    categories = [passes.categories(index) for index in range(len(passes))]
    counts = np.bincount(np.concatenate(categories))
    rarest = [min(counts[list(some)]) for some in categories]
    weights = order.weights.numpy()
    np.testing.assert_allclose(weights, 1 / (np.array(rarest) / counts.sum() + 0.02))
