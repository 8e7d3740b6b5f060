"""The FashionAI contest's error and paper 004's: worked out by hand, a plain rendering, what is left out, intervals."""

import json
import math

import numpy as np
import pytest

from hemline.commands import main
from hemline.evaluation import evaluate_ablation, normalised_error, read_landmark_results, read_truth
from hemline.tracking.records import numbers
from hemline.tracking.store import metrics_of
from hemline.wardrobe import wardrobe
from tests.evaluation.wardrobes import ground_truth, landmark_results, save

FASHIONAI = wardrobe("fashionai")
# The contest's csv files, columns 3 to 26.
NAMES = [
    "neckline_left",
    "neckline_right",
    "center_front",
    "shoulder_left",
    "shoulder_right",
    "armpit_left",
    "armpit_right",
    "waistline_left",
    "waistline_right",
    "cuff_left_in",
    "cuff_left_out",
    "cuff_right_in",
    "cuff_right_out",
    "top_hem_left",
    "top_hem_right",
    "waistband_left",
    "waistband_right",
    "hemline_left",
    "hemline_right",
    "crotch",
    "bottom_left_in",
    "bottom_left_out",
    "bottom_right_in",
    "bottom_right_out",
]
ARMPITS, WAISTBAND = ("armpit_left", "armpit_right"), ("waistband_left", "waistband_right")
NORMALISERS = {
    **dict.fromkeys(("blouse", "outwear", "dress", "jumpsuit"), ARMPITS),
    **dict.fromkeys(("trousers", "skirt"), WAISTBAND),
}


def keypoints(category, points):
    full = np.zeros((len(FASHIONAI.landmarks), 3))
    for landmark in FASHIONAI.category(category).landmarks:
        if landmark.name in points:
            full[landmark.index] = points[landmark.name]
    return full.ravel().tolist()


def garment(category, off=None, **points):
    """A category, its landmarks (x, y, v), and what is found: the same, but some of them off by (dx, dy) pixels."""
    found = {name: (x, y, 1) for name, (x, y, _) in points.items()}
    for name, (dx, dy) in (off or {}).items():
        found[name] = (points[name][0] + dx, points[name][1] + dy, 1)
    return category, points, found


def files(tmp_path, garments, size=(512, 512)):
    """One garment a picture, as in FashionAI; nothing was found where the last of a garment's three is None."""
    truth = {
        "images": [{"id": n, "width": size[0], "height": size[1]} for n in range(len(garments))],
        "annotations": [],
    }
    results = []
    for n, (category, points, found) in enumerate(garments):
        keys = {"image_id": n, "category_id": FASHIONAI.category(category).id}
        box = {"bbox": [0, 0, 100, 100], "area": 1e4}
        truth["annotations"].append({"id": n, **keys, **box, "keypoints": keypoints(category, points)})
        if found is not None:
            results.append({**keys, "keypoints": keypoints(category, found), "score": 0.5})
    return save(tmp_path, "truth.json", truth), save(tmp_path, "results.json", results)


def measured(tmp_path, *garments, size=(512, 512), **resampling):
    truth, results = files(tmp_path, garments, size)
    truth = read_truth(truth, FASHIONAI)
    return normalised_error(truth, read_landmark_results(results, truth), **resampling)


def blouse(off, armpits=((100, 100, 2), (200, 100, 2)), **points):
    """Armpits 100 pixels apart, both found."""
    return garment("blouse", off, **dict(zip(ARMPITS, armpits, strict=True)), **points)


def test_worked_out_by_hand(tmp_path):
    """Armpits (60, 80), so 100 pixels apart and not counted themselves; off by (3, 4) and (6, 8): 5 and 10 pixels."""
    armpits = ((100, 100, 1), (160, 180, 1))
    off = {"neckline_left": (3, 4), "center_front": (-6, 8)}
    found = measured(tmp_path, blouse(off, armpits, neckline_left=(110, 50, 2), center_front=(150, 60, 2)))
    assert found["NE_contest"] == pytest.approx((0.05 + 0.10) / 2)  # 0.075
    assert found["per_landmark_contest"]["neckline_left"] == pytest.approx(0.05)
    assert found["per_landmark_contest"]["center_front"] == pytest.approx(0.10)
    assert found["per_landmark_contest"]["armpit_left"] is None
    assert found["per_category_contest"]["blouse"] == pytest.approx(0.075)
    assert found["per_category_contest"]["skirt"] is None


