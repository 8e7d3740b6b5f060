"""Each fault has its own reason, and one bad item never stops the rest."""

import json
from pathlib import Path

import pytest

from hemline.commands import main
from hemline.datasets import validation
from hemline.datasets.checks import NOTES, REASONS
from hemline.datasets.layouts import DEEPFASHION2
from hemline.datasets.report import Quarantine, Report
from hemline.datasets.validation import validate
from hemline.errors import HemlineError

NAN, INFINITY = float("nan"), float("inf")


def check(folder: Path) -> Report:
    return validate(DEEPFASHION2.find_splits(folder), workers=1)


def reasons(report: Report) -> list[tuple[str, str | None, str]]:
    return [(one.file, one.item, one.reason) for one in report.quarantined]


def changed(values, index, value):
    return [*values[:index], value, *values[index + 1 :]]


def test_flawless_data_are_clean(train):
    report = check(train.folder)
    assert report.clean
    (split,) = report.splits
    assert (split.counts["pictures"], split.garments()) == (3, 4)


# How each fault is put into a flawless garment of trousers (14 landmarks) in a picture of 120 x 160.
ITEM_FAULTS = {
    "missing-key": lambda item: {key: value for key, value in item.items() if key != "bounding_box"},
    "wrong-type": lambda item: item | {"landmarks": "many"},
    "unknown-category": lambda item: item | {"category_id": 14},
    "category-contradiction": lambda item: item | {"category_name": "skirt"},
    "landmark-count": lambda item: item | {"landmarks": item["landmarks"][:-3]},
    "visibility": lambda item: item | {"landmarks": changed(item["landmarks"], 2, 3)},
    "nan": lambda item: item | {"landmarks": changed(item["landmarks"], 0, NAN)},
    "infinite": lambda item: item | {"landmarks": changed(item["landmarks"], 1, -INFINITY)},
    "negative-coordinate": lambda item: item | {"landmarks": changed(item["landmarks"], 0, -1)},
    "far-outside": lambda item: item | {"landmarks": changed(item["landmarks"], 3, 133)},
    "unlabelled-with-coordinates": lambda item: item | {"landmarks": changed(item["landmarks"], 2, 0)},
    "box-without-area": lambda item: item | {"bounding_box": [10, 20, 10, 140]},
    "box-outside": lambda item: item | {"bounding_box": [121, 20, 125, 140]},
    "no-polygon": lambda item: item | {"segmentation": []},
    "short-polygon": lambda item: item | {"segmentation": [*item["segmentation"], [1, 2, 3, 4]]},
    "odd-polygon": lambda item: item | {"segmentation": [[1, 2, 3, 4, 5, 6, 7]]},
}


@pytest.mark.parametrize("reason", ITEM_FAULTS)
def test_a_bad_item_is_quarantined_alone(train, garment, reason):
    train.add(5, garment(9), ITEM_FAULTS[reason](garment(8)), garment(1))
    report = check(train.folder)
    assert reasons(report) == [("annos/000005.json", "item2", reason)]
    (split,) = report.splits
    assert (split.counts["pictures"], split.garments(), split.garments(8)) == (4, 6, 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"landmarks": [True, 22, 2, *[0] * 39]}, "wrong-type"),
        ({"landmarks": ["1", 22, 2, *[0] * 39]}, "wrong-type"),
        ({"landmarks": [[1, 2, 2]] * 42}, "wrong-type"),
        ({"landmarks": None}, "wrong-type"),
        ({"landmarks": [1e999, 22, 2, *[0] * 39]}, "infinite"),
        ({"landmarks": [10**400, 22, 2, *[0] * 39]}, "far-outside"),
        ({"landmarks": []}, "landmark-count"),
        ({"landmarks": [0] * 41}, "landmark-count"),
        ({"landmarks": [0] * 294 * 3}, "landmark-count"),
        ({"bounding_box": [10, 20, 100]}, "wrong-type"),
        ({"bounding_box": {"x": 1}}, "wrong-type"),
        ({"bounding_box": [10, 20, NAN, 140]}, "nan"),
        ({"bounding_box": [100, 20, 10, 140]}, "box-without-area"),
        ({"bounding_box": [-60, 20, 100, 140]}, "box-outside"),
        ({"bounding_box": [10, 20, 100, 400]}, "box-outside"),
        ({"category_id": "8"}, "wrong-type"),
        ({"category_id": True}, "wrong-type"),
        ({"category_id": 0}, "unknown-category"),
        ({"category_name": "cravat"}, "category-contradiction"),
        ({"category_name": 8}, "wrong-type"),
        ({"segmentation": {"counts": "x"}}, "wrong-type"),
        ({"segmentation": [10, 20, 100, 20, 100, 140]}, "wrong-type"),
        ({"segmentation": [[10, 20, 100, 20, 100, 5000]]}, "far-outside"),
    ],
)
def test_wrong_values_never_raise(train, garment, change, reason):
    train.add(5, garment(8) | change)
    assert reasons(check(train.folder)) == [("annos/000005.json", "item1", reason)]


