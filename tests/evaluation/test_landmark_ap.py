"""Landmark AP is pycocotools' with DeepFashion2's sigmas, areas and limit, on random and degenerate results."""

import copy
import json
from itertools import takewhile

import numpy as np
import pytest

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.evaluation import as_garments, evaluate_landmarks, matching, read_landmark_results, read_truth
from hemline.inference.garments import write_results
from hemline.wardrobe import wardrobe
from tests.evaluation.wardrobes import (
    ground_truth,
    landmark_results,
    reference,
    reference_per_category,
    save,
)

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")
NAMES = ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]


def evaluate(folder, truth, results, table=DEEPFASHION2, **options):
    read = read_truth(save(folder, "truth.json", truth), table)
    return evaluate_landmarks(
        read, read_landmark_results(save(folder, "results.json", results), read), **options
    )


def assert_same(folder, truth, results, table=DEEPFASHION2):
    """All ten numbers and the categories' APs of pycocotools, to 1e-12 (1e-9 is asked for). Returns ours."""
    ours, engine = evaluate(folder, truth, results, table), reference(truth, results, wardrobe=table)
    assert [ours[name] for name in NAMES] == pytest.approx(list(engine.stats), abs=1e-12)
    expected = reference_per_category(engine, table)
    assert list(ours["per_category"]) == [entry.name for entry in table.categories]
    assert ours["per_category"] == pytest.approx(expected, abs=1e-12)
    return ours


@pytest.mark.parametrize("seed", range(4))
def test_random_results(tmp_path, seed):
    truth = ground_truth(images=50, garments=220, seed=seed)
    ours = assert_same(tmp_path, truth, landmark_results(truth, seed))
    assert 0.05 < ours["AP"] < 0.95 and ours["AP50"] > ours["AP75"] and ours["APm"] != ours["APl"]


@pytest.mark.parametrize("seed", range(2))
def test_random_results_of_fld(tmp_path, seed):
    truth = ground_truth(images=40, garments=120, seed=seed, wardrobe=FLD)
    ours = assert_same(tmp_path, truth, landmark_results(truth, seed, wardrobe=FLD), FLD)
    assert list(ours["per_category"]) == ["upper body", "lower body", "full body"]
    assert 0.05 < ours["AP"] < 0.95


def test_another_data_sets_files_are_refused(tmp_path):
    with pytest.raises(HemlineError, match=r"annotation 1: keypoints has 882 numbers; 54 are expected"):
        read_truth(save(tmp_path, "truth.json", ground_truth(5, 9, seed=0, categories=(1,))), FLD)
    truth = ground_truth(5, 9, seed=0, wardrobe=FLD)
    results = [{**record, "category_id": 4} for record in landmark_results(truth, 0, wardrobe=FLD)]
    with pytest.raises(HemlineError, match=r"record 1: category_id is 4; the categories are 1 to 3"):
        evaluate(tmp_path, truth, results, FLD)


def test_chunks_of_images_change_nothing(tmp_path, monkeypatch):
    truth = ground_truth(images=50, garments=200, seed=8)
    results = landmark_results(truth, 8, decimals=1)
    whole = evaluate(tmp_path, truth, results)
    monkeypatch.setattr(matching, "CHUNK_IMAGES", 7)
    assert evaluate(tmp_path, truth, results) == whole


@pytest.mark.parametrize("decimals", [0, 1])
def test_tied_scores(tmp_path, decimals):
    truth = ground_truth(images=30, garments=200, seed=11)
    assert_same(tmp_path, truth, landmark_results(truth, 12, decimals=decimals))


def test_categories_that_the_ground_truth_lacks(tmp_path):
    truth = ground_truth(images=20, garments=60, seed=3, categories=(1, 7, 9))
    results = landmark_results(ground_truth(images=20, garments=90, seed=3), 4)
    ours = assert_same(tmp_path, truth, results)
    given = {name for name, value in ours["per_category"].items() if value is not None}
    assert given == {"short sleeve top", "shorts", "skirt"}


def test_areas_that_the_ground_truth_lacks(tmp_path):
    truth = ground_truth(images=10, garments=30, seed=5)
    truth["annotations"] = [entry for entry in truth["annotations"] if entry["area"] > 96**2]
    ours = assert_same(tmp_path, truth, landmark_results(truth, 6))
    assert ours["APm"] == ours["ARm"] == -1


def test_numbers_filled_outside_the_category(tmp_path):
    truth = ground_truth(images=20, garments=80, seed=21)
    results = landmark_results(truth, 22, foreign=True)
    assert_same(tmp_path, truth, results)


