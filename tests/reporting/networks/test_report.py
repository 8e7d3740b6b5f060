"""The whole page, from results that were really evaluated."""

import json
import re
from dataclasses import replace

import cv2
import pytest

from hemline.reporting import write_report
from hemline.reporting.networks import write_networks_report
from hemline.reporting.networks.evidence import gather
from hemline.reporting.networks.story import lead
from tests.reporting.kgdet.test_report import sections
from tests.reporting.networks.test_tables import only

PAPERS = ("paper002-table1", "paper002-table2", "paper004-table1")
OWN = ("experts", "steps", "rows", "normalised_error", "normalised_error_parts")


@pytest.fixture(scope="module")
def written(world_of_networks, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "networks"
    (out / "pictures").mkdir(parents=True)
    (out / "pictures" / "old.jpg").write_bytes(b"old")
    (out / "seeds.json").write_text("{}")
    write_networks_report(world_of_networks.networks_inputs(), out)
    return out


def test_all_files_come_out(written):
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    drawn = {name for name in names if re.match(r"pictures/\d", name)}
    tables = {f"{name}.json" for name in (*PAPERS, *OWN, "rerun")}
    assert names - drawn == {"index.html", "tables.md", "pictures/predictions.jpg", *tables}
    assert len(drawn) == 6


def test_the_page_shows_it_all(written):
    page = (written / "index.html").read_text()
    assert "http://" not in page and "https://" not in page and "<script" not in page
    assert sections(page) == [*PAPERS, "errors", *OWN, "training", "predictions", "rerun"]
    assert page.count("<svg") == 2 + 8 + 1  # errors; a curve a network, one for the experts of one
    assert "experts n-cpn: loss" in page and "of-another-set" not in page
    assert "1.23" in page and "2.5" in page  # parameters and GFLOPs
    head = (written / "tables.md").read_text().splitlines()[0]
    assert head == "# Networks for clothes landmarks: papers 002 and 004's tables and ours"


def test_the_lead_says_which_paper_a_number_is(world_of_networks):
    evidence = gather(world_of_networks.networks_inputs())
    words = lead(evidence)
    for number, name in (
        ("002", "Cascaded Pyramid"),
        ("004", "Fashion Pose Machine"),
        ("000", "Aggregation and"),
    ):
        assert f"paper {number}" in words and name in words
    assert "paper 000" not in lead(replace(evidence, others=()))


def test_the_figures_have_a_bar_a_network(written):
    page = (written / "index.html").read_text()
    figure = page.split('id="errors"')[1].split("</section>")[0]
    categories, landmarks = figure.split("<svg")[1:3]
    for kind in ("bar-after", "bar-hflip", "bar-before"):
        assert categories.count(f'<rect class="{kind}"') == 5
    # of the centre front, the crotch and the outer bottoms none is visible here
    assert landmarks.count('<rect class="bar-after"') == landmarks.count('<rect class="bar-before"') == 10
    assert landmarks.count("theirs-mark") == 26 and "theirs-mark" not in categories
    heights = [float(y) for y in re.findall(r'<rect [^>]*y="([\d.]+)"', landmarks)]
    assert heights == sorted(heights)  # name by name, no bar over another
    widths = [float(one) for one in re.findall(r'<rect [^>]*width="([\d.-]+)"', figure)]
    assert min(widths) > 0 and max(widths) < 420


def test_garments_as_annotated_beside_the_papers_networks(written):
    page = (written / "index.html").read_text()
    captions = re.findall(r"<figcaption>([^<]*OKS[^<]*)</figcaption>", page)
    assert len(captions) == 6 and len({one.split(":")[0] for one in captions}) == 5
    assert all(
        re.fullmatch(r"\w+: OKS CPN \d\.\d\d, FPM \d\.\d\d, FashionNet \d\.\d\d", one) for one in captions
    )
    picture = cv2.imread(str(sorted((written / "pictures").glob("0*.jpg"))[0]))
    assert picture.shape[1] <= 2 * 240 + 4 and picture.shape[0] <= 2 * 300 + 4


def test_the_tables_for_programs(written, world_of_networks):
    found = {name: json.loads((written / f"{name}.json").read_text()) for name in (*PAPERS, *OWN, "rerun")}
    counts = {name: len(one["rows"]) for name, one in found.items()}
    assert counts["rows"] == counts["normalised_error"] == 16 and counts["rerun"] == 11
    assert not found["rows"]["comparable_with_paper"]
    again = found["rerun"]["rows"][8]
    assert again["command"] == "hemline run evaluate_network@x"
    assert again["params"] == (
        "networks.rows.x: {network: n-cpn, boxes: whole, passes: 1, experts: true, flip_test: false}"
    )


def test_the_same_inputs_give_the_same_bytes(world_of_networks, written, tmp_path):
    write_networks_report(world_of_networks.networks_inputs(), tmp_path)
    for path in written.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(written)).read_bytes(), path


@pytest.mark.parametrize("name", ["r0", "r5", "r7", "x"])
def test_one_row_alone(world_of_networks, tmp_path, name):
    """No size, no training, no row of paper 000."""
    inputs = replace(only(world_of_networks, name), others=[], sizes={}).networks_inputs()
    write_networks_report(replace(inputs, models=None), tmp_path)
    page = (tmp_path / "index.html").read_text()
    first = "paper004-table1" if name == "r5" else "paper002-table1"
    shown = sections(page)
    assert shown[0] == first and "experts" not in shown and "steps" not in shown
    assert "No rows of paper 000 beside" in page and "No rows with" in page


def test_without_normalisers(fld_networks, tmp_path):
    write_networks_report(fld_networks.networks_inputs(), tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert text.splitlines()[0].endswith("the experiments of papers 002 and 004 on FLD")
    assert (
        "contest" not in text
        and "theirs-mark" not in (tmp_path / "index.html").read_text().split("</style>")[1]
    )
    assert "none of them stands here" in text


def test_paper_000s_page_of_the_same_pictures(world_of_networks, tmp_path):
    """Whole pictures in the place of a detector's boxes: nothing of a detector stands in it."""
    write_report(world_of_networks.inputs(), tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert "whole pictures, aggregated, finetuned, flip test" in text
    assert "normalised error, visible, contest" in text and "HTC" not in text and "Cascade" not in text
