"""Ensembles match garments by box and category, and average them."""

import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.inference.ensemble import Ensemble, ensemble
from hemline.inference.garments import Garment, read_results, write_results
from hemline.inference.tables import GarmentTable
from hemline.wardrobe import wardrobe

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")


def garments(count: int, seed: int, boxes_seed: int = 0) -> list[Garment]:
    """`count` garments in ten images: `boxes_seed` decides what and where, `seed` landmarks and scores."""
    where, what = np.random.default_rng(boxes_seed), np.random.default_rng(seed)
    made = []
    for _ in range(count):
        number, image = int(where.integers(1, 14)), int(where.integers(10))
        box = tuple((where.random(4) * 300 + 20).tolist())
        landmarks = what.random((DEEPFASHION2.category(number).count, 3)) * 100
        made.append(
            Garment(image, number, box, float(where.random()), landmarks, float(what.random()), DEEPFASHION2)
        )
    return made


def one(box=(10, 10, 50, 80), score=0.5, value=1.0, box_score=0.5, number=9, image=1) -> Garment:
    return Garment(
        image,
        number,
        box,
        box_score,
        np.full((DEEPFASHION2.category(number).count, 3), value),
        score,
        DEEPFASHION2,
    )


def match(results: list[list[Garment]]) -> list[list[Garment]]:
    """The garments that the ensemble takes for one, group by group."""
    flat = [garment for garments in results for garment in garments]
    groups = Ensemble([GarmentTable.of(garments, DEEPFASHION2) for garments in results]).groups
    return [[flat[place] for place in group if place >= 0] for group in groups]


def in_order(found: list[Garment]) -> list[Garment]:
    return sorted(found, key=lambda garment: (garment.image_id, garment.category_id, garment.box))


def test_landmarks_and_scores_are_averaged_whatever_the_order():
    first, second = garments(60, seed=1), garments(60, seed=2)
    expected = [
        ((a.landmarks + b.landmarks) / 2, (a.score + b.score) / 2, a.box, a.box_score)
        for a, b in zip(in_order(first), in_order(second), strict=True)
    ]
    np.random.default_rng(3).shuffle(second)
    merged = in_order(ensemble([first, second], DEEPFASHION2))
    assert len(merged) == 60
    for garment, (landmarks, score, box, box_score) in zip(merged, expected, strict=True):
        assert garment.landmarks == pytest.approx(landmarks, abs=1e-12)
        assert garment.score == pytest.approx(score, abs=1e-15)
        assert garment.box == box and garment.box_score == pytest.approx(box_score, abs=1e-15)


def test_an_ensemble_of_one_is_itself(tmp_path):
    alone = garments(40, seed=1)
    assert ensemble([alone], DEEPFASHION2) == alone
    write_results(tmp_path / "alone.json", alone)
    write_results(
        tmp_path / "ensemble.json",
        ensemble([read_results(tmp_path / "alone.json", DEEPFASHION2)], DEEPFASHION2),
    )
    assert (tmp_path / "alone.json").read_bytes() == (tmp_path / "ensemble.json").read_bytes()


def test_an_ensemble_of_twins_is_either():
    twin = garments(40, seed=1)
    for copies in (2, 3, 7):
        merged = in_order(ensemble([twin] * copies, DEEPFASHION2))
        for garment, expected in zip(merged, in_order(twin), strict=True):
            assert np.array_equal(garment.landmarks, expected.landmarks) and garment.box == expected.box
            assert garment.score == pytest.approx(expected.score, abs=1e-15)


def test_no_order_changes_a_digit():
    lists = [garments(50, seed) for seed in (1, 2, 3)]
    lists[1] = lists[1][:30] + garments(5, 9, boxes_seed=9)
    expected = ensemble(lists, DEEPFASHION2, weights=[1, 2, 3])
    generator = np.random.default_rng(0)
    for order in ([2, 1, 0], [1, 2, 0], [0, 2, 1]):
        shuffled = [list(lists[place]) for place in order]
        for entry in shuffled:
            generator.shuffle(entry)
        assert ensemble(shuffled, DEEPFASHION2, weights=[[1, 2, 3][place] for place in order]) == expected


def test_no_order_decides_between_equals():
    """Equal boxes with equal scores: only their landmarks tell them apart."""
    lists = [[one(value=value) for value in values] for values in ((1.0, 4.0, 9.0), (2.0, 5.0, 7.0))]
    expected = [garment.landmarks[0, 0] for garment in ensemble(lists, DEEPFASHION2)]
    assert len(expected) == 3
    generator = np.random.default_rng(0)
    for _ in range(10):
        shuffled = [list(generator.permutation(entry)) for entry in generator.permutation(lists)]
        assert sorted(garment.landmarks[0, 0] for garment in ensemble(shuffled, DEEPFASHION2)) == sorted(
            expected
        )


