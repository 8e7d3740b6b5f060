"""The bootstrap draws images, exactly: a weighted image is that many images to pycocotools."""

import copy

import numpy as np
import pytest

from hemline.evaluation import read_landmark_results, read_truth, summary
from hemline.evaluation.matching import match_landmarks
from hemline.evaluation.summary import LANDMARK_NUMBERS, summarize
from hemline.wardrobe import wardrobe
from tests.evaluation.wardrobes import (
    ground_truth,
    landmark_results,
    reference,
    reference_per_category,
    save,
)

DEEPFASHION2 = wardrobe("deepfashion2")


def table_of(folder, truth, results):
    read = read_truth(save(folder, "truth.json", truth), DEEPFASHION2)
    return match_landmarks(read, read_landmark_results(save(folder, "results.json", results), read))


def repeated(truth, results, weights):
    """Truth and results in which each image stands as often as its weight says, under new ids."""
    new_truth = truth | {"images": [], "annotations": []}
    new_results = []
    for image, weight in zip(truth["images"], weights, strict=True):
        for copy_number in range(weight):
            number = 1000 * image["id"] + copy_number
            new_truth["images"].append(image | {"id": number})
            for source, target in ((truth["annotations"], new_truth["annotations"]), (results, new_results)):
                mine = [copy.deepcopy(entry) for entry in source if entry["image_id"] == image["id"]]
                target += [entry | {"image_id": number} for entry in mine]
    for number, entry in enumerate(new_truth["annotations"], start=1):
        entry["id"] = number
    return new_truth, new_results


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_repeated_images(tmp_path, seed):
    truth = ground_truth(images=12, garments=60, seed=seed, categories=(1, 5, 9))
    results = landmark_results(truth, seed)
    weights = np.random.default_rng(seed).integers(0, 4, 12)
    columns = summary._columns(
        table_of(tmp_path, truth, results), LANDMARK_NUMBERS, weights[:, None].astype(np.int32)
    )
    engine = reference(*repeated(truth, results, weights))
    ours = [columns.numbers[name][0] for name in LANDMARK_NUMBERS]
    assert ours == pytest.approx(list(engine.stats), abs=1e-12)
    expected = {
        name: np.nan if value is None else value for name, value in reference_per_category(engine).items()
    }
    shown = {name: values[0] for name, values in columns.per_category.items()}
    assert shown == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_columns_do_not_touch_each_other(tmp_path):
    truth = ground_truth(images=25, garments=120, seed=4)
    table = table_of(tmp_path, truth, landmark_results(truth, 4, decimals=1))
    weights = np.random.default_rng(0).integers(0, 3, (25, 9)).astype(np.int32)
    together = summary._columns(table, LANDMARK_NUMBERS, weights)
    for place in range(9):
        alone = summary._columns(table, LANDMARK_NUMBERS, weights[:, place : place + 1])
        for name in LANDMARK_NUMBERS:
            assert together.numbers[name][place] == pytest.approx(alone.numbers[name][0], abs=1e-12)


def test_a_category_that_no_drawn_image_holds_is_left_out_of_the_mean(tmp_path):
    truth = ground_truth(images=6, garments=40, seed=5, categories=(1, 2))
    lone = truth["annotations"][0] | {
        "id": 41,
        "image_id": 105,
        "category_id": 13,
        "keypoints": [0.0] * 879 + [9, 9, 2],
    }
    truth["annotations"].append(lone | {"num_keypoints": 1})
    table = table_of(tmp_path, truth, landmark_results(truth, 5))
    weights = np.array([[1, 1, 1, 1, 1, 0]], dtype=np.int32).T
    columns = summary._columns(table, LANDMARK_NUMBERS, weights)
    assert np.isnan(columns.per_category["sling dress"][0])
    both = [columns.per_category[DEEPFASHION2.categories[place].name][0] for place in (0, 1)]
    assert columns.numbers["AP"][0] == pytest.approx(np.mean(both), abs=1e-12)


def test_seed_and_batches(tmp_path, monkeypatch):
    truth = ground_truth(images=30, garments=120, seed=6)
    table = table_of(tmp_path, truth, landmark_results(truth, 6))
    first = summarize(table, LANDMARK_NUMBERS, 100, seed=1)["intervals"]
    assert summarize(table, LANDMARK_NUMBERS, 100, seed=1)["intervals"] == first
    assert summarize(table, LANDMARK_NUMBERS, 100, seed=2)["intervals"] != first
    monkeypatch.setattr(summary, "NUMBERS_AT_ONCE", 30 * 7)
    in_batches = summarize(table, LANDMARK_NUMBERS, 100, seed=1)["intervals"]
    assert in_batches["AP"] == pytest.approx(first["AP"], abs=1e-12)
    assert in_batches["per_category"]["skirt"] == pytest.approx(first["per_category"]["skirt"], abs=1e-12)


def test_intervals_are_the_percentiles_of_resampled_numbers(tmp_path):
    """Drawn again with pycocotools: the same images, the same AP, the same percentiles."""
    truth = ground_truth(images=8, garments=30, seed=7, categories=(5, 9))
    results = landmark_results(truth, 7)
    generator, values = np.random.default_rng(3), []
    for _ in range(12):
        weights = np.bincount(generator.integers(8, size=8), minlength=8)
        values.append(reference(*repeated(truth, results, weights)).stats[0])
    interval = summarize(table_of(tmp_path, truth, results), LANDMARK_NUMBERS, 12, seed=3)["intervals"]["AP"]
    assert interval == pytest.approx(np.percentile(values, [2.5, 97.5]).tolist(), abs=1e-12)
    assert interval[0] < interval[1]


def test_no_interval_where_there_is_no_garment(tmp_path):
    truth = ground_truth(images=8, garments=30, seed=8, categories=(5,))
    truth["annotations"] = [entry for entry in truth["annotations"] if entry["area"] > 96**2]
    numbers = summarize(table_of(tmp_path, truth, landmark_results(truth, 8)), LANDMARK_NUMBERS, 20, 0)
    assert numbers["APm"] == -1 and numbers["intervals"]["APm"] is None
    assert numbers["intervals"]["per_category"]["skirt"] is None
    assert numbers["intervals"]["per_category"]["vest"] is not None
