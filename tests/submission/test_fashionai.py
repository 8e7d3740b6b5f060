"""FashionAI's csv: a row a picture, read back and checked."""

import csv
import json

import numpy as np
import pytest

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.inference.garments import Garment, write_results
from hemline.params import load_params
from hemline.submission import check, format_of, package
from hemline.wardrobe import wardrobe
from stages.package import package as package_stage
from tests.evaluation.wardrobes import save

DEEPFASHION2, FASHIONAI = wardrobe("deepfashion2"), wardrobe("fashionai")
HEADER = (
    "image_id,image_category,neckline_left,neckline_right,center_front,shoulder_left,shoulder_right,armpit_left,"
    "armpit_right,waistline_left,waistline_right,cuff_left_in,cuff_left_out,cuff_right_in,cuff_right_out,top_hem_left,"
    "top_hem_right,waistband_left,waistband_right,hemline_left,hemline_right,crotch,bottom_left_in,bottom_left_out,"
    "bottom_right_in,bottom_right_out"
)
# The pictures of the split, in the csv's order, with their category and size.
SPLIT = [
    (7, "Images/skirt/c0.jpg", "skirt", (400, 500)),
    (3, "blouse/a1.jpg", "blouse", (512, 300)),  # relative to the folder Images
    (5, "Images/trousers/b2.jpg", "trousers", (64, 64)),
    (9, "Images/outwear/d3.jpg", "outwear", (512, 512)),
]
OUTWEAR = [
    1,
    2,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
]  # without center_front: facts of the contest's table
NOWHERE = "-1_-1_-1"


@pytest.fixture
def files(tmp_path):
    """The split's pictures and the boxes that say their categories."""
    images = [
        {"id": key, "file_name": name, "width": size[0], "height": size[1]} for key, name, _, size in SPLIT
    ]
    boxes = [
        {
            "image_id": key,
            "category_id": FASHIONAI.category(kind).id,
            "bbox": [0, 0, *size],
            "score": 1,
        }
        for key, _, kind, size in SPLIT
    ]
    save(tmp_path, "images.json", {"images": images, "annotations": [], "categories": []})
    save(tmp_path, "boxes.json", boxes)
    return {"images": tmp_path / "images.json", "boxes": tmp_path / "boxes.json"}


def garment(image_id, kind, points, score=0.5):
    own = FASHIONAI.category(kind)
    landmarks = np.zeros((own.count, 3))
    landmarks[:, :2] = points
    return Garment(image_id, own.id, (0.0, 0.0, 9.0, 9.0), 1.0, landmarks, score, FASHIONAI)


def results(folder, *garments):
    write_results(folder / "results.json", garments)
    return folder / "results.json"


def four(folder):
    """A garment in each picture."""
    outwear = np.stack([10.0 * np.arange(14), 200.0 + np.arange(14)], axis=1)
    return results(
        folder,
        garment(3, "blouse", (100.4, 200.6)),
        garment(5, "trousers", (10.5, 11.5)),
        garment(7, "skirt", [(1, 2), (3, 4), (5, 6), (7, 8)]),
        garment(9, "outwear", outwear),
    )


def rows(path):
    with open(path, newline="") as handle:
        return list(csv.reader(handle))


def by_hand(folder, *lines, header=HEADER):
    path = folder / "hand.csv"
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


def line(image_id="Images/skirt/c0.jpg", category="skirt", **places):
    """A row with the places of landmarks; a skirt's by default."""
    if category == "skirt":
        places = {**dict.fromkeys(HEADER.split(",")[17:21], "20_30_1"), **places}
    return ",".join([image_id, category, *(places.get(name, NOWHERE) for name in HEADER.split(",")[2:])])


def violations(path, **given):
    return [str(finding) for finding in check(path, FASHIONAI, **given).violations]


def test_the_contests_file(tmp_path, files):
    assert package(four(tmp_path), tmp_path / "test.csv", FASHIONAI, **files) == 4
    assert (tmp_path / "test.csv").read_text().splitlines()[0] == HEADER
    header, *body = rows(tmp_path / "test.csv")
    assert len(header) == 26 and all(len(row) == 26 for row in body)
    assert [tuple(row[:2]) for row in body] == [  # the order of the pictures
        ("Images/skirt/c0.jpg", "skirt"),
        ("Images/blouse/a1.jpg", "blouse"),
        ("Images/trousers/b2.jpg", "trousers"),
        ("Images/outwear/d3.jpg", "outwear"),
    ]
    skirt, blouse, trousers, outwear = (dict(zip(header, row, strict=True)) for row in body)
    assert skirt["waistband_left"] == "1_2_1" and skirt["waistband_right"] == "3_4_1"
    assert skirt["hemline_left"] == "5_6_1" and skirt["hemline_right"] == "7_8_1"
    assert sum(value == NOWHERE for value in skirt.values()) == 20
    assert blouse["center_front"] == "100_201_1" and blouse["waistline_left"] == NOWHERE
    assert trousers["crotch"] == "10_12_1"  # half to even, as Python's round
    expected = {number: f"{10 * place}_{200 + place}_1" for place, number in enumerate(OUTWEAR)}
    for number, name in enumerate(header[2:], start=1):
        assert outwear[name] == expected.get(number, NOWHERE), name


