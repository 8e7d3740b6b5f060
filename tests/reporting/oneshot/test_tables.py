"""Tables from known numbers give exact cells; the paper's stand where the paper has them."""

import json

import pytest

from hemline.errors import HemlineError
from hemline.params import OneShotRow
from hemline.reporting.differences import Difference
from hemline.reporting.evidence import Estimate
from hemline.reporting.oneshot import paper
from hemline.reporting.oneshot.evidence import gather, paper_result
from hemline.reporting.oneshot.grouping import grouping_table, pairs, sentence
from hemline.reporting.oneshot.story import caveats, notes
from hemline.reporting.oneshot.systems import best, categories_table, contenders, systems_table
from hemline.reporting.oneshot.tables import (
    boxes_table,
    detection_table,
    ladder_table,
    landmarks_table,
    methods_table,
    milliseconds,
)
from hemline.reporting.trainings import read_trainings
from tests.reporting.test_trainings import TRAININGS, line_of


def texts(table) -> list[list[str]]:
    return [[cell.text for cell in line.cells] for line in table.lines]


def columns(table, *titles: str) -> list[int]:
    """The places of the columns with these full titles."""
    full = [column.full for column in table.columns]
    return [full.index(title) for title in titles]


def test_table_2_is_the_papers(world):
    """Visible only, then visible and occluded: AP, AP50, AP75 (paper 001, Table 2)."""
    table = methods_table(gather(world.oneshot_inputs()))
    assert [line[2:] for line in texts(table)[:3]] == [
        ["0.601", "0.793", "0.683", "0.532", "0.784", "0.599"],
        ["0.605", "0.790", "0.684", "0.529", "0.775", "0.596"],
        ["0.641", "0.820", "0.728", "0.563", "0.805", "0.641"],
    ]
    ours = table.lines[3]  # hourglass-fusion, the fourth row
    assert ours.ours and [cell.text for cell in ours.cells] == [
        "Hemline, Hourglass, fusion",
        "a drawer of drawings (6 validation pictures)",
        *("0.260", "0.460", "0.360", "0.230", "0.430", "0.330"),
    ]
    assert ours.cells[5].interval == "[0.220, 0.250]"
    assert table.records[3]["row"] == "hourglass-fusion" and "cannot be compared" in table.notes[0]


def test_table_3_is_the_papers(world):
    """The challenge's baseline has no boxes (paper 001, Table 3)."""
    lines = texts(detection_table(gather(world.oneshot_inputs())))
    assert [line[0] for line in lines] == [
        "DeepMark",
        "DeepFashion2 paper (Mask R-CNN)",
        "Hemline, Hourglass, fusion",
    ]
    assert [line[2:] for line in lines] == [
        ["0.723", "0.827", "0.795"],
        ["0.667", "0.814", "0.773"],
        ["0.330", "0.530", "0.430"],
    ]


def test_table_4_is_the_papers(world):
    """Columns without, with NMS, with the flip test, with two scales (paper 001, Table 4)."""
    world.speeds(hourglass_plain=12.3, hourglass_fusion=1234)
    table = ladder_table(gather(world.oneshot_inputs()))
    theirs = columns(table, "AP box, paper", "AP landmarks, paper", "ms a picture, paper")
    assert [[line[place] for place in (0, *theirs)] for line in texts(table)] == [
        ["none", "0.707", "0.511", "73"],
        ["NMS", "0.710", "0.512", "76"],
        ["NMS, flip test", "0.723", "0.529", "165"],
        ["NMS, flip test, scales 1 and 0.75", "0.723", "0.532", "315"],
    ]
    ours = columns(table, "AP box, ours", "AP landmarks, ours", "ms a picture, ours")
    assert [[line[place] for place in ours] for line in texts(table)] == [
        ["0.300", "0.200", "12"],
        ["0.310", "0.210", "–"],
        ["0.320", "0.220", "–"],
        ["0.330", "0.230", "1,234"],
    ]


def test_table_5_is_the_papers(world):
    """DLA-34 and Hourglass, single and fusion (paper 001, Table 5)."""
    table = boxes_table(gather(world.oneshot_inputs()))
    theirs = columns(table, "box AP, paper", "box AP50, paper", "box AP75, paper", "ms a picture, paper")
    assert [[line[place] for place in (0, *theirs)] for line in texts(table)] == [
        ["DLA, single", "0.667", "0.788", "0.750", "35"],
        ["DLA, fusion", "0.686", "0.802", "0.767", "216"],
        ["Hourglass, single", "0.710", "0.821", "0.786", "76"],
        ["Hourglass, fusion", "0.723", "0.827", "0.795", "315"],
    ]
    (ours,) = columns(table, "box AP75, ours")
    assert [line[ours] for line in texts(table)] == ["0.440", "0.450", "0.410", "0.430"]


