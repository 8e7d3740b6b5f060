"""Tables from known numbers give exact cells."""

import json

import pytest

from hemline.errors import HemlineError
from hemline.reporting import paper
from hemline.reporting.differences import Difference
from hemline.reporting.evidence import Estimate, gather
from hemline.reporting.findings import compare
from hemline.reporting.markdown import readme_table, table_lines
from hemline.reporting.steps import steps_table
from hemline.reporting.tables import ablation_table, categories_table, methods_table
from tests.reporting.conftest import DEEPFASHION2, ROWS


def no_change(before, after) -> Difference:
    """A difference as the rows' numbers have it, with a made-up interval."""
    change = Estimate(after.ap.value - before.ap.value, -0.005, 0.025)
    categories = dict.fromkeys((entry.name for entry in DEEPFASHION2.categories), None)
    return Difference(change, categories | {"vest": Estimate(0.01, 0.0, 0.02)})


def cells(line) -> list[str]:
    return [f"{cell.text} {cell.interval}".strip() for cell in line.cells]


def row_of(table, name: str) -> list[str]:
    return next(cells(line) for line in table.lines if line.cells[0].text.startswith(name))


def test_the_papers_numbers_agree_with_each_other():
    """The means and sums that the paper prints in Table 3 are those of its categories."""
    assert sum(entry.train for entry in paper.CATEGORIES) == paper.ALL.train
    assert sum(entry.validation for entry in paper.CATEGORIES) == paper.ALL.validation
    for key in ("box_ap", "before", "after"):
        mean = sum(getattr(entry, key) for entry in paper.CATEGORIES) / 13
        assert mean == pytest.approx(getattr(paper.ALL, key), abs=7e-4)
    assert [entry.name for entry in paper.CATEGORIES] == [entry.name for entry in DEEPFASHION2.categories]
    assert (
        paper.ap_of(paper.FLIP_TEST) == paper.ALL.before and paper.ap_of(paper.FINETUNED) == paper.ALL.after
    )


def test_the_papers_steps_are_those_of_its_text():
    """Sec. 3.2 names +0.003, +0.02 and +0.028."""
    steps = {
        step.key: (paper.ap_of(step.before), step.after and paper.ap_of(step.after)) for step in paper.STEPS
    }
    said = {"aggregation": 0.003, "detector": 0.020, "finetuning": 0.028}
    for key, change in said.items():
        before, after = steps[key]
        assert after - before == pytest.approx(change, abs=1e-9)


def test_table_1(world):
    table = methods_table(gather(world.inputs()))
    assert row_of(table, "DeepMark (2020") == ["DeepMark (2020, 2nd)", "DeepFashion2", "–", "0.582274"]
    ours = [
        "Hemline, ensemble",
        "a drawer of drawings (6 validation pictures)",
        "0.470 [0.370, 0.670]",
        "–",
    ]
    assert cells(table.lines[-1]) == ours and table.lines[-1].ours
    assert "cannot be compared" in table.notes[0]


def test_table_1_on_the_papers_data(world):
    counts = {entry.name: entry.validation for entry in paper.CATEGORIES}
    world.counts(counts, counts | {"vest": 2100})  # a few quarantined
    evidence = gather(world.inputs())
    assert evidence.paper_data and "is DeepFashion2's" in methods_table(evidence).notes[0]
    world.counts(counts, counts | {"vest": 2000})
    assert not gather(world.inputs()).paper_data


def test_table_2(world):
    table = ablation_table(gather(world.inputs()))
    assert len(table.lines) == 8
    box = "0.500 [0.400, 0.700]"
    assert cells(table.lines[0]) == [
        *("Cascade R-CNN", "0.707", box, "", "", "", ""),
        *("0.556", "0.400 [0.300, 0.600]", "0.410 [0.310, 0.610]"),
    ]
    assert cells(table.lines[5])[3:8] == ["✓", "✓", "✓", "✓", "0.614"]
    assert cells(table.lines[6])[:2] == ["annotated boxes", "1.000"]
    assert cells(table.lines[7])[:2] == ["HTC, ensemble", "0.764"] and cells(table.lines[7])[7] == "0.615"
    assert "aggregated, finetuned, flip test; HTC" in table.notes[0] and len(table.notes) == 1


def test_rows_taken_out_of_params_are_left_out_and_named(world):
    world.rows = ["cascade-aggregated", "htc-aggregated", "htc-finetuned-fliptest"]
    evidence = gather(world.inputs())
    table = ablation_table(evidence)
    assert len(table.lines) == 3
    assert table.notes[-1].startswith(
        "Left out, because params.yaml has no such row: Cascade R-CNN, independent;"
    )
    assert table.notes[-1].endswith("annotated boxes, aggregated; ensemble.")
    findings = compare(evidence, no_change)
    assert [finding.step.key for finding in findings] == ["detector"]
    third = categories_table(evidence, findings)
    assert row_of(third, "all")[7:] == ["0.584", "–", "0.612", "0.440 [0.340, 0.640]", "+0.028", "–"]
    assert any("HTC, aggregated, flip test”" in note for note in third.notes)