def test_it_is_read_back_and_fine(tmp_path, files):
    package(four(tmp_path), tmp_path / "test.csv", FASHIONAI, **files)
    report = check(tmp_path / "test.csv", FASHIONAI, **files)
    assert report.violations == [] and report.warnings == []
    assert (report.records, report.images, report.images_listed, report.not_found) == (4, 4, 4, 0)
    assert report.points == 13 + 7 + 4 + 14 and report.to_json()["ok"] is True
    assert report.per_category == {
        "blouse": 1, "outwear": 1, "dress": 0, "trousers": 1, "skirt": 1, "jumpsuit": 0
    }  # fmt: skip


def test_the_best_garment_of_the_pictures_category_counts(tmp_path, files):
    given = results(
        tmp_path,
        garment(7, "skirt", (1, 1), score=0.2),
        garment(7, "skirt", (2, 2), score=0.6),
        garment(7, "trousers", (3, 3), score=0.9),
        garment(7, "skirt", (4, 4), score=0.6),
    )
    assert package(given, tmp_path / "test.csv", FASHIONAI, **files) == 1
    assert rows(tmp_path / "test.csv")[1][17] == "2_2_1"


def test_landmarks_outside_of_the_picture_go_to_its_edge(tmp_path, files):
    given = results(tmp_path, garment(7, "skirt", [(-3.7, 250), (399.6, 499.4), (1000, 1000), (20, -0.4)]))
    package(given, tmp_path / "test.csv", FASHIONAI, **files)
    assert rows(tmp_path / "test.csv")[1][17:21] == ["0_250_1", "399_499_1", "399_499_1", "20_0_1"]
    assert check(tmp_path / "test.csv", FASHIONAI, **files).violations == []


def test_a_picture_in_which_nothing_was_found_has_a_row(tmp_path, files):
    given = results(tmp_path, garment(7, "skirt", (1, 1)), garment(3, "dress", (1, 1)))
    assert package(given, tmp_path / "test.csv", FASHIONAI, **files) == 1
    body = rows(tmp_path / "test.csv")[1:]
    assert len(body) == 4 and body[1][2:] == [NOWHERE] * 24
    report = check(tmp_path / "test.csv", FASHIONAI, **files)
    assert report.violations == [] and (report.records, report.not_found) == (1, 3)
    assert str(report.warnings[0]) == "file: landmarks: 3 pictures have no garment: -1_-1_-1 throughout"
    assert report.facts()["images"] == "4 of 4, without a garment: 3"


def test_same_results_same_bytes(tmp_path, files):
    for name in ("one.csv", "two.csv"):
        package(four(tmp_path), tmp_path / name, FASHIONAI, **files)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize(
    ("changed", "value", "words"),
    [
        ("boxes", [], r"boxes\.json: no box of image 7"),
        ("boxes", {}, r"boxes\.json: no list of boxes"),
        ("boxes", [3], r"boxes\.json: record 1: 3 is not a JSON object"),
        (
            "boxes",
            [{"image_id": 7, "category_id": 7}],
            r"record 1: category_id is 7; the categories are 1 to 6",
        ),
        (
            "boxes",
            [{"image_id": 7, "category_id": 5}, {"image_id": 7, "category_id": 4}],
            r"record 2: category_id is 4; another box of image 7 has 5",
        ),
        ("images", [], r"images\.json: no list of images"),
        (
            "images",
            {"images": [{"id": 7, "file_name": 8, "width": 4, "height": 4}]},
            r"image 1: file_name is 8",
        ),
        ("images", {"images": [{"id": 7, "file_name": "a.jpg"}]}, r"image 1: no key 'width'"),
        (
            "images",
            {"images": [{"id": 7, "file_name": "a.jpg", "width": 4, "height": 0}]},
            r"image 1: height is 0; it must be a number of pixels",
        ),
        (
            "images",
            {"images": [{"id": 7, "file_name": "a.jpg", "width": float("nan"), "height": 4}]},
            r"image 1: width is nan",
        ),
        ("images", {"images": []}, r"results\.json: record 1: image_id is 3; .* has no such image"),
    ],
)
def test_what_cannot_be_written_leaves_the_old_file(tmp_path, files, changed, value, words):
    given, out = four(tmp_path), tmp_path / "test.csv"
    package(given, out, FASHIONAI, **files)
    before = out.read_bytes()
    save(tmp_path, f"{changed}.json", value)
    with pytest.raises(HemlineError, match=words):
        package(given, out, FASHIONAI, **files)
    assert out.read_bytes() == before