def test_table_6_is_the_papers(world):
    """Visible only over visible and occluded (paper 001, Table 6)."""
    table = landmarks_table(gather(world.oneshot_inputs()))
    places = columns(table, *(f"landmarks {name}, paper" for name in paper.METRICS), "ms a picture, paper")
    assert [[line[place] for place in (0, 1, *places)] for line in texts(table)] == [
        ["DLA, single", "visible only", "0.469", "0.730", "0.547", "35"],
        ["DLA, single", "visible + occluded", "0.432", "0.716", "0.455", "35"],
        ["DLA, fusion", "visible only", "0.513", "0.746", "0.563", "216"],
        ["DLA, fusion", "visible + occluded", "0.448", "0.730", "0.473", "216"],
        ["Hourglass, single", "visible only", "0.582", "0.784", "0.660", "76"],
        ["Hourglass, single", "visible + occluded", "0.512", "0.774", "0.571", "76"],
        ["Hourglass, fusion", "visible only", "0.601", "0.793", "0.683", "315"],
        ["Hourglass, fusion", "visible + occluded", "0.532", "0.784", "0.599", "315"],
    ]
    (ours,) = columns(table, "landmarks AP50, ours")
    assert [line[ours] for line in texts(table)[:2]] == ["0.470", "0.440"]
    assert table.records[0]["paper"]["landmarks"]["AP50"] == 0.716
    expected = {"value": 0.34, "low": 0.33, "high": 0.36}
    assert table.records[0]["ours"]["boxes"]["AP"] == pytest.approx(expected)


def test_rows_are_known_by_their_setting_not_their_name(world):
    fusion = world.oneshot["hourglass-fusion"]
    world.oneshot = {
        "mine": fusion.model_copy(update={"scales": (0.75, 1.0)}),
        "dla-64-single": world.oneshot["dla-64-single"],
    }
    world.measured("mine", 0.6)
    evidence = gather(world.oneshot_inputs())
    mine, small = evidence.rows
    assert (mine.title, mine.paper.landmarks["AP"]) == ("Hourglass, fusion", 0.532)
    assert small.title == "DLA at 64 × 64, single" and small.paper is None  # the paper has no numbers of it
    assert paper_result(world.params(), "dla-64-single") is None
    assert paper_result(world.params(), "mine").milliseconds == 315
    (note,) = ladder_table(evidence).notes
    assert note.endswith("Hourglass, no NMS; Hourglass, single; Hourglass, flip test.")
    assert len(ladder_table(evidence).lines) == 1


def test_a_setting_that_the_paper_lacks_is_in_words():
    row = paper.Setting("dla", suppression="none", flip_test=True, scales=(1.0, 0.5))
    assert paper.describe(row) == "DLA, no NMS, flip test, scales 1 + 0.5"
    assert paper.result_of(row) is None and paper.strategy(paper.Setting("dla", scales=(0.5,))) == "scale 0.5"


def test_what_params_lack_is_told(world):
    world.oneshot = {name: world.oneshot[name] for name in ("dla-single",)}
    world.rows = []
    evidence = gather(world.oneshot_inputs())
    assert notes(evidence, ()) == (
        "No speeds: the stage speed has not run (metrics/speed/deepmark.json).",
        "No two-stage rows beside: none was evaluated (evaluate.rows, metrics/evaluate).",
        "No rows with the paper's Hourglass: params.yaml has none (oneshot.rows).",
        "No rows that differ in the grouping alone: 294 and 81 heatmaps are not compared.",
    )
    assert ladder_table(evidence).lines == () and len(boxes_table(evidence).lines) == 1
    assert (
        texts(methods_table(evidence))[-1][0] == "Hemline, DLA, single"
    )  # nothing nearer to the paper's best
    assert len(caveats(evidence)) == 1


def test_two_stage_rows_that_were_not_evaluated_are_left_out(world):
    (world.root / "metrics/htc-aggregated.json").unlink()
    names = [row.name for row in gather(world.oneshot_inputs()).others]
    assert len(names) == 7 and "htc-aggregated" not in names


def constant(before, after) -> Difference:
    change = round(after.ap.value - before.ap.value, 3)
    return Difference(Estimate(change, change - 0.02, change + 0.02), {"vest": None})


def test_pairs_differ_in_the_grouping_alone(world):
    world.speeds(dla_single=20, dla_aggregated_single=16)
    evidence = gather(world.oneshot_inputs())
    found = pairs(evidence, constant)
    assert [(pair.independent.name, pair.aggregated.name) for pair in found] == [
        ("dla-single", "dla-aggregated-single"),
        ("dla-fusion", "dla-aggregated-fusion"),
    ]
    table = grouping_table(evidence, found)
    assert texts(table)[0] == [
        "DLA, single",
        *("0.240", "0.280", "+0.040"),
        *("0.270", "0.310", "0.340", "0.380", "20", "16"),
    ]
    assert table.lines[0].cells[3].interval == "[+0.020, +0.060]"
    assert sentence(found[0]) == (
        "Aggregating the landmarks (DLA, single) raised landmark AP by 0.040 [0.020, 0.060]."
    )
    del world.oneshot["dla-single"]
    assert len(pairs(gather(world.oneshot_inputs()), constant)) == 1


