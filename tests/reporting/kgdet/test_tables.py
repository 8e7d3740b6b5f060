"""Rows find their place by their networks' settings; the paper's numbers are as printed."""

import json
from dataclasses import replace

import pytest

from hemline.errors import HemlineError
from hemline.reporting.cost import NetworkSize
from hemline.reporting.differences import Difference
from hemline.reporting.evidence import Estimate
from hemline.reporting.kgdet import paper
from hemline.reporting.kgdet.evidence import gather, paper_aps
from hemline.reporting.kgdet.steps import compare, correlation, sentence, steps_table, theirs
from hemline.reporting.kgdet.story import caveats, facts
from hemline.reporting.kgdet.tables import (
    categories_table,
    fld_table,
    models_table,
    modules_table,
    networks_table,
)
from hemline.wardrobe import wardrobe
from tests.reporting.kgdet.conftest import baseline, kgdet, row
from tests.reporting.oneshot.test_tables import columns, texts


def rows_of(table) -> list[str]:
    return [record["row"] for record in table.records]


def test_rows_find_their_place_by_settings(world):
    """The names of rows and networks say nothing; ResNet-34 stands for the deeper backbone beside ResNet-18."""
    evidence = gather(world.kgdet_inputs())
    assert rows_of(networks_table(evidence)) == ["a-mask", "a-retina", "a-fcos", "a-rep", "a-kp", "m4", "m5"]
    assert rows_of(modules_table(evidence)) == ["encoding", "selection"]
    models = models_table(evidence)
    known = [*(f"m{number}" for number in range(8)), "unsupervised", "encoding"]
    assert rows_of(models) == known
    ids = [*(f"#{number}" for number in range(8)), "#4, no loss", "Table 2"]
    assert [line[0] for line in texts(models)] == ids
    titles = {one.name: one.title for one in evidence.rows}
    assert (
        titles["m7"] == "KGDet, 83 points, 3 stages, P3–P6, flip"
        and titles["serial"] == "RepPoints-Kp, serial"
    )
    assert titles["m5"] == "KGDet, 83 points, 3 stages, ResNet-34" and titles["a-retina"] == "RetinaNet"


def test_table_1_is_the_papers(world):
    world.sizes = {
        "m4": NetworkSize(59_130_000, 107_500_000_000),
        "a-fcos": NetworkSize(1_200_000, 420_000_000),
    }
    table = networks_table(gather(world.kgdet_inputs()))
    lines = {line[0]: line for line in texts(table)}
    assert lines["Match R-CNN"][2:] == [
        *("ResNet-18", "0.638", "0.300", "0.789", "0.500", "0.745", "0.400"),
        *("–", "–", "–", "–", "–", "–"),
    ]
    fcos = ["0.641", "0.320", "0.802", "0.520", "0.747", "0.420", "31.9", "1.20", "197.2", "0.42", "38", "–"]
    assert lines["FCOS"][3:] == fcos
    deep, shallow = texts(table)[-1], texts(table)[-2]
    assert deep[2:4] == ["ResNet-34", "0.684"] and shallow[3] == "0.679"
    assert shallow[9:13] == ["59.1", "59.1", "107.5", "108"]
    assert [line.cells[2].interval for line in table.lines][-2:] == ["paper: ResNet-50", "paper: ResNet-101"]
    assert [line[1] for line in texts(table)] == ["✓", "", "", "", "✓", "✓", "✓"]
    assert "RetinaNet, ResNet-101" in table.notes[-1] and "KGDet" not in table.notes[-1]


def test_table_2_is_the_papers(world):
    table = modules_table(gather(world.kgdet_inputs()))
    own = columns(table, "box AP, paper", "box AP75, paper", "landmark AP, paper", "landmark AP50, paper")
    assert [[line[0], *(line[place] for place in own)] for line in texts(table)] == [
        ["Encoding", "0.658", "0.721", "0.317", "0.654"],
        ["Selection", "0.641", "0.705", "0.295", "0.629"],
    ]


