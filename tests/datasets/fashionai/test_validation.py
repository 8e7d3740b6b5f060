"""FashionAI's csv files: each fault has its reason, and nothing is lost."""

import json

import pytest

from hemline.commands import main
from hemline.datasets import validation
from hemline.datasets.layouts import layout
from hemline.datasets.report import Report
from hemline.datasets.validation import validate
from hemline.errors import HemlineError
from tests.datasets.fashionai.conftest import BARE, HEADER, FashionAIFolder, image_id

FASHIONAI = layout("fashionai")
ROWS = "Annotations/train.csv"


def check(folder: FashionAIFolder) -> Report:
    return validate(FASHIONAI.find_splits(folder.write()), workers=1, layout=FASHIONAI)


def reasons(report: Report) -> list[tuple[str, str]]:
    return [(one.file, one.reason) for one in report.quarantined]


def notes(report: Report) -> dict[str, int]:
    return {note: count for (_, note), (count, _) in report.notes.items()}


def test_flawless_files_are_clean(fashionai):
    report = check(fashionai)
    assert report.clean and not report.notes
    (train,) = report.splits
    assert (train.name, train.counts["pictures"], train.counts["other_files"]) == ("train", 3, 0)
    categories = report.to_json()["splits"]["train"]["categories"]
    assert {name: entry["landmarks"]["visible"] for name, entry in categories.items()} == {
        "blouse": 13,
        "outwear": 0,
        "dress": 15,
        "trousers": 0,
        "skirt": 4,
        "jumpsuit": 0,
    }


@pytest.mark.parametrize(("category", "number"), [("outwear", 2), ("trousers", 4), ("jumpsuit", 6)])
def test_every_category_is_known(fashionai, category, number):
    fashionai.add(4, category)
    assert check(fashionai).splits[0].counts["garments", number] == 1


def test_visibility_is_turned_into_cocos(fashionai):
    fashionai.change(1, waistband_left="40_50_0", hemline_left="-1_-1_-1")
    skirt = check(fashionai).to_json()["splits"]["train"]["categories"]["skirt"]
    assert skirt["landmarks"] == {"visible": 2, "occluded": 1, "unlabelled": 1}


# What is wrong in the row of the skirt, in a picture of 120 x 160.
ROW_FAULTS = [
    ({"image_category": "shirt"}, "unknown-category"),
    ({"image_category": ""}, "unknown-category"),
    ({"image_category": "Skirt"}, "unknown-category"),
    ({"image_category": "dress"}, "category-contradiction"),
    ({"waistband_left": "40_50"}, "bad-row"),
    ({"waistband_left": "40_50_1_1"}, "bad-row"),
    ({"waistband_left": ""}, "bad-row"),
    ({"waistband_left": "40,50,1"}, "bad-row"),
    ({"waistband_left": "40_50_2"}, "visibility"),
    ({"waistband_left": "40_50_-2"}, "visibility"),
    ({"waistband_left": "40_50_x"}, "visibility"),
    ({"waistband_left": "x40_50_1"}, "wrong-type"),
    ({"waistband_left": "_50_1"}, "wrong-type"),
    ({"waistband_left": "nan_50_1"}, "nan"),
    ({"waistband_left": "40_inf_0"}, "infinite"),
    ({"waistband_left": "-1_-1_1"}, "negative-coordinate"),
    ({"waistband_left": "140_50_1"}, "far-outside"),
    ({"waistband_left": "40_500_0"}, "far-outside"),
]


@pytest.mark.parametrize(("changes", "reason"), ROW_FAULTS)
def test_a_bad_row_spoils_its_picture_alone(fashionai, changes, reason):
    fashionai.change(1, **changes)
    report = check(fashionai)
    assert reasons(report) == [(image_id(2, "skirt"), reason)]
    assert report.splits[0].garments() == 2
    quarantine = report.quarantine()
    assert quarantine.picture("train", image_id(2, "skirt"))
    assert not quarantine.picture("train", image_id(3, "dress"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Images/../../shirt.jpg", "leaves-folder"),
        ("Images/skirt\\a.jpg", "leaves-folder"),
        ("Images/skirt/none.jpg", "missing-image"),
        ("Images/skirt", "image-unreadable"),
        ("Images/skirt/a\0.jpg", "image-unreadable"),
        ("", "bad-row"),
        ("../shirt.jpg", "bad-row"),
        ("/etc/shirt.jpg", "bad-row"),
        ("Other/skirt/a.jpg", "bad-row"),
        (f"./{image_id(3, 'dress')}", "bad-row"),
        (image_id(3, "dress").replace("/", "//"), "bad-row"),
    ],
)
def test_a_name_that_is_no_picture_of_the_folder(fashionai, jpeg, name, reason):
    (fashionai.root.parent / "shirt.jpg").write_bytes(jpeg(9))
    fashionai.change(1, image_id=name)
    assert [reason for _, reason in reasons(check(fashionai))] == [reason]


