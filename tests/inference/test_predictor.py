"""Pictures to garments by stored models, and the command that prints and draws them."""

import json
import struct
import zlib

import cv2
import numpy as np
import pytest

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.inference.pipeline import DetectedBox, estimate
from hemline.inference.predictor import ESTIMATE, Predictor, read_upright
from hemline.wardrobe import wardrobe
from tests.estimation.wardrobes import picture
from tests.inference.models import DETECT, write_models

DEEPFASHION2 = wardrobe("deepfashion2")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("run") / "models")


@pytest.fixture()
def shots(tmp_path):
    folder = tmp_path / "shots"
    (folder / "more").mkdir(parents=True)
    cv2.imwrite(str(folder / "b.jpg"), picture(1))
    cv2.imwrite(str(folder / "a.png"), picture(2))
    cv2.imwrite(str(folder / "more" / "b.jpg"), picture(3))
    return folder


def test_a_picture_gives_garments_with_their_own_landmarks(models):
    predictor = Predictor.load(models, "cascade", "plain", DETECT, "cpu")
    assert list(predictor.estimators.experts) == [9]
    prediction = predictor.predict(picture(), threshold=0.0)
    assert 1 <= len(prediction.garments) <= 5
    scores = [garment.score for garment in prediction.garments]
    assert scores == sorted(scores, reverse=True)
    for garment in prediction.garments:
        assert garment.landmarks.shape == (DEEPFASHION2.category(garment.category_id).count, 3)
        assert 0 < garment.box_score < 1


def test_the_threshold_drops_what_scores_less(models):
    predictor = Predictor.load(models, "cascade", "none", DETECT, "cpu")
    everything = predictor.predict(picture(), threshold=0.0).garments
    limit = everything[0].score
    assert len(predictor.predict(picture(), threshold=limit).garments) < len(everything)
    assert predictor.predict(picture(), threshold=1e3).garments == []


def test_models_of_two_data_sets_are_refused(models):
    own = Predictor.load(models, "cascade", "none")
    own.detector.wardrobe = wardrobe("fld")
    with pytest.raises(HemlineError, match="the detector finds fld's garments, an estimator deepfashion2's"):
        Predictor(own.detector, own.estimators)


@pytest.mark.parametrize(("detector", "experts", "said"), [
    ("htc", "none", "detectors/htc"),
    ("cascade", "other", "experts/other"),
])  # fmt: skip
def test_models_that_are_not_there_are_said_with_what_makes_them(models, detector, experts, said):
    with pytest.raises(HemlineError, match=rf"{said}: no such model; `make demo`"):
        Predictor.load(models, detector, experts)