@pytest.mark.parametrize("value", [None, 3, [], "item"])
def test_an_item_that_is_no_object(train, garment, value):
    train.add(5, garment(1), item2=value)
    assert reasons(check(train.folder)) == [("annos/000005.json", "item2", "wrong-type")]


def test_an_item_shows_all_its_faults(train, garment):
    train.add(5, garment(8, bounding_box=[1, 1, 1, 1], segmentation=[[1, 2]]))
    assert [reason for _, _, reason in reasons(check(train.folder))] == ["box-without-area", "short-polygon"]


def test_doubled_item_numbers_and_keys_without_number(train, garment):
    train.add(5, garment(1), item01=garment(1), items=[])
    assert reasons(check(train.folder)) == [
        ("annos/000005.json", "item01", "duplicate-id"),
        ("annos/000005.json", "items", "bad-item-key"),
    ]


def png(jpeg):
    return jpeg(format="PNG")


PICTURE_FAULTS = {
    "image-empty": lambda jpeg: b"",
    "image-unreadable": lambda jpeg: b"no picture at all",
    "image-truncated": lambda jpeg: jpeg()[:-500],
    "image-is-png": png,
    "image-not-jpeg": lambda jpeg: jpeg(format="BMP"),
}


@pytest.mark.parametrize("reason", PICTURE_FAULTS)
def test_a_bad_picture_is_quarantined_whole(train, garment, jpeg, reason):
    train.add(5, garment(1), garment(8), picture=PICTURE_FAULTS[reason](jpeg))
    report = check(train.folder)
    assert reasons(report) == [("annos/000005.json", None, reason)]
    assert report.splits[0].garments() == 4
    assert report.quarantine().picture("train", "000005")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}])
@pytest.mark.parametrize("cut", [1, 7, 100, 2000])
def test_every_truncation_is_seen(train, garment, jpeg, options, cut):
    train.add(5, garment(1), picture=jpeg(**options)[:-cut])
    assert [reason for _, _, reason in reasons(check(train.folder))] == ["image-truncated"]


def test_a_picture_that_ends_in_zeros_is_truncated(train, garment, jpeg):
    data = jpeg()
    train.add(5, garment(1), picture=data[: len(data) // 2] + bytes(len(data) // 2))
    assert [reason for _, _, reason in reasons(check(train.folder))] == ["image-truncated"]


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_pictures_of_other_colours_are_read(train, garment, tmp_path, mode):
    from PIL import Image

    Image.new(mode, (120, 160)).save(tmp_path / "x.jpg")
    train.add(5, garment(1), picture=(tmp_path / "x.jpg").read_bytes())
    assert check(train.folder).clean


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "empty-file"), ("{", "not-json"), ("[]", "wrong-type"), ('{"item1":1,"item1":2}', "duplicate-key")],
)
def test_a_bad_annotation_file(train, content, reason):
    train.annotation(2).write_text(content)
    report = check(train.folder)
    assert reasons(report) == [("annos/000002.json", None, reason)]
    assert report.splits[0].garments() == 2


def test_a_missing_picture(train):
    train.picture(1).unlink()
    assert reasons(check(train.folder)) == [("annos/000001.json", None, "missing-image")]


def test_doubled_numbers_and_names_without_number(train, garment):
    train.add("1", garment(1))
    train.annotation(2).rename(train.folder / "annos" / "two.json")
    train.picture(2).rename(train.folder / "image" / "two.jpg")
    assert reasons(check(train.folder)) == [
        ("annos/1.json", None, "duplicate-id"),
        ("annos/two.json", None, "bad-file-name"),
    ]


def test_links_out_of_the_folder(train, tmp_path):
    train.picture(1).rename(tmp_path / "elsewhere.jpg")
    train.picture(1).symlink_to(tmp_path / "elsewhere.jpg")
    train.annotation(2).rename(tmp_path / "elsewhere.json")
    train.annotation(2).symlink_to("../../elsewhere.json")
    (train.folder / "image" / "..\\000007.jpg").write_bytes(train.picture(12).read_bytes())
    assert reasons(check(train.folder)) == [
        ("annos/000001.json", None, "leaves-folder"),
        ("annos/000002.json", None, "leaves-folder"),
        ("image/..\\000007.jpg", None, "leaves-folder"),
    ]
    (train.folder / "image" / "..\\000007.jpg").unlink()
    assert main(["validate", str(train.folder), "--follow-links"]) == 0


