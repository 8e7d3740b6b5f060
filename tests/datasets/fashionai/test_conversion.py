"""FashionAI converted: boxes around the landmarks, whole pictures, names that are the contest's."""

import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from hemline.commands import main
from hemline.datasets.conversion import convert_split
from hemline.datasets.layouts import layout
from hemline.datasets.synthetic import synthesize
from hemline.datasets.validation import validate
from hemline.files import read_json
from hemline.params import DataSettings
from hemline.wardrobe import wardrobe
from stages import convert
from tests.datasets.fashionai.conftest import BARE, FashionAIFolder, image_id

FASHIONAI = layout("fashionai")


def test_every_file_of_a_split(fashionai, tmp_path):
    out = tmp_path / "coco"
    counts = convert_split(fashionai.write(), out, "train", layout=FASHIONAI)
    assert counts == {"pictures": 3, "garments": 3, "dropped": 0, "left_out": 0}
    slugs = ("blouse", "outwear", "dress", "trousers", "skirt", "jumpsuit")
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.json")} == {
        "train-independent.json",
        "train-aggregated.json",
        *(f"categories/train-{slug}.json" for slug in slugs),
    }
    assert (
        read_json(out / "train-independent.json")["info"]["description"]
        == "FashionAI garments in COCO's format"
    )


def test_a_garment_stands_on_its_own_channels(fashionai, tmp_path):
    fashionai.change(1, waistband_right="41_52_0", hemline_right="-1_-1_-1")
    convert_split(fashionai.write(), tmp_path, "train", layout=FASHIONAI)
    whole, grouped = (read_json(tmp_path / f"train-{name}.json") for name in ("independent", "aggregated"))
    skirt = whole["annotations"][1]
    # The skirt's landmarks are 50 to 53 of 71; its groups are the contest's columns 16 to 19 of 24.
    points = [40, 50, 2, 41, 52, 1, 42, 54, 2, 0, 0, 0]
    assert skirt["keypoints"] == [0] * 3 * 49 + points + [0] * 3 * 18
    assert grouped["annotations"][1]["keypoints"] == [0] * 3 * 15 + points + [0] * 3 * 5
    assert (skirt["category_id"], skirt["num_keypoints"]) == (5, 3)
    assert "segmentation" not in skirt


def test_a_box_is_25_pixels_around_the_labelled_landmarks(fashionai, tmp_path):
    # In a picture of 120 x 160: from 40 - 25 to 110 + 25, cut off at 120; from 50 - 25 to 54 + 25.
    fashionai.change(1, waistband_right="110_52_0", hemline_right="-1_-1_-1")
    convert_split(fashionai.write(), tmp_path, "train", boxes=tmp_path / "boxes", layout=FASHIONAI)
    skirt = read_json(tmp_path / "train-independent.json")["annotations"][1]
    assert (skirt["bbox"], skirt["area"]) == ([15, 25, 105, 54], 105 * 54)
    assert read_json(tmp_path / "boxes" / "train.json")[1]["bbox"] == [15, 25, 105, 54]


def test_ids_are_places_over_all_files_and_names_the_contests(fashionai, tmp_path):
    fashionai.change(0, neckline_left="bad")
    convert_split(fashionai.write(), tmp_path, "train", layout=FASHIONAI)
    images = read_json(tmp_path / "train-independent.json")["images"]
    assert [(image["id"], image["file_name"]) for image in images] == [
        (2, image_id(2, "skirt")),
        (3, image_id(3, "dress")),
    ]
    assert all((fashionai.root / image["file_name"]).is_file() for image in images)


def test_whole_pictures_where_the_category_is_said(fashionai, tmp_path):
    root = fashionai.write()
    (root / "Annotations").rename(root.parent / "answers")
    rows = [
        (image_id(3, "dress"), "dress"),
        (image_id(2, "skirt"), "shirt"),
        (image_id(1, "blouse"), "blouse"),
    ]
    (root / "test.csv").write_text("\n".join(",".join(row) for row in [BARE, *rows]))
    folders = {"boxes": tmp_path / "truth", "whole": tmp_path / "whole"}
    convert_split(root, tmp_path / "coco", "test", layout=FASHIONAI, **folders)
    test = read_json(tmp_path / "coco" / "test.json")
    assert [(image["id"], image["file_name"]) for image in test["images"]] == [
        (1, image_id(3, "dress")),
        (3, image_id(1, "blouse")),
    ]
    assert test["annotations"] == [] == read_json(tmp_path / "truth" / "test.json")
    assert read_json(tmp_path / "whole" / "test.json") == [
        {"image_id": 1, "category_id": 3, "bbox": [0, 0, 120, 160], "score": 1.0},
        {"image_id": 3, "category_id": 1, "bbox": [0, 0, 120, 160], "score": 1.0},
    ]


def test_a_test_split_may_have_its_answers(fashionai, tmp_path):
    counts = convert_split(fashionai.write(), tmp_path, "test", whole=tmp_path / "whole", layout=FASHIONAI)
    assert counts == {"pictures": 3, "garments": 0, "dropped": 0, "left_out": 0}
    assert read_json(tmp_path / "test.json")["annotations"] == []
    assert [box["category_id"] for box in read_json(tmp_path / "whole" / "test.json")] == [1, 5, 3]


