"""What `stages.selection` judges an estimator by is the AP of the written file."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from hemline.estimation import Estimator
from hemline.evaluation import evaluate_landmarks, read_landmark_results, read_truth
from hemline.inference.garments import write_results
from hemline.inference.pipeline import Estimators, estimate_boxes
from hemline.wardrobe import grouping, wardrobe
from stages.selection import AUTHORS, BOXES, TRUTH, WHOLE, validation_ap
from tests.estimation.wardrobes import NETWORK, lively, picture
from tests.evaluation.wardrobes import ground_truth

DEEPFASHION2 = wardrobe("deepfashion2")
PICTURES = Path("validation/image")
PARAMS = SimpleNamespace(
    data=SimpleNamespace(pictures=lambda split: Path(split) / "image"), wardrobe=DEEPFASHION2
)


@pytest.fixture
def estimator(tmp_path, monkeypatch):
    """An estimator, in a project whose ground truth has skirts and trousers about where it sees them."""
    monkeypatch.chdir(tmp_path)
    aggregated = grouping(DEEPFASHION2, "aggregated")
    estimator = Estimator(lively(1, aggregated), NETWORK, aggregated)
    truth = ground_truth(images=6, garments=20, seed=0, categories=(8, 9))
    for entry in truth["annotations"]:
        entry["bbox"], entry["area"] = [20.0, 30.0, 90.0, 120.0], 10800.0
    for folder in (TRUTH.parent, BOXES.parent, PICTURES):
        folder.mkdir(parents=True)
    for image in truth["images"]:
        cv2.imwrite(str(PICTURES / image["file_name"]), picture(image["id"]))
    boxes = [
        {**{key: entry[key] for key in ("image_id", "category_id", "bbox")}, "score": 1.0}
        for entry in truth["annotations"]
    ]
    BOXES.write_text(json.dumps(boxes))
    TRUTH.write_text(json.dumps(truth))
    put_near(truth, [garment.to_record()["keypoints"] for garment in found(estimator)])
    return estimator


def put_near(truth, seen):
    """The landmarks of the ground truth where they were seen, give or take a few pixels."""
    generator = np.random.default_rng(0)
    order = sorted(range(len(seen)), key=lambda place: truth["annotations"][place]["image_id"])
    for place, keypoints in zip(order, seen, strict=True):
        own = np.array(keypoints).reshape(-1, 3)
        labelled = own[:, 0] != 0
        own[labelled, :2] += generator.normal(0, 4, (labelled.sum(), 2))
        own[labelled, 2] = 2
        truth["annotations"][place].update(keypoints=own.ravel().tolist(), num_keypoints=int(labelled.sum()))
    TRUTH.write_text(json.dumps(truth))


def found(estimator):
    estimators = Estimators(estimator)
    return list(estimate_boxes(BOXES, TRUTH, PICTURES, estimators, AUTHORS, flip_test=False, title="boxes"))


def test_a_category_and_all_of_them(estimator):
    write_results("results.json", found(estimator))
    truth = read_truth(TRUTH, DEEPFASHION2)
    expected = evaluate_landmarks(truth, read_landmark_results("results.json", truth))
    assert 0.1 < expected["AP"] < 0.9
    assert validation_ap(PARAMS, None, estimator) == pytest.approx(expected["AP"], abs=1e-6)
    for slug in ("skirt", "trousers"):
        expected_ap = expected["per_category"][DEEPFASHION2.category(slug).name]
        assert validation_ap(PARAMS, slug, estimator) == pytest.approx(expected_ap, abs=1e-6)


def test_those_trained_on_whole_pictures_are_judged_in_them(estimator):
    boxes = [{**one, "bbox": [0.0, 0.0, 160.0, 200.0]} for one in json.loads(BOXES.read_text())]
    WHOLE.parent.mkdir(parents=True)
    WHOLE.write_text(json.dumps(boxes))
    in_boxes = validation_ap(PARAMS, "skirt", estimator)
    BOXES.write_text(json.dumps(boxes))
    in_pictures = validation_ap(PARAMS, "skirt", estimator)
    BOXES.write_text("[]")
    assert validation_ap(PARAMS, "skirt", estimator, crops="whole") == in_pictures != in_boxes


def test_nothing_to_judge_by_is_nothing(estimator):
    assert validation_ap(PARAMS, "sling", estimator) == 0.0
    empty = json.loads(TRUTH.read_text()) | {"annotations": []}
    TRUTH.write_text(json.dumps(empty))
    BOXES.write_text("[]")
    assert validation_ap(PARAMS, None, estimator) == 0.0