def test_every_reason_has_a_test_and_a_meaning():
    files = {
        "empty-file", "not-json", "duplicate-key", "missing-image", "duplicate-id", "bad-file-name",
        "leaves-folder", "bad-item-key", "unreadable-file",
    }  # fmt: skip
    lists = {  # tests/datasets/fld, tests/datasets/fashionai, tests/datasets/test_mmpose.py
        "row-count", "bad-row", "missing-row", "duplicate-row", "unknown-split", "several-splits", "image-size",
        "no-landmark",
    }  # fmt: skip
    assert set(REASONS) == set(ITEM_FAULTS) | set(PICTURE_FAULTS) | files | lists
    assert all((REASONS | NOTES).values())


def test_points_and_boxes_a_little_outside_are_kept_and_noted(train, garment):
    landmarks = changed(garment(8)["landmarks"], 0, 131)
    train.add(5, garment(8, landmarks=landmarks, bounding_box=[-5, 20, 125, 170]))
    report = check(train.folder)
    assert report.clean
    assert {key: count for key, (count, _) in report.notes.items()} == {("train", "landmark-outside"): 1}


def test_absent_attributes_are_unknown_and_bad_ones_noted(train, garment):
    plain = {
        key: garment(8)[key]
        for key in ("category_id", "category_name", "bounding_box", "landmarks", "segmentation")
    }
    train.add(5, plain)
    train.add(6, garment(8, viewpoint=7, scale="2"), source="museum")
    report = check(train.folder)
    assert report.clean
    assert report.notes["train", "bad-attribute"][0] == 3
    trousers = report.to_json()["splits"]["train"]["categories"]["trousers"]
    assert trousers["viewpoint"] == {"2": 1, "unknown": 2}
    assert trousers["occlusion"] == {"1": 2, "unknown": 1}
    assert report.to_json()["splits"]["train"]["source"] == {"shop": 4, "unknown": 1}


def test_what_is_empty_is_legal_and_counted(train, garment, jpeg):
    train.add(5, garment(8, visibility=0))
    train.add(6)
    (train.folder / "image" / "000007.jpg").write_bytes(jpeg(7))
    report = check(train.folder)
    assert report.clean
    split = report.to_json()["splits"]["train"]
    assert split["garments_without_landmarks"] == 1
    assert split["without_garments"] == 1
    assert split["without_annotation"] == 1
    assert split["pictures"] == 5
    assert report.notes["train", "image-without-annotation"][0] == 1


def test_a_test_split_has_pictures_alone(train, tmp_path, jpeg):
    (tmp_path / "test" / "image").mkdir(parents=True)
    (tmp_path / "test" / "image" / "000001.jpg").write_bytes(jpeg(50))
    (tmp_path / "test" / "image" / "000002.jpg").write_bytes(jpeg(51)[:300])
    report = check(tmp_path)
    assert reasons(report) == [("image/000002.jpg", None, "image-truncated")]
    assert report.splits[1].counts["pictures"] == 1


def test_counts_by_category_and_visibility(train):
    split = check(train.folder).to_json()["splits"]["train"]
    top = split["categories"]["short sleeve top"]
    assert top["garments"] == 2
    assert top["landmarks"] == {"visible": 25, "occluded": 25, "unlabelled": 0}
    assert split["sizes"]["most_common"] == {"120x160": 3}
    assert split["sizes"]["width"] == {"least": 120, "median": 120, "most": 120}


def test_leaks_between_splits_are_reported_and_quarantine_nothing(raw_folder, garment, jpeg, tmp_path):
    train, validation = raw_folder("train"), raw_folder("validation")
    train.add(1, garment(8, style=2), picture=jpeg(1), pair_id=7)
    train.add(2, garment(8, style=0), picture=jpeg(2), pair_id=8)
    train.add(3, garment(1, style=1), picture=jpeg(2), pair_id=9)
    validation.add(1, garment(8, style=2), picture=jpeg(4), pair_id=7)
    validation.add(2, garment(8, style=0), picture=jpeg(1), pair_id=8)
    validation.add(3, garment(1, style=2), picture=jpeg(5), pair_id=9)
    report = check(tmp_path)
    assert report.clean
    assert report.leakage["pictures"] == [{"files": ["train/000001.jpg", "validation/000002.jpg"]}]
    assert report.leakage["pairs"] == [
        {
            "pair_id": 7,
            "style": 2,
            "splits": {
                "train": {"garments": 1, "first": "000001.jpg"},
                "validation": {"garments": 1, "first": "000001.jpg"},
            },
        }
    ]
    assert [split.counts["repeated_pictures"] for split in report.splits] == [1, 0]
    assert "several splits: 1; the same garment pair: 1" in report.table()


