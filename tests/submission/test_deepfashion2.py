"""Submissions: what is packed is read back, scores the same, and what is wrong is found."""

import json
import zipfile

import numpy as np
import pytest

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.evaluation import evaluate_landmarks, read_landmark_results, read_truth
from hemline.inference.garments import Garment, write_results
from hemline.submission import check, package
from hemline.wardrobe import wardrobe
from tests.evaluation.wardrobes import ground_truth, landmark_results, save

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")
INNER = "keypoints_val_results.json"


@pytest.fixture
def truth(tmp_path):
    value = ground_truth(images=30, garments=120, seed=1)
    save(tmp_path, "truth.json", value)
    return value


@pytest.fixture
def results(tmp_path, truth):
    """A result file of ours: with boxes and landmark scores, rounded as `write_results` does."""
    garments = []
    for record in landmark_results(truth, 2):
        landmarks = np.array(record["keypoints"]).reshape(294, 3)[
            DEEPFASHION2.category(record["category_id"]).slice
        ]
        landmarks[:, 2] = 0.75
        box = (1.25, 2.5, 30.0, 40.0)
        garments.append(
            Garment(
                record["image_id"], record["category_id"], box, 0.9, landmarks, record["score"], DEEPFASHION2
            )
        )
    write_results(tmp_path / "results.json", garments)
    return tmp_path / "results.json"


def unpack(path):
    with zipfile.ZipFile(path) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def pack_by_hand(folder, records, name=INNER, **others):
    path = folder / "hand.zip"
    text = records if isinstance(records, str) else json.dumps(records)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in ({name: text} | others).items():
            archive.writestr(member, content)
    return path


def record(**changes):
    keypoints = [0] * 882
    keypoints[3 * 182 : 3 * 190] = [10.25, 20.5, 1] * 8
    return {"image_id": 100, "category_id": 9, "keypoints": keypoints, "score": 0.5} | changes


def findings(path, images=None):
    return [str(finding) for finding in check(path, DEEPFASHION2, images).violations]


def test_the_format(tmp_path, results):
    count = package(results, tmp_path / "out.zip", DEEPFASHION2)
    given, packed = json.loads(results.read_text()), unpack(tmp_path / "out.zip")
    assert list(packed) == [INNER] and count == len(given) == len(packed[INNER])
    for before, after in zip(given, packed[INNER], strict=True):
        assert list(after) == ["image_id", "category_id", "keypoints", "score"]
        own = DEEPFASHION2.category(before["category_id"])
        points = np.array(after["keypoints"]).reshape(294, 3)
        assert np.array_equal(
            points[own.slice, :2], np.array(before["keypoints"]).reshape(294, 3)[own.slice, :2]
        )
        assert (points[own.slice, 2] == 1).all()
        points[own.slice] = 0
        assert not points.any()
        assert after["score"] == before["score"]


def test_coordinates_of_others_are_rounded_and_foreign_landmarks_dropped(tmp_path, truth):
    given = landmark_results(truth, 3, foreign=True)
    package(save(tmp_path, "foreign.json", given), tmp_path / "out.zip", DEEPFASHION2, name="other.json")
    for before, after in zip(given, unpack(tmp_path / "out.zip")["other.json"], strict=True):
        own = DEEPFASHION2.category(before["category_id"]).slice
        pair = [np.array(one["keypoints"]).reshape(294, 3)[own, :2] for one in (before, after)]
        assert np.array_equal(pair[0].round(2), pair[1])
    report = check(tmp_path / "out.zip", DEEPFASHION2, tmp_path / "truth.json")
    assert not report.violations and report.records == len(given)


def test_a_submission_scores_as_its_results(tmp_path, results):
    truth = read_truth(tmp_path / "truth.json", DEEPFASHION2)
    package(results, tmp_path / "out.zip", DEEPFASHION2)
    save(tmp_path, "packed.json", unpack(tmp_path / "out.zip")[INNER])
    scores = [
        evaluate_landmarks(truth, read_landmark_results(path, truth))
        for path in (results, tmp_path / "packed.json")
    ]
    assert scores[0] == scores[1] and 0.05 < scores[0]["AP"] < 0.95


