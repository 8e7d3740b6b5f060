"""The page of networks, assembled and written."""

from pathlib import Path

from hemline.evaluation import read_truth
from hemline.reporting.curves import curves_figures
from hemline.reporting.frame import empty, render, write_page
from hemline.reporting.networks import story
from hemline.reporting.networks.errors import Measure, measuring
from hemline.reporting.networks.evidence import Evidence, NetworksInputs, gather
from hemline.reporting.networks.figures import error_figures
from hemline.reporting.networks.gallery import draw_gallery
from hemline.reporting.networks.page import NetworksPage, document
from hemline.reporting.networks.rerun import rerun_table
from hemline.reporting.networks.rows import best
from hemline.reporting.networks.seeds import Seeds, seeds, seeds_table
from hemline.reporting.networks.steps import compare, experts_table, steps_table
from hemline.reporting.networks.tables import (
    backbones_table,
    landmarks_table,
    networks_table,
    rows_table,
)
from hemline.reporting.normalised import error_tables
from hemline.reporting.pictures import Picture
from hemline.reporting.story import provenance
from hemline.reporting.tables import Table
from hemline.reporting.trainings import Training, read_trainings, those_at


def write_networks_report(inputs: NetworksInputs, out: Path) -> None:
    """Write `out`/index.html, tables.md, a JSON file for each table and pictures/*.jpg.

    The JSON files: paper002-table1, paper002-table2, paper004-table1, experts, steps, seeds, rows, normalised_error,
    normalised_error_parts, rerun; what params.yaml has no rows for is left out. Raises HemlineError naming the file and
    the key of what is missing or odd. Earlier files of these kinds in `out` are deleted.
    """
    evidence = gather(inputs)
    truth = read_truth(inputs.shared.truth, evidence.wardrobe)
    settings = inputs.params.evaluate
    measure = measuring(truth, settings.resamples, settings.seed)
    empty(out)
    drawn = draw_gallery(evidence.one_seed_each, truth, inputs.shared.pictures, out / "pictures")
    page = _page(inputs, evidence, measure, drawn)
    tables = (*page.tables, *page.more, page.rerun)
    write_page(out, render("networks/page.html", page), document(page), evidence, tables)


def _page(inputs: NetworksInputs, evidence: Evidence, measure: Measure, drawn: list[Picture]) -> NetworksPage:
    chance, compared = seeds(evidence), evidence.one_seed_each
    return NetworksPage(
        title=story.title(evidence),
        lead=story.lead(evidence),
        caveats=story.caveats(evidence),
        facts=story.facts(compared, measure),
        notes=story.notes(evidence, chance),
        tables=_papers_tables(evidence, measure),
        figures=error_figures(compared, measure),
        key=(),
        figures_notes=(story.figures_note(chance),),
        more=_own_tables(evidence, measure, chance),
        curves=curves_figures(_trainings(inputs)),
        whole=drawn,
        whole_note=story.whole_note(compared),
        rerun=rerun_table(evidence),
        provenance=provenance(inputs.shared, evidence),
    )


def _papers_tables(evidence: Evidence, measure: Measure) -> tuple[Table, ...]:
    tables = (
        networks_table(evidence, measure),
        backbones_table(evidence, measure),
        landmarks_table(evidence, measure),
    )
    return tuple(table for table in tables if table.lines)


def _own_tables(evidence: Evidence, measure: Measure, chance: tuple[Seeds, ...]) -> tuple[Table, ...]:
    """What neither paper has."""
    found = compare(evidence, measure)
    tables = (
        experts_table(evidence, found, seeds=bool(chance)),
        steps_table(found, seeds=bool(chance)),
        seeds_table(chance),
        rows_table(evidence),
        *_errors(evidence),
    )
    return tuple(table for table in tables if table.lines)


def _errors(evidence: Evidence) -> list[Table]:
    row = best((*evidence.one_seed_each.rows, *evidence.others_alike))
    files = ((one.key, one.title, one.metrics) for one in evidence.every)
    return error_tables(evidence, files, None if row is None else row.key)


def _trainings(inputs: NetworksInputs) -> tuple[Training, ...]:
    """Those of the networks that params.yaml has: a folder may also hold what another params set has left in it."""
    section = inputs.params.networks
    places: list[tuple[str, ...]] = [("models", name) for name in section.trained]
    places += [("experts", name, slug) for name in section.finetuned for slug in section.categories]
    return those_at(read_trainings(inputs.models), places)