def outwear(garment, two, six, twenty_six, visible=2):
    item = garment(3)
    for landmark, y in ((2, two), (6, six), (26, twenty_six)):
        item["landmarks"][3 * landmark - 2 : 3 * landmark] = [y, visible]
    return item


@pytest.mark.parametrize(
    ("heights", "reading"),
    [
        ([(30, 32, 60)] * 3, "corrected"),
        ([(30, 60, 32)] * 3, "figure"),
        ([(30, 32, 60), (30, 60, 32)], None),
        ([(30, 40, 40)], None),
    ],
)
def test_which_reading_of_outwear_the_data_support(train, garment, heights, reading):
    for number, ys in enumerate(heights, start=20):
        train.add(number, outwear(garment, *ys))
    result = check(train.folder).outwear
    assert result["reading"] == reading
    assert result["garments"] == len(heights)


def test_outwear_without_the_landmarks_or_without_outwear(train, garment):
    assert check(train.folder).outwear["finding"] == "no short sleeve outwear in this data"
    train.add(20, garment(3, visibility=0))
    assert "none of 1 garments" in check(train.folder).outwear["finding"]


def test_the_same_data_give_the_same_bytes_by_any_number_of_processes(train, garment, tmp_path, monkeypatch):
    train.add(5, garment(1, style="x"), ITEM_FAULTS["nan"](garment(8)))
    train.add(6, garment(9), picture=b"")
    monkeypatch.setattr(validation, "CHUNK", 2)
    validate({"train": train.folder}, workers=1).write(tmp_path / "one.json")
    monkeypatch.setattr(validation, "SERIAL_BELOW", 0)
    validate({"train": train.folder}, workers=2).write(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert str(tmp_path) not in (tmp_path / "one.json").read_text()


def test_the_report_reads_back_as_a_quarantine(train, garment, tmp_path):
    train.add(5, garment(9), ITEM_FAULTS["nan"](garment(8)))
    train.picture(1).write_bytes(b"")
    check(train.folder).write(tmp_path / "report.json")
    quarantine = Quarantine.read(tmp_path / "report.json")
    assert quarantine.picture("train", "000001")
    assert not quarantine.picture("train", "000005")
    assert quarantine.item("train", "000005", "item2")
    assert not quarantine.item("train", "000005", "item1")
    assert not quarantine.picture("validation", "000001")
    (tmp_path / "other.json").write_text('{"quarantined": 1}')
    with pytest.raises(HemlineError, match=r"other\.json: no validation report"):
        Quarantine.read(tmp_path / "other.json")


def test_the_command_exits_0_1_2(train, garment, tmp_path, capsys):
    report = tmp_path / "report.json"
    assert main(["validate", str(train.folder), "--report", str(report)]) == 0
    assert json.loads(report.read_text())["clean"] is True
    assert "Nothing quarantined" in capsys.readouterr().out
    train.add(5, ITEM_FAULTS["visibility"](garment(8)))
    assert main(["validate", str(train.folder), "--report", str(report)]) == 1
    (entry,) = json.loads(report.read_text())["quarantined"]
    assert entry == {
        "split": "train",
        "file": "annos/000005.json",
        "item": "item1",
        "reason": "visibility",
        "detail": "landmark 1: v is 3",
    }
    assert "annos/000005.json item1: visibility" in capsys.readouterr().out
    assert main(["validate", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_shown_all_the_same(train, tmp_path, capsys):
    assert main(["validate", str(train.folder), "--report", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert "Nothing quarantined" in printed.out and f"{tmp_path}: cannot be written" in printed.err


@pytest.mark.parametrize("workers", ["0", "-1"])
def test_less_than_one_process_is_refused(train, workers, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["validate", str(train.folder), "--workers", workers])
    assert f"{workers} is less than one process" in capsys.readouterr().err


def test_odd_names_and_keys_can_be_printed(train, garment, capsys):
    (train.folder / "annos" / b"\xff\n.json".decode(errors="surrogateescape")).write_text("{}")
    train.add(5, garment(1), **{"item\ud800\n": {}})
    assert main(["validate", str(train.folder)]) == 1
    out = capsys.readouterr().out
    out.encode()
    assert "bad-file-name" in out
    assert "bad-item-key" in out


def test_real_pictures_are_clean(deepfashion2_sample):
    report = validate({"train": deepfashion2_sample, "validation": deepfashion2_sample})
    assert report.clean
    assert [split.garments() for split in report.splits] == [30, 30]
    assert len(report.leakage["pictures"]) == 16
    assert report.outwear["reading"] is None
