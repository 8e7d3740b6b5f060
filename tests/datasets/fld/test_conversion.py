"""FLD converted: the same files as DeepFashion2's, by FLD's table."""

import tracemalloc
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from hemline.commands import main
from hemline.datasets.conversion import convert_split
from hemline.datasets.fld.lists import picture_key
from hemline.datasets.fld.reading import BOXES, LANDMARKS, PARTITION
from hemline.datasets.layouts import layout
from hemline.datasets.synthetic import synthesize
from hemline.datasets.validation import validate
from hemline.errors import HemlineError
from hemline.files import read_json
from tests.datasets.fld.conftest import FldFolder, image_name, landmark_row

FLD = layout("fld")


def test_every_file_of_each_split(fld, tmp_path):
    root, out, boxes = fld.write(), tmp_path / "coco", tmp_path / "boxes"
    for split, pictures in (("train", 3), ("validation", 1), ("test", 1)):
        counts = convert_split(root, out, split, boxes=boxes, layout=FLD)
        assert counts == {
            "pictures": pictures,
            "garments": 0 if split == "test" else pictures,
            "dropped": 0,
            "left_out": 0,
        }
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.json")} == {
        "test.json",
        "validation-visible.json",
        *(
            f"{split}-{name}.json"
            for split in ("train", "validation")
            for name in ("independent", "aggregated")
        ),
        *(
            f"categories/{split}-{part}-body.json"
            for split in ("train", "validation")
            for part in ("upper", "lower", "full")
        ),
    }
    assert read_json(out / "test.json")["annotations"] == []
    assert read_json(boxes / "validation.json") == [
        {"image_id": 4, "category_id": 3, "bbox": [10, 20, 90, 120], "score": 1.0, "annotation_id": 1}
    ]


def test_a_garment_stands_on_its_own_channels(fld, tmp_path):
    fld.change(LANDMARKS, 2, landmark_row(2).replace("2 1 0 012 022", "2 5 1 012 022"))
    convert_split(fld.write(), tmp_path, "train", layout=FLD)
    whole, grouped = (read_json(tmp_path / f"train-{name}.json") for name in ("independent", "aggregated"))
    assert whole["images"][1]["file_name"] == image_name(2)
    lower = whole["annotations"][1]
    assert (lower["image_id"], lower["category_id"], lower["bbox"], lower["area"]) == (
        2,
        2,
        [10, 20, 90, 120],
        10800,
    )
    # The lower body's landmarks are 7 to 10 of 18; its waistline and hem are the groups 5 to 8.
    points = [12, 22, 1, 15, 26, 2, 18, 30, 2, 21, 34, 2]
    assert lower["keypoints"] == [0] * 18 + points + [0] * 24
    assert grouped["annotations"][1]["keypoints"] == [0] * 12 + points
    assert lower["variation_type"] == 5
    assert "segmentation" not in lower
    assert [entry["name"] for entry in whole["categories"]] == ["upper", "lower", "full"]
    assert whole["info"]["description"] == "FLD garments in COCO's format"


def test_cut_off_landmarks_are_unlabelled(fld, tmp_path):
    fld.change(LANDMARKS, 4, landmark_row(3).replace("0 012", "2 012").replace("0 015", "1 015"))
    convert_split(fld.write(), tmp_path, "validation", layout=FLD)
    (full,) = read_json(tmp_path / "validation-independent.json")["annotations"]
    (visible,) = read_json(tmp_path / "validation-visible.json")["annotations"]
    assert full["keypoints"][30:36] == [0, 0, 0, 15, 26, 1]
    assert (full["num_keypoints"], visible["num_keypoints"]) == (7, 6)


def test_ids_are_the_pictures_numbers_whatever_the_order(fld, tmp_path):
    root = fld.write()
    convert_split(root, tmp_path / "one", "train", layout=FLD)
    for rows in fld.rows.values():
        rows.reverse()
    fld.write()
    convert_split(root, tmp_path / "two", "train", layout=FLD)
    first, second = (tmp_path / name / "train-independent.json" for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    assert COCO(str(first)).getImgIds() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "key"), [("img/img_00000128.jpg", 128), ("7.jpg", 7), ("img/2016_a12.jpg", 12)]
)
def test_a_number_is_a_names_last_digits(name, key):
    assert picture_key(name) == key