def test_results_of_fld_have_the_format_with_its_landmarks(tmp_path):
    """What a data set without a challenge gets: read back, checked, and evaluated as the results are."""
    value = ground_truth(images=20, garments=30, seed=1, wardrobe=FLD)
    images = save(tmp_path, "truth.json", value)
    given = save(tmp_path, "results.json", landmark_results(value, 2, wardrobe=FLD))
    assert package(given, tmp_path / "out.zip", images=images, wardrobe=FLD) > 30
    packed = unpack(tmp_path / "out.zip")[INNER]
    assert {len(one["keypoints"]) for one in packed} == {54}
    report = check(tmp_path / "out.zip", FLD, images)
    assert not report.violations
    assert list(report.per_category) == ["upper body", "lower body", "full body"]
    truth = read_truth(images, FLD)
    again = save(tmp_path, "packed.json", packed)
    scores = [evaluate_landmarks(truth, read_landmark_results(path, truth)) for path in (given, again)]
    assert scores[1]["AP"] == pytest.approx(scores[0]["AP"], abs=0.01)
    assert "54 numbers instead of 882" in findings(tmp_path / "out.zip")[0]


def test_same_results_same_bytes(tmp_path, results):
    for name in ("one.zip", "two.zip"):
        package(results, tmp_path / name, DEEPFASHION2)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:  # no clock in it
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_an_empty_submission_is_one(tmp_path):
    assert package(save(tmp_path, "results.json", []), tmp_path / "out.zip", DEEPFASHION2) == 0
    report = check(tmp_path / "out.zip", DEEPFASHION2)
    assert not report.violations and any("AP will be 0" in str(finding) for finding in report.warnings)


def test_bad_results_leave_the_old_submission(tmp_path, results):
    package(results, tmp_path / "out.zip", DEEPFASHION2)
    before = (tmp_path / "out.zip").read_bytes()
    bad = save(tmp_path, "bad.json", [record(), record(score=float("nan"))])
    with pytest.raises(HemlineError, match=r"bad\.json: record 2: score is nan"):
        package(bad, tmp_path / "out.zip", DEEPFASHION2)
    assert (tmp_path / "out.zip").read_bytes() == before
    with pytest.raises(HemlineError, match=r"results\.json: record \d+: image_id .* no such image"):
        package(
            results,
            tmp_path / "out.zip",
            DEEPFASHION2,
            images=save(tmp_path, "images.json", {"images": [{"id": 7}]}),
        )


def test_the_results_are_never_replaced(tmp_path, results):
    before = results.read_bytes()
    (tmp_path / "link.zip").symlink_to(results)
    for out in (results, tmp_path / "link.zip"):
        with pytest.raises(HemlineError, match="would be replaced by the submission"):
            package(results, out, DEEPFASHION2)
    assert results.read_bytes() == before


@pytest.mark.parametrize("name", ["folder/name.json", "..\\name.json", "name.txt", ".json"])
def test_bad_inner_names_are_refused(tmp_path, results, name):
    with pytest.raises(HemlineError, match="plain name"):
        package(results, tmp_path / "out.zip", DEEPFASHION2, name=name)


def test_a_good_file_by_hand_is_fine(tmp_path, truth):
    report = check(
        pack_by_hand(tmp_path, [record(), record(image_id=101)]), DEEPFASHION2, tmp_path / "truth.json"
    )
    assert report.violations == [] and report.warnings == []
    assert (report.records, report.images, report.images_listed, report.points) == (2, 2, 30, 16)
    assert report.per_category["skirt"] == 2 and report.per_category["vest"] == 0
    assert report.to_json()["ok"] is True


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_id": 7}, "image_id: 7 is not in the list"),
        ({"image_id": "100"}, "image_id: '100' is not an integer"),
        ({"image_id": True}, "image_id: True is not an integer"),
        ({"category_id": 0}, "category_id: 0 is not one of 1 to 13"),
        ({"category_id": 14}, "category_id: 14 is not one of"),
        ({"category_id": 9.0}, "category_id: 9.0 is not an integer"),
        ({"category_id": 8}, "keypoints: landmark 182 (from 0) is not zero; 8 outside trousers"),
        ({"keypoints": [0] * 879}, "keypoints: 879 numbers instead of 882"),
        ({"keypoints": None}, "keypoints: None instead of 882"),
        ({"keypoints": {"a": 1}}, "keypoints: an object instead of 882"),
        ({"keypoints": [0] * 881 + [float("nan")]}, "keypoints: number 881 (from 0) is nan"),
        ({"keypoints": [0] * 881 + ["1"]}, "keypoints: number 881 (from 0) is '1'"),
        ({"keypoints": [0] * 881 + [True]}, "keypoints: number 881 (from 0) is True"),
        ({"score": float("inf")}, "score: inf is not a finite number"),
        ({"score": None}, "score: None is not a finite number"),
        ({"score": 10**400}, "score: 1000"),
        ({"keypoints": [0] * 881 + [10**400]}, "keypoints: number 881 (from 0) is 1000"),
    ],
)
def test_each_violation_is_found_and_numbered(tmp_path, truth, changes, words):
    path = pack_by_hand(tmp_path, [record(image_id=105), record(**changes), record(image_id=106)])
    found = findings(path, tmp_path / "truth.json")
    assert len(found) == 1 and found[0].startswith(f"record 2: {words}")