def test_table_4_is_the_papers(world):
    """Landmark AP and box AP of #0 to #7 (paper 003, Table 4); #0 has its landmark loss."""
    table = models_table(gather(world.kgdet_inputs()))
    own = columns(table, "landmark AP, paper", "box AP, paper")
    assert [tuple(line[place] for place in own) for line in texts(table)[:9]] == [
        *(("0.302", "0.639"), ("0.308", "0.645"), ("0.316", "0.652"), ("0.327", "0.663")),
        *(("0.338", "0.679"), ("0.359", "0.684"), ("0.356", "0.683"), ("0.368", "0.691")),
        ("–", "0.667"),
    ]
    marks = [(line[5], line[6]) for line in texts(table)]
    assert marks[0] == ("✓", "") and marks[6] == ("✓", "✓") and marks[8] == ("", "")


def test_an_absent_row_is_named(world):
    del world.runs["m2"], world.runs["selection"]
    evidence = gather(world.kgdet_inputs())
    assert models_table(evidence).notes[-1].endswith("KGDet, 49 points, 2 stages, P5–P7, ResNet-50.")
    assert modules_table(evidence).notes == (
        "Left out, because params.yaml has no such row: KGDet, 9 points, selection, 3 stages, P5–P7, ResNet-50.",
    )


def test_a_flip_in_testing_alone_is_not_the_papers(world):
    """The paper fuses mirror images in training too."""
    world.runs = {
        "tested": row("m4", flip_test=True),
        "trained": row("m6"),
        "both": row("m6", flip_test=True),
    }
    for name in world.runs:
        world.measured(name, 0.5, 0.2)
    evidence = gather(world.kgdet_inputs())
    assert [paper.model_of(one.setting) is not None for one in evidence.rows] == [False, False, True]
    assert [one.title.split(", ")[-1] for one in evidence.rows] == ["flip test", "flip in training", "flip"]


@pytest.mark.parametrize(("depth", "printed"), [(50, 0.632), (101, 0.657)])
def test_the_papers_own_backbones_are_known_alone(world, depth, printed):
    world.networks = {"only": baseline("retinanet", depth)}
    world.runs = {"only": row("only")}
    world.measured("only", 0.5, None)
    assert paper_aps(world.params(), "only") == ("1", None, printed)
    assert gather(world.kgdet_inputs()).rows[0].setting.deep == (depth == 101)


def test_what_mlflow_is_told_of_the_paper(world):
    params = world.params()
    assert paper_aps(params, "m5") == ("4", 0.359, 0.684) and paper_aps(params, "serial") is None
    assert paper_aps(params, "selection") == ("2", 0.295, 0.641)
    world.table = wardrobe("fld")
    assert paper_aps(world.params(), "m4") == ("3", None, 0.708) and paper_aps(world.params(), "m5") is None


def test_table_3_is_flds(world):
    assert not fld_table(gather(world.kgdet_inputs())).lines
    world.table = wardrobe("fld")
    for number, name in enumerate(world.runs):
        world.measured(name, 0.3 + 0.01 * number, 0.1 if world.has_landmarks(name) else None)
    world.counts({"upper body": 5}, {"upper body": 4})
    evidence = gather(world.kgdet_inputs())
    table = fld_table(evidence)
    assert [line[::2] for line in (line[1:] for line in texts(table))] == [
        ["0.693", "0.904", "0.778"],
        ["0.687", "0.899", "0.780"],
        ["0.691", "0.913", "0.782"],
        ["0.708", "0.902", "0.790"],
    ]
    assert rows_of(table) == ["a-retina", "a-fcos", "a-rep", "m4"]
    assert {record["paper"] for record in networks_table(evidence).records} == {None}
    assert not evidence.paper_data and "Table 3 alone" in caveats(evidence)[0]
    counts = {"train": 83_033, "validation": 19_992}
    whole = replace(
        evidence, **{split: replace(getattr(evidence, split), pictures=n) for split, n in counts.items()}
    )
    assert whole.paper_data


