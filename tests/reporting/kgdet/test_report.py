"""The whole page, from results that were really evaluated."""

import json
import re
from dataclasses import replace

import pytest

from hemline.reporting.kgdet import write_kgdet_report
from tests.reporting.test_report import read

TABLES = ("table1", "steps", "table2", "table4", "categories", "rerun")


@pytest.fixture(scope="module")
def written(measured_world, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "kgdet"
    (out / "pictures").mkdir(parents=True)
    (out / "pictures" / "old.jpg").write_bytes(b"old")
    (out / "old.json").write_text("{}")
    write_kgdet_report(measured_world.kgdet_inputs(), out)
    return out


def sections(page: str) -> list[str]:
    return [attributes["id"] for tag, attributes in read(page).found if tag == "section"]


def test_all_files_come_out(written):
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    whole = {name for name in names if name.startswith("pictures/whole")}
    tables = {f"{name}.json" for name in TABLES}
    assert names - whole == {"index.html", "tables.md", "pictures/predictions.jpg", *tables}
    assert len(whole) == 6


def test_the_page_shows_it_all(written):
    page = (written / "index.html").read_text()
    assert "http://" not in page and "https://" not in page and "<script" not in page
    assert sections(page) == [
        *("table1", "steps", "table2", "table4", "correlation", "categories"),
        *("training", "predictions", "rerun"),
    ]
    assert page.count("<svg") == 2 + 17  # Figure 5, ours and the paper's; a curve for each network
    assert "an abacus, 2 threads" in page and "1.23" in page and "2.5" in page and "Tesla P40" in page


def test_the_figure_has_a_dot_a_model(written):
    page = (written / "index.html").read_text()
    figure = page.split('id="correlation"')[1].split("</section>")[0]
    ours, theirs = figure.split("<svg")[1:3]
    assert ours.count('class="ours"') == 10 and theirs.count('class="theirs-before"') == 8
    radii = {float(radius) for radius in re.findall(r'r="([\d.]+)"', theirs)}
    assert radii == {3.0, 5.0, 7.0, 9.1}  # areas as 9, 25, 49 and 83 points
    assert "paper, #7: landmark AP 0.368, box AP 0.691" in theirs


def test_the_tables_for_programs(written, measured_world):
    rows = {name: json.loads((written / f"{name}.json").read_text())["rows"] for name in TABLES}
    counts = {name: len(found) for name, found in rows.items()}
    assert counts == dict(zip(TABLES, (7, 11, 2, 10, 13, 17), strict=True))
    retina = rows["table1"][1]["ours"]
    metrics = json.loads((measured_world.root / "kgdet-metrics/a-retina.json").read_text())["boxes"]
    assert retina["boxes"]["AP75"]["value"] == metrics["AP75"] and retina["multiply_adds"] == 2_500_000_000
    assert rows["rerun"][0]["command"] == "hemline run evaluate_oneshot@a-mask"
    change = rows["steps"][0]["ours"]
    before, after = (
        json.loads((measured_world.root / f"kgdet-metrics/{name}.json").read_text())["boxes"]["AP"]
        for name in ("a-rep", "a-kp")
    )
    assert (
        change["value"] == pytest.approx(after - before)
        and change["low"] <= change["value"] <= change["high"]
    )


def test_the_same_inputs_give_the_same_bytes(measured_world, written, tmp_path):
    write_kgdet_report(measured_world.kgdet_inputs(), tmp_path)
    for path in written.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(written)).read_bytes(), path


def test_on_fld_only_table_3_is_the_papers(measured_fld, tmp_path):
    write_kgdet_report(measured_fld.kgdet_inputs(), tmp_path)
    page, text = (tmp_path / "index.html").read_text(), (tmp_path / "tables.md").read_text()
    assert sections(page)[:5] == ["table3", "table1", "steps", "table2", "table4"]
    head = [line for line in text.splitlines() if re.match(r"\| (network|module|ID|step)", line)]
    assert ["paper" in line for line in head] == [True, False, False, False, False]
    assert "theirs-before" not in page.split("</style>")[1]
    assert "189.8" not in text and "over the paper's" not in text and "FLD" in text.splitlines()[0]
    about = json.loads((tmp_path / "table3.json").read_text())
    assert not about["comparable_with_paper"] and about["rows"][3]["paper"]["AP"] == 0.708


def test_detectors_alone(measured_world, tmp_path):
    """No landmarks, no speeds, no sizes, no trainings."""
    inputs = measured_world.kgdet_inputs()
    section = inputs.params.oneshot
    kept = {name: section.rows[name] for name in ("a-retina", "a-fcos")}
    params = inputs.params.model_copy(update={"oneshot": section.model_copy(update={"rows": kept})})
    shared = replace(inputs.shared, params=params)
    write_kgdet_report(
        replace(inputs, shared=shared, models=None, speed=tmp_path / "none.json", sizes={}), tmp_path
    )
    page = (tmp_path / "index.html").read_text()
    assert sections(page) == ["table1", "categories", "rerun"] and "<svg" not in page
    assert "No speeds" in page and "No rows of KGDet" in page