def test_a_result_file_with_bboxes(tmp_path):
    # loadRes then takes the areas from them
    truth = ground_truth(images=20, garments=120, seed=23)
    results = landmark_results(truth, 24, noise=0.1)
    generator = np.random.default_rng(0)
    boxed = [record | {"bbox": [0, 0, *generator.uniform(20, 400, 2).tolist()]} for record in results]
    with_boxes, without = assert_same(tmp_path, truth, boxed), assert_same(tmp_path, truth, results)
    assert with_boxes["APm"] != without["APm"] and with_boxes["AP"] == without["AP"]
    del boxed[1]["bbox"]
    with pytest.raises(HemlineError, match="record 2: no key 'bbox'"):
        evaluate(tmp_path, truth, boxed)


def test_crowded_images(tmp_path):
    """Only the best 20 of a category and image count."""
    truth = ground_truth(images=2, garments=30, seed=31, categories=(5,))
    results = [record for seed in range(4) for record in landmark_results(truth, seed)]
    for image in (100, 101):
        assert sum(record["image_id"] == image for record in results) > 40
    assert_same(tmp_path, truth, results)


def test_garments_without_landmarks_are_ignored(tmp_path):
    truth = ground_truth(images=30, garments=150, seed=41)
    for entry in truth["annotations"][::2]:
        entry["keypoints"], entry["num_keypoints"] = [0.0] * 882, 0
    results = landmark_results(truth, 42)
    for record in results[::5]:  # inside the doubled box of an ignored garment: ignored with it
        record["keypoints"] = [200.0] * 882
    assert_same(tmp_path, truth, results)


def test_no_garment_has_landmarks(tmp_path):
    truth = ground_truth(images=5, garments=10, seed=43)
    results = landmark_results(truth, 44)
    for entry in truth["annotations"]:
        entry["keypoints"], entry["num_keypoints"] = [0.0] * 882, 0
    ours = assert_same(tmp_path, truth, results)
    assert ours["AP"] == -1 and set(ours["per_category"].values()) == {None}


def test_no_results_score_zero(tmp_path):
    # pycocotools' loadRes fails on an empty list; its accumulate scores an image without results 0
    ours = evaluate(tmp_path, ground_truth(images=10, garments=60, seed=51), [], resamples=20)
    assert [ours[name] for name in NAMES] == [0.0] * 10
    assert set(ours["per_category"].values()) == {0.0}
    assert ours["intervals"]["AP"] == [0.0, 0.0]


def test_one_result(tmp_path):
    truth = ground_truth(images=3, garments=1, seed=52)
    results = [
        {key: truth["annotations"][0][key] for key in ("image_id", "category_id", "keypoints")}
        | {"score": 0.1}
    ]
    assert assert_same(tmp_path, truth, results)["AP"] == 1.0
    results[0]["image_id"] = 100 + (results[0]["image_id"] - 99) % 3
    assert assert_same(tmp_path, truth, results)["AP"] == 0.0


def test_several_garments_of_one_category_in_one_image(tmp_path):
    truth = ground_truth(images=1, garments=12, seed=53, categories=(8,))
    for seed in range(5):
        assert_same(tmp_path, truth, landmark_results(truth, seed, noise=0.1, strays=3))


def test_crowd_annotations(tmp_path):
    truth = ground_truth(images=10, garments=80, seed=54)
    for entry in truth["annotations"][::4]:
        entry["iscrowd"] = 1
    assert_same(tmp_path, truth, landmark_results(truth, 55))


