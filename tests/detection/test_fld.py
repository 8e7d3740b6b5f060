"""A detector of another data set's categories, trained and used: FLD's three."""

import pytest

from hemline.detection import Detector, detect_images, read_settings, train_detector
from hemline.errors import HemlineError
from hemline.files import read_json, write_json
from hemline.params import DetectSettings
from hemline.wardrobe import wardrobe
from tests.detection.conftest import DEEPFASHION2, Shop

FLD = wardrobe("fld")


@pytest.fixture
def fld(tmp_path) -> Shop:
    """Ten pictures of each category, of one garment each, as FLD's are."""
    (tmp_path / "image").mkdir()
    shop = Shop(tmp_path / "image", FLD)
    for category_id, box in ((1, (20, 10, 50, 60)), (2, (30, 40, 40, 80)), (3, (15, 15, 60, 100))) * 10:
        shop.add((96, 128), (category_id, box))
    return shop


def test_trained_on_fld_it_finds_garments_of_fld(small, fld, tmp_path):
    settings, out = small("cascade", epochs=8, lr=0.004, flip=0.0), tmp_path / "model"
    train_detector(settings, FLD, fld.write(), fld.folder, out, tmp_path / "state", "FLD")
    assert read_json(out / "settings.json")["wardrobe"] == "fld"
    detector = Detector.load(out, DetectSettings(score_threshold=0.0))
    assert detector.wardrobe is FLD
    assert [head.num_classes for head in detector.model.roi_head.bbox_head] == [3] * 3
    best = {}
    for record in detect_images(detector, fld.write(), fld.folder, "FLD"):
        best.setdefault(record["image_id"], record)
    for garment in fld.garments:
        found = best[garment["image_id"]]
        assert found["category_id"] == garment["category_id"]
        assert iou(found["bbox"], garment["bbox"]) > 0.5


def iou(one, two):
    across = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    down = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    both = max(across, 0) * max(down, 0)
    return both / (one[2] * one[3] + two[2] * two[3] - both)


def test_a_file_of_another_wardrobe_is_refused(small, fld, tmp_path):
    with pytest.raises(HemlineError, match=r"wanted \[1, 2, .*, 13\] with the names of deepfashion2"):
        train_detector(
            small("cascade"), DEEPFASHION2, fld.write(), fld.folder, tmp_path / "out", tmp_path / "state", "x"
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"wardrobe": "cravats"},
            r"settings\.json: unknown wardrobe 'cravats': use one of deepfashion2, fashionai, fld",
        ),
        ({"type": "yolo"}, r"settings\.json: not a detector's settings \(type: "),
    ],
)
def test_settings_that_are_none_are_said(small, tmp_path, settings, message):
    write_json(tmp_path / "settings.json", {**small("cascade").model_dump(mode="json"), **settings})
    with pytest.raises(HemlineError, match=message):
        Detector.load(tmp_path)


def test_a_folder_from_before_wardrobes_were_named_is_deepfashion2s(small, tmp_path):
    write_json(tmp_path / "settings.json", small("htc").model_dump(mode="json"))
    assert read_settings(tmp_path) == (small("htc"), DEEPFASHION2)
