"""What was seen once settles any number of settings, as the pipeline would."""

import json

import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.inference import pipeline, suppression
from hemline.inference.garments import Garment
from hemline.inference.pipeline import Estimators, enlarged, estimate_boxes, see_boxes
from hemline.inference.sightings import Sightings, cached, mean_above
from hemline.inference.suppression import Likeness
from hemline.inference.tables import GarmentTable, pairs_within
from hemline.inference.timing import milliseconds
from hemline.wardrobe import grouping, wardrobe
from tests.inference.test_pipeline import SETTINGS, estimator, same, write

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")
CHOICES = [
    {},
    {"score": "category"},
    {"score_threshold": 3.0},
    {"box_score_threshold": 0.4},
    {"box_exponent": 0.5},
    {"box_exponent": 0.0, "score_threshold": 0.0},
    {"oks_nms": 0.1},
    {"oks_nms": 0.05, "box_score_threshold": 0.3, "box_exponent": 2.0, "score": "category"},
]


@pytest.fixture(scope="module")
def two():
    return estimator(1), estimator(2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Thirty boxes in six pictures, some of which cover each other."""
    generator = np.random.default_rng(0)
    boxes = []
    for _ in range(30):
        at = generator.choice([20, 24, 60]) + generator.uniform(0, 5, 2)
        size = generator.uniform(60, 80, 2)
        boxes.append(
            {
                "image_id": int(generator.integers(1, 7)),
                "category_id": int(generator.choice([1, 9])),
                "bbox": [*at.tolist(), *size.tolist()],
                "score": float(generator.random()),
            }
        )
    return write(tmp_path_factory.mktemp("pictures"), boxes)


def settings(**choice):
    return SETTINGS.model_copy(update=choice)


def sightings(files, two, flip_test=False, **choice):
    estimators = Estimators(two[0], {9: two[1]})
    return see_boxes(*files, estimators, settings(**choice), flip_test=flip_test, title="boxes")


def estimated(files, two, flip_test=False, **choice):
    estimators = Estimators(two[0], {9: two[1]})
    return list(
        estimate_boxes(*files, estimators, settings(**choice), flip_test=flip_test, title="landmarks")
    )


@pytest.mark.parametrize("flip_test", [False, True])
def test_settled_later_is_estimated_now(files, two, flip_test, tmp_path):
    kept = sightings(files, two, flip_test)
    kept.write(tmp_path / "kept.npz")
    read = Sightings.read(tmp_path / "kept.npz")
    assert 25 < len(kept) <= 30
    numbers = set()
    for choice in CHOICES:
        expected = estimated(files, two, flip_test, **choice)
        found = kept.garments(settings(**choice))
        assert found == read.garments(settings(**choice))
        assert [one.box for one in found] == [one.box for one in expected]
        assert all(same(one, other) for one, other in zip(found, expected, strict=True))
        if "box_score_threshold" not in choice:  # fewer boxes: other batches, and the network's last digits
            assert found == expected
        numbers.add((len(expected), sum(garment.score for garment in expected)))
    assert len(numbers) == len(CHOICES)  # every choice changes something


def test_chunks_keep_pictures_whole(files, two, monkeypatch):
    """A garment can suppress another only where both are known."""
    expected = estimated(files, two, oks_nms=0.1)
    assert len(expected) < len(estimated(files, two))
    monkeypatch.setattr(pipeline, "CHUNK", 1)
    found = estimated(files, two, oks_nms=0.1, batch_size=2)
    assert [garment.box for garment in found] == [garment.box for garment in expected]


def test_settings_that_need_another_look_are_refused(files, two):
    kept = sightings(files, two, box_score_threshold=0.3)
    for choice, said in (
        ({"shift_heatmap": False}, "shift_heatmap was True"),
        ({"box_scale": 1.1}, r"box_scale was 1.0 .* 1.1 is asked for"),
        ({"box_score_threshold": 0.2}, "boxes under 0.3 were not seen"),
    ):
        with pytest.raises(HemlineError, match=said):
            kept.settle(settings(**{"box_score_threshold": 0.3} | choice))


def test_scores_are_the_plain_means_to_the_last_digit():
    generator = np.random.default_rng(0)
    values = generator.random((60, 294), dtype=np.float32)
    values[generator.random(values.shape) < 0.1] = np.nan
    values[7] = 0.0
    values[8, :200] = 0.5
    for threshold in (0.0, 0.2, 0.5, 0.9, 0.999, 1.0):
        rows = [row[row > threshold] for row in values]
        expected = [float(row.mean()) if row.size else 0.0 for row in rows]
        assert mean_above(values, threshold).tolist() == expected
    assert mean_above(values[:0], 0.2).tolist() == []


def test_no_boxes(tmp_path, two):
    assert sightings(write(tmp_path, []), two).garments(settings(oks_nms=0.5)) == []


def test_sightings_of_fld_are_kept_with_their_wardrobe(files, tmp_path):
    boxes = [{**one, "category_id": min(one["category_id"], 3)} for one in json.loads(files[0].read_text())]
    given = write(tmp_path, boxes)
    estimators = Estimators(estimator(1, grouping(FLD, "aggregated")))
    seen = see_boxes(*given, estimators, SETTINGS, flip_test=False, title="boxes")
    seen.write(tmp_path / "kept.npz")
    kept = Sightings.read(tmp_path / "kept.npz")
    assert kept.wardrobe is FLD and kept.landmarks.shape == (30, 8, 3)
    choice = settings(oks_nms=0.1)
    assert kept.garments(choice) == seen.garments(choice)
    assert 0 < len(kept.garments(choice)) < 30
    assert {one.category.name for one in kept.garments(choice)} == {"upper body", "full body"}


def test_estimators_of_different_channels(files, two):
    """The narrower one's missing channels say nothing."""
    kept = sightings(files, two)
    wide = Sightings(**vars(kept) | {"maxima": np.pad(kept.maxima, ((0, 0), (0, 213)), constant_values=0.9)})
    both = Sightings.joined([kept, wide])
    assert both.garments(SETTINGS)[: len(kept)] == kept.garments(SETTINGS)
    assert both.garments(SETTINGS)[len(kept) :] == wide.garments(SETTINGS) != kept.garments(SETTINGS)


def test_a_cache_looks_once(files, two, tmp_path):
    looks = []

    def look():
        looks.append(1)
        return sightings(files, two)

    first, second = cached(tmp_path, "row", look), cached(tmp_path, "row", look)
    assert len(looks) == 1 and first.garments(SETTINGS) == second.garments(SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["row.npz"]
    cached(tmp_path, "other", look)
    assert len(looks) == 2


@pytest.mark.parametrize("damage", ["empty", "half", "text", "array", "another", "pickle"])
def test_a_damaged_file_is_made_anew(files, two, tmp_path, damage):
    kept, path = sightings(files, two), tmp_path / "row.npz"
    kept.write(path)
    whole = path.read_bytes()
    if damage in ("array", "another", "pickle"):
        with path.open("wb") as handle:
            if damage == "array":
                np.save(handle, np.zeros(3))
            elif damage == "another":
                np.savez(handle, box=kept.box)
            else:
                np.savez(handle, **vars(kept) | {"box": np.array([{}] * len(kept), dtype=object)})
    else:
        path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "text": b"none"}[damage])
    with pytest.raises(HemlineError, match=r"row\.npz: cannot be read as sightings"):
        Sightings.read(path)
    cached(tmp_path, "row", lambda: kept)
    assert path.read_bytes() == whole


