"""Where no detector is trained and rows look at whole pictures, these take the detectors' place: FashionAI."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hemline.evaluation import as_garments, evaluate_ablation, read_truth
from hemline.inference.garments import read_results, write_results
from hemline.reporting import write_report
from hemline.reporting.cost import needed
from hemline.reporting.evidence import gather, paper_ap
from hemline.reporting.findings import answers, compare
from hemline.reporting.oneshot import systems
from hemline.reporting.pictures import extremes, match
from hemline.reporting.rerun import keys
from hemline.reporting.story import extremes_note, facts, title, whole_note
from hemline.reporting.tables import ablation_table, categories_table
from hemline.wardrobe import wardrobe
from stages.evaluate import paper_tags, row_settings
from tests.reporting.conftest import FASHIONAI_WORN, IMAGES, SIZE, World, evaluate_world, rows_of
from tests.reporting.test_one_detector import change
from tests.reporting.test_report import read

FASHIONAI = wardrobe("fashionai")
MEMBERS = ("whole-finetuned-fliptest", "whole-finetuned-hflip-fliptest")


def whole_world(root) -> World:
    experts = tuple(entry.slug for entry in FASHIONAI.categories)
    return World(root, rows=rows_of("whole"), members=MEMBERS, table=FASHIONAI, experts=experts)


@pytest.fixture
def world(tmp_path) -> World:
    """0.40, 0.41, ... in the rows' order: whole pictures, annotated boxes, the ensemble."""
    made = whole_world(tmp_path)
    for number, row in enumerate(made.rows):
        made.metrics(row, 0.40 + 0.01 * number, box=0.2, blouse=0.3 + 0.01 * number)
    made.counts({"blouse": 50}, {"blouse": 40})
    return made


@pytest.fixture(scope="module")
def evaluated_whole(tmp_path_factory) -> World:
    """Rows with results, really evaluated; their boxes are whole pictures, as those of the rows that are found so."""
    made = evaluate_world(whole_world(tmp_path_factory.mktemp("fashionai")), FASHIONAI_WORN)
    picture = (0.0, 0.0, float(SIZE[1]), float(SIZE[0]))
    truth = as_garments(read_truth(made.root / "truth.json", made.table))
    made.write(
        "whole.json",
        [
            {"image_id": one.image_id, "category_id": one.category_id, "bbox": list(picture), "score": 1.0}
            for one in truth
        ],
    )
    for row in made.rows[:5] + made.rows[6:]:
        path = made.root / "results" / row / "validation.json"
        found = [replace(one, box=picture, box_score=1.0) for one in read_results(path, made.table)]
        write_results(path, found)
        annotations, boxes = made.root / "truth.json", made.root / "whole.json"
        numbers = evaluate_ablation(
            annotations, annotations, path, boxes, resamples=30, seed=0, wardrobe=made.table
        )
        made.write(f"metrics/{row}.json", numbers)
    return made


def test_the_page(evaluated_whole, tmp_path):
    write_report(evaluated_whole.inputs(), tmp_path)
    page, text = (tmp_path / "index.html").read_text(), (tmp_path / "tables.md").read_text()
    read(page)
    assert "| whole pictures, two passes |" in text and "| annotated boxes |" in text
    for where in (re.sub('base64,[^)"]*', "", page), text):  # a font may have any letters
        assert "whole pictures" in where and "FashionAI" in where
        for words in (
            "HTC",
            "Cascade",
            "whole pictures&#x27;s",
            "whole pictures's",
            "The paper has no such row",
        ):
            assert words not in where, words
    steps = json.loads((tmp_path / "table2.json").read_text())["steps"]
    assert [one["step"] for one in steps] == [
        "aggregation", "flip-test", "finetuning", "hflip", "ensemble", "ground-truth"
    ]  # fmt: skip
    tiles = [path.name for path in (tmp_path / "pictures").iterdir()]
    assert any(name.startswith("worst-") for name in tiles) and any(
        name.startswith("best-") for name in tiles
    )
    assert len([name for name in tiles if name.startswith("whole-")]) == len(IMAGES)


def test_steps_are_those_of_the_rows_in_whole_pictures(world):
    found = compare(gather(world.inputs()), change)
    rows = {one.step.key: (one.before.name, one.after.name) for one in found}
    assert rows["aggregation"] == ("whole-independent", "whole-aggregated")
    assert rows["finetuning"] == ("whole-aggregated-fliptest", "whole-finetuned-fliptest")
    assert rows["ground-truth"] == ("whole-aggregated", "ground-truth-aggregated")
    assert "detector" not in rows and "ensemble" in rows
    assert found[-1].step.what == "the annotated boxes in place of whole pictures"