def test_what_the_format_needs_is_said(tmp_path, files):
    given = four(tmp_path)
    with pytest.raises(
        HemlineError, match="--images FILE says which there are, --boxes FILE their categories"
    ):
        package(given, tmp_path / "test.csv", FASHIONAI, images=files["images"])
    for out, name in (("test.zip", None), (".csv", None), ("test.csv", "other.csv"), ("test.csv", "x.json")):
        with pytest.raises(HemlineError, match=r"a plain file whose name ends in \.csv"):
            package(given, tmp_path / out, FASHIONAI, name, **files)


def test_each_data_set_has_its_format():
    assert format_of(FASHIONAI).file("test", "mine.csv") == "mine.csv"
    for name in ("deepfashion2", "fld"):
        assert format_of(wardrobe(name)).file("test", "keypoints_test_results.json") == "test.zip"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"waistband_left": "1.5_2_1"}, "waistband_left: '1.5_2_1' is not x_y_v in whole numbers"),
        ({"waistband_left": "1_2"}, "waistband_left: '1_2' is not x_y_v"),
        ({"waistband_left": "1_2_2"}, "waistband_left: '1_2_2' is not x_y_v"),
        ({"waistband_left": ""}, "waistband_left: '' is not x_y_v"),
        ({"waistband_left": NOWHERE}, "waistband_left: -1_-1_-1: missing; other landmarks"),
        ({"hemline_right": "2_3_0"}, "hemline_right: 2_3_0: v must be 1"),
        ({"hemline_right": "400_3_1"}, "hemline_right: 400_3_1: outside of the picture, which is 400 x 500"),
        ({"hemline_right": "3_500_1"}, "hemline_right: 3_500_1: outside of the picture"),
        ({"hemline_right": "-1_5_1"}, "hemline_right: -1_5_1: outside of the picture"),
        ({"crotch": "3_5_1"}, "crotch: 3_5_1, but skirt has no such landmark: it must be -1_-1_-1"),
        ({"crotch": "-1_-1_0"}, "crotch: -1_-1_0, but skirt has no such landmark"),
        ({"image_id": "Images/skirt/zz.jpg"}, "image_id: 'Images/skirt/zz.jpg' is not in the list of images"),
        ({"image_id": "skirt/c0.jpg"}, "image_id: 'skirt/c0.jpg' is not in the list of images"),
    ],
)
def test_each_violation_has_its_line_key_and_value(tmp_path, files, changes, words):
    others = [
        line(f"Images/{kind}/{name}.jpg", kind) for kind, name in (("blouse", "a1"), ("trousers", "b2"))
    ]
    path = by_hand(tmp_path, *others, line(**changes), line("Images/outwear/d3.jpg", "outwear"))
    found = violations(path, **files)
    assert found[0].startswith(f"line 4: {words}"), found
    missing = ["file: image_id: 1 of 4 pictures have no row, the first: Images/skirt/c0.jpg"]
    assert found[1:] == (missing if "image_id" in changes else [])


def test_categories(tmp_path, files):
    blouse, odd = line("Images/skirt/c0.jpg", "blouse"), line("Images/blouse/a1.jpg", "hat")
    found = violations(by_hand(tmp_path, blouse, odd), **files)
    assert found[0] == "line 2: image_category: 'blouse'; the picture is of 'skirt'"
    assert found[1] == (
        "line 3: image_category: 'hat' is not one of blouse, outwear, dress, trousers, skirt, jumpsuit"
    )
    assert "2 of 4 pictures have no row, the first: Images/trousers/b2.jpg" in found[2] and len(found) == 3


def test_every_picture_once(tmp_path, files):
    found = violations(by_hand(tmp_path, line(), line()), **files)
    assert found[0] == "line 3: image_id: 'Images/skirt/c0.jpg' stands in line 2 already"
    assert "3 of 4 pictures have no row" in found[1]


