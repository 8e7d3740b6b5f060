"""The papers' numbers are as printed; rows find their tables by their networks; numbers are what results give."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.evaluation import read_truth
from hemline.evaluation.truth import own_landmarks
from hemline.reporting.evidence import Estimate
from hemline.reporting.networks import paper
from hemline.reporting.networks.errors import measuring, sides_together
from hemline.reporting.networks.evidence import gather
from hemline.reporting.networks.rows import comparable
from hemline.reporting.networks.steps import compare, experts_table, sentence, steps_table
from hemline.reporting.networks.story import facts
from hemline.reporting.networks.tables import (
    AVERAGE,
    backbones_table,
    landmarks_table,
    network_rows,
    networks_table,
    rows_table,
)
from hemline.wardrobe import wardrobe
from tests.reporting.networks.conftest import FASHIONAI, cpn, row, trained
from tests.reporting.oneshot.test_tables import texts

# Paper 004, Table 1, as in facts of the papers: neck, centre front, shoulder, armpit, waistline, cuff in and out, top
# hem, waistband, hem, crotch, bottom in and out, "Ave".
PRINTED = """
FashionNET .0672 .0773 .0676 .1267 .1145 .2609 .2713 .1927 .1682 .1145 .2551 .1401 .1416 .1636
FPM        .0394 .0483 .0398 .0981 .0766 .2043 .2146 .1648 .1332 .0771 .1791 .1025 .1028 .1226
"""


def read(world):
    """What the page's tables are made from."""
    inputs = world.networks_inputs()
    evidence = gather(inputs)
    truth = read_truth(inputs.shared.truth, evidence.wardrobe)
    settings = inputs.params.evaluate
    return evidence, measuring(truth, settings.resamples, settings.seed)


def without(world, *names: str):
    """The world with fewer rows."""
    return replace(world, runs={name: one for name, one in world.runs.items() if name not in names})


def only(world, *names: str):
    return replace(world, runs={name: world.runs[name] for name in names})


def rows_of(table) -> list[str]:
    return [record["row"] for record in table.records]


def test_paper_004s_numbers_are_as_printed():
    for line, kind in zip(PRINTED.strip().splitlines(), ("fashionnet", "fpm"), strict=True):
        *landmarks, average = map(float, line.split()[1:])
        assert list(paper.FPM_ERRORS[kind].landmarks.values()) == landmarks
        assert paper.FPM_ERRORS[kind].average == average
    means = [np.mean(list(one.landmarks.values())) for one in paper.FPM_ERRORS.values()]
    assert np.round(means, 4).tolist() == [0.1537, 0.1139]  # what the note says of "Ave"
    assert sorted(paper.FPM_LANDMARKS) == sorted(sides_together(FASHIONAI))
    assert sides_together(wardrobe("fld")) == ("collar", "sleeve", "hem", "waistline")


def test_rows_find_their_tables_by_their_networks(world_of_networks):
    """Their names, and the networks' names, say nothing."""
    evidence, measure = read(world_of_networks)
    kinds = {one.name: one.kind.type for one in evidence.rows}
    assert [kinds[name] for name in rows_of(landmarks_table(evidence, measure))] == ["fashionnet", "fpm"]
    table = networks_table(evidence, measure)
    assert rows_of(table) == ["r1", "x", "y", "z", "r0", "r2", "r7"]  # CPN with ResNet, CPM, two Hourglasses
    assert rows_of(backbones_table(evidence, measure)) == ["r1", "r3", "r4", "x", "y", "z"]
    titles = {one.name: one.title for one in evidence.every}
    assert titles["r1"] == "CPN, ResNet-50" and titles["r3"] == "CPN, DetNet-59"
    assert titles["x"] == "CPN, ResNet-50, experts" and titles["z"] == "CPN, ResNet-50, two passes"
    assert titles["r7"] == "Hourglass (n-apart), independent"
    assert titles["finetuned-fliptest"] == "paper 000: HRNet, experts, flip test"
    assert titles["ensemble"] == "paper 000: ensemble"


def test_titles_say_what_is_unusual(world_of_networks):
    """Where most rows take a second look, those that take one are named for it."""
    kept = {"r0": row("n-cpm", passes=2), "r1": row("n-cpn", passes=2), "r5": row("n-fpm")}
    kept["x"] = row("n-hourglass").model_copy(update={"boxes": "ground-truth"})
    evidence, _ = read(replace(world_of_networks, runs=kept))
    titles = [one.title for one in evidence.every][:5]
    assert titles == [
        *("CPM", "CPN, ResNet-50", "FPM, one pass", "Hourglass, in annotated boxes"),
        "paper 000: HRNet, independent, one pass",
    ]
    looks = [line[1] for line in texts(rows_table(evidence))]
    assert looks[:4] == ["whole pictures, two passes"] * 2 + ["whole pictures", "annotated boxes"]


