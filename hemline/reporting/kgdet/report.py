"""Paper 003's page, assembled and written."""

from collections.abc import Callable
from pathlib import Path

from hemline.evaluation import GroundTruth, read_truth
from hemline.reporting.curves import curves_figures
from hemline.reporting.differences import Difference, Named, paired, resample_boxes
from hemline.reporting.frame import draw_predictions, empty, render, write_page
from hemline.reporting.kgdet import paper, story
from hemline.reporting.kgdet.evidence import Evidence, KGDetInputs, gather
from hemline.reporting.kgdet.figures import correlation_figures, key, note
from hemline.reporting.kgdet.page import KGDetPage, document
from hemline.reporting.kgdet.rerun import rerun_table
from hemline.reporting.kgdet.steps import Finding, compare, correlation, steps_table
from hemline.reporting.kgdet.tables import (
    categories_table,
    fld_table,
    models_table,
    modules_table,
    networks_table,
)
from hemline.reporting.normalised import error_tables
from hemline.reporting.pictures import Picture
from hemline.reporting.story import provenance
from hemline.reporting.tables import Table
from hemline.reporting.trainings import read_trainings, those_at


def write_kgdet_report(inputs: KGDetInputs, out: Path) -> None:
    """Write `out`/index.html, tables.md, a JSON file for each table and pictures/*.jpg.

    The JSON files: table1 to table4, steps, categories, normalised_error, normalised_error_parts, rerun; what a data
    set or params.yaml has no rows for is left out. Raises HemlineError naming the file and the key of what is missing
    or odd. Earlier files of these kinds in `out` are deleted.
    """
    evidence = gather(inputs)
    truth = read_truth(inputs.shared.truth, evidence.wardrobe)
    findings = compare(evidence, _differences(inputs, truth))
    empty(out)
    page = _page(inputs, evidence, findings, _draw(inputs, evidence, truth, out / "pictures"))
    tables = (*page.tables, *page.categories, page.rerun)
    write_page(out, render("kgdet/page.html", page), document(page), evidence, tables)


def _differences(inputs: KGDetInputs, truth: GroundTruth) -> Callable[[Named, Named], Difference]:
    settings = inputs.params.evaluate
    return paired(lambda name: resample_boxes(truth, inputs.boxes(name), settings.resamples, settings.seed))


def _draw(inputs: KGDetInputs, evidence: Evidence, truth: GroundTruth, out: Path) -> list[Picture]:
    if evidence.drawn is None:
        return []
    return draw_predictions(inputs.shared, truth, inputs.landmarks(evidence.drawn.name), out)


def _page(
    inputs: KGDetInputs, evidence: Evidence, findings: tuple[Finding, ...], drawn: list[Picture]
) -> KGDetPage:
    networks = [(row.network,) for row in evidence.rows]
    return KGDetPage(
        title=story.title(evidence),
        lead=story.lead(evidence),
        caveats=story.caveats(evidence),
        facts=story.facts(evidence),
        notes=story.notes(evidence),
        tables=_tables(evidence, findings),
        figures=correlation_figures(evidence),
        key=key(evidence),
        figures_notes=(note(), correlation(evidence)),
        categories=_categories(inputs, evidence),
        curves=curves_figures(those_at(read_trainings(inputs.models), networks)),
        whole=drawn,
        whole_note=story.whole_note(evidence.drawn) if evidence.drawn else "",
        rerun=rerun_table(evidence),
        provenance=provenance(inputs.shared, evidence),
    )


def _tables(evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[Table, ...]:
    """The paper's columns stand where its numbers are of this data set: Table 3's FLD, the others' DeepFashion2."""
    of_deepfashion2 = (
        networks_table(evidence),
        steps_table(evidence, findings),
        modules_table(evidence),
        models_table(evidence),
    )
    if evidence.wardrobe.name == paper.WARDROBE:
        tables: tuple[Table, ...] = of_deepfashion2
    else:
        tables = (fld_table(evidence), *(table.without_paper() for table in of_deepfashion2))
    return tuple(table for table in tables if table.lines)


def _categories(inputs: KGDetInputs, evidence: Evidence) -> tuple[Table, ...]:
    files = ((row.name, row.title, inputs.metrics / f"{row.name}.json") for row in evidence.rows)
    shown = None if evidence.drawn is None else evidence.drawn.name
    return (categories_table(evidence), *error_tables(evidence, files, shown))
