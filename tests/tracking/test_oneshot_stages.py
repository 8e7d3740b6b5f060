"""What one-shot rows add to their records: the paper's numbers, the row's settings."""

from pathlib import Path

import pytest

from hemline.params import load_params
from stages.evaluate_oneshot import paper_tags, row_settings

DEMO = Path(__file__).parents[2] / "params/demo.yaml"


@pytest.mark.parametrize(
    ("row", "table", "cell", "box_ap"),
    [
        ("hourglass-plain", "4", "0.511", "0.707"),
        ("hourglass-single", "6", "0.512", "0.710"),
        ("hourglass-flip", "4", "0.529", "0.723"),
        ("hourglass-fusion", "6", "0.532", "0.723"),
        ("dla-single", "6", "0.432", "0.667"),
        ("dla-fusion", "6", "0.448", "0.686"),
    ],
)
def test_the_papers_numbers(row, table, cell, box_ap):
    expected = {"paper": "001", "paper.table": table, "paper.cell": cell, "paper.box_ap": box_ap}
    assert paper_tags(load_params(DEMO), row) == expected


@pytest.mark.parametrize("row", ["dla-64-single", "dla-aggregated-single", "dla-aggregated-fusion"])
def test_rows_that_the_paper_lacks_have_none(row):
    assert paper_tags(load_params(DEMO), row) == {}


def test_what_makes_a_row_has_the_same_names_for_all():
    params = load_params(DEMO)
    assert row_settings(params, "dla-aggregated-fusion") == {
        "network": "dla-aggregated",
        "type": "deepmark",
        "backbone": "dla",
        "grouping": "aggregated",
        "suppression": "soft-nms",
        "flip_test": "True",
        "scales": "1 + 0.75",
    }
    names = {tuple(row_settings(params, row)) for row in params.oneshot.rows}
    assert len(names) == 1
