"""Normalised error: cases worked out by hand, mmpose's functions, garments that nothing was found for, intervals."""

import json

import numpy as np
import pytest
from mmpose.evaluation.functional import (
    keypoint_auc,
    keypoint_epe,
    keypoint_nme,
    keypoint_pck_accuracy,
)

from hemline.commands import main
from hemline.evaluation import normalised_error, read_landmark_results, read_truth
from hemline.evaluation.normalised_error import error_tallies
from hemline.wardrobe import wardrobe
from tests.evaluation.wardrobes import ground_truth, landmark_results, save

FLD = wardrobe("fld")
UPPER, LOWER = FLD.category("upper body"), FLD.category("lower body")


def record(image, category, points, **keys):
    """A garment whose own landmarks are `points`, [x, y, v] each."""
    keypoints = np.zeros((18, 3))
    keypoints[category.slice] = points
    return {"image_id": image, "category_id": category.id, "keypoints": keypoints.ravel().tolist(), **keys}


def annotation(number, category, points, box, image=None):
    area = {"bbox": box, "area": box[2] * box[3]}
    return record(image or number, category, points, id=number, **area)


def by_hand(tmp_path, results, annotations=None, sizes=((200, 400), (200, 400))):
    """Two pictures: trousers with all landmarks, of which one is occluded; a shirt with two."""
    trousers = [[50, 100, 2], [100, 100, 2], [50, 300, 2], [100, 300, 1]]
    shirt = [[0, 0, 0], [80, 90, 2], [0, 0, 0], [0, 0, 0], [0, 0, 0], [70, 200, 2]]
    given = [
        annotation(1, LOWER, trousers, [40, 90, 80, 220]),
        annotation(2, UPPER, shirt, [50, 80, 100, 160]),
    ]
    images = [
        {"id": n, **({"width": size[0], "height": size[1]} if size else {})}
        for n, size in enumerate(sizes, start=1)
    ]
    truth = save(tmp_path, "truth.json", {"images": images, "annotations": annotations or given})
    truth = read_truth(truth, FLD)
    return normalised_error(truth, read_landmark_results(save(tmp_path, "results.json", results), truth))


TROUSERS = record(1, LOWER, [[70, 100, 1], [100, 140, 1], [53, 308, 1], [130, 340, 1]], score=0.6)
SHIRT = record(2, UPPER, [[9, 9, 1], [80, 90, 1], [9, 9, 1], [9, 9, 1], [9, 9, 1], [86, 264, 1]], score=0.7)


def test_worked_out_by_hand(tmp_path):
    """Trousers: off by (20, 0), (0, 40), (3, 8), and (30, 40) where occluded; the shirt by (0, 0) and (16, 64)."""
    found = by_hand(tmp_path, [TROUSERS, SHIRT])
    small = np.hypot(3 / 200, 8 / 400)  # 0.025
    visible = [0.1, 0.1, small, 0.0, np.hypot(0.08, 0.16)]
    assert found["NE"] == pytest.approx(np.mean(visible))
    assert found["NE_all"] == pytest.approx(np.mean([*visible, np.hypot(0.15, 0.1)]))
    of_box = [20 / 80, 40 / 220, np.hypot(3 / 80, 8 / 220), 0.0, np.hypot(16 / 100, 64 / 160)]
    assert found["NE_box"] == pytest.approx(np.mean(of_box))
    pixels = [20, 40, np.hypot(3, 8), 50, 0, np.hypot(16, 64)]
    assert found["EPE"] == pytest.approx(np.mean(pixels))
    assert found["NME"] == pytest.approx(np.mean([*(np.array(pixels[:4]) / 220), 0, pixels[5] / 160]))
    assert found["PCK"] == pytest.approx(3 / 6)  # within 0.2 of the box: (0, 40), (3, 8) and (0, 0)
    within = [np.mean(one / 30 < np.arange(20) / 20) for one in pixels]
    assert found["AUC"] == pytest.approx(np.mean(within))
    assert found["per_category"] == {
        "upper body": pytest.approx(np.mean(visible[3:])),
        "lower body": pytest.approx(np.mean(visible[:3])),
        "full body": None,
    }
    assert found["per_landmark"]["left hem"] == pytest.approx(small)
    assert found["per_landmark"]["right hem"] == pytest.approx(visible[4])  # the trousers' is occluded
    assert found["per_landmark"]["right collar"] == 0
    assert found["per_landmark"]["left sleeve"] is None


def test_the_best_of_the_category_is_meant(tmp_path):
    """Neither a worse-scoring result nor a better one of another category."""
    worse = {**SHIRT, "image_id": 2, "keypoints": (np.array(SHIRT["keypoints"]) + 7).tolist(), "score": 0.3}
    other = record(2, LOWER, [[1, 1, 1]] * 4, score=0.9)
    assert by_hand(tmp_path, [TROUSERS, worse, other, SHIRT]) == by_hand(tmp_path, [TROUSERS, SHIRT])


