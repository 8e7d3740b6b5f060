"""The page of paper 000 on FLD: its categories, its landmarks, none of the paper's numbers."""

import json
import re

import pytest

from hemline.evaluation import as_garments, read_truth
from hemline.inference.garments import read_results
from hemline.reporting import write_report
from hemline.reporting.errors import category_errors
from hemline.reporting.evidence import gather, has_paper_wardrobe, paper_ap
from hemline.reporting.findings import answers, caveats, compare
from hemline.reporting.normalised import error_tables
from hemline.reporting.outlines import outline_figure
from hemline.reporting.pictures import match
from hemline.wardrobe import wardrobe
from tests.reporting.conftest import World
from tests.reporting.test_report import read

ERROR = {
    **{"NE": 0.05, "NE_all": 0.06, "NE_box": 0.12, "NME": 0.1, "EPE": 4.0, "PCK": 0.8, "AUC": 0.7},
    "per_category": {"upper body": 0.04, "lower body": 0.05, "full body": None},
    "per_landmark": {name: 0.0512 for name in ("left collar", "right collar", "left sleeve", "right sleeve")},
}


def number_tree(tree, change):
    return {
        key: number_tree(value, change) if isinstance(value, dict) else (value and change(value))
        for key, value in tree.items()
    }


def error_block():
    """As hemline.evaluation.normalised_error gives it."""
    waist_and_hem = ("left hem", "right hem", "left waistline", "right waistline")
    block = {**ERROR, "per_landmark": {**ERROR["per_landmark"], **dict.fromkeys(waist_and_hem)}}
    intervals = number_tree(block, lambda value: [value - 0.01, value + 0.01])
    return {**block, "intervals": intervals, "garments": 20, "garments_not_found": 3}


@pytest.fixture(scope="module")
def written(evaluated_fld, tmp_path_factory):
    """Only the first row and the submitted one, the last, have a normalised error."""
    first, *others, last = evaluated_fld.rows
    for row in (first, last):
        path = evaluated_fld.root / f"metrics/{row}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "normalised_error": error_block()}))
    for row in others:
        path = evaluated_fld.root / f"metrics/{row}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "normalised_error": None}))
    out = tmp_path_factory.mktemp("fld-report")
    write_report(evaluated_fld.inputs(), out)
    return out


def test_no_number_of_the_paper_stands_on_the_page(written):
    page, text = (written / "index.html").read_text(), (written / "tables.md").read_text()
    read(page)
    for where in (page, text):
        for words in ("312,186", "MTLab", "294 ", "81 channels", "AP box, paper"):
            assert words not in where, words
        assert "18 to 8 channels" in where and "the paper&#39;s tables" not in where
        assert "The paper has no numbers of FLD." in where
    assert "theirs" not in page.split("</style>")[1]
    assert not re.search("<t[hd][^>]*>paper<", page)
    assert "FLD has other categories and landmarks" in text and "OKS constants of our table of FLD" in text


def test_the_files_that_dvc_waits_for_are_there(written):
    tables = {
        name: json.loads((written / f"{name}.json").read_text()) for name in ("table1", "table2", "table3")
    }
    assert [row["method"] for row in tables["table1"]["rows"]] == ["Hemline, ensemble"]
    assert {row["paper"]["AP"] for row in tables["table2"]["rows"]} == {None}
    assert {step["paper"] for step in tables["table2"]["steps"]} == {None} and len(
        tables["table2"]["steps"]
    ) == 7
    names = ["all", "upper body", "lower body", "full body"]
    assert [row["category"] for row in tables["table3"]["rows"]] == names
    assert {row["paper"] for row in tables["table3"]["rows"]} == {None}


def test_table_3_has_our_columns_alone(written):
    text = (written / "tables.md").read_text()
    head = next(line for line in text.splitlines() if line.startswith("| category"))
    names = [
        "category",
        "train",
        "validation",
        "AP box",
        "AP without finetuning",
        "AP with finetuning",
        "change",
    ]
    assert head == f"| {' | '.join(names)} |"
    assert "| lower body ‡ | 10 | 3 |" in text


def section(text, title):
    """The lines of a table in Markdown."""
    return text.split(f"## {title}\n")[1].split("\n## ")[0].strip().splitlines()


