"""FLD's lists: each fault has its reason, and nothing is lost."""

import json

import pytest

from hemline.commands import main
from hemline.datasets import validation
from hemline.datasets.fld.reading import BOXES, JOINTS, LANDMARKS, PARTITION
from hemline.datasets.layouts import layout
from hemline.datasets.report import Report
from hemline.datasets.validation import validate
from hemline.errors import HemlineError
from tests.datasets.fld.conftest import FldFolder, image_name, landmark_row

FLD = layout("fld")


def check(folder: FldFolder) -> Report:
    root = folder.write()
    return validate(FLD.find_splits(root), workers=1, layout=FLD)


def reasons(report: Report) -> list[tuple[str, str, str]]:
    return [(one.split, one.file, one.reason) for one in report.quarantined]


def test_flawless_lists_are_clean(fld):
    report = check(fld)
    assert report.clean
    assert [(split.name, split.counts["pictures"]) for split in report.splits] == [
        ("train", 3),
        ("validation", 1),
        ("test", 1),
    ]
    train = report.to_json()["splits"]["train"]
    assert train["categories"]["lower body"] == {
        "garments": 1,
        "garments_without_landmarks": 0,
        "landmarks": {"visible": 4, "occluded": 0, "unlabelled": 0},
        "variation_type": {"1": 1},
    }
    assert "short_sleeve_outwear" not in report.to_json()
    assert "outwear" not in report.table()


def test_visibility_is_turned_into_cocos(fld):
    fld.add(6, 1, visibility=1)
    fld.add(7, 1, visibility=2)
    upper = check(fld).to_json()["splits"]["train"]["categories"]["upper body"]
    assert upper["landmarks"] == {"visible": 6, "occluded": 6, "unlabelled": 6}
    assert upper["garments_without_landmarks"] == 1


# The row of picture 1, an upper body in a picture of 120 x 160, that shows each fault.
ROW_FAULTS = [
    (LANDMARKS, "1", "bad-row"),
    (LANDMARKS, landmark_row(1) + " 0", "bad-row"),
    (LANDMARKS, "4" + landmark_row(1)[1:], "unknown-category"),
    (LANDMARKS, "x" + landmark_row(1)[1:], "unknown-category"),
    (LANDMARKS, "2" + landmark_row(1)[1:], "landmark-count"),
    (LANDMARKS, landmark_row(1).replace("0 012", "3 012"), "visibility"),
    (LANDMARKS, landmark_row(1).replace("0 012", "-1 012"), "visibility"),
    (LANDMARKS, landmark_row(1).replace("012", "x12"), "wrong-type"),
    (LANDMARKS, landmark_row(1).replace("012", "1_2"), "wrong-type"),
    (LANDMARKS, landmark_row(1).replace("012", "nan"), "nan"),
    (LANDMARKS, landmark_row(1).replace("012", "inf"), "infinite"),
    (LANDMARKS, landmark_row(1).replace("012", "-12"), "negative-coordinate"),
    (LANDMARKS, landmark_row(1).replace("012", "140"), "far-outside"),
    (BOXES, "10 20 100", "bad-row"),
    (BOXES, "10 20 100 y", "wrong-type"),
    (BOXES, "100 20 10 140", "box-without-area"),
    (BOXES, "10 20 10 140", "box-without-area"),
    (BOXES, "130 20 140 140", "box-outside"),
    (BOXES, "10 20 100 200", "box-outside"),
    (PARTITION, "training", "unknown-split"),
    (PARTITION, "train val", "unknown-split"),
    (BOXES, None, "missing-row"),
    (LANDMARKS, None, "missing-row"),
    (PARTITION, None, "missing-row"),
]


@pytest.mark.parametrize(("name", "row", "reason"), ROW_FAULTS)
def test_a_bad_row_spoils_its_picture_alone(fld, name, row, reason):
    fld.change(name, 1, row)
    report = check(fld)
    assert reasons(report) == [("train", image_name(1), reason)]
    assert [split.garments() for split in report.splits] == [2, 1, 1]
    assert report.quarantine().picture("train", image_name(1))


def test_a_picture_that_stands_twice(fld):
    fld.rows[BOXES].append((image_name(1), "010 020 100 140"))
    fld.rows[PARTITION].append((image_name(2), "train"))
    fld.rows[PARTITION].append((image_name(3), "val"))
    assert reasons(check(fld)) == [
        ("train", image_name(1), "duplicate-row"),
        ("train", image_name(2), "duplicate-row"),
        ("train", image_name(3), "several-splits"),
        ("validation", image_name(3), "several-splits"),
    ]


def test_names_without_a_number_or_with_the_same(fld):
    for rows in fld.rows.values():
        rows.append(("img/other_1.jpg", rows[0][1]))
        rows.append(("img/shirt.jpg", rows[0][1]))
        rows.append(("../../shirt.jpg", rows[0][1]))
    assert {(file, reason) for _, file, reason in reasons(check(fld))} == {
        (image_name(1), "duplicate-id"),
        (image_name(1), "duplicate-row"),
        ("img/shirt.jpg", "bad-file-name"),
        ("../../shirt.jpg", "leaves-folder"),
    }


def test_a_name_that_leads_out_of_the_folder_is_not_read(fld, jpeg):
    (fld.root / "img_00000009.jpg").write_bytes(jpeg(9))
    for name, rows in fld.rows.items():
        rows.append(("../img_00000009.jpg", "train" if name == PARTITION else rows[0][1]))
    assert reasons(check(fld)) == [("train", "../img_00000009.jpg", "leaves-folder")]