def test_a_garment_without_any_point_has_no_box(fashionai):
    absent = dict.fromkeys(("waistband_left", "waistband_right", "hemline_left", "hemline_right"), "-1_-1_-1")
    fashionai.change(1, **absent, crotch="40_50_1")
    assert reasons(check(fashionai)) == [(image_id(2, "skirt"), "no-landmark")]


def test_points_of_other_categories_are_left_out(fashionai):
    fashionai.change(1, crotch="40_50_1", armpit_left="nonsense", armpit_right="4_4_-1")
    report = check(fashionai)
    assert report.clean and report.splits[0].counts["landmarks", 5, 2] == 4
    assert notes(report) == {"foreign-landmark": 2}


def test_notes_for_what_is_kept(fashionai):
    fashionai.change(0, neckline_left="122_50_1")
    fashionai.change(1, waistband_left="3_4_-1")
    report = check(fashionai)
    assert report.clean
    assert notes(report) == {"cut-off-with-coordinates": 1, "landmark-outside": 1}


def test_a_picture_that_stands_in_several_rows_or_files(fashionai):
    fashionai.rows[ROWS].append(dict(fashionai.rows[ROWS][0]))
    fashionai.rows["Annotations/warm_up.csv"] += [dict(fashionai.rows[ROWS][1], hemline_left="50_60_0")] * 2
    report = check(fashionai)
    assert [(one.file, one.reason, one.detail) for one in report.quarantined] == [
        (image_id(1, "blouse"), "duplicate-row", "2 rows"),
        (image_id(2, "skirt"), "duplicate-row", "3 rows"),
    ]
    assert report.splits[0].garments() == 1


def test_a_name_in_two_folders_is_two_pictures(fashionai):
    fashionai.add(2, "trousers", image_category="blouse")
    report = check(fashionai)
    assert reasons(report) == [(image_id(2, "trousers"), "category-contradiction")]
    assert not report.quarantine().picture("train", image_id(2, "skirt"))


def test_pictures_that_no_row_names_are_counted(fashionai, jpeg):
    (fashionai.root / "Images" / "dress" / "other.jpg").write_bytes(jpeg(7))
    assert check(fashionai).splits[0].counts["other_files"] == 1


def test_columns_are_found_by_their_names(fashionai, tmp_path):
    root = fashionai.write(("crotch", *reversed(HEADER[2:-5]), *HEADER[-4:], "image_category", "image_id"))
    path = root / ROWS
    path.write_text("\ufeff" + path.read_text().replace(",", " , ").replace("\n", "\r\n\r\n"))
    validate(FASHIONAI.find_splits(root), workers=1, layout=FASHIONAI).write(tmp_path / "reordered.json")
    check(fashionai).write(tmp_path / "plain.json")
    assert (tmp_path / "reordered.json").read_bytes() == (tmp_path / "plain.json").read_bytes()


@pytest.mark.parametrize("space", ["", " "])
def test_values_may_be_quoted(fashionai, tmp_path, space):
    """As spreadsheets and csv.QUOTE_ALL write them, the first line too."""
    check(fashionai).write(tmp_path / "plain.json")
    path = fashionai.root / ROWS
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("".join(f",{space}".join(f'"{value}"' for value in row) + "\n" for row in rows))
    report = validate(FASHIONAI.find_splits(fashionai.root), workers=1, layout=FASHIONAI)
    report.write(tmp_path / "quoted.json")
    assert report.clean and report.splits[0].counts["pictures"] == 3
    assert (tmp_path / "quoted.json").read_bytes() == (tmp_path / "plain.json").read_bytes()


