"""The page of paper 001 on FLD: its numbers of heatmaps, none of the paper's numbers."""

import json
import re

import pytest

from hemline.reporting.oneshot import write_oneshot_report
from hemline.reporting.oneshot.evidence import gather, paper_result
from tests.reporting.test_report import read


@pytest.fixture(scope="module")
def written(measured_fld, tmp_path_factory):
    out = tmp_path_factory.mktemp("fld-deepmark")
    write_oneshot_report(measured_fld.oneshot_inputs(), out)
    return out


def test_no_number_of_the_paper_stands_on_the_page(written, measured_fld):
    page, text = (written / "index.html").read_text(), (written / "tables.md").read_text()
    for where in (page, text):
        for words in ("RTX", "294 ", " 81 ", "DeepFashion2 Challenge"):
            assert words not in where, words
    assert not re.search("<t[hd][^>]*>paper<", page) and "theirs" not in page.split("</style>")[1]
    sections = [attributes["id"] for tag, attributes in read(page).found if tag == "section"]
    tables = ["table4", "table5", "table6", "grouping", "categories"]
    assert [name for name in sections if not name.startswith("normalised_error")] == [
        "speed",
        "systems",
        *tables,
        "predictions",
        "training",
    ]
    assert page.count("<svg") == 2 + 5  # Figure 1 of our rows alone; a curve for each network
    params = measured_fld.params()
    assert {paper_result(params, row) for row in params.oneshot.rows} == {None}


def test_the_groupings_are_flds(written):
    text = (written / "tables.md").read_text()
    assert "## Aggregation: 8 heatmaps in the place of 18" in text and "AP landmarks, 18" in text
    rows = json.loads((written / "grouping.json").read_text())["rows"]
    assert [set(row["per_category"]) for row in rows] == [{"upper body", "lower body", "full body"}] * 2
    records = json.loads((written / "table4.json").read_text())["rows"]
    assert {record["paper"] for record in records} == {None}


def test_the_rows_keep_their_settings(measured_fld):
    """What the paper has no numbers of still has its place in the tables."""
    evidence = gather(measured_fld.oneshot_inputs())
    assert {row.paper for row in evidence.rows} == {None} and evidence.deepmark.name == "hourglass-fusion"