@pytest.mark.parametrize("promised", [4, 6])
def test_the_number_of_rows_must_be_that_of_line_1(fld, promised):
    root = fld.write({BOXES: promised})
    report = validate(FLD.find_splits(root), workers=1, layout=FLD)
    assert reasons(report) == [("train", BOXES, "row-count")]
    assert report.quarantined[0].detail == f"line 1 says {promised}, there are 5 rows"
    assert [split.counts["pictures"] for split in report.splits] == [3, 1, 1]


def test_rows_may_come_in_any_order_with_blank_lines(fld):
    fld.rows[LANDMARKS].reverse()
    root = fld.write()
    (root / BOXES).write_text((root / BOXES).read_text().replace("\n", "\r\n") + "\n\n")
    assert validate(FLD.find_splits(root), workers=1, layout=FLD).clean


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (BOXES, "five\nimage_name x_1 y_1 x_2 y_2\n", "line 1 is 'five'"),
        (BOXES, "5\nimg/img_00000001.jpg 1 2 3 4\n", "line 2 must name the columns image_name x_1"),
        (LANDMARKS, "", "line 1 is ''"),
        (LANDMARKS, "5\nimage_name variation_type clothes_type\n", "line 2 must name"),
        (PARTITION, "0\nimage_name evaluation_status\n", "no row says train, val or test"),
    ],
)
def test_a_list_that_cannot_be_read_at_all_is_an_error(fld, name, text, message, capsys):
    root = fld.write()
    (root / name).write_text(text)
    assert main(["validate", str(root), "--layout", "fld"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(root / name) in error


def test_a_missing_list_or_folder_is_an_error(fld):
    root = fld.write()
    with pytest.raises(HemlineError, match=r"data\.images"):
        layout("fld", images="pictures").open_split("train", root)
    (root / LANDMARKS).unlink()
    with pytest.raises(HemlineError, match=r"list_landmarks\.txt: no such file"):
        FLD.open_split("train", root)
    with pytest.raises(HemlineError, match=r"list_eval_partition\.txt"):
        FLD.find_splits(root / "Img")


def test_a_split_that_no_row_names_is_an_error(fld):
    fld.change(PARTITION, 5, "val")
    split = FLD.open_split("test", fld.write())
    with pytest.raises(HemlineError, match="no row is of the test split"):
        split.listing()


def test_joints_are_optional_and_must_agree(fld):
    fld.rows[JOINTS] = [(image, row) for image, row in fld.rows[LANDMARKS] if image != image_name(3)]
    assert reasons(check(fld)) == []
    fld.rows[JOINTS].append((image_name(3), "2 1 0 010 010"))
    assert reasons(check(fld)) == [("train", image_name(3), "category-contradiction")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "missing-image"),
        (b"", "image-empty"),
        (b"nothing", "image-unreadable"),
        (-400, "image-truncated"),
    ],
)
def test_a_bad_picture(fld, data, reason):
    path = fld.picture(2)
    whole = path.read_bytes()
    path.unlink()
    if data is not None:
        path.write_bytes(whole[:data] if isinstance(data, int) else data)
    assert reasons(check(fld)) == [("train", image_name(2), reason)]


def test_the_same_bytes_in_two_splits_are_reported(fld):
    fld.picture(5).write_bytes(fld.picture(2).read_bytes())
    report = check(fld)
    assert report.clean
    assert report.leakage["pictures"] == [{"files": [f"train/{image_name(2)}", f"test/{image_name(5)}"]}]


def test_pictures_that_no_list_names_are_counted_once(fld, jpeg):
    (fld.root / "Img" / "img" / "img_00000077.jpg").write_bytes(jpeg(77))
    (fld.root / "Img" / "shirt.jpg").write_bytes(jpeg(78))
    report = check(fld)
    assert report.clean
    assert [split.counts["other_files"] for split in report.splits] == [2, 0, 0]


def test_notes_for_what_is_kept(fld):
    fld.change(LANDMARKS, 1, landmark_row(1).replace("1 1 0 012", "1 6 2 012"))
    fld.change(LANDMARKS, 2, landmark_row(2).replace("012", "121"))
    report = check(fld)
    assert report.clean
    assert {note: count for (_, note), (count, _) in report.notes.items()} == {
        "bad-attribute": 1,
        "cut-off-with-coordinates": 1,
        "landmark-outside": 1,
    }


def test_any_number_of_processes_gives_the_same_report(fld, tmp_path, monkeypatch):
    fld.change(BOXES, 3, "1 1 1 1")
    root = fld.write()
    monkeypatch.setattr(validation, "CHUNK", 2)
    validate(FLD.find_splits(root), workers=1, layout=FLD).write(tmp_path / "one.json")
    monkeypatch.setattr(validation, "SERIAL_BELOW", 0)
    validate(FLD.find_splits(root), workers=2, layout=FLD).write(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_the_command_reports(fld, tmp_path, capsys):
    fld.change(BOXES, 3, "1 1 1 1")
    report = tmp_path / "report.json"
    assert main(["validate", str(fld.write()), "--layout", "fld", "--report", str(report)]) == 1
    assert f"train/{image_name(3)}: box-without-area" in capsys.readouterr().out
    assert json.loads(report.read_text())["reasons"]["train"] == {"box-without-area": 1}
