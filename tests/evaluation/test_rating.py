"""The quick AP is the AP: pictures matched at once, or one by one by pycocotools."""

import copy

import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.evaluation import evaluate_landmarks, rating, read_landmark_results, read_truth
from hemline.evaluation.rating import Rater
from hemline.inference.garments import Garment, read_results, write_results
from hemline.inference.tables import GarmentTable
from hemline.wardrobe import wardrobe
from tests.evaluation.wardrobes import ground_truth, landmark_results, save

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")
NO_BOX = (0.0, 0.0, 1.0, 1.0)


def table(results, of=DEEPFASHION2) -> GarmentTable:
    """Records as a table; no coordinate is rounded."""
    garments = []
    for record in results:
        own = of.category(record["category_id"])
        landmarks = np.array(record["keypoints"]).reshape(-1, 3)[own.slice]
        garments.append(Garment(record["image_id"], own.id, NO_BOX, 1.0, landmarks, record["score"], of))
    return GarmentTable.of(garments, of)


def assert_same(folder, truth, results, of=DEEPFASHION2):
    """AP and the categories' APs of the result file, to 1e-12. Returns the AP."""
    read = read_truth(save(folder, "truth.json", truth), of)
    own = table(results, of)
    write_results(folder / "results.json", own.garments())
    expected = evaluate_landmarks(read, read_landmark_results(folder / "results.json", read))
    quick = Rater(read).rate(own)
    assert quick["AP"] == pytest.approx(expected["AP"], abs=1e-12)
    assert quick["per_category"] == pytest.approx(expected["per_category"], abs=1e-12)
    return quick["AP"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("decimals", [12, 1, 0])
def test_random_results(tmp_path, seed, decimals):
    truth = ground_truth(images=60, garments=220, seed=seed)
    assert 0.05 < assert_same(tmp_path, truth, landmark_results(truth, seed, decimals=decimals)) < 0.95


@pytest.mark.parametrize("seed", range(2))
def test_random_results_of_fld(tmp_path, seed):
    truth = ground_truth(images=60, garments=120, seed=seed, wardrobe=FLD)
    results = landmark_results(truth, seed, decimals=1, wardrobe=FLD)
    assert 0.05 < assert_same(tmp_path, truth, results, FLD) < 0.95


def test_results_of_another_wardrobe_are_refused(tmp_path):
    truth = ground_truth(images=5, garments=9, seed=0, wardrobe=FLD)
    rater = Rater(read_truth(save(tmp_path, "truth.json", truth), FLD))
    with pytest.raises(HemlineError, match=r"truth\.json is of fld; the results are of deepfashion2"):
        rater.rate(GarmentTable.of([], DEEPFASHION2))


@pytest.mark.parametrize("seed", range(3))
def test_crowds_over_the_limit(tmp_path, seed):
    truth = ground_truth(images=2, garments=70, seed=seed, categories=(1, 9))
    results = landmark_results(truth, seed, strays=80, decimals=1)
    assert len(results) > 2 * 2 * 20
    assert_same(tmp_path, truth, results)


@pytest.mark.parametrize("seed", range(3))
def test_ignored_garments(tmp_path, seed):
    """Crowds, which many may match, garments without a landmark, and areas beyond all ranges."""
    truth = ground_truth(images=5, garments=80, seed=seed, categories=(1, 8))
    generator = np.random.default_rng(seed)
    for entry in truth["annotations"]:
        entry["iscrowd"] = int(generator.random() < 0.2)
        entry["num_keypoints"] *= int(generator.random() > 0.1)
        entry["area"] = entry["area"] if generator.random() > 0.05 else 1e11
    assert_same(tmp_path, truth, landmark_results(truth, seed, noise=0.02))


def test_unlabelled_garments_take_results_near_their_boxes(tmp_path):
    """Near is three times the box, and the landmarks of all 13 categories are to lie there."""
    truth = ground_truth(images=3, garments=40, seed=5, categories=(8,))
    near = landmark_results(truth, 5, noise=0.02)
    generator = np.random.default_rng(5)
    for entry in truth["annotations"][::2]:
        box = [*generator.uniform(-250, 0, 2).tolist(), *generator.uniform(200, 300, 2).tolist()]
        entry.update(keypoints=[0.0] * 882, num_keypoints=0, bbox=box, area=box[2] * box[3])
    assert_same(tmp_path, truth, near)


def test_of_equally_near_garments_the_last_is_taken(tmp_path):
    """Two garments, of which one has a third of the labels; the best result is right for both, the other for one."""
    truth = ground_truth(images=1, garments=2, seed=1, categories=(8,))
    own = DEEPFASHION2.category(8)
    keypoints = np.zeros((2, 294, 3))
    keypoints[:, own.slice, :2] = np.random.default_rng(1).integers(10, 90, (own.count, 2))
    keypoints[:, own.slice, 2] = 2
    keypoints[1, own.start + own.count // 3 : own.stop] = 0
    right, partly = keypoints[0].copy(), keypoints[0].copy()
    partly[own.start : own.start + own.count // 3, :2] += 1000
    for entry, values in zip(truth["annotations"], keypoints, strict=True):
        labelled = int((values[:, 2] > 0).sum())
        entry.update(keypoints=values.ravel().tolist(), num_keypoints=labelled, area=6400.0)
    results = [
        {"image_id": 100, "category_id": 8, "keypoints": values.ravel().tolist(), "score": score}
        for values, score in ((right, 0.9), (partly, 0.5))
    ]
    assert assert_same(tmp_path, truth, results) > 51 / 101


def test_labels_of_another_category_count_as_in_pycocotools(tmp_path):
    truth = ground_truth(images=10, garments=40, seed=6, categories=(7, 8))
    results = landmark_results(truth, 6)
    for entry in truth["annotations"][::3]:
        keypoints = np.array(entry["keypoints"]).reshape(-1, 3)
        keypoints[[0, 200]] = [[1.0, 2.0, 2.0], [3.0, 1.0, 1.0]]
        entry.update(keypoints=keypoints.ravel().tolist(), num_keypoints=entry["num_keypoints"] + 2)
    assert_same(tmp_path, truth, results)


def test_twins_in_the_ground_truth(tmp_path):
    truth = ground_truth(images=4, garments=40, seed=7, categories=(2, 3))
    results = landmark_results(truth, 7, decimals=1)
    twins = copy.deepcopy(truth["annotations"][::2])
    for number, entry in enumerate(twins, start=1000):
        entry["id"] = number
    truth["annotations"] += twins
    assert_same(tmp_path, truth, results)


def test_far_out_results(tmp_path):
    truth = ground_truth(images=4, garments=20, seed=8)
    results = landmark_results(truth, 8)
    for record in results[::4]:
        record["keypoints"] = [1e6 * number for number in record["keypoints"]]
    assert_same(tmp_path, truth, results)


@pytest.mark.parametrize(("garments", "seed"), [(0, 1), (30, 2)])
def test_no_garments_or_no_results(tmp_path, garments, seed):
    truth = ground_truth(images=5, garments=garments, seed=seed, categories=(4,))
    assert assert_same(tmp_path, truth, []) == (0.0 if garments else -1.0)
    others = landmark_results(ground_truth(images=5, garments=20, seed=3, categories=(5,)), seed)
    assert assert_same(tmp_path, truth, others) == (0.0 if garments else -1.0)


def test_coordinates_are_those_of_the_file(tmp_path):
    """4 thousandths of a pixel, far for a garment as small as this one, are not in the file."""
    truth = ground_truth(images=1, garments=1, seed=1, categories=(8,))
    keypoints = np.zeros((294, 3))
    keypoints[DEEPFASHION2.category(8).start] = [5.0, 5.0, 2.0]
    result = keypoints.copy()
    result[DEEPFASHION2.category(8).start, 0] += 0.004
    found = {"image_id": 100, "category_id": 8, "keypoints": result.ravel().tolist(), "score": 1.0}
    truth["annotations"][0].update(keypoints=keypoints.ravel().tolist(), num_keypoints=1, area=1e-3)
    assert assert_same(tmp_path, truth, [found]) == pytest.approx(1.0, abs=1e-12)


def test_what_was_judged_once_is_rated_with_any_scores(tmp_path):
    truth = ground_truth(images=20, garments=100, seed=9)
    read = read_truth(save(tmp_path, "truth.json", truth), DEEPFASHION2)
    own = table(landmark_results(truth, 9))
    judged = Rater(read).judge(own)
    generator = np.random.default_rng(9)
    for _ in range(5):
        places = np.flatnonzero(generator.random(len(own)) < 0.7)
        scores = generator.random(len(places)).round(1)
        chosen = own.take(places)
        written = GarmentTable(**chosen.columns() | {"score": scores}, wardrobe=DEEPFASHION2)
        assert judged.rate(places, scores) == Rater(read).rate(written)
        write_results(tmp_path / "results.json", written.garments())
        expected = evaluate_landmarks(read, read_landmark_results(tmp_path / "results.json", read))
        assert judged.rate(places, scores)["AP"] == pytest.approx(expected["AP"], abs=1e-12)


def test_chunks_change_nothing(tmp_path, monkeypatch):
    truth = ground_truth(images=20, garments=100, seed=10)
    read = read_truth(save(tmp_path, "truth.json", truth), DEEPFASHION2)
    own = table(landmark_results(truth, 10))
    whole = Rater(read).rate(own)
    monkeypatch.setattr(rating, "CHUNK", 7)
    assert Rater(read).rate(own) == whole


def test_a_picture_of_another_split_is_named(tmp_path):
    truth = ground_truth(images=5, garments=20, seed=11)
    own = table(landmark_results(truth, 11))
    for missing in (102, 104):
        short = copy.deepcopy(truth)
        short["images"] = [entry for entry in truth["images"] if entry["id"] != missing]
        short["annotations"] = [entry for entry in truth["annotations"] if entry["image_id"] != missing]
        with pytest.raises(HemlineError, match=f"image {missing}: .* no such image"):
            Rater(read_truth(save(tmp_path, "short.json", short), DEEPFASHION2)).rate(own)


def test_a_table_is_its_list(tmp_path):
    own = table(landmark_results(ground_truth(images=5, garments=30, seed=12), 12))
    assert GarmentTable.of(own.garments(), DEEPFASHION2).garments() == own.garments()
    write_results(tmp_path / "results.json", own.garments())
    assert own.as_written().garments() == read_results(tmp_path / "results.json", DEEPFASHION2)