@pytest.mark.parametrize("key", ["image_id", "category_id", "keypoints", "score"])
def test_missing_keys(tmp_path, key):
    partial = {name: value for name, value in record().items() if name != key}
    assert findings(pack_by_hand(tmp_path, [record(image_id=3), partial])) == [f"record 2: {key}: missing"]


def test_duplicates(tmp_path):
    moved = record(
        keypoints=[value + (0.25 if place == 546 else 0) for place, value in enumerate(record()["keypoints"])]
    )
    path = pack_by_hand(tmp_path, [record(), record(image_id=2), moved, record(score=0.1)])
    assert findings(path) == ["record 4: keypoints: the same garment as record 1"]
    twice = json.dumps([record()])[:-2] + ', "score": 0.7}]'
    assert findings(pack_by_hand(tmp_path, twice)) == ["record 1: record: a key stands twice"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ('[{"image_id": 1', "not JSON"),
        ("{}", "not a list"),
        ("3", "not a list"),
        ("[3]", "not a JSON object"),
        ("[[]]", "not a JSON object"),
    ],
)
def test_what_is_no_list_of_records(tmp_path, text, words):
    found = findings(pack_by_hand(tmp_path, text))
    assert len(found) == 1 and words in found[0]


@pytest.mark.parametrize(
    ("name", "others", "words"),
    [
        ("folder/results.json", {}, "lies at the root"),
        ("results.txt", {}, "a .json file"),
        (INNER, {"more.json": "[]"}, "2 members"),
    ],
)
def test_wrong_zip_members(tmp_path, name, others, words):
    found = findings(pack_by_hand(tmp_path, [record()], name, **others))
    assert len(found) == 1 and found[0].startswith("file: zip: ") and words in found[0]


