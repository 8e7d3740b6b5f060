"""The tables of normalised errors on FashionAI: the contest's beside the others."""

import json

import pytest

from hemline.errors import HemlineError
from hemline.evaluation import evaluate_ablation
from hemline.reporting.evidence import Basis, Counts
from hemline.reporting.normalised import error_tables
from hemline.wardrobe import wardrobe
from tests.evaluation.wardrobes import ground_truth, landmark_results, save
from tests.reporting.conftest import World

FASHIONAI = wardrobe("fashionai")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A tables' basis, and the metrics of a row on 120 garments, some without two armpits."""
    folder = tmp_path_factory.mktemp("fashionai")
    truth = ground_truth(60, 120, seed=0, wardrobe=FASHIONAI)
    paths = (
        save(folder, "truth.json", truth),
        save(folder, "results.json", landmark_results(truth, seed=1, wardrobe=FASHIONAI)),
    )
    row = evaluate_ablation(paths[0], *paths, None, resamples=20, seed=0, wardrobe=FASHIONAI)
    none = Counts(0, 0, 0, {})
    basis = Basis(World(folder, table=FASHIONAI, experts=()).params(), none, none, 0)
    return basis, save(folder, "row.json", row), row["normalised_error"]


def test_a_column_and_what_it_leaves_out(world):
    basis, path, block = world
    rows, _ = error_tables(basis, [("cpn", "CPN", path)], "cpn")
    titles = [column.full for column in rows.columns]
    place = titles.index("normalised error, visible, contest")
    low, high = block["intervals"]["NE_contest"]
    cell = rows.lines[0].cells[place]
    assert (cell.text, cell.interval) == (f"{block['NE_contest']:.3f}", f"[{low:.3f}, {high:.3f}]")
    assert 0 < block["garments_without_normaliser"] < block["garments"]
    left_out = f"{block['garments_without_normaliser']} of {block['garments']} garments lack one of the two"
    assert left_out in rows.notes[-1]


def test_both_errors_of_each_category_and_landmark(world):
    basis, path, block = world
    _, parts = error_tables(basis, [("cpn", "CPN", path)], "cpn")
    titles = [column.full for column in parts.columns]
    assert titles == ["category or landmark", "normalised error", "normalised error, contest"]
    assert len(parts.lines) == len(parts.records) == 6 + 24
    lines = {line.cells[0].text: [cell.text for cell in line.cells[1:]] for line in parts.lines}
    for kind in ("category", "landmark"):
        for name, value in block[f"per_{kind}_contest"].items():
            whole = block[f"per_{kind}"][name]
            assert lines[name] == ["–" if one is None else f"{one:.3f}" for one in (whole, value)]
    record = next(record for record in parts.records if record.get("category") == "dress")
    assert record["NE_contest"]["value"] == block["per_category_contest"]["dress"]


def test_metrics_of_an_earlier_version_are_named(world, tmp_path):
    basis, path, _ = world
    row = json.loads(path.read_text())
    del row["normalised_error"]["NE_contest"]
    old = save(tmp_path, "old.json", row)
    with pytest.raises(HemlineError, match=r"old\.json: no key 'normalised_error\.NE_contest'"):
        error_tables(basis, [("cpn", "CPN", old)], None)