def test_the_columns_in_order(tmp_path, files):
    swapped = HEADER.replace("neckline_left,neckline_right", "neckline_right,neckline_left")
    (found,) = [
        one for one in violations(by_hand(tmp_path, line(), header=swapped), **files) if "line" in one
    ]
    assert found == "line 1: header: column 3 is 'neckline_right'; it must be 'neckline_left'"
    assert (
        "25 columns instead of 26"
        in violations(by_hand(tmp_path, header=HEADER[: -len(",bottom_right_out")]))[0]
    )
    assert "0 columns instead of 26" in violations(save_text(tmp_path, ""))[0]
    assert violations(by_hand(tmp_path, line() + ",1_1_1"))[0] == "line 2: row: 27 values instead of 26"


def save_text(folder, text):
    (folder / "text.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / "text.csv"


def test_what_is_no_csv(tmp_path):
    assert "not UTF-8" in violations(save_text(tmp_path, b"\xff\xfe"))[0]
    assert "no comma-separated values" in violations(save_text(tmp_path, f'{HEADER}\n"a"b,'))[0]
    with pytest.raises(HemlineError, match="no such file"):
        check(tmp_path / "none.csv", FASHIONAI)
    with pytest.raises(HemlineError, match=r"results\.json: no COCO-style files"):
        check(by_hand(tmp_path, line()), FASHIONAI, four(tmp_path))


BAD_SIZES = ["160", None, True, 0, -160, float("nan"), float("inf"), [160]]


@pytest.mark.parametrize("value", BAD_SIZES)
@pytest.mark.parametrize("key", ["width", "height"])
def test_sizes_that_are_no_numbers_of_pixels(tmp_path, files, key, value):
    images = json.loads(files["images"].read_text())
    images["images"][1][key] = value
    save(tmp_path, "images.json", images)
    with pytest.raises(
        HemlineError, match=rf"images\.json: image 2: {key} is .*; it must be a number of pixels"
    ):
        check(by_hand(tmp_path, line()), FASHIONAI, **files)


def test_without_lists_that_is_said(tmp_path, files):
    report = check(by_hand(tmp_path, line("Images/skirt/unknown.jpg")), FASHIONAI)
    assert report.violations == []
    assert [str(one) for one in report.warnings] == [
        "file: images: none were given: rows are not checked by them",
        "file: boxes: none were given: categories are not checked by them",
    ]


def test_commands(tmp_path, files, capsys):
    out, asked = str(tmp_path / "test.csv"), ["--wardrobe", "fashionai"]
    given = ["--images", str(files["images"]), "--boxes", str(files["boxes"]), *asked]
    assert main(["package", str(four(tmp_path)), out, *given]) == 0
    assert f"hemline check {out} {' '.join(given)}" in capsys.readouterr().out
    assert main(["check", out, *given]) == 0
    text = capsys.readouterr().out
    assert "The submission is fine." in text and "4 of 4, without a garment: 0" in text
    bad = str(by_hand(tmp_path, line(crotch="3_5_1")))
    assert main(["check", bad, *given]) == 1
    assert "violation: line 2: crotch: 3_5_1" in capsys.readouterr().out
    assert main(["check", bad, *given, "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["violations"][0]["unit"] == "line" and shown["violations"][0]["record"] == 2
    assert main(["package", str(four(tmp_path)), out, *asked]) == 2  # without pictures


def test_the_stage(tmp_path, monkeypatch, files):
    """Both splits, by the names that params.yaml gives them."""
    params = load_params("params/fld.yaml")
    data = params.data.model_copy(update={"wardrobe": "fashionai"})
    names = params.package.model_copy(update={"row": "ensemble", "validation": "val.csv", "test": "test.csv"})
    changed = params.model_copy(update={"data": data, "package": names})
    for split, coco in (("validation", "validation-independent"), ("test", "test")):
        for source, target in (("images", f"data/coco/{coco}"), ("boxes", f"results/boxes/whole/{split}")):
            (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / f"{target}.json").write_text(files[source].read_text())
        (tmp_path / "results/landmarks/ensemble").mkdir(parents=True, exist_ok=True)
        four(tmp_path).rename(tmp_path / f"results/landmarks/ensemble/{split}.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.stage.ensure_follower", lambda folder: None)
    monkeypatch.setattr("stages.package.load_params", lambda: changed)
    package_stage()
    report = json.loads((tmp_path / "submissions/check.json").read_text())
    assert sorted(path.name for path in (tmp_path / "submissions").iterdir()) == [
        "check.json", "test.csv", "val.csv"
    ]  # fmt: skip
    assert report["validation"]["ok"] and report["test"]["records"] == 4