def test_a_larger_box_is_cut_but_not_written(files, two):
    plain, larger = estimated(files, two), estimated(files, two, box_scale=1.3)
    assert [one.box for one in plain] == [one.box for one in larger]
    assert all((one.landmarks != other.landmarks).any() for one, other in zip(plain, larger, strict=True))
    crop = two[0].crop(np.zeros((200, 160, 3), np.uint8), enlarged((20.0, 30.0, 60.0, 90.0), 1.5))
    by_hand = two[0].crop(np.zeros((200, 160, 3), np.uint8), (5.0, 7.5, 90.0, 135.0))
    assert (crop.to_picture == by_hand.to_picture).all()
    odd = (0.1, 0.7, 33.3, 71.9)
    assert enlarged(odd, 1.0) == odd


def garment(score, at=0.0, number=9, image=1, size=100.0):
    landmarks = np.full((DEEPFASHION2.category(number).count, 3), 50.0 + at)
    return Garment(image, number, (0.0, 0.0, size, size), 1.0, landmarks, score, DEEPFASHION2)


def plain_oks(one, two):
    """Of two garments, as the evaluation has it, over the mean area of their boxes."""
    area = (one.box[2] * one.box[3] + two.box[2] * two.box[3]) / 2
    squares = ((one.landmarks[:, :2] - two.landmarks[:, :2]) ** 2).sum(axis=1)
    own = DEEPFASHION2.sigmas[DEEPFASHION2.category(one.category_id).slice]
    return float(np.exp(-squares / (2 * own) ** 2 / area / 2).mean())


