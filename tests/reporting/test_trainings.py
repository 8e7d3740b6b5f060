"""What trainings left, and what is made of it: curves, costs, how to run a row again."""

import json

import pytest

from hemline.errors import HemlineError
from hemline.reporting.cost import all_needed, cost_table, duration, millions, needed
from hemline.reporting.curves import curves_figures, short
from hemline.reporting.evidence import gather
from hemline.reporting.rerun import rerun_table
from hemline.reporting.trainings import Training, read_trainings, those_at


def training(place: str, seconds: float, memory: float, parameters: int | None, **more) -> Training:
    """Two epochs that took the same time, the second with more memory."""
    epochs = [
        {"epoch": 1, "loss": 2.0, "seconds": seconds / 2, "peak_memory_mb": memory - 100},
        {"epoch": 2, "loss": 1.0, "seconds": seconds / 2, "peak_memory_mb": memory, **more},
    ]
    return Training(tuple(place.split("/")), tuple(epochs), parameters)


TRAININGS = (
    training("detectors/cascade", 60, 1000, 2_500_000),
    training("detectors/htc", 3600, 4200, 31_000_000),
    training("estimators/aggregated", 100, 900, 560_000),
    training("estimators/independent", 200, 950, 600_000),
    training("experts/plain/skirt", 10, 800, 560_000),
    training("experts/plain/vest", 20, 1000, 560_000),
    training("experts/hflip/vest", 20, 800, 560_000),
)


def line_of(table, title):
    return next([cell.text for cell in line.cells] for line in table.lines if line.cells[0].text == title)


def test_costs_are_those_of_all_models_that_a_row_needs(world):
    table = cost_table(gather(world.inputs()), TRAININGS)
    assert line_of(table, "Cascade R-CNN, independent")[1:] == ["2", "4.3 min", "2.50", "0.60", "1.0 GB"]
    assert line_of(table, "annotated boxes, aggregated")[1:] == ["1", "1.7 min", "–", "0.56", "0.9 GB"]
    finetuned = line_of(table, "HTC, aggregated, finetuned, flip test")
    assert finetuned[1:] == ["4", "1.0 h", "31.0", "3 × 0.56", "4.2 GB"]
    assert line_of(table, "ensemble")[1:] == ["5", "1.0 h", "31.0", "4 × 0.56", "4.2 GB"]  # shares its base
    assert line_of(table, "all rows")[1:] == ["7", "1.1 h", "2.50 + 31.0", "0.60 + 4 × 0.56", "4.2 GB"]
    assert table.records[4]["seconds"] == 3600 + 100 + 10 + 20 and table.lines[-1].total


def test_what_was_not_recorded_is_a_dash(world):
    old = Training(("detectors", "htc"), ({"epoch": 1, "loss": 2.0, "seconds": 30.0},), None)
    table = cost_table(gather(world.inputs()), (old, TRAININGS[2]))
    assert line_of(table, "HTC, aggregated")[1:] == ["2", "2.2 min", "–", "0.56", "–"]
    assert line_of(table, "HTC, aggregated, finetuned, flip test")[2] == "–"  # without its experts
    assert needed(world.params(), "htc-finetuned-fliptest", ())[-1] == ("experts", "plain")


def test_amounts_as_text():
    assert [duration(value) for value in (None, 42.4, 90, 3601, 54000)] == [
        "–",
        "42 s",
        "1.5 min",
        "1.0 h",
        "15.0 h",
    ]
    assert [millions(value) for value in (560_000, 9_990_000, 98_412_345)] == ["0.56", "9.99", "98.4"]


def test_each_row_says_how_it_is_made_again(world):
    table = rerun_table(gather(world.inputs()))
    assert [cell.text for cell in table.lines[4].cells[1:]] == [
        "hemline run evaluate@htc-finetuned-fliptest",
        "ablations.htc-finetuned-fliptest: {boxes: htc, estimator: aggregated, experts: plain, flip_test: true}",
    ]
    assert table.lines[-1].cells[2].text == (
        "ensemble: {members: [htc-finetuned-fliptest, htc-finetuned-hflip-fliptest], weights: [1, 1]}"
    )


def test_trainings_are_read(evaluated, tmp_path):
    found = read_trainings(evaluated.root / "models")
    assert [one.group for one in found] == ["detectors htc", "experts plain", "experts plain"]
    assert [one.place[-1] for one in found] == ["htc", "skirt", "sling"]
    assert found[0].losses == (1.0, 0.5, 1 / 3)
    assert (found[0].seconds, found[0].memory, found[0].parameters, found[0].judged) == (None, None, None, ())
    assert read_trainings(None) == () == read_trainings(tmp_path / "none")


def test_what_another_params_set_left_is_no_part_of_it(evaluated_fld):
    """`make demo`, then `make demo-fld`: the experts of DeepFashion2's categories still lie there."""
    evidence, left = gather(evaluated_fld.inputs()), read_trainings(evaluated_fld.root / "models")
    assert ("experts", "plain", "skirt") in [one.place for one in left]
    own = Training(("experts", "plain", "upper-body"), ({"epoch": 1, "loss": 1.0},), 1)
    places = all_needed(evidence, [*left, own])
    assert own.place in places and ("experts", "plain", "skirt") not in places
    assert [one.place for one in those_at([*left, own], places)] == [("detectors", "htc"), own.place]


def test_an_epoch_that_was_run_again_counts_once(tmp_path):
    log = tmp_path / "detectors/htc/training.jsonl"
    log.parent.mkdir(parents=True)
    lines = [{"epoch": 1, "loss": 3, "seconds": 5, "AP": 0.1}, {"epoch": 2, "loss": 2, "seconds": 7}]
    lines.append({"epoch": 2, "loss": 1, "seconds": 6, "AP": 0.3})
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (log.parent / "model.json").write_text('{"parameters": 12}')
    (only,) = read_trainings(tmp_path)
    assert (only.losses, only.seconds, only.judged, only.parameters) == ((3.0, 1.0), 11.0, (0.1, 0.3), 12)
    log.write_text("nonsense\n")
    with pytest.raises(HemlineError, match=r"training\.jsonl:1"):
        read_trainings(tmp_path)


def test_curves_show_validation_where_it_was_looked_at():
    judged = Training(
        ("experts", "plain", "vest"), tuple({"epoch": n, "loss": 1 / n, "AP": n / 10} for n in (1, 2)), 1
    )
    charts = curves_figures((*TRAININGS[:2], judged))
    titles = ["detectors cascade: loss", "detectors htc: loss", "experts plain: loss"]
    assert [title for title, _ in charts] == [*titles, "experts plain: AP on validation"]
    assert all(drawing.count("<polyline") == 1 for _, drawing in charts)
    single = [Training(("experts", "plain", name), ({"epoch": 1, "loss": 1.0},), 1) for name in "abc"]
    ((_, drawing),) = curves_figures(single)
    assert drawing.count("<circle") == 3 and "<polyline" not in drawing and "one epoch, 3 by name" in drawing


@pytest.mark.parametrize(
    ("value", "text"), [(0.0389, "0.039"), (1.23, "1.2"), (99.6, "100"), (123.0, "120"), (2.4e6, "2.4e+06")]
)
def test_a_loss_is_written_short(value, text):
    assert short(value) == text