def plain_errors(world, name: str, landmark: str = "", category: str = "", contest: bool = False):
    """The mean error of visible landmarks, worked out one by one from the files."""
    truth = read_truth(world.root / "truth.json", world.table)
    found = json.loads((world.root / "networks/results" / name / "validation.json").read_text())
    values = []
    for entry in truth.annotations:
        kind = world.table.category(entry.category_id)
        (result,) = (
            one for one in found
            if (one["image_id"], one["category_id"]) == (entry.image_id, entry.category_id)
        )  # fmt: skip
        predicted = np.array(result["keypoints"]).reshape(-1, 3)
        if len(predicted) != kind.count:
            predicted = predicted[kind.slice]
        own = own_landmarks(entry, world.table)
        scale = np.array(truth.sizes[entry.image_id])
        if contest:
            armpits = [place for place, one in enumerate(kind.landmarks) if one.normaliser]
            scale = np.linalg.norm(own[armpits[0], :2] - own[armpits[1], :2])
        for place, one in enumerate(kind.landmarks):
            named = one.name.replace("_left", "").replace("_right", "") == landmark or not landmark
            if own[place, 2] == 2 and named and category in ("", kind.name):
                values.append(np.linalg.norm((predicted[place, :2] - own[place, :2]) / scale))
    return float(np.mean(values))


def test_paper_004s_table_holds_what_the_results_give(world_of_networks):
    evidence, measure = read(world_of_networks)
    table = landmarks_table(evidence, measure)
    fashionnet, fpm = table.records
    assert fpm["ours"]["crotch"] is None  # none is visible
    for name in ("cuff_in", "bottom_in", "neckline"):
        assert fpm["ours"][name]["value"] == pytest.approx(plain_errors(world_of_networks, fpm["row"], name))
    assert fpm["ours"][AVERAGE]["value"] == pytest.approx(plain_errors(world_of_networks, fpm["row"]))
    block = world_of_networks.metrics_of(fashionnet["row"])["normalised_error"]
    average = fashionnet["ours"][AVERAGE]
    assert average["value"] == pytest.approx(block["NE"])
    assert [average["low"], average["high"]] == pytest.approx(block["intervals"]["NE"])
    lines = texts(table)
    assert [line[0] for line in lines[:2]] == ["FashionNet, paper", "FashionNet"]
    *landmarks, average = (f"0{number}" for number in PRINTED.strip().splitlines()[0].split()[1:])
    assert lines[0][1:] == [average, *landmarks]
    assert [column.title for column in table.columns][:3] == ["method", AVERAGE, "neck"]


def test_how_much_better_paper_004s_method_is(world_of_networks):
    evidence, measure = read(world_of_networks)
    table = landmarks_table(evidence, measure)
    theirs, ours = texts(table)[-2:]
    assert theirs[0] == "FPM against FashionNet, paper" and theirs[1] == "−25 %"  # "25% better", abstract
    assert theirs[2] == "−41 %"  # .0394 / .0672
    before, after = (record["ours"][AVERAGE]["value"] for record in table.records)
    assert ours[0] == "FPM against FashionNet" and ours[1].startswith(f"−{100 * (1 - after / before):.0f} %")


def test_paper_002s_table_holds_what_the_results_give(world_of_networks):
    evidence, measure = read(world_of_networks)
    table = networks_table(evidence, measure)
    record = table.records[0]["per_category"]
    assert list(record) == ["blouse", "outwear", "dress", "trousers", "skirt", "mean", "all"]  # no jumpsuit
    block = world_of_networks.metrics_of("r1")["normalised_error"]
    for name in ("dress", "skirt"):
        wanted = plain_errors(world_of_networks, "r1", category=name, contest=True)
        assert record[name]["value"] == pytest.approx(wanted)
        ends = block["intervals"]["per_category_contest"][name]
        assert [record[name]["low"], record[name]["high"]] == pytest.approx(ends)
    five = [value["value"] for name, value in record.items() if name not in ("mean", "all")]
    assert record["mean"]["value"] == pytest.approx(np.mean(five))
    assert record["all"]["value"] == pytest.approx(block["NE_contest"])
    cells = table.lines[0].cells
    assert cells[7].text == f"{100 * block['NE_contest']:.2f}" and cells[7].interval
    assert [cell.text for cell in cells[-2:]] == ["1.23", "2.5"]
    assert "5 % to 7 %" in " ".join(table.notes)


def test_one_backbone_has_no_table(world_of_networks):
    evidence, measure = read(without(world_of_networks, "r3", "r4"))
    assert not backbones_table(evidence, measure).lines
    evidence, measure = read(without(world_of_networks, "r4"))
    assert backbones_table(evidence, measure).notes[-1].endswith("SE-ResNet.")
    evidence, measure = read(only(world_of_networks, "r3"))  # no CPN with the main backbone
    assert rows_of(networks_table(evidence, measure)) == ["r3"]