def test_boxes_rounded_elsewhere_still_match():
    first = garments(60, seed=1)
    second = [
        Garment(
            g.image_id,
            g.category_id,
            tuple(round(v, 1) for v in g.box),
            g.box_score,
            g.landmarks,
            g.score,
            DEEPFASHION2,
        )
        for g in garments(60, seed=2)
    ]
    assert all(len(group) == 2 for group in match([first, second]))


@pytest.mark.parametrize(
    "other", [one(number=10), one(image=2), one(box=(12, 10, 50, 80)), one(box=(100, 10, 50, 80))]
)
def test_another_image_category_or_box_is_another_garment(other):
    merged = ensemble([[one(score=0.8)], [other]], DEEPFASHION2)
    assert sorted(garment.score for garment in merged) == [0.25, 0.4]  # the half that each list gives


def test_an_unmatched_garment_keeps_its_landmarks_and_loses_score():
    """A list that lacks it says 0; so it ranks below a garment that all lists found."""
    both, lone = one(box=(200, 10, 50, 80), score=0.6), one(score=0.9, value=7.0)
    merged = ensemble([[both, lone], [both]], DEEPFASHION2, weights=[1, 3])
    assert [garment.score for garment in merged] == pytest.approx([0.6, 0.225])
    assert (merged[1].landmarks == 7.0).all() and merged[1].box_score == pytest.approx(0.125)


def test_equal_boxes_of_one_category_are_told_apart_by_their_box_scores():
    first = [one(box_score=0.9, value=1.0), one(box_score=0.3, value=5.0)]
    second = [one(box_score=0.3, value=7.0), one(box_score=0.9, value=3.0)]
    merged = ensemble([first, second], DEEPFASHION2)
    assert sorted((garment.box_score, garment.landmarks[0, 0]) for garment in merged) == [
        (0.3, 6.0),
        (0.9, 2.0),
    ]


def test_the_greatest_overlap_wins_and_none_is_used_twice():
    first = [one(box=(10, 10, 100, 100), value=1.0)]
    second = [one(box=(10, 10, 100, 100.4), value=3.0), one(box=(10, 10, 100, 100.2), value=5.0)]
    groups = match([first, second])
    assert sorted(sorted(g.landmarks[0, 0] for g in group) for group in groups) == [[1.0, 5.0], [3.0]]


def test_weights_are_weights():
    merged = ensemble(
        [[one(value=0.0, score=0.2)], [one(value=4.0, score=0.6)]], DEEPFASHION2, weights=[3, 1]
    )
    assert (merged[0].landmarks == 1.0).all() and merged[0].score == pytest.approx(0.3)


def test_boxes_without_area_match_only_themselves():
    flat = one(box=(10, 10, 0, 80))
    assert len(ensemble([[flat], [flat]], DEEPFASHION2)) == 1
    assert len(ensemble([[flat], [one(box=(10, 10, 0, 81))]], DEEPFASHION2)) == 2


def test_garments_of_fld():
    trousers = [Garment(1, 2, (9, 9, 50, 80), 0.5, np.full((4, 3), value), 0.5, FLD) for value in (1.0, 3.0)]
    (merged,) = ensemble([[one] for one in trousers], wardrobe=FLD)
    assert merged.category.name == "lower body"
    assert np.array_equal(merged.landmarks, np.full((4, 3), 2.0))


def test_wardrobes_are_not_mixed():
    with pytest.raises(HemlineError, match=r"one wardrobe; these are of \['deepfashion2', 'fld'\]"):
        Ensemble([GarmentTable.of([one()], DEEPFASHION2), GarmentTable.of([], FLD)])
    with pytest.raises(HemlineError, match="a garment of deepfashion2 in a table of fld's"):
        GarmentTable.of([one()], FLD)


def test_no_garments_at_all():
    assert ensemble([[], []], DEEPFASHION2) == []
    assert len(ensemble([[], [one()]], DEEPFASHION2)) == 1


@pytest.mark.parametrize(
    ("count", "weights"), [(0, None), (2, [1]), (2, [1, 0]), (2, [1, -1]), (2, [1, float("nan")])]
)
def test_bad_lists_and_weights_are_refused(count, weights):
    with pytest.raises(HemlineError, match="ensemble"):
        ensemble([[one()]] * count, DEEPFASHION2, weights)
