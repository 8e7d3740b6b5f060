"""The report, assembled and written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hemline.evaluation import GroundTruth, as_garments, read_truth
from hemline.evaluation.summary import Columns
from hemline.files import atomic_write, write_json
from hemline.inference.garments import read_results
from hemline.reporting import paper
from hemline.reporting.differences import Difference, difference, resample_row
from hemline.reporting.evidence import DETECTORS, Evidence, ReportInputs, Row, gather
from hemline.reporting.figures import (
    boxes_figure,
    curves_figures,
    finetuning_figure,
    read_curves,
    rows_figure,
)
from hemline.reporting.findings import Finding, answers, caveats, compare
from hemline.reporting.markdown import document
from hemline.reporting.numbers import fixed, interval, whole
from hemline.reporting.page import Page, render
from hemline.reporting.pictures import SHOWN_SCORE, Picture, choose, draw_gallery, draw_whole, match
from hemline.reporting.submission import submission_lines
from hemline.reporting.tables import Table, ablation_table, categories_table, methods_table, steps_table

TITLE = "Clothes landmarks: the paper's tables and ours"


@dataclass(frozen=True)
class _Drawn:
    gallery: list[Picture]
    gallery_note: str
    whole: list[Picture]


def write_report(inputs: ReportInputs, out: Path) -> None:
    """Write `out`/index.html, tables.md, table1.json to table3.json and pictures/*.jpg.

    Raises HemlineError naming the file and the key of what is missing or odd. Earlier pictures in
    `out`/pictures are deleted.
    """
    evidence = gather(inputs)
    truth = read_truth(inputs.truth)
    findings = compare(evidence, _differences(inputs, truth))
    tables = _tables(evidence, findings)
    drawn = _draw(inputs, evidence, truth, out / "pictures")
    page = _page(inputs, evidence, findings, tables, drawn)
    _write_json(evidence, tables, out)
    _write_text(out / "tables.md", document(page))
    _write_text(out / "index.html", render(page))


def _differences(inputs: ReportInputs, truth: GroundTruth) -> Callable[[Row, Row], Difference]:
    settings = inputs.params.evaluate

    @cache
    def resampled(name: str) -> Columns:
        results = inputs.results / name / "validation.json"
        return resample_row(truth, results, settings.resamples, settings.seed)

    def between_rows(before: Row, after: Row) -> Difference:
        return difference(resampled(before.name), resampled(after.name))

    return between_rows


def _tables(evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[Table, ...]:
    tables = (methods_table(evidence), ablation_table(evidence), steps_table(findings))
    shown = (table for table in tables if table.lines)  # without neighbouring rows there are no steps
    return (*shown, categories_table(evidence, findings))


def _draw(inputs: ReportInputs, evidence: Evidence, truth: GroundTruth, out: Path) -> _Drawn:
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.jpg"):
        old.unlink()
    predictions = read_results(inputs.results / evidence.submitted.name / "validation.json")
    samples = choose(match(as_garments(truth), predictions), inputs.params.report.gallery)
    gallery = draw_gallery(samples, inputs.pictures, out)
    seed = inputs.params.evaluate.seed
    shown, _ = draw_whole(truth.images, predictions, inputs.pictures, out, seed)
    return _Drawn(gallery, _gallery_note(evidence), shown)


def _gallery_note(evidence: Evidence) -> str:
    return (
        f"Annotated on the left, predicted on the right (row: {evidence.submitted.title}). In each category the"
        " garments are picked at equal steps of its ranking by OKS, neither the best nor the worst: two are the"
        " quartiles. Hollow dots on thin lines are occluded where annotated, unsure where predicted."
    )


def _whole_note(evidence: Evidence) -> str:
    return (
        f"Pictures drawn by lot; everything found with a box score of {SHOWN_SCORE} or more is shown"
        f" (row: {evidence.submitted.title})."
    )


def _page(
    inputs: ReportInputs,
    evidence: Evidence,
    findings: tuple[Finding, ...],
    tables: tuple[Table, ...],
    drawn: _Drawn,
) -> Page:
    curves = read_curves(inputs.models) if inputs.models is not None and inputs.models.is_dir() else {}
    return Page(
        title=TITLE,
        lead=_lead(evidence),
        caveats=caveats(evidence),
        facts=_facts(evidence),
        tables=tables,
        answers=answers(evidence, findings),
        figures=(rows_figure(evidence), boxes_figure(evidence), finetuning_figure(evidence)),
        gallery=drawn.gallery,
        gallery_note=drawn.gallery_note,
        whole=drawn.whole,
        whole_note=_whole_note(evidence),
        submission=submission_lines(inputs.submissions),
        curves=curves_figures(curves),
        provenance=_provenance(inputs, evidence),
    )


def _lead(evidence: Evidence) -> str:
    train, validation = evidence.train, evidence.validation
    return (
        f"The experiments of “{paper.TITLE}” ({paper.AUTHOR}), run with the parameter set"
        f" “{evidence.params.params_set}” on {evidence.data}: {whole(train.garments)} garments in"
        f" {whole(train.pictures)} training pictures and {whole(validation.garments)} garments in"
        f" {whole(validation.pictures)} validation pictures. AP is DeepFashion2's, the mean over categories and OKS"
        " thresholds .50 to .95, on visible and occluded landmarks unless said otherwise. Brackets hold 95 %"
        f" bootstrap intervals, from {whole(evidence.params.evaluate.resamples)} resamples of the validation"
        " pictures."
    )


def _facts(evidence: Evidence) -> tuple[tuple[str, str, str], ...]:
    row = evidence.submitted
    facts = [(f"landmark AP, {row.title}", fixed(row.ap.value), interval(row.ap))]
    annotated = next((one for one in evidence.rows if one.boxes == "ground-truth"), None)
    if annotated is not None:
        facts.append(("landmark AP in annotated boxes", fixed(annotated.ap.value), interval(annotated.ap)))
    for boxes in ("cascade", "htc"):
        found = next((one for one in evidence.rows if one.boxes == boxes), None)
        if found is not None:
            facts.append((f"box AP, {DETECTORS[boxes]}", fixed(found.box_ap.value), interval(found.box_ap)))
    return tuple(facts)


def _provenance(inputs: ReportInputs, evidence: Evidence) -> Mapping[str, str]:
    synthetic = evidence.params.synthesize
    seeds = {split: getattr(synthetic, split) for split in synthetic.splits}
    drawn = {
        f"synthetic wardrobe, {split}": f"{whole(one.images)} pictures, seed {one.seed}"
        for split, one in seeds.items()
    }
    folders = (
        {f"{split} folder": folder for split, folder in evidence.params.data.folders.items()}
        if not drawn
        else {}
    )
    quarantined = evidence.train.quarantined + evidence.validation.quarantined
    checked = {"annotations left out as faulty": whole(quarantined)}
    return {"params set": evidence.params.params_set, **drawn, **folders, **checked, **inputs.provenance}


def _write_json(evidence: Evidence, tables: tuple[Table, ...], out: Path) -> None:
    about = {
        "params_set": evidence.params.params_set,
        "data": evidence.data,
        "comparable_with_paper": evidence.paper_data,
    }
    records = {table.key: list(table.records) for table in tables}
    write_json(out / "table1.json", {**about, "rows": records["table1"]})
    write_json(out / "table2.json", {**about, "rows": records["table2"], "steps": records.get("steps", [])})
    write_json(out / "table3.json", {**about, "rows": records["table3"]})


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path) as handle:
        handle.write(text)