def test_several_garments_of_a_category_take_the_results_that_overlap_them(tmp_path):
    left, right = ([[x, 10, 2], [x + 20, 10, 2], [x, 60, 2], [x + 20, 60, 2]] for x in (10, 110))
    annotations = [
        annotation(1, LOWER, left, [5, 5, 30, 60], image=1),
        annotation(2, LOWER, right, [105, 5, 30, 60], image=1),
    ]
    near = [
        record(1, LOWER, np.add(points, [2, 0, 0]), score=score)
        for points, score in ((right, 0.9), (left, 0.4))
    ]
    assert by_hand(tmp_path, near, annotations)["NE"] == pytest.approx(0.01)
    # A box of our own result files says more than the extent of landmarks, which may be anywhere.
    astray = record(1, LOWER, np.add(left, [100, 0, 0]), score=0.9, box=[5, 5, 30, 60], box_score=1.0)
    assert by_hand(tmp_path, [astray, near[0]], annotations)["NE"] == pytest.approx((0.5 + 0.01) / 2)


def test_garments_not_found_are_counted_and_wrong(tmp_path):
    found = by_hand(tmp_path, [SHIRT])
    assert (found["garments"], found["garments_not_found"]) == (2, 1)
    assert found["not_found_per_category"] == {"upper body": 0, "lower body": 1, "full body": 0}
    assert found["NE"] == pytest.approx(np.hypot(0.08, 0.16) / 2)
    assert found["per_category"]["lower body"] is None
    assert found["PCK"] == pytest.approx(1 / 6)
    nothing = by_hand(tmp_path, [])
    assert (nothing["NE"], nothing["EPE"], nothing["PCK"], nothing["AUC"]) == (None, None, 0, 0)


@pytest.mark.parametrize("place", [1e5, 1e160, -1e308])
def test_a_landmark_far_off_is_an_error(tmp_path, place):
    """Its square may be more than a float can hold."""
    far = record(1, LOWER, [[place, 100, 1], [100, 140, 1], [53, 308, 1], [130, 340, 1]], score=0.6)
    near, found = by_hand(tmp_path, [TROUSERS, SHIRT]), by_hand(tmp_path, [far, SHIRT])
    for name in ("NE", "NE_all", "NE_box", "NME", "EPE"):
        assert 100 * near[name] < found[name] < np.inf
    assert found["PCK"] == near["PCK"] and found["AUC"] < near["AUC"]


def test_no_sizes_no_normalised_error(tmp_path):
    assert by_hand(tmp_path, [SHIRT], sizes=((200, 400), None)) is None


def test_no_garment_is_no_number(tmp_path):
    path = save(tmp_path, "empty.json", {"images": [{"id": 1, "width": 9, "height": 9}], "annotations": []})
    found = normalised_error(read_truth(path, FLD), [], resamples=3)
    assert found["garments"] == 0
    assert {found[name] for name in ("NE", "NME", "PCK")} == {None}
    assert found["intervals"]["NE"] is None


def test_the_same_as_mmpose(tmp_path):
    """A garment a picture, one result each, of three categories at once: (N, 18, 2) with a mask."""
    truth, results = one_each(images=60)
    named = read_truth(save(tmp_path, "truth.json", truth), FLD)
    ours = normalised_error(named, read_landmark_results(save(tmp_path, "results.json", results), named))
    should, found = (
        np.array([one["keypoints"] for one in entries]).reshape(-1, 18, 3)
        for entries in (truth["annotations"], results)
    )
    points, wanted, mask = found[..., :2], should[..., :2], should[..., 2] > 0
    boxes = np.array([entry["bbox"][2:] for entry in truth["annotations"]])
    assert ours["NME"] == pytest.approx(
        keypoint_nme(points, wanted, mask, np.tile(boxes.max(axis=1, keepdims=True), (1, 2))), rel=1e-5
    )
    pictures = np.array([[image["width"], image["height"]] for image in truth["images"]], dtype=float)
    assert ours["NE_all"] == pytest.approx(keypoint_nme(points, wanted, mask, pictures), rel=1e-5)
    visible = should[..., 2] == 2
    assert 0 < visible.sum() < mask.sum()
    assert ours["NE"] == pytest.approx(keypoint_nme(points, wanted, visible, pictures), rel=1e-5)
    assert ours["NE_box"] == pytest.approx(keypoint_nme(points, wanted, visible, boxes.copy()), rel=1e-5)
    assert ours["EPE"] == pytest.approx(keypoint_epe(points, wanted, mask), rel=1e-5)
    shares = keypoint_pck_accuracy(points, wanted, mask, 0.2, boxes.copy())
    assert 0.2 < ours["PCK"] < 0.9
    assert ours["PCK"] == pytest.approx(shares[1], rel=1e-5)
    assert ours["AUC"] == pytest.approx(keypoint_auc(points, wanted, mask, 30), rel=1e-5)


