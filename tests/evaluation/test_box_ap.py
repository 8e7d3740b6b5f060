"""Box AP is COCO's, and a row of the ablation table holds everything that the report shows."""

import json

import pytest

from hemline.errors import HemlineError
from hemline.evaluation import evaluate_ablation, evaluate_boxes, read_box_results, read_truth
from tests.evaluation.wardrobes import (
    DEEPFASHION2,
    box_results,
    ground_truth,
    landmark_results,
    reference,
    reference_per_category,
    save,
)

# AP, AP50, AP75 and AR with 100 results an image, in pycocotools' twelve
PLACES = {"AP": 0, "AP50": 1, "AP75": 2, "AR": 8}


@pytest.mark.parametrize("seed", range(3))
def test_boxes_as_pycocotools(tmp_path, seed):
    truth = ground_truth(images=40, garments=200, seed=seed)
    boxes = box_results(truth, seed)
    read = read_truth(save(tmp_path, "truth.json", truth), DEEPFASHION2)
    ours = evaluate_boxes(read, read_box_results(save(tmp_path, "boxes.json", boxes), read))
    engine = reference(truth, boxes, "bbox")
    assert {name: ours[name] for name in PLACES} == pytest.approx(
        {name: engine.stats[place] for name, place in PLACES.items()}, abs=1e-12
    )
    assert ours["per_category"] == pytest.approx(reference_per_category(engine), abs=1e-12)
    assert 0.05 < ours["AP"] < 0.95


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bbox": [0, 0, float("nan"), 1]}, "bbox is nan"),
        ({"bbox": [0, 0, 1]}, r"bbox is \[0, 0, 1\]"),
        ({"image_id": 7}, "image_id is 7"),
        ({"category_id": "1"}, "category_id is '1'"),
    ],
)
def test_bad_boxes_are_refused(tmp_path, change, words):
    truth = ground_truth(images=4, garments=10, seed=1)
    read = read_truth(save(tmp_path, "truth.json", truth), DEEPFASHION2)
    boxes = box_results(truth, 1)
    boxes[4] |= change
    with pytest.raises(HemlineError, match=rf"boxes\.json: record 5: {words}"):
        read_box_results(save(tmp_path, "boxes.json", boxes), read)


@pytest.fixture
def row(tmp_path):
    """Paths of a row: ground truth, its visible landmarks only, results, ground-truth boxes."""
    truth = ground_truth(images=30, garments=120, seed=9)
    visible = json.loads(json.dumps(truth))
    for entry in visible["annotations"]:
        triplets = [entry["keypoints"][at : at + 3] for at in range(0, 882, 3)]
        triplets = [triplet if triplet[2] == 2 else [0, 0, 0] for triplet in triplets]
        entry["keypoints"] = [value for triplet in triplets for value in triplet]
        entry["num_keypoints"] = sum(triplet[2] == 2 for triplet in triplets)
    keys = ("image_id", "category_id", "bbox")
    boxes = [{key: entry[key] for key in keys} | {"score": 1.0} for entry in truth["annotations"]]
    return {
        "truth": (truth, save(tmp_path, "truth.json", truth)),
        "visible": (visible, save(tmp_path, "visible.json", visible)),
        "results": (landmark_results(truth, 9), save(tmp_path, "results.json", landmark_results(truth, 9))),
        "boxes": (boxes, save(tmp_path, "boxes.json", boxes)),
    }


def test_a_row_holds_all_numbers(row):
    values, paths = ({key: pair[place] for key, pair in row.items()} for place in (0, 1))
    metrics = evaluate_ablation(**paths, resamples=40, seed=3, wardrobe=DEEPFASHION2)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    whole, visible = (reference(values[key], values["results"]).stats[0] for key in ("truth", "visible"))
    assert metrics["AP"] == metrics["landmarks"]["AP"] == pytest.approx(whole, abs=1e-12)
    assert metrics["AP_visible"] == metrics["visible_only"]["AP"] == pytest.approx(visible, abs=1e-12)
    assert whole != visible
    assert metrics["AP_box"] == metrics["boxes"]["AP"] == 1.0  # ground-truth boxes
    for block in ("landmarks", "visible_only"):
        low, high = metrics[block]["intervals"]["AP"]
        assert low < metrics[block]["AP"] < high
        assert set(metrics[block]["intervals"]["per_category"]) == set(metrics[block]["per_category"])
    errors = metrics["normalised_error"]
    assert errors["intervals"]["NE"][0] < errors["NE"] < errors["intervals"]["NE"][1]
    assert metrics["counts"]["images"] == 30 and metrics["counts"]["resamples"] == 40
    assert evaluate_ablation(**paths, resamples=40, seed=3, wardrobe=DEEPFASHION2) == metrics
    assert (
        evaluate_ablation(**paths, resamples=40, seed=4, wardrobe=DEEPFASHION2)["landmarks"]["intervals"]
        != metrics["landmarks"]["intervals"]
    )


def test_a_row_without_boxes(row):
    paths = {key: pair[1] for key, pair in row.items()} | {"boxes": None}
    metrics = evaluate_ablation(**paths, resamples=0, seed=0, wardrobe=DEEPFASHION2)
    assert metrics["boxes"] is None and "AP_box" not in metrics
    assert "intervals" not in metrics["landmarks"]


def test_a_row_of_boxes_alone(row):
    paths = {key: pair[1] for key, pair in row.items()} | {"results": None}
    metrics = evaluate_ablation(**paths, resamples=20, seed=0, wardrobe=DEEPFASHION2)
    assert {key for key, value in metrics.items() if value is None} == {
        "landmarks", "visible_only", "normalised_error",
    }  # fmt: skip
    assert metrics["AP_box"] == metrics["boxes"]["AP"] == 1.0 and "AP" not in metrics
    assert metrics["counts"]["results"] == metrics["counts"]["garments"]


def test_ground_truths_of_two_splits_are_refused(row, tmp_path):
    other = save(tmp_path, "other.json", ground_truth(images=31, garments=120, seed=9))
    paths = {key: pair[1] for key, pair in row.items()} | {"visible": other}
    with pytest.raises(HemlineError, match=r"other\.json: other images than .*\(such as 130\)"):
        evaluate_ablation(**paths, resamples=0, seed=0, wardrobe=DEEPFASHION2)
