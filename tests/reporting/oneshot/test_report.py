"""The whole page, from results that were really evaluated."""

import json
from dataclasses import replace

import pytest

from hemline.reporting.oneshot import write_oneshot_report
from tests.reporting.test_report import read

TABLES = ("systems", "table2", "table3", "table4", "table5", "table6", "grouping", "categories")


@pytest.fixture(scope="module")
def written(measured_world, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "deepmark"
    (out / "pictures").mkdir(parents=True)
    (out / "pictures" / "old.jpg").write_bytes(b"old")
    (out / "old.json").write_text("{}")
    write_oneshot_report(measured_world.oneshot_inputs(), out)
    return out


def test_all_files_come_out(written):
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    whole = {name for name in names if name.startswith("pictures/whole")}
    tables = {f"{name}.json" for name in TABLES}
    assert names - whole == {"index.html", "tables.md", "pictures/predictions.jpg", *tables}
    assert len(whole) == 6


def test_the_page_shows_it_all(written):
    page = (written / "index.html").read_text()
    assert "http://" not in page and "https://" not in page and "<script" not in page
    reader = read(page)
    sections = [attributes["id"] for tag, attributes in reader.found if tag == "section"]
    assert sections == ["speed", *TABLES, "predictions", "training"]
    images = [attributes["src"] for tag, attributes in reader.found if tag == "img"]
    assert len(images) == 6 and all(source.startswith("data:image/jpeg;base64,") for source in images)
    assert page.count("<svg") == 4 + 5  # Figure 1 of ours and of the paper's rows; a curve for each network
    assert "abc1234" in page and "a drawer of drawings" in page and "an abacus, 2 threads" in page


def test_the_tables_for_programs(written, measured_world):
    rows = {name: json.loads((written / f"{name}.json").read_text())["rows"] for name in TABLES}
    assert {name: len(found) for name, found in rows.items()} == dict(
        zip(TABLES, (17, 4, 3, 4, 4, 4, 2, 13), strict=True)
    )
    metrics = json.loads((measured_world.root / "oneshot-metrics/dla-single.json").read_text())
    ours = rows["table6"][0]["ours"]
    assert rows["table6"][0]["row"] == "dla-single" and ours["landmarks"]["AP75"]["value"] == metrics["AP75"]
    change = rows["grouping"][0]["change"]
    aggregated = json.loads((measured_world.root / "oneshot-metrics/dla-aggregated-single.json").read_text())
    assert change["value"] == pytest.approx(aggregated["AP"] - metrics["AP"])
    assert change["low"] <= change["value"] <= change["high"]
    assert rows["systems"][4]["seconds"] == 60 and rows["systems"][6]["seconds"] == 120
    about = json.loads((written / "table2.json").read_text())
    assert about["params_set"] == "tiny" and not about["comparable_with_paper"]


def test_the_document_has_the_tables_and_the_picture(written):
    text = (written / "tables.md").read_text()
    for title in ("Table 2.", "Table 3.", "Table 4.", "Table 5.", "Table 6.", "Aggregation", "Category"):
        assert f"\n## {title}" in text
    assert "![Predictions on validation pictures](pictures/predictions.jpg)" in text and "abc1234" in text


def test_the_same_inputs_give_the_same_bytes(measured_world, written, tmp_path):
    write_oneshot_report(measured_world.oneshot_inputs(), tmp_path)
    for path in written.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(written)).read_bytes(), path


def test_what_a_user_writes_is_escaped(measured_world, tmp_path):
    nasty = '<script>alert("1")</script> | more'
    inputs = measured_world.oneshot_inputs()
    report = inputs.params.report.model_copy(update={"data": nasty})
    params = inputs.params.model_copy(update={"report": report})
    shared = replace(inputs.shared, params=params, provenance={nasty: nasty})
    write_oneshot_report(replace(inputs, shared=shared), tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page
    read(page)
    assert "<script>" not in (tmp_path / "tables.md").read_text()


def test_one_row_alone(measured_world, tmp_path):
    """Without the two-stage system, without speeds, models and rows to compare."""
    inputs = measured_world.oneshot_inputs()
    section = inputs.params.oneshot
    rows = section.model_copy(update={"rows": {"dla-fusion": section.rows["dla-fusion"]}})
    evaluate = inputs.params.evaluate.model_copy(update={"rows": {}})
    params = inputs.params.model_copy(update={"oneshot": rows, "evaluate": evaluate})
    shared = replace(inputs.shared, params=params, models=None)
    write_oneshot_report(replace(inputs, shared=shared, models=None, speed=tmp_path / "none.json"), tmp_path)
    page = (tmp_path / "index.html").read_text()
    reader = read(page)
    sections = [attributes["id"] for tag, attributes in reader.found if tag == "section"]
    assert sections == ["systems", "table2", "table3", "table5", "table6", "categories", "predictions"]
    assert "No speeds" in page and "No two-stage rows beside" in page and "<svg" not in page
    assert not (tmp_path / "table4.json").exists()