def test_the_papers_steps():
    """Differences of printed numbers; the landmark loss is worth the text's 1.2 points."""
    changes = {step.key: theirs(step) for step in paper.STEPS}
    assert changes["parallel"] == 0.007 and changes["loss"] == 0.012 and changes["module"] == 0.017
    assert changes["guided"] == 0.039 and changes["stages"] == 0.016 and changes["level"] == 0.008


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((0.03, 0.01, 0.05), "raised box AP by 0.030 [0.010, 0.050] (0.330 to 0.340)."),
        ((-0.03, -0.05, -0.01), "lowered box AP by 0.030 [0.010, 0.050] (0.330 to 0.340)."),
        ((0.01, -0.02, 0.05), "changed box AP by +0.010 [−0.020, +0.050] (0.330 to 0.340), no clear change."),
    ],
)
def test_a_sentence_follows_its_interval(world, change, words):
    evidence = gather(world.kgdet_inputs())
    found = compare(evidence, lambda before, after: Difference(Estimate(*change), {}))
    assert len(found) == len(paper.STEPS)
    assert sentence(found[0]) == f"A landmark head beside the box head {words}"
    assert steps_table(evidence, found).lines[0].cells[1].text == "+0.007"


def test_correlation_is_pearsons(world):
    """Ours rise together by 0.01 from row to row; the paper's was worked out with numpy.corrcoef."""
    evidence = gather(world.kgdet_inputs())
    assert correlation(evidence) == (
        "Over our 10 models box AP and landmark AP have a correlation (Pearson's) of 1.00, over the paper's 8 of 0.98."
    )
    world.runs = {name: world.runs[name] for name in ("m0", "m1", "a-fcos")}
    assert "Too few models with landmarks (2)" in correlation(gather(world.kgdet_inputs()))


def test_categories_have_a_column_a_type(world):
    table = categories_table(gather(world.kgdet_inputs()))
    names = ["Match R-CNN", "RetinaNet", "FCOS", "RepPoints", "RepPoints-Kp", "KGDet"]
    assert [column.title for column in table.columns[2:]] == names
    vest = next(line for line in texts(table) if line[0] == "vest")
    assert vest == ["vest", "40", "0.300", "0.310", "0.320", "0.330", "0.350", "0.460"]


def test_the_best_row_stands_beside_the_best_without_landmarks(world):
    found = facts(gather(world.kgdet_inputs()))
    assert [name for name, _, _ in found] == [
        "box AP, KGDet, 9 points, selection, 3 stages",
        "landmark AP, the same row",
        "box AP, RepPoints",
    ]


def test_odd_inputs_are_named(world):
    world.write("kgdet-metrics/m4.json", {"boxes": {"AP": 0.5}, "landmarks": None, "visible_only": None})
    with pytest.raises(HemlineError, match=r"m4\.json: no key 'boxes\.intervals'"):
        gather(world.kgdet_inputs())
    world.runs = {}
    with pytest.raises(HemlineError, match=r"oneshot\.rows has no row with page: kgdet"):
        gather(world.kgdet_inputs())


def test_deepmark_has_a_page_of_its_own(world):
    from tests.reporting.oneshot.conftest import demo

    world.networks = {"dla": demo().oneshot.networks["dla"], "m4": kgdet()}
    world.runs = {"dla": row("dla")}
    world.measured("dla", 0.5, 0.1)
    with pytest.raises(HemlineError, match=r"'dla' is of type deepmark"):
        gather(world.kgdet_inputs())


def test_unmeasured_garments_are_refused(world):
    path = world.root / "kgdet-metrics/m4.json"
    metrics = json.loads(path.read_text())
    metrics["boxes"]["AP"] = -1
    path.write_text(json.dumps(metrics))
    with pytest.raises(HemlineError, match=r"m4\.json: boxes\.AP is -1"):
        gather(world.kgdet_inputs())