def test_visible_normalisers_are_landmarks_as_any(tmp_path):
    found = measured(tmp_path, blouse({"armpit_left": (0, 30)}))
    assert found["NE_contest"] == pytest.approx((0.30 + 0) / 2)


def test_occluded_landmarks_do_not_count(tmp_path):
    """A cuff 200 pixels off: 0.15 are the armpits' alone; 0.1 + 0.2 over two of them."""
    off = {"armpit_left": (10, 0), "armpit_right": (0, -20), "cuff_left_in": (200, 0)}
    assert measured(tmp_path, blouse(off, cuff_left_in=(40, 300, 1)))["NE_contest"] == pytest.approx(0.15)
    assert measured(tmp_path, blouse(off, cuff_left_in=(40, 300, 2)))["NE_contest"] == pytest.approx(2.3 / 3)


def test_landmarks_count_alike_whatever_their_picture_has(tmp_path):
    """One of 0.4 beside three of 0: 0.4 / 4, and not the mean of the pictures' 0.4 and 0."""
    one = blouse({"neckline_left": (20, 0)}, ((100, 100, 1), (150, 100, 1)), neckline_left=(110, 50, 2))
    three = blouse({}, center_front=(150, 60, 2))
    assert measured(tmp_path, one, three)["NE_contest"] == pytest.approx(0.4 / 4)


def test_each_garment_has_its_own_measure(tmp_path):
    """10 pixels are 0.1 between armpits 100 apart, and 0.05 at a skirt 200 wide."""
    skirt = garment(
        "skirt", {"waistband_left": (10, 0)}, waistband_left=(50, 10, 2), waistband_right=(250, 10, 1)
    )
    found = measured(tmp_path, blouse({"armpit_left": (10, 0), "armpit_right": (10, 0)}), skirt)
    assert found["NE_contest"] == pytest.approx((0.1 + 0.1 + 0.05) / 3)
    assert found["per_category_contest"] == {
        **dict.fromkeys(NORMALISERS),
        "blouse": pytest.approx(0.1),
        "skirt": pytest.approx(0.05),
    }


@pytest.mark.parametrize("category", NORMALISERS)
def test_the_normaliser_of_each_category(tmp_path, category):
    """Every landmark 12 pixels off; the two that measure are 80 apart, the others anywhere else: 12 / 80."""
    landmarks = FASHIONAI.category(category).landmarks
    points = {landmark.name: (20 * n, 3 * n * n, 2) for n, landmark in enumerate(landmarks)}
    left, right = NORMALISERS[category]
    points[left], points[right] = (100, 400, 2), (148, 464, 2)
    found = measured(tmp_path, garment(category, dict.fromkeys(points, (12, 0)), **points))
    assert found["NE_contest"] == pytest.approx(0.15)
    assert found["garments_without_normaliser"] == 0


@pytest.mark.parametrize(
    "armpits", [((100, 100, 2), (0, 0, 0)), ((0, 0, 0), (100, 100, 2)), ((100, 100, 2), (100, 100, 2))]
)
def test_without_a_normaliser_left_out_and_counted(tmp_path, armpits):
    """One of the armpits isn't labelled, or both are in one place."""
    bare = blouse({"neckline_left": (90, 0)}, armpits, neckline_left=(110, 50, 2))
    whole = blouse({"armpit_left": (10, 0)})
    found = measured(tmp_path, bare, whole)
    assert found["NE_contest"] == pytest.approx(0.1 / 2)
    assert (found["garments"], found["garments_without_normaliser"]) == (2, 1)
    assert found["without_normaliser_per_category"] == {**dict.fromkeys(NORMALISERS, 0), "blouse": 1}
    assert found["per_landmark"]["neckline_left"] == pytest.approx(90 / 512)  # NE needs no armpits
    assert found["per_landmark_contest"]["neckline_left"] is None
    alone = measured(tmp_path, bare, resamples=3)
    assert alone["NE_contest"] is None and alone["intervals"]["NE_contest"] is None and alone["NE"] > 0


