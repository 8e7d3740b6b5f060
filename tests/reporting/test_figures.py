"""Figures and plots hold the tables' numbers."""

import csv
import hashlib
import re
from pathlib import Path

import pytest
import yaml

from hemline.reporting.evidence import gather
from hemline.reporting.figures import boxes_figure, finetuning_figure
from hemline.reporting.plots import write_plots
from hemline.reporting.story import provenance
from hemline.reporting.svg import Axis
from hemline.reporting.trainings import Training

ROOT = Path(__file__).parents[2]


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_bars_are_as_long_as_ap(world):
    """Of 404 user units; in the world vest has 0.33, 0.34 and 0.35, nothing else has an AP."""
    drawing = finetuning_figure(gather(world.inputs()))
    bars = re.findall(r'<rect class="([\w-]+)" x="4.0" y="[\d.]+" width="([\d.]+)"', drawing)
    assert bars == [("bar-before", "133.3"), ("bar-after", "137.4"), ("bar-hflip", "141.4")]
    assert drawing.count('"theirs-mark"') == 2 * 13  # the paper's, without and with finetuning
    assert "vest · 1,234 in training" in drawing
    names = re.findall(r'class="name"[^>]*>([a-z ]+) ·', drawing)
    assert names[-2:] == ["skirt", "vest"] and len(names) == 13  # 7 and 1,234 garments: rarest first


def test_bars_need_both_sides(world):
    world.rows = ["htc-aggregated-fliptest", "htc-finetuned-hflip-fliptest"]
    assert finetuning_figure(gather(world.inputs())).count("<rect") == 2
    world.rows = ["htc-finetuned-fliptest", "htc-finetuned-hflip-fliptest"]
    assert finetuning_figure(gather(world.inputs())) is None


def test_all_rows_stand_against_their_boxes(world):
    drawing = boxes_figure(gather(world.inputs()))
    titles = re.findall("<title>(.*?)</title>", drawing)
    assert sum(title.startswith("ours") for title in titles) == 8
    assert "ours, HTC, aggregated, finetuned, flip test: 0.440" in titles
    assert "paper, ensemble: 0.615" in titles and len(titles) == 16


def test_plots_have_the_same_numbers(world, tmp_path):
    training = Training(
        ("detectors", "htc"), ({"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0, "AP": 0.5}), 1
    )
    expert = Training(("experts", "plain", "vest"), ({"epoch": 1, "loss": 2.0},), 1)
    write_plots(gather(world.inputs()), (), (training, expert), tmp_path)
    rows = rows_of(tmp_path / "rows.csv")
    assert [row["row"] for row in rows] == world.rows and rows[0]["paper"] == "0.556"
    assert [float(rows[0][key]) for key in ("AP_box", "AP", "low", "high")] == pytest.approx(
        [0.5, 0.4, 0.3, 0.6]
    )
    bars = rows_of(tmp_path / "categories.csv")
    assert len(bars) == 3 * 13
    vest = [bar for bar in bars if bar["category"] == "vest"]
    assert [float(bar["AP"]) for bar in vest] == pytest.approx([0.33, 0.34, 0.35])
    assert [bar["paper"] for bar in vest] == ["0.59", "0.595", ""] and bars[0]["AP"] == ""
    assert vest[0]["bar"] == "vest, without finetuning" and bars[-1] == vest[-1]  # rarest first
    epochs = rows_of(tmp_path / "training/detectors-htc.csv")
    assert [(row["epoch"], row["loss"], row["AP"]) for row in epochs] == [
        ("1", "2.0", ""),
        ("2", "1.0", "0.5"),
    ]
    assert not (tmp_path / "training/experts-plain-vest.csv").exists()


def test_dvc_plots_name_what_the_report_writes(world, tmp_path):
    places = ("detectors/cascade", "detectors/htc", "estimators/independent", "estimators/aggregated")
    trainings = [Training(tuple(place.split("/")), ({"epoch": 1, "loss": 2.0},), 1) for place in places]
    write_plots(gather(world.inputs()), (), trainings, tmp_path)
    for plot in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]:
        ((_, asked),) = plot.items()
        assert asked["template"] == "simple" or (ROOT / f".dvc/plots/{asked['template']}.json").is_file()
        across = asked["x"] if isinstance(asked["x"], dict) else dict.fromkeys(asked["y"], asked["x"])
        for file, column in (*across.items(), *asked["y"].items()):
            assert column in rows_of(tmp_path / Path(file).relative_to("reports/plots"))[0]


def test_provenance_knows_the_data(world):
    (world.root / "truth.json").write_bytes(b"{}")
    found = provenance(world.inputs(), gather(world.inputs()))
    assert found["validation annotations, sha256"] == hashlib.sha256(b"{}").hexdigest()[:16]
    assert found["data set"] == "drawings" and found["commit"] == "abc1234"
    assert found["synthetic wardrobe, train"] == "6 pictures, seed 2" and "train folder" not in found


@pytest.mark.parametrize("high", [0.03, 1.0, 70.0, 700.0, 5000.0, 123456.0])
def test_an_axis_has_few_ticks_however_long_it_is(high):
    assert 4 <= len(Axis(0.0, high, 4, 408).ticks()) <= 8