def test_the_questions_are_answered(world):
    evidence = gather(world.inputs())
    standing, bottleneck, training = answers(evidence, compare(evidence, change))
    assert standing.sentences[0].endswith("The paper has no numbers of FashionAI.")
    assert bottleneck.sentences[0].startswith("The annotated boxes in place of whole pictures raised AP")
    assert bottleneck.sentences[1].endswith("looking at whole pictures holds it back.")
    assert len(training.sentences) >= 5


def test_words_and_numbers(world):
    evidence = gather(world.inputs())
    assert evidence.rows[3].title == "whole pictures, aggregated, finetuned, flip test, two passes"
    assert not any("Left out" in note for note in ablation_table(evidence).notes)
    table = categories_table(evidence, compare(evidence, change)).without_paper()
    assert [cell.text for cell in table.lines[0].cells[3:]] == ["0.200", "0.420", "0.430", "+0.010"]
    assert not any("boxes, the paper's" in note for note in table.notes)
    assert title(evidence).endswith("experiments on FashionAI")
    assert [name for name, _, _ in facts(evidence)][1:] == ["landmark AP in annotated boxes"]
    assert "overlaps" not in extremes_note(evidence) and "box score" not in whole_note(evidence)


def test_what_is_missing_is_named_with_its_passes(world):
    world.rows = ["whole-aggregated", "whole-finetuned-fliptest", "ensemble"]
    evidence = gather(world.inputs())
    note = ablation_table(evidence).notes[-1]
    assert "whole pictures, independent, two passes; " in note and "annotated boxes, aggregated." in note
    assert compare(evidence, change) == ()


def test_rows_of_one_pass_are_no_step_beside_rows_of_two(world):
    """A step changes one thing."""
    inputs = world.inputs()
    once = inputs.params.ablations["whole-aggregated"].model_copy(update={"passes": 1})
    ablations = {**inputs.params.ablations, "whole-aggregated": once}
    evidence = gather(replace(inputs, params=inputs.params.model_copy(update={"ablations": ablations})))
    assert evidence.rows[1].title == "whole pictures, aggregated"
    assert {one.step.key for one in compare(evidence, change)} == {"finetuning", "hflip", "ensemble"}


def test_a_detector_comes_before_whole_pictures(world):
    world.rows = ["cascade-aggregated", "whole-aggregated", "ground-truth-aggregated"]
    world.metrics("cascade-aggregated", 0.5)
    found = compare(gather(world.inputs()), change)
    assert [(one.step.key, one.before.name) for one in found] == [("ground-truth", "cascade-aggregated")]


def test_annotated_boxes_alone(world, evaluated_whole, tmp_path):
    """No boxes that a step could change: a page all the same."""
    inputs = evaluated_whole.inputs()
    rows = {"ground-truth-aggregated": "ground-truth"}
    update = {
        "ablations": {"ground-truth-aggregated": inputs.params.ablations["ground-truth-aggregated"]},
        "evaluate": inputs.params.evaluate.model_copy(update={"rows": rows}),
        "package": inputs.params.package.model_copy(update={"row": "ground-truth-aggregated"}),
    }
    write_report(replace(inputs, params=inputs.params.model_copy(update=update)), tmp_path)
    assert "Not answered" in (tmp_path / "tables.md").read_text()


def test_whole_pictures_cost_no_detector_and_say_how_to_run_them_again(world):
    params = world.params()
    assert needed(params, "whole-aggregated", []) == [("estimators", "aggregated")]
    assert keys(params, "whole-aggregated").endswith("experts: none, flip_test: false, passes: 2}")
    assert "passes" not in keys(params, "ground-truth-aggregated")
    assert row_settings(params, "whole-aggregated")["passes"] == "2"
    assert {paper_ap(params, row) for row in world.rows} == {None}
    assert [paper_tags(params, row) for row in world.rows] == [{}] * len(world.rows)


def test_the_extremes_of_whole_pictures_are_found(evaluated_whole):
    """Boxes of whole pictures overlap the garments' by less than half, whatever lies in them."""
    truth = as_garments(read_truth(evaluated_whole.root / "truth.json", FASHIONAI))
    found = read_results(evaluated_whole.root / "results/ensemble/validation.json", FASHIONAI)
    samples = match(truth, found)
    assert extremes(samples, 5) == ([], [])
    worst, best = extremes(samples, 3, 0.0)
    assert len(worst) == len(best) == 3 and worst[0].oks < best[0].oks


def test_paper_001s_page_compares_no_row_that_was_told_the_boxes(world):
    """Its rows find garments by themselves."""
    evidence = gather(world.inputs())
    page = SimpleNamespace(
        rows=(), others=evidence.rows, params=evidence.params, speeds=SimpleNamespace(rows={})
    )
    assert systems.contenders(page, (), ()) == ()