def test_the_normalised_error_stands_where_it_was_measured(written):
    text = (written / "tables.md").read_text()
    lines = [line for line in section(text, "Normalised error of landmarks") if line.startswith("|")]
    numbers = "0.050 [0.040, 0.060] | 0.060 [0.050, 0.070] | 0.120 [0.110, 0.130] |"
    numbers += " 0.100 [0.090, 0.110] | 0.800 [0.790, 0.810] | 3 |"
    assert lines[2:] == [f"| {title} | {numbers}" for title in ("Cascade R-CNN, independent", "ensemble")]
    table = json.loads((written / "table2.json").read_text())
    assert [row["row"] for row in table["normalised_error"]] == ["cascade-independent", "ensemble"]
    assert table["normalised_error"][0]["NE_box"] == 0.12


def test_categories_and_landmarks_stand_one_below_the_other(written):
    """Of the submitted row alone: 3 categories and 8 landmarks are too many columns."""
    text = (written / "tables.md").read_text()
    lines = section(text, "Normalised error by category and by landmark: ensemble")
    lines = [line for line in lines if line.startswith("|")]
    assert lines[0] == "| category or landmark | normalised error |" and len(lines) == 2 + 3 + 8
    assert lines[2] == "| **upper body** | **0.040 [0.030, 0.050]** |"
    assert lines[4] == "| **full body** | **–** |"  # none with a visible landmark
    assert lines[5] == "| left collar | 0.051 [0.041, 0.061] |" and "| left hem | – |" in lines


def test_a_row_without_a_normalised_error_has_no_parts(written, evaluated_fld):
    inputs = evaluated_fld.inputs()
    files = [(row, row, inputs.metrics / f"{row}.json") for row in evaluated_fld.rows]
    basis = gather(inputs)
    keys = [table.key for table in error_tables(basis, files, "ensemble")]
    assert keys == ["normalised_error", "normalised_error_parts"]
    for shown in (None, "cascade-aggregated"):
        assert [table.key for table in error_tables(basis, files, shown)] == ["normalised_error"]
    assert error_tables(basis, files[1:-1], "cascade-aggregated") == []


def test_deepfashion2_has_no_table_of_normalised_errors(evaluated, tmp_path):
    world = evaluated
    inputs = world.inputs()
    changed = tmp_path / "metrics"
    changed.mkdir()
    for path in inputs.metrics.glob("*.json"):
        metrics = json.loads(path.read_text())
        (changed / path.name).write_text(json.dumps({**metrics, "normalised_error": error_block()}))
    write_report(type(inputs)(**{**vars(inputs), "metrics": changed}), tmp_path / "out")
    assert "Normalised" not in (tmp_path / "out/index.html").read_text()
    assert "normalised_error" not in json.loads((tmp_path / "out/table2.json").read_text())


def test_four_landmarks_make_an_outline(evaluated_fld):
    world = evaluated_fld
    truth = as_garments(read_truth(world.root / "truth.json", world.table))
    found = read_results(world.root / "results/ensemble/validation.json", world.table)
    errors = category_errors(match(truth, found))
    assert [one.category.count for one in errors] == [6, 4, 8]
    drawing = outline_figure(errors[1])
    titles = re.findall("<title>([^<]*) [0-9.]+ %</title>", drawing)
    assert titles == ["1 left waistline:", "2 right waistline:", "3 left hem:", "4 right hem:"]
    assert drawing.count('class="outline"') >= 4


def test_a_row_of_fld_has_no_number_of_the_paper(tmp_path):
    world = World(tmp_path, table=wardrobe("fld"), experts=())
    for number, row in enumerate(world.rows):
        world.metrics(row, 0.4 + 0.01 * number, upper_body=0.3)
    world.counts({"upper body": 50, "lower body": 7}, {"upper body": 40})
    params = world.params()
    assert not has_paper_wardrobe(params)
    assert {paper_ap(params, row) for row in world.rows} == {None}
    evidence = gather(world.inputs())
    assert evidence.data_set == "FLD" and not evidence.paper_data
    assert evidence.train.categories == {"upper body": 50, "lower body": 7, "full body": 0}
    assert evidence.without_expert == ("upper body", "lower body", "full body")
    assert len(caveats(evidence)) == 1 and "none of them stands here" in caveats(evidence)[0]
    first = answers(evidence, ())[0]
    assert first.sentences[0].endswith("The paper has no numbers of FLD.")


def test_an_ensemble_of_other_rows_is_no_step(tmp_path):
    """As on DeepFashion2: the step is that of the paper's two members."""
    world = World(
        tmp_path, table=wardrobe("fld"), experts=(), members=("htc-aggregated", "cascade-aggregated")
    )
    for row in world.rows:
        world.metrics(row, 0.4)
    world.counts({}, {"upper body": 40})
    keys = [one.step.key for one in compare(gather(world.inputs()), lambda before, after: None)]
    assert "ensemble" not in keys and "aggregation" in keys
