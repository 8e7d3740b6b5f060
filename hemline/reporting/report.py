"""The report, assembled and written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemline.evaluation import GroundTruth, as_garments, read_truth
from hemline.evaluation.summary import Columns
from hemline.files import write_json
from hemline.inference.garments import Garment, read_results
from hemline.reporting import paper, story
from hemline.reporting.cost import all_needed, cost_table
from hemline.reporting.curves import curves_figures
from hemline.reporting.differences import Difference, Named, paired, resample_row
from hemline.reporting.errors import CategoryErrors, category_errors
from hemline.reporting.evidence import Evidence, ReportInputs, Row, gather
from hemline.reporting.figures import boxes_figure, finetuning_figure, rows_figure
from hemline.reporting.findings import Finding, answers, caveats, compare
from hemline.reporting.frame import about, write_text
from hemline.reporting.markdown import document
from hemline.reporting.normalised import KEY as NORMALISED
from hemline.reporting.normalised import error_tables
from hemline.reporting.outlines import outline_figure, scale_figure
from hemline.reporting.page import Page, render
from hemline.reporting.pictures import (
    MATCHED,
    Picture,
    choose,
    draw_gallery,
    draw_whole,
    extremes,
    match,
    picture_files,
)
from hemline.reporting.plots import write_plots
from hemline.reporting.rerun import rerun_table
from hemline.reporting.steps import steps_table
from hemline.reporting.submission import submission_lines
from hemline.reporting.tables import Table, ablation_table, categories_table, methods_table
from hemline.reporting.trainings import Training, read_trainings, those_at

EXTREMES = 20  # worst and best predictions, each


@dataclass(frozen=True)
class _Drawn:
    gallery: list[Picture]
    whole: list[Picture]
    worst: list[Picture]
    best: list[Picture]


def write_report(inputs: ReportInputs, out: Path) -> None:
    """Write `out`/index.html, tables.md, table1.json to table3.json, rows.json, pictures/*.jpg and plots/**.csv.

    Raises HemlineError naming the file and the key of what is missing or odd. Earlier files in `out`/pictures and
    `out`/plots are deleted.
    """
    evidence = gather(inputs)
    truth = read_truth(inputs.truth, evidence.wardrobe)
    findings = compare(evidence, _differences(inputs, truth))
    tables = _tables(inputs, evidence, findings)
    found = read_trainings(inputs.models)
    trainings = those_at(found, all_needed(evidence, found))
    errors = _errors(inputs, evidence, as_garments(truth))
    _clear(out)
    drawn = _draw(inputs, evidence, truth, out / "pictures")
    page = _page(inputs, evidence, findings, tables, drawn, errors, trainings)
    _write_json(evidence, (*tables, page.cost, page.rerun), out)
    write_plots(evidence, errors, trainings, out / "plots")
    write_text(out / "tables.md", document(page))
    write_text(out / "index.html", render(page))


def _differences(inputs: ReportInputs, truth: GroundTruth) -> Callable[[Named, Named], Difference]:
    settings = inputs.params.evaluate

    def resampled(name: str) -> Columns:
        results = inputs.results / name / "validation.json"
        return resample_row(truth, results, settings.resamples, settings.seed)

    return paired(resampled)


def _tables(inputs: ReportInputs, evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[Table, ...]:
    tables = (methods_table(evidence), ablation_table(evidence), steps_table(findings))
    found = [table for table in tables if table.lines]  # without neighbouring rows there are no steps
    found.append(categories_table(evidence, findings))
    files = ((row.name, row.title, inputs.metrics / f"{row.name}.json") for row in evidence.rows)
    found += error_tables(evidence, files, evidence.submitted.name)
    return tuple(found if evidence.paper_wardrobe else [table.without_paper() for table in found])


def _shown(evidence: Evidence, tables: Sequence[Table]) -> tuple[Table, ...]:
    """Table 1 without the paper's methods compares nothing."""
    return tuple(table for table in tables if evidence.paper_wardrobe or table.key != "table1")


def _errors_row(evidence: Evidence) -> Row:
    """Landmarks alone, without the detector's share, where that was measured."""
    return evidence.find(paper.GROUND_TRUTH) or evidence.submitted


def _errors(
    inputs: ReportInputs, evidence: Evidence, garments: Sequence[Garment]
) -> tuple[CategoryErrors, ...]:
    results = inputs.results / _errors_row(evidence).name / "validation.json"
    return category_errors(match(garments, read_results(results, evidence.wardrobe)))


def _clear(out: Path) -> None:
    for old in (*out.glob("pictures/*.jpg"), *out.glob("plots/**/*.csv")):
        old.unlink()
    (out / "pictures").mkdir(parents=True, exist_ok=True)


def _draw(inputs: ReportInputs, evidence: Evidence, truth: GroundTruth, out: Path) -> _Drawn:
    predictions = read_results(
        inputs.results / evidence.submitted.name / "validation.json", evidence.wardrobe
    )
    samples, pictures = match(as_garments(truth), predictions), picture_files(truth, inputs.pictures)
    gallery = draw_gallery(choose(samples, inputs.params.report.gallery), pictures, out)
    worst, best = extremes(samples, EXTREMES, 0.0 if evidence.submitted.boxes == "whole" else MATCHED)
    tiles = {
        name: draw_gallery(chosen, pictures, out, name) for name, chosen in (("worst", worst), ("best", best))
    }
    seed = inputs.params.evaluate.seed
    shown, _ = draw_whole(pictures, predictions, out, seed)
    return _Drawn(gallery, shown, **tiles)


def _page(
    inputs: ReportInputs,
    evidence: Evidence,
    findings: tuple[Finding, ...],
    tables: tuple[Table, ...],
    drawn: _Drawn,
    errors: tuple[CategoryErrors, ...],
    trainings: tuple[Training, ...],
) -> Page:
    return Page(
        title=story.title(evidence),
        lead=story.lead(evidence),
        caveats=caveats(evidence),
        facts=story.facts(evidence),
        tables=_shown(evidence, tables),
        answers=answers(evidence, findings),
        figures=(rows_figure(evidence), boxes_figure(evidence), finetuning_figure(evidence)),
        errors=[(story.worst_landmarks(one), outline_figure(one)) for one in errors],
        errors_scale=scale_figure(),
        errors_notes=(story.errors_note(evidence, _errors_row(evidence)), story.overall_worst(errors)),
        gallery=drawn.gallery,
        gallery_note=story.gallery_note(evidence),
        worst=drawn.worst,
        best=drawn.best,
        extremes_note=story.extremes_note(evidence),
        whole=drawn.whole,
        whole_note=story.whole_note(evidence),
        cost=cost_table(evidence, trainings),
        rerun=rerun_table(evidence),
        curves=curves_figures(trainings),
        submission=submission_lines(inputs.submissions),
        provenance=story.provenance(inputs, evidence),
    )


def _write_json(evidence: Evidence, tables: tuple[Table, ...], out: Path) -> None:
    basis, records = about(evidence), {table.key: list(table.records) for table in tables}
    write_json(out / "table1.json", {**basis, "rows": records["table1"]})
    write_json(
        out / "table2.json",
        {**basis, "rows": records["table2"], "steps": records.get("steps", []), **_errors_of(records)},
    )
    write_json(out / "table3.json", {**basis, "rows": records["table3"]})
    rows = [{**cost, **again} for cost, again in zip(records["cost"], records["rerun"], strict=True)]
    write_json(out / "rows.json", {**basis, "rows": rows})


def _errors_of(records: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The normalised errors, where there is such a table."""
    return {NORMALISED: records[NORMALISED]} if NORMALISED in records else {}