def test_no_whole_pictures_where_no_category_is_said(tmp_path):
    synthesize(tmp_path / "data", 2, 1, size=(96, 128), workers=1)
    convert_split(tmp_path / "data", tmp_path, "validation", whole=tmp_path / "whole")
    assert read_json(tmp_path / "whole" / "validation.json") == []


def test_the_quarantine_is_obeyed_and_the_rest_left_out(fashionai, tmp_path, capsys):
    fashionai.change(0, neckline_left="bad")
    report = tmp_path / "report.json"
    validate({"train": fashionai.write()}, workers=1, layout=FASHIONAI).write(report)
    fashionai.change(1, image_category="shirt")
    root, out = fashionai.write(), tmp_path / "out.json"
    command = ["convert", str(root), str(out), "--layout", "fashionai", "--quarantine", str(report)]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "unknown-category" in error and "bad-row" not in error
    assert [image["id"] for image in read_json(out)["images"]] == [3]


def test_names_that_differ_in_their_suffix_are_two_pictures(fashionai, tmp_path, jpeg):
    fashionai.change(0, image_id="Images/blouse/a.jpeg")
    fashionai.change(1, image_id="Images/skirt/a.jpg")
    fashionai.add(4, "blouse", image_id="Images/blouse/a.jpg")
    for name, data in (
        ("blouse/a.jpeg", jpeg(7)[:-200]),
        ("blouse/a.jpg", jpeg(8)),
        ("skirt/a.jpg", jpeg(9)),
    ):
        (fashionai.root / "Images" / name).write_bytes(data)
    report = tmp_path / "report.json"
    validate({"train": fashionai.write()}, workers=1, layout=FASHIONAI).write(report)
    counts = convert_split(fashionai.root, tmp_path / "coco", "train", report, layout=FASHIONAI)
    assert counts == {"pictures": 3, "garments": 3, "dropped": 1, "left_out": 0}


@pytest.mark.parametrize("name", ["a\N{NO-BREAK SPACE}b", "x\N{ZERO WIDTH JOINER}"])
def test_the_quarantine_knows_names_that_cannot_be_printed(fashionai, tmp_path, jpeg, name):
    fashionai.change(1, image_id=f"Images/skirt/{name}.jpg")
    (fashionai.root / "Images/skirt" / f"{name}.jpg").write_bytes(jpeg(7)[:-200])
    report = tmp_path / "report.json"
    found = validate({"train": fashionai.write()}, workers=1, layout=FASHIONAI)
    found.write(report)
    assert [one.reason for one in found.quarantined] == ["image-truncated"]
    counts = convert_split(fashionai.root, tmp_path / "coco", "train", report, layout=FASHIONAI)
    assert counts == {"pictures": 2, "garments": 2, "dropped": 1, "left_out": 0}


def test_the_stage_writes_boxes_of_whole_pictures(fashionai, tmp_path, monkeypatch):
    folder = str(fashionai.write())
    data = DataSettings(
        name="FashionAI",
        wardrobe="fashionai",
        layout="fashionai",
        images=".",
        train=folder,
        validation=folder,
        test=folder,
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.stage.ensure_follower", lambda records: None)
    params = SimpleNamespace(data=data, wardrobe=wardrobe("fashionai"))
    monkeypatch.setattr(convert, "load_params", lambda: params)
    (tmp_path / "data").mkdir()
    validate(dict.fromkeys(data.folders, fashionai.root), workers=1, layout=FASHIONAI).write(
        tmp_path / "data" / "validation.json"
    )
    convert.convert()
    boxes = [
        read_json(tmp_path / "results/boxes/whole" / f"{split}.json") for split in ("validation", "test")
    ]
    assert boxes[0] == boxes[1] and [box["image_id"] for box in boxes[0]] == [1, 2, 3]
    (image, *_) = read_json(tmp_path / "data/coco/validation-independent.json")["images"]
    assert (data.pictures("validation") / image["file_name"]).is_file()


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_synthetic_wardrobe_is_clean_and_whole(tmp_path, split):
    out = tmp_path / "drawn"
    synthesize(
        out, 6, 1, layout="fashionai", split=split, size=(96, 128), annotations=split != "test", workers=1
    )
    assert validate({split: out}, workers=1, layout=FASHIONAI).clean
    counts = convert_split(out, tmp_path / "out", split, layout=FASHIONAI)
    assert counts == {"pictures": 6, "garments": 0 if split == "test" else 6, "dropped": 0, "left_out": 0}


def peak_memory(root: Path) -> int:
    tracemalloc.start()
    try:
        assert sum(1 for entry in FASHIONAI.open_split("train", root).listing() if not entry.problems)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_holds_a_number_a_row(tmp_path):
    few, many = (FashionAIFolder(tmp_path / name, lambda number: b"") for name in ("few", "many"))
    for folder, count in ((few, 50), (many, 550)):
        for number in range(count):
            folder.add(number, "dress")
        folder.write()
    peak_memory(few.root)  # what is imported and cached on first use doesn't count
    # The lesser of two: the interpreter's table of names may grow, by megabytes, during any one of them.
    small, large = (min(peak_memory(folder.root) for _ in range(2)) for folder in (few, many))
    assert large - small < 500 * 60  # bytes a picture; as a dictionary of texts a row takes above 2,000
