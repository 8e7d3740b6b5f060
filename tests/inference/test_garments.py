"""Result records and files: what is written is read back, and what is wrong is named."""

import io
import json

import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.inference import records
from hemline.inference.garments import Garment, read_results, write_results
from hemline.wardrobe import wardrobe

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")


def garment(category_id: int = 5, image_id: int = 7, score: float = 0.5, of=DEEPFASHION2) -> Garment:
    count = of.category(category_id).count
    landmarks = np.arange(3.0 * count).reshape(count, 3) / 64
    return Garment(image_id, category_id, (1.5, 2.25, 30.0, 40.125), 0.9, landmarks, score, of)


@pytest.fixture
def record() -> dict:
    return garment().to_record()


def write(path, value) -> str:
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("entry", DEEPFASHION2.categories, ids=lambda entry: entry.slug)
def test_record_holds_the_categorys_landmarks_and_zeros_elsewhere(entry):
    keypoints = np.array(garment(entry.id).to_record()["keypoints"]).reshape(294, 3)
    assert np.array_equal(keypoints[entry.slice, :2], garment(entry.id).landmarks[:, :2].round(2))
    assert np.array_equal(keypoints[entry.slice, 2], garment(entry.id).landmarks[:, 2].round(6))
    keypoints[entry.slice] = 0
    assert not keypoints.any()


def test_written_garments_are_read_back_the_same(tmp_path):
    rounded = [
        Garment.from_record(garment(entry.id, score=1 / 3).to_record(), DEEPFASHION2)
        for entry in DEEPFASHION2.categories
    ]
    assert write_results(tmp_path / "results.json", rounded) == 13
    assert read_results(tmp_path / "results.json", DEEPFASHION2) == rounded
    again = [one.to_record() for one in read_results(tmp_path / "results.json", DEEPFASHION2)]
    assert json.loads((tmp_path / "results.json").read_text()) == again


def test_garments_of_fld_have_records_of_their_own(tmp_path):
    rounded = [
        Garment.from_record(garment(entry.id, of=FLD).to_record(), wardrobe=FLD) for entry in FLD.categories
    ]
    assert [len(one.to_record()["keypoints"]) for one in rounded] == [54, 54, 54]
    assert write_results(tmp_path / "results.json", rounded) == 3
    found = read_results(tmp_path / "results.json", FLD)
    assert found == rounded
    assert [one.category.name for one in found] == ["upper body", "lower body", "full body"]
    with pytest.raises(HemlineError, match="keypoints has 54 numbers; 882 are expected"):
        read_results(tmp_path / "results.json", DEEPFASHION2)
    with pytest.raises(HemlineError, match=r"landmarks have the shape \(6, 3\); \(4, 3\) is expected"):
        Garment(1, 2, (0, 0, 9, 9), 1.0, np.zeros((6, 3)), 1.0, FLD)


def test_no_garment_at_all_is_a_file_too(tmp_path):
    assert write_results(tmp_path / "results.json", []) == 0
    assert read_results(tmp_path / "results.json", DEEPFASHION2) == []