def test_names_with_commas_and_quotes(fashionai, jpeg):
    for name in ('a,"b.jpg', 'c"d.jpg'):
        (fashionai.root / "Images/skirt" / name).write_bytes(jpeg(7))
    fashionai.change(1, image_id='"Images/skirt/a,""b.jpg"')
    fashionai.rows[ROWS].append({**fashionai.rows[ROWS][1], "image_id": 'Images/skirt/c"d.jpg'})
    report = check(fashionai)
    assert report.clean and report.splits[0].counts["pictures"] == 4
    listing = FASHIONAI.open_split("train", fashionai.root).listing()
    assert [entry.image for entry in listing][1:3] == ['Images/skirt/a,"b.jpg', 'Images/skirt/c"d.jpg']


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image_category": '"skirt'}, "unexpected end of data"),
        ({"image_id": '"Images/skirt/a.jpg'}, "unexpected end of data"),
        ({"image_id": '"Images"/skirt/a.jpg'}, "',' expected after '\"'"),
        ({"crotch": "1" * 200_000}, "field larger than field limit"),
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_a_stray_quote_takes_no_other_rows_along(fashionai, capsys, changes, reason, closed):
    """Another quote, rows later, would close a value of several lines."""
    fashionai.change(0, **changes)
    if closed:
        fashionai.change(1, image_category='"skirt"')
    assert main(["validate", str(fashionai.write()), "--layout", "fashionai"]) == 2
    error = capsys.readouterr().err
    assert f"{fashionai.root / ROWS}: line 2: no comma-separated values ({reason}" in error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "empty; its first line must name the columns image_id"),
        (",".join(HEADER) + ",zip_left", "unknown column 'zip_left'"),
        (",".join(HEADER[:-1]), "no column bottom_right_out"),
        (",".join(HEADER[1:]), "no column image_id"),
        (",".join(HEADER) + ",crotch", "the column crotch stands there twice"),
        ("Images/skirt/a.jpg,skirt", "unknown column 'Images/skirt/a.jpg'"),
        (",".join(BARE), "each csv file of train needs points"),
        (",".join(HEADER), "no row"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_an_error(fashionai, line, message, capsys):
    root = fashionai.write()
    (root / "Annotations" / "warm_up.csv").unlink()
    (root / ROWS).write_text(line and line + "\n")
    assert main(["validate", str(root), "--layout", "fashionai"]) == 2
    error = capsys.readouterr().err
    assert message in error and str(root / ROWS) in error


def test_points_in_one_file_and_none_in_another(fashionai):
    root = fashionai.write()
    (root / "Annotations" / "bare.csv").write_text(",".join(BARE) + "\nImages/skirt/a.jpg,skirt\n")
    for name in ("train", "test", "data"):
        with pytest.raises(HemlineError, match=r"bare\.csv: only the columns image_id, image_category"):
            FASHIONAI.open_split(name, root)


def test_a_missing_folder_is_an_error(fashionai, tmp_path):
    root = fashionai.write()
    with pytest.raises(HemlineError, match=r"Images/Images: no such folder; data\.images"):
        layout("fashionai", images="Images").open_split("train", root)
    with pytest.raises(HemlineError, match="no FashionAI data here"):
        FASHIONAI.find_splits(tmp_path / "train" / "Images")
    (tmp_path / "empty" / "Images").mkdir(parents=True)
    with pytest.raises(HemlineError, match="no csv files in Annotations/"):
        FASHIONAI.open_split("train", tmp_path / "empty")


def test_splits_are_folders(fashionai):
    root = fashionai.write()
    assert FASHIONAI.find_splits(root.parent) == {"train": root}
    assert FASHIONAI.find_splits(root) == {"train": root}
    assert FASHIONAI.find_splits(root.rename(root.parent / "mine")) == {"data": root.parent / "mine"}


@pytest.mark.parametrize("data", [None, b"", b"nothing", -400])
def test_a_bad_picture(fashionai, data):
    path = fashionai.root / image_id(2, "skirt")
    whole = path.read_bytes()
    path.unlink()
    if data is not None:
        path.write_bytes(whole[:data] if isinstance(data, int) else data)
    expected = {
        None: "missing-image",
        b"": "image-empty",
        b"nothing": "image-unreadable",
        -400: "image-truncated",
    }
    assert reasons(check(fashionai)) == [(image_id(2, "skirt"), expected[data])]


def test_any_number_of_processes_gives_the_same_report(fashionai, tmp_path, monkeypatch):
    fashionai.change(0, neckline_left="1_1")
    root = fashionai.write()
    monkeypatch.setattr(validation, "CHUNK", 2)
    validate({"train": root}, workers=1, layout=FASHIONAI).write(tmp_path / "one.json")
    monkeypatch.setattr(validation, "SERIAL_BELOW", 0)
    validate({"train": root}, workers=2, layout=FASHIONAI).write(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_the_command_reports(fashionai, tmp_path, capsys):
    fashionai.change(0, image_category="shirt")
    report = tmp_path / "report.json"
    assert main(["validate", str(fashionai.write()), "--layout", "fashionai", "--report", str(report)]) == 1
    assert f"train/{image_id(1, 'blouse')}: unknown-category" in capsys.readouterr().out
    assert json.loads(report.read_text())["reasons"]["train"] == {"unknown-category": 1}