def test_a_row_that_the_paper_lacks_stands_beside_the_others(world, monkeypatch):
    monkeypatch.setitem(ROWS, "ground-truth-finetuned", ("ground-truth", "aggregated", "plain", False))
    world.rows.insert(-1, "ground-truth-finetuned")
    world.metrics("ground-truth-finetuned", 0.9)
    evidence = gather(world.inputs())
    line = cells(ablation_table(evidence).lines[7])
    assert line[:2] == ["annotated boxes", "–"] and line[3:8] == ["✓", "✓", "", "", "–"]
    assert line[8] == "0.900 [0.800, 1.100]"
    assert len(compare(evidence, no_change)) == 7  # the paper's steps


def test_steps(world):
    table = steps_table(compare(gather(world.inputs()), no_change))
    assert [line.cells[1].text for line in table.lines] == [
        *("+0.003", "+0.020", "+0.005", "+0.028", "+0.002", "+0.001", "+0.073"),
    ]
    assert cells(table.lines[0])[2] == "+0.010 [−0.005, +0.025]"
    assert cells(table.lines[3])[3:] == [
        "HTC, aggregated, flip test",
        "HTC, aggregated, finetuned, flip test",
    ]


def test_an_ensemble_of_other_rows_has_no_number_in_the_paper(world):
    world.members = ("cascade-aggregated", "htc-aggregated")
    evidence = gather(world.inputs())
    assert cells(ablation_table(evidence).lines[7])[7] == "–"
    assert "ensemble" not in [finding.step.key for finding in compare(evidence, no_change)]


def test_table_3(world):
    world.experts = tuple(entry.slug for entry in DEEPFASHION2.categories if entry.slug != "skirt")
    evidence = gather(world.inputs())
    table = categories_table(evidence, compare(evidence, no_change))
    assert row_of(table, "vest") == [
        *("vest", "16,095", "1,234", "2,113", "40", "0.761", "0.330 [0.230, 0.530]"),
        *(
            "0.590",
            "0.330 [0.230, 0.530]",
            "0.595",
            "0.340 [0.240, 0.540]",
            "+0.005",
            "+0.010 [0.000, +0.020]",
        ),
    ]
    assert row_of(table, "all")[:5] == ["all", "312,186", "1,241", "52,490", "43"]
    assert row_of(table, "skirt")[0] == "skirt †‡"  # not in params, and three garments alone
    assert row_of(table, "sling")[0] == "sling †" and row_of(table, "sling")[6] == "–"  # no garments at all
    for mark in "†‡–":
        assert any(note.startswith(mark) for note in table.notes)


def test_an_experts_folder_says_whether_there_is_one(world):
    """Garments without a single landmark are counted, but train nothing."""
    world.write("models/experts/plain/vest/settings.json", {"category": "vest", "reason": "no landmark"})
    world.write("models/experts/plain/skirt/settings.json", {"network": {}, "grouping": []})
    names = gather(world.inputs()).without_expert
    assert "vest" in names and "skirt" not in names and "sling" in names


def test_without_finetuned_rows_nobody_lacks_an_expert(world):
    world.rows = ["htc-aggregated-fliptest"]
    evidence = gather(world.inputs())
    assert evidence.without_expert == ()


def test_markdown_table_is_whole(world):
    evidence = gather(world.inputs())
    for table in (methods_table(evidence), ablation_table(evidence)):
        lines = [line for line in table_lines(table) if line.startswith("|")]
        assert {line.count("|") for line in lines} == {len(table.columns) + 1}
        assert len(lines) == len(table.lines) + 2


def test_what_a_user_writes_cannot_break_a_markdown_table(world):
    world.data = "mine | yours\n<b>*bold*</b> [a](b)"
    lines = table_lines(methods_table(gather(world.inputs())))
    ours = next(line for line in lines if "Hemline" in line)
    assert r"mine \| yours \<b\>\*bold\*\</b\> [a]\(b)" in ours


def test_readme_table(world):
    table = ablation_table(gather(world.inputs()))
    lines = readme_table({"rows": list(table.records)}).splitlines()
    assert lines[2] == "| Cascade R-CNN, independent | 0.707 | 0.500 | 0.556 | 0.400 [0.300, 0.600] |"
    assert lines[-1] == "| ensemble | 0.764 | 0.500 | 0.615 | 0.470 [0.370, 0.670] |"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda metrics: metrics["landmarks"].pop("AP"), "no key 'landmarks.AP'"),
        (lambda metrics: metrics["landmarks"].pop("intervals"), "no key 'landmarks.intervals'"),
        (lambda metrics: metrics["landmarks"]["intervals"].update(AP=None), "None; a number and"),
        (lambda metrics: metrics.update(boxes=None), "no key 'boxes.AP'"),
        (lambda metrics: metrics["landmarks"].update(AP=-1), "landmarks.AP is -1"),
    ],
)
def test_metrics_that_lack_something_are_named(world, damage, message):
    path = world.root / "metrics" / "htc-aggregated.json"
    metrics = json.loads(path.read_text())
    damage(metrics)
    path.write_text(json.dumps(metrics))
    with pytest.raises(HemlineError, match=r"htc-aggregated\.json") as error:
        gather(world.inputs())
    assert message in str(error.value)


def test_a_missing_file_or_row_is_named(world):
    (world.root / "metrics" / "ensemble.json").unlink()
    with pytest.raises(HemlineError, match=r"ensemble\.json: no such file"):
        gather(world.inputs())
    world.rows.insert(0, "unheard-of")
    world.metrics("unheard-of", 0.5)
    with pytest.raises(HemlineError, match="unheard-of"):
        gather(world.inputs())