def test_a_failing_source_leaves_the_old_file(tmp_path):
    def broken():
        yield garment()
        raise RuntimeError("estimator failed")

    write_results(tmp_path / "results.json", [garment()])
    with pytest.raises(RuntimeError):
        write_results(tmp_path / "results.json", broken())
    assert read_results(tmp_path / "results.json", DEEPFASHION2) == [
        Garment.from_record(garment().to_record(), DEEPFASHION2)
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("text", ["[]", " [ ] ", '[{"a": 1}]', '[{"a": [1, 2.5]} ,\n {"b": "]},{"}, null]\n'])
def test_a_list_is_the_same_whatever_the_chunks(monkeypatch, chunk, text):
    monkeypatch.setattr(records, "CHUNK", chunk)
    assert list(records.stream_array(io.StringIO(text), "x")) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[", "[1,", "[1 2]", '[{"a": 1}', '[{"a": 1},]', "[{'a': 1}]", "nonsense"),
        *("[1] [2]", "[]]", "[" * 100_000, "[" + "9" * 5000 + "]"),
    ],
)
def test_text_that_is_no_list_is_refused(text):
    with pytest.raises(HemlineError, match=r"^x: not (JSON|a JSON list)"):
        list(records.stream_array(io.StringIO(text), "x"))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("image_id", "7", r"record 2: image_id is '7'; it must be an integer"),
        ("image_id", True, r"image_id is True"),
        ("category_id", 14, r"category_id is 14; the categories are 1 to 13"),
        ("category_id", 0, r"category_id is 0"),
        ("keypoints", [0.0] * 881, r"keypoints has 881 numbers; 882 are expected"),
        ("keypoints", [0.0] * 243, r"keypoints has 243 numbers"),
        ("keypoints", [0.0] * 9 + [float("nan")] + [0.0] * 872, r"keypoints\[9\] is nan"),
        ("keypoints", [0.0] * 881 + ["3"], r"keypoints\[881\] is '3'"),
        ("keypoints", [None] + [0.0] * 881, r"keypoints\[0\] is None"),
        ("keypoints", [0.0] * 880 + [True, 0], r"keypoints\[880\] is True; it must be a finite number"),
        ("keypoints", [[0.0]] * 882, r"keypoints\[0\] is \[0.0\]"),
        ("score", float("nan"), r"score is nan; it must be a finite number"),
        ("score", float("inf"), r"score is inf"),
        ("score", None, r"score is None"),
        ("box", [1, 2, 3], r"box is \[1, 2, 3\]"),
        ("box", [1, 2, -3, 4], r"must not be negative"),
        ("box", [1, 2, float("nan"), 4], r"box is nan"),
        ("score", 10**400, r"score is 1000"),
        ("keypoints", [0.0] * 9 + [10**400] + [0.0] * 872, r"keypoints\[9\] is 1000"),
        ("box", [1, 2, 10**400, 4], r"box is 1000"),
    ],
)
def test_a_bad_value_is_named(tmp_path, record, key, value, words):
    path = write(tmp_path / "results.json", [record, record | {key: value}])
    with pytest.raises(HemlineError, match=rf"results\.json: record 2: .*{words.removeprefix('record 2: ')}"):
        read_results(path, DEEPFASHION2)


def test_whole_numbers_beyond_64_bits_are_numbers(tmp_path, record):
    own = DEEPFASHION2.category(record["category_id"])
    record["keypoints"][3 * own.start] = 10**30
    (found,) = read_results(write(tmp_path / "results.json", [record]), DEEPFASHION2)
    assert found.landmarks[0, 0] == 1e30


@pytest.mark.parametrize("key", ["image_id", "category_id", "keypoints", "score", "box"])
def test_a_missing_key_is_named(tmp_path, record, key):
    del record[key]
    with pytest.raises(HemlineError, match=f"record 1: no key '{key}'"):
        read_results(write(tmp_path / "results.json", [record]), DEEPFASHION2)


def test_boxes_given_for_landmarks_are_refused(tmp_path):
    path = write(
        tmp_path / "boxes.json", [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]
    )
    with pytest.raises(HemlineError, match="another task"):
        read_results(path, DEEPFASHION2)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(HemlineError, match=r"missing\.json: cannot be read"):
        read_results(tmp_path / "missing.json", DEEPFASHION2)


@pytest.mark.parametrize(
    "change",
    [
        {"landmarks": np.zeros((14, 3))},
        {"landmarks": np.full((15, 3), np.nan)},
        {"score": float("nan")},
        {"box": (0, 0, 1)},
    ],
)
def test_a_garment_that_no_file_can_hold_is_refused(change):
    good = {
        "image_id": 1,
        "category_id": 5,
        "box": (0, 0, 1, 1),
        "box_score": 1.0,
        "landmarks": np.zeros((15, 3)),
        "score": 1,
        "wardrobe": DEEPFASHION2,
    }
    with pytest.raises(HemlineError, match="garment of image 1, category 5"):
        Garment(**(good | change))


def test_a_garment_cannot_be_changed_and_copies_its_landmarks():
    landmarks = np.zeros((15, 3))
    made = Garment(1, 5, (0, 0, 1, 1), 1.0, landmarks, 1.0, DEEPFASHION2)
    landmarks[:] = 7
    assert not made.landmarks.any()
    with pytest.raises(ValueError, match="read-only"):
        made.landmarks[0, 0] = 1