def test_paper_000s_rows_stand_beside(world_of_networks):
    evidence, _ = read(world_of_networks)
    table = rows_table(evidence)
    assert [record["of"] for record in table.records] == ["networks"] * 11 + ["paper 000"] * 5
    record = next(one for one in table.records if one["row"] == "finetuned")
    metrics = world_of_networks.metrics_of("finetuned")
    assert record["NE_contest"]["value"] == metrics["normalised_error"]["NE_contest"]
    assert record["AP"]["value"] == metrics["AP"] and record["setting"]["experts"] == "plain"
    assert texts(table)[-1][1] == "–"  # the ensemble's boxes are its members'


def test_experts_against_one_network_for_all(world_of_networks):
    evidence, measure = read(world_of_networks)
    table = experts_table(evidence, compare(evidence, measure))
    pairs = [(record["before"], record["after"]) for record in table.records]
    assert pairs == [("r1", "x"), ("paper 000: aggregated", "paper 000: finetuned")]
    joint, experts = (
        world_of_networks.metrics_of(name)["normalised_error"]["NE_contest"] for name in ("r1", "x")
    )
    change = table.records[0]["change"]
    assert change["value"] == pytest.approx(experts - joint) and change["low"] < change["high"]
    outwear = [
        world_of_networks.metrics_of(name)["normalised_error"]["per_category_contest"]["outwear"]
        for name in ("r1", "x")
    ]
    assert table.records[0]["per_category"]["outwear"]["value"] == pytest.approx(outwear[1] - outwear[0])
    assert table.records[0]["per_category"]["jumpsuit"] is None


def test_flips_in_the_experts_training_are_another_step(world_of_networks):
    evidence, measure = read(world_of_networks)
    last = evidence.others[-2]
    flips = replace(last, setting=replace(last.setting, experts="hflip"), name="flips")
    found = compare(replace(evidence, others=(last, flips)), measure)
    assert [(one.step.key, one.step.after.name) for one in found if not one.step.after.network] == [
        ("hflip", "flips")
    ]


def test_intervals_of_changes_are_paired(world_of_networks):
    """A row against itself doesn't differ, on whatever pictures."""
    evidence, measure = read(world_of_networks)
    found = compare(evidence, measure)
    experts = next(one for one in found if one.step.key == "experts")
    same = replace(experts.step, before=experts.step.after)
    errors = [measure(one, "NE_contest").all for one in (same.before, same.after)]
    assert (errors[0] == errors[1]).all() and len(errors[0]) == 31
    one = world_of_networks.metrics_of("r1")["normalised_error"]["intervals"]["NE_contest"]
    assert experts.change.high - experts.change.low < 2 * (one[1] - one[0])


def test_every_choice_is_a_step(world_of_networks):
    evidence, measure = read(world_of_networks)
    table = steps_table(compare(evidence, measure))
    found = [(record["step"], record["before"], record["after"]) for record in table.records]
    mine = "paper 000: "
    assert found == [
        ("network", "r0", "r1"),
        ("network", "r2", "r1"),
        ("network", "r6", "r5"),
        ("backbone", "r1", "r3"),
        ("backbone", "r1", "r4"),
        ("grouping", "r7", "r2"),
        ("grouping", f"{mine}independent", f"{mine}aggregated"),
        ("passes", "r1", "z"),
        ("flip_test", "r1", "y"),
        ("flip_test", f"{mine}finetuned", f"{mine}finetuned-fliptest"),
        ("ensemble", f"{mine}finetuned-fliptest", f"{mine}ensemble"),
    ]
    assert [column.full for column in table.columns] == [
        "step",
        "change of NE, percentage points",
        "from",
        "to",
    ]


def test_a_claims_sentence_follows_from_the_interval(world_of_networks):
    evidence, measure = read(world_of_networks)
    finding = compare(evidence, measure)[0]
    said = sentence(finding)
    assert said.startswith("CPN, ResNet-50 in the place of CPM lowered NE (%) by ")
    assert said.endswith(", as paper 002 has it.")
    change = finding.change
    up = replace(finding, change=replace(change, value=0.011, low=0.01, high=0.012))
    assert " raised NE (%) by 1.10 [1.00, 1.20] " in sentence(up)
    assert sentence(up).endswith(", against what paper 002 has.")
    open_ = replace(finding, change=replace(change, value=0.001, low=-0.01, high=0.012))
    assert sentence(open_).endswith(", no clear change, where paper 002 has a lower one.")