@pytest.mark.parametrize("name", ["img/a.jpg", "img_1.png", "img_1.jpg.txt", "1" * 19 + ".jpg", "١.jpg"])
def test_other_names_have_a_key_of_their_own(name):
    assert picture_key(name) < 0
    assert picture_key(name) != picture_key(name + "x")


def test_the_quarantine_is_obeyed_and_the_rest_left_out(fld, tmp_path, capsys):
    fld.change(BOXES, 1, "1 1 1 1")
    root, report, out = fld.write({LANDMARKS: 9}), tmp_path / "report.json", tmp_path / "out.json"
    validate(FLD.find_splits(root), workers=1, layout=FLD).write(report)
    fld.change(PARTITION, 3, "train extra")
    fld.write({LANDMARKS: 9})
    command = ["convert", str(root), str(out), "--layout", "fld", "--split", "train"]
    assert main([*command, "--quarantine", str(report)]) == 1
    error = capsys.readouterr().err
    assert f"{image_name(3)}: unknown-split" in error
    assert "row-count" not in error
    assert [image["id"] for image in read_json(out)["images"]] == [2]
    assert main(command) == 1
    assert f"train/{LANDMARKS}: row-count: line 1 says 9" in capsys.readouterr().err


def test_the_command_converts_one_view(fld, tmp_path, capsys):
    root, out = fld.write(), tmp_path / "out.json"
    command = ["convert", str(root), str(out), "--layout", "fld"]
    assert main(command) == 2
    assert "holds train, validation, test: choose one with --split" in capsys.readouterr().err
    assert main([*command, "--split", "train", "--category", "lower body", "--grouping", "aggregated"]) == 0
    data = read_json(out)
    assert [image["id"] for image in data["images"]] == [2]
    assert len(data["annotations"][0]["keypoints"]) == 24


def test_pictures_elsewhere(fld, tmp_path):
    root = fld.write()
    (root / "Img" / "img").rename(root / "img")
    elsewhere = layout("fld", images=".")
    assert convert_split(root, tmp_path / "out", "train", layout=elsewhere)["pictures"] == 3


def test_a_test_split_may_lack_its_annotations(fld, tmp_path):
    root = fld.write()
    for name in (BOXES, LANDMARKS):
        (root / name).unlink()
    (root / "Anno").rmdir()
    with pytest.raises(HemlineError, match=r"list_bbox\.txt: no such file"):
        FLD.open_split("train", root)
    report = validate({"test": root}, workers=1, layout=FLD)
    assert report.clean and report.splits[0].counts["pictures"] == 1
    convert_split(root, tmp_path / "out", "test", layout=FLD)
    (image,) = read_json(tmp_path / "out" / "test.json")["images"]
    assert (image["id"], image["file_name"]) == (5, image_name(5))


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_synthetic_wardrobe_is_clean_and_whole(tmp_path, split):
    synthesize(tmp_path / "fld", 4, 1, layout="fld", split=split, size=(96, 128), workers=1)
    assert validate(FLD.find_splits(tmp_path / "fld"), workers=1, layout=FLD).clean
    counts = convert_split(tmp_path / "fld", tmp_path / "out", split, layout=FLD)
    assert counts == {"pictures": 4, "garments": 0 if split == "test" else 4, "dropped": 0, "left_out": 0}


def peak_memory(root: Path) -> int:
    tracemalloc.start()
    try:
        assert sum(1 for entry in FLD.open_split("train", root).listing() if not entry.problems)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_holds_numbers_not_rows(tmp_path, jpeg):
    few, many = (FldFolder(tmp_path / name, lambda number: b"") for name in ("few", "many"))
    for folder, count in ((few, 50), (many, 550)):
        for number in range(count):
            folder.add(number, 3)
        folder.write()
    peak_memory(few.root)  # what is imported and cached on first use doesn't count
    # The lesser of two: the interpreter's table of names may grow, by megabytes, during any one of them.
    small, large = (min(peak_memory(folder.root) for _ in range(2)) for folder in (few, many))
    assert (many.root / LANDMARKS).stat().st_size > 50_000
    assert large - small < 500 * 150  # bytes a picture; as lists of texts its rows take above 2,000
