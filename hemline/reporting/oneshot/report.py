"""The page of the one-shot networks, assembled and written."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from hemline.evaluation import GroundTruth, read_truth
from hemline.evaluation.summary import Columns
from hemline.files import write_json
from hemline.inference.garments import read_results
from hemline.reporting.curves import curves_figures
from hemline.reporting.differences import Difference, difference, resample_row
from hemline.reporting.normalised import error_tables
from hemline.reporting.oneshot import story
from hemline.reporting.oneshot.evidence import Evidence, OneShotInputs, Row, gather
from hemline.reporting.oneshot.figures import key, note, speed_figures
from hemline.reporting.oneshot.grouping import Pair, grouping_table, pairs
from hemline.reporting.oneshot.page import OneShotPage, document, render
from hemline.reporting.oneshot.systems import categories_table, contenders, networks, systems_table
from hemline.reporting.oneshot.tables import (
    boxes_table,
    detection_table,
    ladder_table,
    landmarks_table,
    methods_table,
)
from hemline.reporting.pictures import Picture, draw_whole, picture_files
from hemline.reporting.report import write_text
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
    for old in (*out.glob("*.json"), *out.glob("pictures/*.jpg")):
        old.unlink()
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    page = _page(inputs, evidence, compared, _draw(inputs, evidence, truth, out / "pictures"))
    for table in (page.systems, *page.tables):
        _write_json(evidence, table, out)
    write_text(out / "tables.md", document(page))
    write_text(out / "index.html", render(page))


def _differences(inputs: OneShotInputs, truth: GroundTruth) -> Callable[[Row, Row], Difference]:
    settings = inputs.params.evaluate

    @cache
    def resampled(name: str) -> Columns:
        return resample_row(truth, inputs.landmarks(name), settings.resamples, settings.seed)

    return lambda before, after: difference(resampled(before.name), resampled(after.name))


def _draw(inputs: OneShotInputs, evidence: Evidence, truth: GroundTruth, out: Path) -> list[Picture]:
    predictions = read_results(inputs.landmarks(evidence.best.name), evidence.wardrobe)
    pictures = picture_files(truth, inputs.shared.pictures)
    return draw_whole(pictures, predictions, out, inputs.params.evaluate.seed)[0]


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
        figures_note=note(evidence),
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


def _write_json(evidence: Evidence, table: Table, out: Path) -> None:
    about = {
        "params_set": evidence.params.params_set,
        "data": evidence.data,
        "comparable_with_paper": evidence.paper_data,
    }
    write_json(out / f"{table.key}.json", {**about, "rows": list(table.records)})
