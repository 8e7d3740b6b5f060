"""Where params.yaml has rows of one detector alone, it takes HTC's place."""

import re

import pytest

from hemline.reporting.differences import Difference
from hemline.reporting.evidence import Estimate, gather
from hemline.reporting.figures import boxes_figure, finetuning_figure, rows_figure
from hemline.reporting.findings import answers, compare
from hemline.reporting.plots import write_plots
from hemline.reporting.tables import ablation_table, categories_table
from hemline.wardrobe import wardrobe
from tests.reporting.conftest import DEEPFASHION2, World, rows_of

NAMES = {"cascade": "Cascade R-CNN", "htc": "HTC"}


def lone_world(root, detector: str, table) -> World:
    """All rows of one detector: 0.40, 0.41, ... in the rows' order."""
    members = tuple(f"{detector}-{name}" for name in ("finetuned-fliptest", "finetuned-hflip-fliptest"))
    experts = tuple(entry.slug for entry in table.categories)
    made = World(root, rows=rows_of(detector), members=members, table=table, experts=experts)
    first = table.categories[0].name
    for number, row in enumerate(made.rows):
        made.metrics(row, 0.40 + 0.01 * number, **{first.replace(" ", "_"): 0.3 + 0.01 * number})
    made.counts({first: 50}, {first: 40})
    return made


@pytest.fixture(params=["cascade", "htc"])
def fld(request, tmp_path) -> tuple[World, str]:
    """FLD with one detector, and which."""
    return lone_world(tmp_path, request.param, wardrobe("fld")), request.param


def change(before, after) -> Difference:
    """As the rows' numbers have it."""
    value = after.ap.value - before.ap.value
    estimate = Estimate(value, value - 0.001, value + 0.001)
    return Difference(
        estimate, {name: None if one is None else estimate for name, one in after.categories.items()}
    )


def test_every_step_but_the_one_between_detectors(fld):
    world, detector = fld
    found = compare(gather(world.inputs()), change)
    rows = {one.step.key: (one.before.name, one.after.name) for one in found}
    plain, flip, tuned, hflip = (
        f"{detector}-{name}"
        for name in ("aggregated", "aggregated-fliptest", "finetuned-fliptest", "finetuned-hflip-fliptest")
    )
    assert rows == {
        "aggregation": (f"{detector}-independent", plain),
        "flip-test": (plain, flip),
        "finetuning": (flip, tuned),
        "hflip": (tuned, hflip),
        "ensemble": (hflip, "ensemble"),
        "ground-truth": (plain, "ground-truth-aggregated"),
    }
    assert found[-1].step.what == f"the annotated boxes in place of {NAMES[detector]}'s"


def test_nothing_is_left_out_because_of_the_detector(fld):
    world, _ = fld
    assert not any("Left out" in note for note in ablation_table(gather(world.inputs())).notes)


def test_what_is_missing_is_named_with_its_detector(fld):
    world, detector = fld
    world.rows = [f"{detector}-aggregated", f"{detector}-finetuned-fliptest", "ensemble"]
    evidence = gather(world.inputs())
    name = NAMES[detector]
    absent = f"{name}, independent; {name}, aggregated, flip test; {name}, aggregated, finetuned, flips in training,"
    assert ablation_table(evidence).notes[-1] == (
        f"Left out, because params.yaml has no such row: {absent} flip test; annotated boxes, aggregated."
    )
    notes = categories_table(evidence, compare(evidence, change)).notes
    assert f"No column of ours for “{name}, aggregated, flip test”: params.yaml has no such row." in notes
    assert sum("No column of ours" in note for note in notes) == 1


def test_table_3_has_the_detectors_rows(fld):
    world, _ = fld
    evidence = gather(world.inputs())
    table = categories_table(evidence, compare(evidence, change)).without_paper()
    assert [cell.text for cell in table.lines[0].cells[3:]] == ["0.500", "0.420", "0.430", "+0.010"]
    assert [cell.text for cell in table.lines[1].cells[3:]] == ["0.320", "0.320", "0.330", "+0.010"]
    assert not any("No column" in note or "boxes, the paper's" in note for note in table.notes)


def test_the_questions_are_answered(fld):
    world, detector = fld
    evidence = gather(world.inputs())
    _, bottleneck, training = answers(evidence, compare(evidence, change))
    assert bottleneck.sentences[0].startswith(
        f"The annotated boxes in place of {NAMES[detector]}'s raised AP"
    )
    assert len(bottleneck.sentences) == 2
    starts = ("Aggregating", "Finetuning", "The flip test", "Horizontal flips", "The ensemble")
    assert all(one.startswith(start) for one, start in zip(training.sentences, starts, strict=False))
    assert "HTC's" not in " ".join(bottleneck.sentences + training.sentences) or detector == "htc"


def test_figures_and_plots_have_the_detectors_rows(fld, tmp_path):
    world, detector = fld
    evidence = gather(world.inputs())
    drawing = boxes_figure(evidence)
    assert f"box AP: {NAMES[detector]}, annotated boxes<" in drawing
    dots = {kind: len(re.findall(rf'class="{kind}"', drawing)) for kind in ("ours", "before")}
    assert dots == {"ours": 1 + 2, "before": 1 + 5}  # one in the legend; the line joins two
    bars = re.findall(r'<rect class="([\w-]+)"[^>]*x="4.0"', finetuning_figure(evidence))
    assert bars[:3] == ["bar-before", "bar-after", "bar-hflip"]
    assert ("HTC" in rows_figure(evidence)) == (detector == "htc")
    write_plots(evidence, (), (), tmp_path / "plots")
    assert f"{detector}-finetuned-hflip-fliptest" in (tmp_path / "plots/categories.csv").read_text()


def test_beside_the_papers_numbers_it_says_whose_boxes(tmp_path):
    """On DeepFashion2 the paper's Table 3 is of HTC's boxes, and its ensemble too."""
    evidence = gather(lone_world(tmp_path / "cascade", "cascade", DEEPFASHION2).inputs())
    found = compare(evidence, change)
    note = "APs of ours are in Cascade R-CNN's boxes, the paper's in HTC's."
    assert note in categories_table(evidence, found).notes
    assert "paper, HTC's boxes" in finetuning_figure(evidence).replace("&#x27;", "'").replace("&#39;", "'")
    assert {one.step.key: one.theirs for one in found} == {
        **dict.fromkeys(("flip-test", "finetuning", "hflip", "ensemble")),
        "aggregation": 0.003,
        "ground-truth": 0.093,
    }
    assert "box AP: Cascade R-CNN, HTC, annotated boxes" in boxes_figure(evidence)  # the paper's dots
    htc = gather(lone_world(tmp_path / "htc", "htc", DEEPFASHION2).inputs())
    assert note not in categories_table(htc, ()).notes and "'s boxes" not in finetuning_figure(htc)