@pytest.mark.parametrize("seed", range(3))
def test_ground_truth_as_results_scores_exactly_one(tmp_path, seed):
    truth = ground_truth(images=40, garments=160, seed=seed)
    read = read_truth(save(tmp_path, "truth.json", truth), DEEPFASHION2)
    write_results(tmp_path / "results.json", as_garments(read))
    ours = evaluate_landmarks(read, read_landmark_results(tmp_path / "results.json", read), resamples=50)
    assert [ours[name] for name in ("AP", "AP50", "AP75", "AR")] == [1.0] * 4
    assert set(ours["per_category"].values()) == {1.0}
    assert ours["intervals"]["AP"] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_id": 999}, r"image_id is 999; .*truth\.json has no such image"),
        ({"category_id": 14}, "category_id is 14"),
        ({"keypoints": [1.0] * 75}, "keypoints has 75 numbers; 882"),
        ({"keypoints": [float("nan")] * 882}, r"keypoints\[0\] is nan"),
        ({"score": float("nan")}, "score is nan"),
        ({"score": "high"}, "score is 'high'"),
    ],
)
def test_bad_results_are_refused(tmp_path, change, words):
    truth = ground_truth(images=4, garments=10, seed=1)
    results = landmark_results(truth, 1)
    results[2] |= change
    with pytest.raises(HemlineError, match=rf"results\.json: record 3: {words}"):
        evaluate(tmp_path, truth, results)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_id": 999}, "annotation 2: image_id is 999"),
        ({"category_id": 0}, "annotation 2: category_id is 0"),
        ({"keypoints": [0.0] * 243}, r"annotation 2: keypoints has 243 numbers; 882 .*independent grouping"),
        ({"keypoints": [float("inf")] * 882}, r"annotation 2: keypoints\[0\] is inf"),
        ({"keypoints": None}, "annotation 2: keypoints is None"),
        ({"keypoints": [0.0] * 881 + [False]}, r"annotation 2: keypoints\[881\] is False"),
        ({"area": float("nan")}, "annotation 2: area is nan"),
        ({"bbox": [1, 2, 3]}, r"annotation 2: bbox is \[1, 2, 3\]"),
        ({"id": 1}, "annotation id 1 stands twice"),
    ],
)
def test_bad_ground_truth_is_refused(tmp_path, change, words):
    truth = ground_truth(images=4, garments=10, seed=1)
    truth["annotations"][1] |= change
    with pytest.raises(HemlineError, match=words):
        read_truth(save(tmp_path, "truth.json", truth), DEEPFASHION2)


@pytest.mark.parametrize("size", [0, -160, float("nan"), float("inf"), True, "160", None])
def test_a_picture_without_width_or_height_is_refused(tmp_path, size):
    truth = ground_truth(images=4, garments=10, seed=1)
    truth["images"][1] |= {"width": 160, "height": size}
    with pytest.raises(HemlineError, match=r"truth\.json: image 2: height is .*; it must be a .*number"):
        read_truth(save(tmp_path, "truth.json", truth), DEEPFASHION2)


@pytest.mark.parametrize(
    "value",
    [
        *([], {}, {"images": []}, {"images": [], "annotations": []}, "text"),
        {"images": ["a.jpg"], "annotations": []},
    ],
)
def test_what_is_no_ground_truth_is_refused(tmp_path, value):
    with pytest.raises(HemlineError, match=r"truth\.json: .*(image|annotation)"):
        read_truth(save(tmp_path, "truth.json", value), DEEPFASHION2)


def test_annotation_ids_from_zero_are_matched_too(tmp_path):
    # pycocotools itself takes a match with the annotation 0 for none
    truth = ground_truth(images=10, garments=40, seed=61)
    shifted = copy.deepcopy(truth)
    for entry in shifted["annotations"]:
        entry["id"] -= 1
    results = landmark_results(truth, 62)
    assert evaluate(tmp_path, shifted, results) == evaluate(tmp_path, truth, results)


def test_command_prints_one_json_object(tmp_path, capsys):
    truth = ground_truth(images=10, garments=50, seed=71)
    results = landmark_results(truth, 72)
    paths = [str(save(tmp_path, "truth.json", truth)), str(save(tmp_path, "results.json", results))]
    assert main(["evaluate", *paths, "--json", "--resamples", "10"]) == 0
    shown = json.loads(capsys.readouterr().out)
    engine = reference(truth, results)
    assert [shown[name] for name in NAMES] == pytest.approx(list(engine.stats), abs=1e-12)
    assert shown["per_category"] == pytest.approx(reference_per_category(engine), abs=1e-12)
    low, high = shown["intervals"]["AP"]
    assert low < shown["AP"] < high
    assert shown["counts"]["garments"] == 50 and shown["counts"]["results"] == len(results)


def test_command_prints_a_table_and_explains_bad_input(tmp_path, capsys):
    truth = ground_truth(images=10, garments=50, seed=71, categories=(1, 2))
    results = landmark_results(truth, 72)
    paths = [str(save(tmp_path, "truth.json", truth)), str(save(tmp_path, "results.json", results))]
    assert main(["evaluate", *paths, "--resamples", "10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    landmarks = takewhile(lambda line: not line.startswith("normalised error"), lines)
    shown = {line[2:24].strip(): line[24:].split() for line in landmarks if line.startswith("  ")}
    assert float(shown["AP"][0]) == pytest.approx(reference(truth, results).stats[0], abs=5e-5)
    assert shown["skirt"] == ["-", "0"] and len(shown["short sleeve top"]) == 4
    results[0]["score"] = float("nan")
    save(tmp_path, "results.json", results)
    assert main(["evaluate", *paths]) == 2
    assert "record 1: score is nan" in capsys.readouterr().err
