"""FLD as mmpose converted it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hemline.commands import main
from hemline.datasets.conversion import convert_split
from hemline.datasets.layouts import layout
from hemline.datasets.report import Report
from hemline.datasets.validation import validate
from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.wardrobe import wardrobe

MMPOSE = layout("mmpose")
UPPER, LOWER, FULL = wardrobe("fld").categories


class MmposeFolder:
    """A folder with annotations/ and img/; pictures are of 120 x 160."""

    def __init__(self, root: Path, jpeg: Callable[..., bytes]) -> None:
        self.root, self._jpeg = root, jpeg
        (root / "annotations").mkdir(parents=True)
        (root / "img").mkdir()

    def write(self, name: str, category: Any, *numbers: int, **changes: Any) -> None:
        """One file with a flawless garment a picture; `changes` are of each annotation."""
        points = [value for n in range(category.count) for value in (12 + 3 * n, 22 + 4 * n, 2)]
        annotation = {"bbox": [10, 20, 90, 120], "keypoints": points, "category_id": 1} | changes
        keypoints = [landmark.name for landmark in category.landmarks]
        for number in numbers:
            (self.root / "img" / f"img_{number:08d}.jpg").write_bytes(self._jpeg(number))
        content = {
            "categories": [{"id": 1, "name": "fashion", "keypoints": keypoints}],
            "images": [
                {"id": n, "file_name": f"img_{n:08d}.jpg", "width": 120, "height": 160} for n in numbers
            ],
            "annotations": [annotation | {"id": n, "image_id": n} for n in numbers],
        }
        self.path(name).write_text(json.dumps(content))

    def path(self, name: str) -> Path:
        return self.root / "annotations" / f"fld_{name}.json"

    def edit(self, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
        content = read_json(self.path(name))
        change(content)
        self.path(name).write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path, jpeg) -> MmposeFolder:
    """Two full-body and one upper-body picture to train, one lower-body picture for validation."""
    folder = MmposeFolder(tmp_path / "fld", jpeg)
    folder.write("full_train", FULL, 3, 1)
    folder.write("upper_train", UPPER, 2)
    folder.write("lower_val", LOWER, 4)
    return folder


def check(folder: MmposeFolder) -> Report:
    return validate(MMPOSE.find_splits(folder.root), workers=1, layout=MMPOSE)


def reasons(report: Report) -> list[tuple[str, str]]:
    return [(one.file, one.reason) for one in report.quarantined]


def test_splits_are_told_by_the_files_names(folder):
    report = check(folder)
    assert report.clean
    assert [(split.name, split.garments()) for split in report.splits] == [("train", 3), ("validation", 1)]
    assert [report.splits[0].garments(number) for number in (1, 2, 3)] == [1, 0, 2]


def test_converted_files(folder, tmp_path):
    convert_split(folder.root, tmp_path / "out", "train", layout=MMPOSE)
    data = read_json(tmp_path / "out" / "train-aggregated.json")
    assert [(image["id"], image["file_name"]) for image in data["images"]][:2] == [
        (1, "img_00000001.jpg"),
        (3, "img_00000003.jpg"),
    ]
    upper = data["annotations"][2]
    assert (upper["category_id"], upper["bbox"], upper["num_keypoints"]) == (1, [10, 20, 90, 120], 6)
    assert upper["keypoints"][:6] == [12, 22, 2, 15, 26, 2]
    assert upper["keypoints"][12:18] == [0] * 6  # no waistline


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keypoints": [1, 1, 2] * 5}, "landmark-count"),
        ({"keypoints": [1, 1, 3] + [1, 1, 2] * 7}, "visibility"),
        ({"keypoints": "many"}, "wrong-type"),
        ({"keypoints": [500, 1, 2] + [1, 1, 2] * 7}, "far-outside"),
        ({"bbox": [10, 20, 0, 5]}, "box-without-area"),
        ({"bbox": [10, 20, 5]}, "wrong-type"),
        ({"bbox": None}, "wrong-type"),
        ({"bbox": [130, 20, 5, 5]}, "box-outside"),
        ({"bbox": [10.5, 2, 10**400, 5]}, "box-outside"),
    ],
)
def test_a_bad_annotation_spoils_its_picture(folder, changes, reason):
    folder.write("full_train", FULL, 1, **changes)
    assert reasons(check(folder)) == [("img_00000001.jpg", reason)]


FILE_FAULTS = {
    "missing-key": lambda content: content["annotations"][1].pop("bbox"),
    "image-size": lambda content: content["images"][1].update(width=60),
    "duplicate-row": lambda content: content["annotations"][0].update(image_id=1),
    "duplicate-id": lambda content: content["images"].append(content["images"][1]),
    "missing-image": lambda content: content["images"][1].update(file_name="img_00000099.jpg"),
    "leaves-folder": lambda content: content["images"][1].update(file_name="../img/img_00000001.jpg"),
}


def test_a_name_that_no_file_can_have_spoils_its_picture(folder):
    folder.edit("full_train", lambda content: content["images"][1].update(file_name="x" * 300))
    assert [reason for _, reason in reasons(check(folder))] == ["image-unreadable"]


@pytest.mark.parametrize("reason", FILE_FAULTS)
def test_a_bad_member_spoils_its_picture(folder, reason):
    folder.edit("full_train", FILE_FAULTS[reason])
    report = check(folder)
    assert [found for _, found in reasons(report)] == [reason]
    assert report.splits[0].counts["quarantined_pictures"] == 1


def test_members_of_no_picture_are_told(folder):
    folder.edit("full_train", lambda content: content["annotations"][1].update(image_id=77))
    folder.edit("full_train", lambda content: content["images"].append({"id": "8"}))
    report = check(folder)
    assert reasons(report) == [("fld_full_train.json", "wrong-type"), ("fld_full_train.json", "missing-row")]
    assert report.notes["train", "image-without-annotation"][0] == 1
    assert report.splits[0].garments() == 2


def test_one_picture_in_two_files(folder):
    folder.write("upper_train", UPPER, 1, 2)
    assert reasons(check(folder)) == [("img_00000001.jpg", "duplicate-id")]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda content: content.pop("images"), "it needs the lists images, annotations, categories"),
        (lambda content: content["categories"][0]["keypoints"].pop(), "of no category of the wardrobe fld"),
        (lambda content: content["categories"].clear(), "of no category of the wardrobe fld"),
    ],
)
def test_a_file_of_another_kind_is_an_error(folder, change, text, capsys):
    folder.edit("lower_val", change)
    assert main(["validate", str(folder.root), "--layout", "mmpose"]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert "fld_lower_val.json" in error


def test_a_file_without_a_picture_is_an_error(folder, tmp_path, capsys):
    folder.write("lower_val", LOWER)
    for command in (["validate"], ["convert", "--split", "validation"]):
        given = [str(folder.root), *([str(tmp_path / "out.json")] if command[0] == "convert" else [])]
        assert main([*command, *given, "--layout", "mmpose"]) == 2
        assert "fld_lower_val.json: no picture of the validation split" in capsys.readouterr().err


def test_no_files_and_no_file_of_a_split_are_errors(folder, tmp_path):
    with pytest.raises(HemlineError, match="no file of the test split"):
        MMPOSE.open_split("test", folder.root)
    with pytest.raises(HemlineError, match="no JSON files"):
        MMPOSE.find_splits(folder.root / "img")


def test_a_single_file_serves_as_any_split(folder, tmp_path):
    for name in ("upper_train", "lower_val"):
        folder.path(name).unlink()
    assert convert_split(folder.root, tmp_path / "out", "validation", layout=MMPOSE)["garments"] == 2


def test_the_real_sample(fld_sample, tmp_path):
    report = validate(MMPOSE.find_splits(fld_sample), layout=MMPOSE)
    assert report.clean
    assert [(split.name, split.garments(3)) for split in report.splits] == [("test", 2)]
    convert_split(fld_sample, tmp_path, "validation", layout=MMPOSE)
    ours = read_json(tmp_path / "validation-aggregated.json")["annotations"]
    theirs = read_json(fld_sample / "test_fld.json")["annotations"]
    for mine, other in zip(ours, theirs, strict=True):
        assert all(
            mine[key] == other[key] for key in ("bbox", "area", "keypoints", "num_keypoints", "image_id")
        )