def test_a_wardrobe_without_normalisers_has_the_pictures_error(fld_networks):
    evidence, measure = read(fld_networks)
    assert evidence.error == "NE"
    table = networks_table(evidence, measure)
    assert {column.group for column in table.columns[1:-2]} == {"NE, %"}
    block = fld_networks.metrics_of("r1")["normalised_error"]
    assert table.records[0]["per_category"]["all"]["value"] == pytest.approx(block["NE"])
    landmarks = landmarks_table(evidence, measure)
    assert not [line for line in texts(landmarks) if "paper" in line[0]]
    assert landmarks.records[0]["paper"] is None and len(landmarks.columns) == 1 + 1 + 4
    assert [column.full for column in rows_table(evidence).columns][2:4] == [
        "NE, picture",
        "landmark AP, all",
    ]


def test_many_landmarks_have_no_columns(world_of_networks):
    """DeepFashion2's 294 would not fit."""
    evidence, measure = read(world_of_networks)
    other = replace(evidence, params=evidence.params.model_copy(
        update={"data": evidence.params.data.model_copy(update={"wardrobe": "deepfashion2"})}
    ))  # fmt: skip
    assert len(sides_together(wardrobe("deepfashion2"))) > 16
    assert [column.title for column in landmarks_table(other, measure).columns] == ["method", AVERAGE]


def test_what_params_yaml_lacks_is_said(world_of_networks):
    evidence, measure = read(only(world_of_networks, "r5", "r0"))
    landmarks, networks = landmarks_table(evidence, measure), networks_table(evidence, measure)
    assert len(landmarks.lines) == 2 and "no such row: FashionNet." in landmarks.notes[-1]
    assert rows_of(networks) == ["r0"] and "no such row: CPN and Hourglass." in networks.notes[-1]


def test_networks_of_one_kind_are_told_apart_by_name(world_of_networks):
    networks = {"a": trained(cpn()), "b": trained(cpn(), epochs=2)}
    world = replace(world_of_networks, networks=networks, runs={"r0": row("a"), "r1": row("b")})
    evidence, _ = read(world)
    assert [one.title for one in evidence.rows] == ["CPN, ResNet-50 (a)", "CPN, ResNet-50 (b)"]


def test_bad_input_is_explained(world_of_networks, tmp_path):
    inputs = replace(world_of_networks.networks_inputs(), metrics=tmp_path)
    with pytest.raises(HemlineError, match=r"r0\.json: no such file"):
        gather(inputs)
    metrics = world_of_networks.metrics_of("r0")
    del metrics["normalised_error"]["NE_contest"]
    for name in world_of_networks.runs:
        (tmp_path / f"{name}.json").write_text(json.dumps(metrics))
    with pytest.raises(HemlineError, match=r"r0\.json: no key 'normalised_error\.NE_contest'"):
        gather(inputs)


def test_rows_without_an_error_are_dashes(world_of_networks, tmp_path):
    """Pictures whose sizes aren't known."""
    for name in world_of_networks.runs:
        metrics = world_of_networks.metrics_of(name) | {"normalised_error": None}
        (tmp_path / f"{name}.json").write_text(json.dumps(metrics))
    evidence = gather(replace(world_of_networks.networks_inputs(), metrics=tmp_path))
    assert [cell.text for cell in rows_table(evidence).lines[0].cells[2:4]] == ["–", "–"]


def test_networks_are_compared_in_one_setting(world_of_networks):
    """CPN's experts have the lowest error, but the others have none."""
    evidence, _ = read(world_of_networks)
    assert [one.name for one in comparable(network_rows(evidence))] == ["r1", "r0", "r2"]
    evidence, _ = read(only(world_of_networks, "x", "y", "r5"))
    assert [one.name for one in comparable(evidence.of_types(("cpn", "fpm", "cpm")))] == ["x", "r5"]


def test_no_row_in_annotated_boxes_stands_for_paper_000(world_of_networks):
    """The networks look at whole pictures: what was given the boxes is not set beside them."""
    evidence, measure = read(world_of_networks)
    best = evidence.others[0]
    easier = replace(best.setting, boxes="ground-truth")
    given = replace(best, name="given", setting=easier, title="given", shown=Estimate(0.0, 0.0, 0.0))
    evidence = replace(evidence, others=(*evidence.others, given))
    assert [row.name for row in evidence.others_alike] == [row.name for row in evidence.others[:-1]]
    assert not any("given" in name for name, _, _ in facts(evidence, measure))


def test_of_several_seeds_a_comparison_says_which_it_is_of(world_of_networks):
    known = {"one": trained("fpm"), "two": trained("fpm", seed=1), "n-fashionnet": trained("fashionnet")}
    runs = {"r5": row("one"), "r2": row("two"), "r6": row("n-fashionnet")}
    evidence, measure = read(replace(world_of_networks, networks=known, runs=runs))
    assert texts(landmarks_table(evidence, measure))[-1][0] == "FPM (one) against FashionNet"