def test_what_was_not_found_has_no_error(tmp_path):
    lost = (*blouse({}, ((1, 1, 2), (0, 0, 0)))[:2], None)
    found = measured(tmp_path, lost, blouse({"armpit_left": (10, 0)}))
    assert found["NE_contest"] == pytest.approx(0.1 / 2)
    assert (found["garments_not_found"], found["garments_without_normaliser"]) == (1, 1)


def test_landmarks_are_the_contests(tmp_path):
    found = measured(tmp_path, blouse({}), resamples=2)
    assert len(NAMES) == 24
    for part in ("per_landmark", "per_landmark_contest"):
        assert set(found[part]) == set(found["intervals"][part]) == set(NAMES)
        assert {name for name, value in found[part].items() if value is not None} == set(ARMPITS)
    for part in ("per_category", "per_category_contest"):
        assert set(found[part]) == set(found["intervals"][part]) == set(NORMALISERS)


def test_landmarks_of_one_name_are_one(tmp_path):
    """A dress's hem and two skirts': 0.1, 0.2 and 0.6 are 0.3, and not (0.1 + 0.4) / 2."""
    arms = {"armpit_left": (100, 100, 1), "armpit_right": (200, 100, 1)}
    band = {"waistband_left": (50, 10, 1), "waistband_right": (100, 10, 1)}
    hem = {"hemline_left": (60, 300, 2)}
    garments = [
        garment("dress", {"hemline_left": (10, 0)}, **arms, **hem),
        garment("skirt", {"hemline_left": (0, 10)}, **band, **hem),
        garment("skirt", {"hemline_left": (0, -30)}, **band, **hem),
    ]
    found = measured(tmp_path, *garments)
    assert found["per_landmark_contest"]["hemline_left"] == pytest.approx(0.9 / 3)
    assert found["per_category_contest"]["dress"] == pytest.approx(0.1)
    assert found["per_category_contest"]["skirt"] == pytest.approx(0.4)


def test_paper_004s_is_over_width_and_height(tmp_path):
    """Of a picture 10 wide and 20 high (3, 8) pixels are (0.3, 0.4), so 0.5; (1, 0) are 0.1; no armpit is needed."""
    cuffs = {"cuff_left_in": (2, 10, 2), "cuff_right_in": (8, 10, 2), "crotch": (5, 15, 1)}
    off = {"cuff_left_in": (3, 8), "cuff_right_in": (1, 0), "crotch": (4, 0)}
    found = measured(tmp_path, garment("jumpsuit", off, **cuffs), size=(10, 20))
    assert found["NE"] == pytest.approx((0.5 + 0.1) / 2)
    assert found["per_landmark"]["cuff_left_in"] == pytest.approx(0.5)
    assert found["per_landmark"]["cuff_right_in"] == pytest.approx(0.1)
    assert found["per_landmark"]["crotch"] is None  # occluded
    assert found["per_category"]["jumpsuit"] == pytest.approx(0.3)
    assert found["NE_contest"] is None


def random_garments(count, seed):
    """Any category; landmarks missing, occluded and visible; one in eight garments isn't found."""
    generator = np.random.default_rng(seed)
    garments = []
    for _ in range(count):
        category = FASHIONAI.categories[generator.integers(6)]
        own = [landmark.name for landmark in category.landmarks]
        places, levels = (
            generator.integers(1, 500, (len(own), 2)).tolist(),
            generator.integers(0, 3, len(own)),
        )
        levels[generator.integers(len(own))] = 2
        points = {
            name: (*place, int(v)) if v else (0, 0, 0)
            for name, place, v in zip(own, places, levels, strict=True)
        }
        off = dict(zip(own, generator.normal(0, 20, (len(own), 2)).round(1).tolist(), strict=True))
        category, points, found = garment(category.name, off, **points)
        garments.append((category, points, None if generator.random() < 1 / 8 else found))
    return garments


