"""Sentences follow the numbers."""

import pytest

from hemline.evaluation import evaluate_landmarks, read_landmark_results, read_truth
from hemline.reporting import paper
from hemline.reporting.differences import Difference, difference, resample_row
from hemline.reporting.evidence import Estimate, gather
from hemline.reporting.findings import answers, caveats, compare, sentence
from hemline.reporting.numbers import between, fixed, joined, signed
from tests.reporting.conftest import DEEPFASHION2

NONE = dict.fromkeys((entry.name for entry in DEEPFASHION2.categories), None)


def finding(world, value, low, high, key="finetuning"):
    change = Difference(Estimate(value, low, high), NONE)
    found = compare(gather(world.inputs()), lambda before, after: change)
    return next(one for one in found if one.step.key == key)


BEFORE, AFTER = "(0.430 to 0.440)", "in the paper +0.028"


@pytest.mark.parametrize(
    ("change", "words", "beside"),
    [
        ((0.03, 0.01, 0.05), f"raised AP by 0.030 [0.010, 0.050] {BEFORE}", "the same direction"),
        ((-0.03, -0.05, -0.01), f"lowered AP by 0.030 [0.010, 0.050] {BEFORE}", "the other direction"),
        (
            (0.01, -0.02, 0.05),
            f"changed AP by +0.010 [−0.020, +0.050] {BEFORE}, no clear change",
            "which the interval includes",
        ),
        (
            (-0.01, -0.02, 0.0),
            f"changed AP by −0.010 [−0.020, 0.000] {BEFORE}, no clear change",
            "which the interval excludes",
        ),
    ],
)
def test_a_sentence_follows_its_interval(world, change, words, beside):
    expected = f"Finetuning one expert for each category {words}; {AFTER}, {beside}."
    assert sentence(finding(world, *change)) == expected


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ((0.1, 0.05, 0.2), "detection holds it back"),
        ((-0.1, -0.2, -0.05), "detection is not what holds AP back"),
        ((0.1, -0.1, 0.2), "cannot be shown"),
    ],
)
def test_the_verdict_on_detection(world, change, verdict):
    found = finding(world, *change, key="ground-truth")
    answer = answers(gather(world.inputs()), [found])[1]
    assert verdict in answer.sentences[-1]


def test_questions_without_their_rows_are_not_answered(world):
    found = answers(gather(world.inputs()), [])
    assert all("Not answered" in answer.sentences[0] for answer in found[1:])
    assert "cannot be compared" in found[0].sentences[-1]


def test_rare_and_frequent_categories(world):
    """Changes of -0.05 in the four rarest and +0.01 elsewhere are said as they are."""
    train = {entry.name: 100 * entry.id for entry in DEEPFASHION2.categories}
    world.counts(train, train)
    changes = {entry.name: -0.05 if entry.id <= 4 else 0.01 for entry in DEEPFASHION2.categories}
    estimates = {name: Estimate(value, value, value) for name, value in changes.items()}
    found = compare(gather(world.inputs()), lambda before, after: Difference(Estimate(0, 0, 0), estimates))
    text = " ".join(answers(gather(world.inputs()), found)[2].sentences)
    assert "raised AP in 9 of 13 categories" in text
    assert "−0.050 in the 4 with the fewest" in text and "+0.010 in the 4 with the most" in text
    few = sorted(paper.CATEGORIES, key=lambda entry: entry.train)[:4]
    assert f"in the paper {signed(sum(one.after - one.before for one in few) / 4)}" in text


def test_categories_without_expert_are_named(world):
    train = {entry.name: 50 for entry in DEEPFASHION2.categories if entry.name not in ("sling", "vest dress")}
    world.counts(train, train)
    estimates = {entry.name: Estimate(0.01, 0.0, 0.02) for entry in DEEPFASHION2.categories}
    found = compare(gather(world.inputs()), lambda before, after: Difference(Estimate(0, 0, 0), estimates))
    sentences = answers(gather(world.inputs()), found)[2].sentences
    assert sentences[-1] == "Sling and vest dress have no expert: the aggregated estimator serves them."


def test_caveats(world):
    assert "never one column with the other" in caveats(gather(world.inputs()))[0]
    world.select = "best"
    shared = [("train/000001.jpg", "validation/000001.jpg"), ("train/000003.jpg", "test/000001.jpg")]
    world.counts({"vest": 5}, {"vest": 5}, shared=shared)
    notes = caveats(gather(world.inputs()))
    assert notes[1].startswith("1 of 6 validation pictures are also training pictures")
    assert "Experts were selected" in notes[2]


def test_paired_difference(evaluated):
    """Its value is the difference of the evaluated APs; equal results differ by nothing at all."""
    truth = read_truth(evaluated.root / "truth.json", evaluated.table)
    paths = [evaluated.root / "results" / row / "validation.json" for row in evaluated.rows]
    first, last = (resample_row(truth, path, 25, 3) for path in (paths[0], paths[-1]))
    change = difference(first, last)
    aps = [evaluate_landmarks(truth, read_landmark_results(path, truth)) for path in (paths[0], paths[-1])]
    assert change.ap.value == pytest.approx(aps[1]["AP"] - aps[0]["AP"], abs=1e-12)
    skirt = change.categories["skirt"]
    assert skirt is not None
    expected = aps[1]["per_category"]["skirt"] - aps[0]["per_category"]["skirt"]
    assert skirt.value == pytest.approx(expected, abs=1e-12)
    assert change.categories["vest"] is None
    assert change.ap.low < change.ap.high
    same = difference(first, resample_row(truth, paths[0], 25, 3))
    assert same.ap == Estimate(0.0, 0.0, 0.0)


def test_numbers_as_text():
    assert [fixed(value) for value in (None, 0.6125, -0.02, -0.0001)] == ["–", "0.613", "−0.020", "0.000"]
    assert [signed(value) for value in (None, 0.02, -0.02, 0.0, -0.0001, 0.0004)] == [
        *("–", "+0.020", "−0.020", "0.000", "0.000", "0.000"),
    ]
    assert between(Estimate(0.5, 0.4, 0.6)) == "0.500 [0.400, 0.600]" and between(None) == "–"
    assert [joined(names) for names in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