def test_of_a_known_category_the_whole_picture_is_looked_at_twice(models, tmp_path, shots, capsys):
    """No detector, no other category, and the landmarks of two passes."""
    for name in ("estimators", "experts"):
        (tmp_path / name).symlink_to(models / name)
    predictor = Predictor.load(tmp_path, experts="plain", category="skirt", device="cpu")
    (found,) = predictor.predict(picture(), threshold=0.0).garments
    assert found.category.name == "skirt" and found.box == (0.0, 0.0, 160.0, 200.0) and found.box_score == 1.0
    asked = [(picture(), [DetectedBox(0, 9, found.box, 1.0)])]
    (twice,) = estimate(asked, predictor.estimators, ESTIMATE, flip_test=True, passes=2)
    assert found == twice
    given = ["--models", str(tmp_path), "--experts", "plain", "--threshold", "0", "--category"]
    assert main(["predict", str(shots / "b.jpg"), *given, "skirt", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["pictures"][0]["garments"]) == 1
    assert main(["predict", str(shots / "b.jpg"), *given, "hat"]) == 2
    assert "unknown category 'hat'" in capsys.readouterr().err
    assert main(["predict", str(shots / "b.jpg"), *given, "skirt", "--detector", "htc"]) == 2
    assert "in the place of --detector" in capsys.readouterr().err
    assert main(["predict", str(shots / "b.jpg"), *given[:-1]]) == 2
    assert "detectors/htc: no such model" in (said := capsys.readouterr().err) and "--category names" in said


@pytest.mark.parametrize("threshold", ["nan", "-0.1", "1.01", "inf"])
def test_a_threshold_that_is_no_score_is_refused(shots, threshold, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["predict", str(shots / "b.jpg"), f"--threshold={threshold}"])
    assert f"argument --threshold: {threshold} is not within 0 and 1" in capsys.readouterr().err


def call(models, *arguments):
    given = ["--models", str(models), "--detector", "cascade", "--experts", "plain", "--threshold", "0"]
    return main(["predict", *map(str, arguments), *given])


def test_json_names_every_landmark_and_nothing_else_is_printed(models, shots, capsys):
    assert call(models, shots / "b.jpg", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["unreadable"] == []
    (one,) = found["pictures"]
    assert (one["picture"], one["width"], one["height"]) == (str(shots / "b.jpg"), 160, 200)
    names = {entry.name: [landmark.name for landmark in entry.landmarks] for entry in DEEPFASHION2.categories}
    for garment in one["garments"]:
        assert [landmark["name"] for landmark in garment["landmarks"]] == names[garment["category"]]
        assert set(garment["landmarks"][0]) == {"name", "x", "y", "score"}
        assert len(garment["box"]) == 4 and 0 <= garment["box_score"] <= 1


def test_a_folder_is_drawn_and_equal_names_stay_apart(models, shots, tmp_path, capsys):
    assert call(models, shots, "--out", tmp_path / "drawn") == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a.png", "b-2.jpg", "b.jpg"]
    assert cv2.imread(str(tmp_path / "drawn" / "a.png")).shape == (200, 160, 3)
    assert capsys.readouterr().out.count("garments") == 3


def test_a_picture_that_cannot_be_read_is_said_and_the_others_go_on(models, shots, capsys):
    (shots / "bad.jpg").write_bytes(b"not a picture")
    assert call(models, shots / "bad.jpg", shots / "gone.jpg", shots / "a.png", "--json") == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert [one["picture"] for one in found["pictures"]] == [str(shots / "a.png")]
    assert len(found["unreadable"]) == 2
    assert "bad.jpg: cannot be read" in printed.err and "gone.jpg: No such file" in printed.err


def test_a_picture_that_is_too_large_is_said_and_the_others_go_on(models, shots, tmp_path, capsys):
    cv2.imwrite(str(shots / "long.png"), picture()[:2].repeat(250, axis=1))
    header = struct.pack(">4sIIBBBBB", b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (shots / "claims.png").write_bytes(start + bytes(100))
    wide = cv2.imencode(".png", np.zeros((300, 20_000, 3), dtype=np.uint8))[1]
    (shots / "wide.webp").write_bytes(wide.tobytes())
    assert call(models, shots, "--json", "--out", tmp_path / "drawn") == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert len(found["pictures"]) == 3 and len(found["unreadable"]) == 3
    assert "long.png: too long or too thin, 40000 x 2 pixels" in printed.err
    assert "claims.png: cannot be read" in printed.err and "wide.webp: cannot be drawn" in printed.err
    assert not (tmp_path / "drawn" / "wide.webp").exists()


def test_a_drawing_never_replaces_the_picture(models, shots, capsys):
    before = (shots / "b.jpg").read_bytes()
    assert call(models, shots / "b.jpg", "--out", shots) == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert (shots / "b.jpg").read_bytes() == before


def test_an_empty_folder_and_missing_models_are_said(models, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert call(models, tmp_path / "empty") == 2
    assert "no pictures in this folder" in capsys.readouterr().err
    (tmp_path / "a.jpg").write_bytes(b"")
    assert call(tmp_path / "nothing", tmp_path / "a.jpg") == 2
    assert "make demo" in capsys.readouterr().err


def test_a_turned_picture_is_turned_back(tmp_path):
    from PIL import Image

    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright, its sensor lies on its side
    Image.fromarray(np.zeros((100, 160, 3), dtype=np.uint8)).save(path, exif=exif)
    assert read_upright(path).shape == (160, 100, 3)
