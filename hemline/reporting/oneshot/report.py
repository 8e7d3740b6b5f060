"""The page of the one-shot networks, assembled and written."""

from collections.abc import Callable
from pathlib import Path

from hemline.evaluation import GroundTruth, read_truth
from hemline.reporting.curves import curves_figures
from hemline.reporting.differences import Difference, Named, paired, resample_row
from hemline.reporting.frame import draw_predictions, empty, render, write_page
from hemline.reporting.normalised import error_tables
from hemline.reporting.oneshot import story
from hemline.reporting.oneshot.evidence import Evidence, OneShotInputs, gather
from hemline.reporting.oneshot.figures import key, note, speed_figures
from hemline.reporting.oneshot.grouping import Pair, grouping_table, pairs
from hemline.reporting.oneshot.page import OneShotPage, document
from hemline.reporting.oneshot.systems import categories_table, contenders, networks, systems_table
from hemline.reporting.oneshot.tables import (
    boxes_table,
    detection_table,
    ladder_table,
    landmarks_table,
    methods_table,
)
from hemline.reporting.pictures import Picture
from hemline.reporting.story import provenance
from hemline.reporting.tables import Table
from hemline.reporting.trainings import read_trainings, those_at


def write_oneshot_report(inputs: OneShotInputs, out: Path) -> None:
    """Write `out`/index.html, tables.md, a JSON file for each table and pictures/*.jpg.

    The JSON files: systems, table2 to table6, grouping, categories, normalised_error, normalised_error_parts; without a
    row of the paper's tables theirs is left out. Raises HemlineError naming the file and the key of what is missing or
    odd. Earlier files of these kinds in `out` are deleted.
    """
    evidence = gather(inputs)
    truth = read_truth(inputs.shared.truth, evidence.wardrobe)
    compared = pairs(evidence, _differences(inputs, truth))
    empty(out)
    best = inputs.landmarks(evidence.best.name)
    page = _page(inputs, evidence, compared, draw_predictions(inputs.shared, truth, best, out / "pictures"))
    tables = (page.systems, *page.tables)
    write_page(out, render("oneshot/page.html", page), document(page), evidence, tables)


def _differences(inputs: OneShotInputs, truth: GroundTruth) -> Callable[[Named, Named], Difference]:
    settings = inputs.params.evaluate
    return paired(lambda name: resample_row(truth, inputs.landmarks(name), settings.resamples, settings.seed))


def _page(
    inputs: OneShotInputs, evidence: Evidence, compared: tuple[Pair, ...], drawn: list[Picture]
) -> OneShotPage:
    places = [place for row in evidence.rows for place in networks(evidence.params, row.network)]
    trainings = those_at(read_trainings(inputs.models), places)
    found = contenders(evidence, trainings, read_trainings(inputs.shared.models))
    return OneShotPage(
        title=story.title(evidence),
        lead=story.lead(evidence),
        caveats=story.caveats(evidence),
        facts=story.facts(found),
        notes=story.notes(evidence, compared),
        figures=speed_figures(evidence, found),
        key=key(evidence, found),
        figures_notes=(note(evidence),),
        systems=systems_table(evidence, found),
        tables=_tables(inputs, evidence, compared),
        whole=drawn,
        whole_note=story.whole_note(evidence),
        curves=curves_figures(trainings),
        provenance=provenance(inputs.shared, evidence),
    )


def _tables(inputs: OneShotInputs, evidence: Evidence, compared: tuple[Pair, ...]) -> tuple[Table, ...]:
    with_others = (methods_table(evidence), detection_table(evidence))
    tables = (
        ladder_table(evidence),
        boxes_table(evidence),
        landmarks_table(evidence),
        grouping_table(evidence, compared),
        categories_table(evidence),
    )
    files = ((row.name, row.title, inputs.metrics / f"{row.name}.json") for row in evidence.rows)
    errors = error_tables(evidence, files, evidence.best.name)
    if evidence.paper_wardrobe:
        return tuple(table for table in (*with_others, *tables) if table.lines)
    shown = [table.without_paper() for table in tables if table.lines]
    return (*shown, *errors)