def test_similarity_by_a_plain_rendering(monkeypatch):
    monkeypatch.setattr(suppression, "CHUNK", 5)
    generator = np.random.default_rng(0)
    garments = [
        garment(
            0.5,
            at=generator.normal(0, 3, (DEEPFASHION2.category(number).count, 3)),
            number=number,
            image=int(generator.integers(3)),
            size=float(generator.uniform(50, 200)),
        )
        for number in generator.choice([1, 8, 9], 40).tolist()
    ]
    found = Likeness.of(GarmentTable.of(garments, DEEPFASHION2))
    expected = {
        (first, second): plain_oks(garments[first], garments[second])
        for first in range(40)
        for second in range(first + 1, 40)
        if (garments[first].image_id, garments[first].category_id)
        == (garments[second].image_id, garments[second].category_id)
    }
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert len(pairs) > 50 and dict(zip(pairs, found.oks.tolist(), strict=True)) == pytest.approx(expected)


def kept(garments, threshold):
    own = GarmentTable.of(garments, DEEPFASHION2)
    return Likeness.of(own).kept(own.score, np.ones(len(own), dtype=bool), threshold).tolist()


def test_the_better_of_two_alike_stays():
    assert kept([garment(0.3), garment(0.9), garment(0.5)], 0.9) == [False, True, False]
    assert kept([garment(0.5), garment(0.5)], 0.9) == [True, False]  # the first of equals
    assert kept([garment(0.5), garment(0.6)], 1.0) == [True, True]  # 1 is not over 1


def test_other_categories_and_pictures_stay():
    alike = [garment(0.3), garment(0.9, number=8), garment(0.5, image=2)]
    assert kept(alike, 0.1) == [True, True, True]


def test_what_was_dropped_drops_nothing():
    """Two suppresses one, one is like nought, but two is not."""
    chain = [garment(0.1, at=0.0), garment(0.5, at=6.0), garment(0.9, at=12.0)]
    near, far = plain_oks(*chain[:2]), plain_oks(chain[0], chain[2])
    assert kept(chain, (near + far) / 2) == [True, False, True]
    candidates = np.array([True, True, False])
    own = GarmentTable.of(chain, DEEPFASHION2)
    assert Likeness.of(own).kept(own.score, candidates, (near + far) / 2).tolist() == [False, True, False]


def test_pairs_within():
    first, second = pairs_within(np.array([7, 3, 7, 3, 7, 5]))
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 2), (0, 4), (1, 3), (2, 4)]
    assert [part.size for part in pairs_within(np.empty(0, dtype=np.int64))] == [0, 0]


def test_milliseconds_of_batches_after_a_warm_up(two):
    two[0].batches.clear()
    assert milliseconds(two[0], flip_test=True, batch_size=3, repetitions=2) > 0
    assert two[0].batches == [3, 3, 3]