def plainly(garments):
    """All, by category and by landmark: the contest's formula, landmark by landmark."""
    parts, bare = {}, 0
    for category, points, found in garments:
        (x1, y1, v1), (x2, y2, v2) = (points[name] for name in NORMALISERS[category])
        if not (v1 and v2):
            bare += 1
            continue
        for name, (x, y, v) in points.items():
            if v == 2 and found is not None:
                share = math.dist(found[name][:2], (x, y)) / math.dist((x1, y1), (x2, y2))
                for key in ("all", category, name):
                    parts.setdefault(key, []).append(share)
    return {key: sum(shares) / len(shares) for key, shares in parts.items()}, bare


def test_the_same_as_a_plain_rendering(tmp_path):
    garments = random_garments(120, seed=4)
    found = measured(tmp_path, *garments)
    expected, bare = plainly(garments)
    assert 0 < bare == found["garments_without_normaliser"] < 100
    assert 0 < found["garments_not_found"] < 30
    assert found["NE_contest"] == pytest.approx(expected["all"], rel=1e-9)
    for part, names in (("category", NORMALISERS), ("landmark", NAMES)):
        assert found[f"per_{part}_contest"] == {
            name: pytest.approx(expected[name], rel=1e-9) for name in names
        }


def test_intervals_are_those_of_pictures_drawn_with_replacement(tmp_path):
    garments = random_garments(30, seed=1)
    found = measured(tmp_path, *garments, resamples=50, seed=6)
    assert found == measured(tmp_path, *garments, resamples=50, seed=6)
    assert found["intervals"] != measured(tmp_path, *garments, resamples=50, seed=7)["intervals"]
    generator = np.random.default_rng(6)
    drawn = [plainly([garments[n] for n in generator.integers(30, size=30)])[0] for _ in range(50)]
    parts = found["intervals"]
    for ours, name in (
        (parts["NE_contest"], "all"),
        (parts["per_category_contest"]["dress"], "dress"),
        (parts["per_landmark_contest"]["shoulder_left"], "shoulder_left"),
    ):
        expected = np.percentile([one[name] for one in drawn if name in one], (2.5, 97.5))
        assert ours == pytest.approx(expected)


@pytest.mark.parametrize("name", ["fld", "deepfashion2"])
def test_other_wardrobes_have_none(tmp_path, name):
    table = wardrobe(name)
    truth = ground_truth(images=8, garments=8, seed=0, wardrobe=table)
    read = read_truth(save(tmp_path, "truth.json", truth), table)
    results = save(tmp_path, "results.json", landmark_results(truth, seed=1, wardrobe=table))
    found = normalised_error(read, read_landmark_results(results, read), resamples=2)
    assert found["NE"] > 0 and found["NE_contest"] is None
    assert found["per_category_contest"] == found["per_landmark_contest"] == {}
    assert found["garments_without_normaliser"] == 0


def test_a_row_says_it_first_and_mlflow_takes_its_names(tmp_path):
    truth, results = files(tmp_path, random_garments(20, seed=2))
    row = evaluate_ablation(truth, truth, results, None, resamples=2, seed=0, wardrobe=FASHIONAI)
    assert row["NE_contest"] == row["normalised_error"]["NE_contest"] > 0
    flat = dict(numbers(row))
    wanted = {"NE_contest", "normalised_error.per_landmark_contest.armpit_left"}
    assert wanted < flat.keys() and {metric.key for metric in metrics_of(flat, 0.0, 0)} == flat.keys()


def test_evaluate_prints_it(tmp_path, capsys):
    truth, results = files(tmp_path, random_garments(20, seed=2))
    verb = ["evaluate", str(truth), str(results), "--wardrobe", "fashionai", "--resamples", "20"]
    assert main(verb) == 0
    text = capsys.readouterr().out
    assert main([*verb, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["normalised_error"]
    (low, high), lines = found["intervals"]["NE_contest"], [line.split() for line in text.splitlines()]
    assert ["NE_contest", f"{found['NE_contest']:.4f}", f"[{low:.4f},", f"{high:.4f}]"] in lines
    assert f"{found['garments_without_normaliser']} garments lack two armpits" in text
    after = text.split("NE_contest per landmark")[1]
    assert all(f"  {name} " in after for name in NAMES)
    name, (low, high) = "hemline_left", found["intervals"]["per_landmark_contest"]["hemline_left"]
    assert f"{found['per_landmark_contest'][name]:.4f}  [{low:.4f}, {high:.4f}]" in after