def one_each(images):
    truth = ground_truth(images, images, seed=3, wardrobe=FLD)
    for image, entry in zip(truth["images"], truth["annotations"], strict=True):
        entry["image_id"] = image["id"]
        image["width"], image["height"] = 600 + image["id"], 400
    generator = np.random.default_rng(0)
    results = []
    for entry in truth["annotations"]:
        keypoints = np.array(entry["keypoints"]).reshape(-1, 3)
        own = FLD.category(entry["category_id"]).slice
        keypoints[own, :2] += generator.normal(0, 12, keypoints[own, :2].shape)
        keys = {key: entry[key] for key in ("image_id", "category_id")}
        results.append({**keys, "keypoints": keypoints.ravel().tolist(), "score": 0.5})
    return truth, results


def test_intervals_are_those_of_pictures_drawn_with_replacement(tmp_path):
    truth, results = one_each(images=25)
    named = read_truth(save(tmp_path, "truth.json", truth), FLD)
    read = read_landmark_results(save(tmp_path, "results.json", results), named)
    ours = normalised_error(named, read, resamples=40, seed=5)
    generator, drawn = np.random.default_rng(5), []
    for _ in range(40):
        chosen = generator.integers(25, size=25)
        again = [
            {**entry, "id": n, "image_id": n}
            for n, entry in enumerate(truth["annotations"][at] for at in chosen)
        ]
        copies = {
            "images": [{**truth["images"][at], "id": n} for n, at in enumerate(chosen)],
            "annotations": again,
        }
        found = [{**results[at], "image_id": n} for n, at in enumerate(chosen)]
        copied = read_truth(save(tmp_path, "copied.json", copies), FLD)
        drawn.append(
            normalised_error(copied, read_landmark_results(save(tmp_path, "found.json", found), copied))
        )
    for name in ("NE", "PCK", "EPE"):
        expected = np.percentile([one[name] for one in drawn], (2.5, 97.5))
        assert ours["intervals"][name] == pytest.approx(expected)
    hems = [one["per_landmark"]["left hem"] for one in drawn]
    assert ours["intervals"]["per_landmark"]["left hem"] == pytest.approx(np.percentile(hems, (2.5, 97.5)))


def test_tallies_are_what_the_numbers_are_made_of(tmp_path):
    """Equal seeds draw equal pictures: a row differs from itself on none of them."""
    truth, results = one_each(images=10)
    named = read_truth(save(tmp_path, "truth.json", truth), FLD)
    read = read_landmark_results(save(tmp_path, "results.json", results), named)
    total, count = error_tallies(named, read, resamples=20, seed=3)["NE"].sum(axis=1)
    ours = normalised_error(named, read, resamples=20, seed=3)
    assert total.shape == (21,) and total[0] / count[0] == pytest.approx(ours["NE"])
    ends = np.percentile((total / count)[1:], (2.5, 97.5))
    assert ours["intervals"]["NE"] == pytest.approx(ends)
    again = error_tallies(named, read, resamples=20, seed=3)["NE"].sum(axis=1)
    assert (again == (total, count)).all()
    for image in truth["images"]:
        image.pop("width")
    unknown = read_truth(save(tmp_path, "truth.json", truth), FLD)
    assert error_tallies(unknown, read) is None


def test_deepfashion2_has_it_too(tmp_path):
    truth = ground_truth(images=12, garments=40, seed=0)
    named = read_truth(save(tmp_path, "truth.json", truth), wardrobe("deepfashion2"))
    read = read_landmark_results(save(tmp_path, "results.json", landmark_results(truth, seed=1)), named)
    found = normalised_error(named, read)
    labelled = [entry for entry in truth["annotations"] if entry["num_keypoints"]]
    assert found["garments"] == len(labelled) < 40
    assert 0 < found["NE"] < 0.2
    assert len(found["per_landmark"]) == 75


def test_evaluate_prints_it(tmp_path, capsys):
    truth, results = one_each(images=8)
    files = [str(save(tmp_path, "truth.json", truth)), str(save(tmp_path, "results.json", results))]
    assert main(["evaluate", *files, "--wardrobe", "fld", "--resamples", "20"]) == 0
    text = capsys.readouterr().out
    assert main(["evaluate", *files, "--wardrobe", "fld", "--resamples", "20", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)["normalised_error"]
    low, high = numbers["intervals"]["NE"]
    assert f"{numbers['NE']:.4f}  [{low:.4f}, {high:.4f}]" in text
    assert "of 8 garments 0 weren't found" in text
    assert "left waistline" in text and "NE_contest" not in text