def test_what_a_change_is_called(world):
    (pair, _) = pairs(gather(world.oneshot_inputs()), constant)
    changed = [
        type(pair)(pair.independent, pair.aggregated, Difference(Estimate(*ends), {}))
        for ends in ((-0.04, -0.06, -0.02), (0.01, -0.01, 0.03))
    ]
    assert sentence(changed[0]).endswith("lowered landmark AP by 0.040 [0.020, 0.060].")
    assert sentence(changed[1]).endswith("changed landmark AP by +0.010 [−0.010, +0.030], no clear change.")


def test_systems_stand_side_by_side(world):
    world.speeds(dla_single=31, dla_64_single=9.4, htc_aggregated=251)
    world.trained("dla", 3_100_000, 600)
    world.trained("dla-64", 3_100_000, 60)
    evidence = gather(world.oneshot_inputs())
    found = contenders(evidence, read_trainings(world.root / "oneshot/models"), TRAININGS)
    assert [one.number for one in found] == list(range(1, 18))
    assert "ground-truth-aggregated" not in [one.name for one in found]  # it finds no garments by itself
    table = systems_table(evidence, found)
    assert line_of(table, "DLA, single") == [
        *("DLA, single", "5", "0.240", "0.270", "0.340", "31", "3.10", "10.0 min", "one-shot")
    ]
    assert line_of(table, "DLA at 64 × 64, single")[5:8] == ["9.4", "3.10", "11.0 min"]  # its base's time too
    assert line_of(table, "HTC, aggregated")[2:] == [
        *("0.420", "0.430", "0.500", "251", "31.0 + 0.56", "1.0 h", "two-stage")
    ]
    assert line_of(table, "Hourglass, single")[5:8] == ["–", "–", "–"]
    strong = [line.cells[0].text for line in table.lines if line.total]
    assert strong == ["DLA, aggregated, fusion", "ensemble"]
    assert best(found, "two-stage").name == "ensemble" and best(found[:10], "two-stage") is None
    assert any(
        "20 validation pictures, one at a time, on an abacus, 2 threads" in note for note in table.notes
    )


def test_categories_of_each_networks_best_row(world):
    table = categories_table(gather(world.oneshot_inputs()))
    assert [column.full for column in table.columns[2:]] == [
        *("Hourglass, fusion", "DLA, fusion", "DLA at 32 × 32, single", "DLA at 64 × 64, single"),
        *("DLA, aggregated, fusion", "two-stage, submitted"),
    ]
    assert line_of(table, "vest") == ["vest", "40", "0.130", "0.150", "0.160", "0.170", "0.190", "0.300"]
    assert line_of(table, "skirt")[2:] == ["–"] * 6
    record = next(record for record in table.records if record["category"] == "vest")
    assert len(record["AP"]) == 18 and record["AP"]["dla-single"]["value"] == 0.14


def test_amounts_as_text():
    assert [milliseconds(value) for value in (3.44, 9.96, 31.4, 1234.5)] == ["3.4", "10.0", "31", "1,234"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"milliseconds": None}, r"speed\.json: rows\.dla-single is \[None, .* measure again"),
        ({"milliseconds": 0}, r"speed\.json: rows\.dla-single is \[0, "),
    ],
)
def test_odd_speeds_are_named(world, change, message):
    world.speeds(dla_single=20)
    speeds = json.loads((world.root / "speed.json").read_text())
    speeds["rows"]["dla-single"] |= change
    world.write("speed.json", speeds)
    with pytest.raises(HemlineError, match=message):
        gather(world.oneshot_inputs())


def test_missing_metrics_are_named(world):
    world.write("oneshot-metrics/dla-single.json", {"boxes": {}})
    with pytest.raises(HemlineError, match=r"dla-single\.json: no key 'visible_only'"):
        gather(world.oneshot_inputs())
    world.oneshot = {}
    with pytest.raises(HemlineError, match=r"oneshot\.rows has no row with page: deepmark"):
        gather(world.oneshot_inputs())


def test_another_row_of_the_same_setting_changes_no_cell(world):
    row = world.oneshot["dla-single"]
    world.oneshot["again"] = OneShotRow.model_validate(row.model_dump())
    world.measured("again", 0.9)
    assert texts(boxes_table(gather(world.oneshot_inputs())))[0][2] == "0.340"