def test_what_is_no_zip_file(tmp_path, results):
    assert "cannot be unpacked" in findings(results)[0]
    package(results, tmp_path / "out.zip", DEEPFASHION2)
    content = bytearray((tmp_path / "out.zip").read_bytes())
    content[len(content) // 3] ^= 0xFF
    (tmp_path / "broken.zip").write_bytes(content)
    assert "cannot be unpacked" in findings(tmp_path / "broken.zip")[0]
    with pytest.raises(HemlineError, match="no such file"):
        check(tmp_path / "missing.zip", DEEPFASHION2)


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_anywhere_in_the_zip_file_is_a_violation(tmp_path, kind):
    """Bytes may be damaged so that their decompression fails, not the checksum behind it."""
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", kind) as archive:
        archive.writestr(INNER, json.dumps([record()]))
    content = whole.read_bytes()
    first = content.index(INNER.encode()) + len(INNER)
    found = []
    for place in range(first, content.rindex(b"PK\x01\x02"), 7):
        (tmp_path / "broken.zip").write_bytes(
            content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        )
        found += findings(tmp_path / "broken.zip")
    assert found and all("cannot be unpacked" in text for text in found)


def test_warnings(tmp_path, truth):
    outside, longer = record(image_id=101), record(image_id=102, score=1.5, bbox=[1, 2, 3, 4])
    outside["keypoints"][546:552] = [-1, 5, 1, 699.51, 5, 2]
    longer["keypoints"][546] = 1.125
    crowd = [record(image_id=103, score=0.01 * n) for n in range(22)]
    for shift, one in enumerate(crowd):
        one["keypoints"][546] = 10 + shift
    report = check(pack_by_hand(tmp_path, [outside, longer, *crowd]), DEEPFASHION2, tmp_path / "truth.json")
    assert report.violations == []
    assert (report.points_outside, report.over_limit) == (2, 2)
    assert (report.lowest_score, report.highest_score) == (0.0, 1.5)
    assert [finding.key for finding in report.warnings] == [
        "over 20",
        "points",
        "score",
        "v",
        "decimals",
        "keys",
    ]


def test_the_edge_of_the_picture_is_inside(tmp_path, truth):
    edge = record()
    edge["keypoints"][546:552] = [-0.5, 0, 1, 699.5, 699.5, 1]
    assert check(pack_by_hand(tmp_path, [edge]), DEEPFASHION2, tmp_path / "truth.json").points_outside == 0


@pytest.mark.parametrize("value", ["160", None, 0, float("nan")])
def test_sizes_that_are_no_numbers_of_pixels(tmp_path, value):
    images = {"images": [{"id": 1, "width": 160, "height": 160}, {"id": 7, "width": 160, "height": value}]}
    with pytest.raises(
        HemlineError, match=r"images\.json: image 2: height is .*; it must be a number of pixels"
    ):
        findings(pack_by_hand(tmp_path, [record()]), save(tmp_path, "images.json", images))


def test_without_a_list_of_images_that_is_said(tmp_path):
    report = check(pack_by_hand(tmp_path, [record(image_id=12345)]), DEEPFASHION2)
    assert report.violations == [] and "ids are not checked" in str(report.warnings[0])
    assert report.points_outside is None


def test_commands(tmp_path, truth, results, capsys):
    out, images = str(tmp_path / "out.zip"), str(tmp_path / "truth.json")
    assert main(["package", str(results), out, "--images", images, "--name", "x.json"]) == 0
    assert list(unpack(out)) == ["x.json"]
    assert f"hemline check {out} --images {images}" in capsys.readouterr().out
    assert main(["check", out, "--images", images]) == 0
    assert "The submission is fine." in capsys.readouterr().out
    assert main(["check", out, "--images", images, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["ok"] is True and shown["records"] == sum(shown["per_category"].values())
    bad = str(pack_by_hand(tmp_path, [record(image_id=n, score=None) for n in range(70)]))
    assert main(["check", bad]) == 1
    text = capsys.readouterr().out
    assert (
        "violation: record 1: score: None" in text
        and "20 violations more" in text
        and "70 violations" in text
    )
    assert main(["check", bad, "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["violations"]) == 70
    assert main(["check", str(tmp_path / "none.zip")]) == 2


@pytest.mark.parametrize("name", ["deepfashion2", "fashionai"])
def test_the_checker_shares_no_code_with_the_writer(name):
    """Only the wardrobe's table, the report, and the error that is printed."""
    import ast
    from pathlib import Path

    import hemline.submission as package_

    imported = set()
    for path in (Path(package_.__file__).parent / name).glob("[ci]*.py"):
        tree = ast.parse(path.read_text())
        imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    own = {module for module in imported if module and module.startswith("hemline")}
    own -= {"hemline.submission.deepfashion2.inspection", "hemline.submission.sizes"}  # parts of the checkers
    assert own == {"hemline.errors", "hemline.wardrobe", "hemline.submission.report"}
    assert "submission.sizes" not in (Path(package_.__file__).parent / name / "writing.py").read_text()


@pytest.mark.parametrize("entry", DEEPFASHION2.categories, ids=lambda entry: entry.slug)
def test_each_category_has_its_own_place(tmp_path, entry):
    landmarks = np.full((entry.count, 3), 5.0)
    garment = Garment(1, entry.id, (0, 0, 9, 9), 1.0, landmarks, 1.0, DEEPFASHION2)
    write_results(tmp_path / "results.json", [garment])
    package(tmp_path / "results.json", tmp_path / "out.zip", DEEPFASHION2)
    report = check(tmp_path / "out.zip", DEEPFASHION2)
    assert not report.violations and report.points == entry.count and report.per_category[entry.name] == 1
