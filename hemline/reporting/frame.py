"""What the pages of papers 001 to 004 have in common: what stands round their tables, how their folder is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemline.evaluation import GroundTruth
from hemline.files import atomic_write, write_json
from hemline.inference.garments import read_results
from hemline.reporting.evidence import Basis, ReportInputs
from hemline.reporting.page import drawings, fields_of, fill
from hemline.reporting.pictures import Picture, draw_whole, picture_files
from hemline.reporting.tables import Table


@dataclass(frozen=True)
class Frame:
    """What a page shows beside its own tables.

    `facts` are a few numbers with their names, `notes` what is left out, `figures` titles with SVGs, `key` the names in
    them with what they stand for, `figures_notes` sentences beneath, `curves` words with SVGs, `provenance` names with
    values.
    """

    title: str
    lead: str
    caveats: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    figures: Sequence[tuple[str, str]]
    key: Sequence[tuple[str, str]]
    figures_notes: tuple[str, ...]
    whole: Sequence[Picture]
    whole_note: str
    curves: Sequence[tuple[str, str]]
    provenance: Mapping[str, str]


def render(template: str, page: Frame) -> str:
    """A page's HTML. Everything but our own SVG is escaped."""
    values = fields_of(page)
    for name in ("figures", "curves"):
        values[name] = drawings(values[name])
    return fill(template, values)


def empty(out: Path) -> None:
    """Delete what an earlier run left in a page's folder, tables and pictures, and make a folder for pictures."""
    for old in (*out.glob("*.json"), *out.glob("pictures/*.jpg")):
        old.unlink()
    (out / "pictures").mkdir(parents=True, exist_ok=True)


def draw_predictions(inputs: ReportInputs, truth: GroundTruth, results: Path, out: Path) -> list[Picture]:
    """A row's results on a few whole validation pictures, as JPEGs in `out`."""
    predictions = read_results(results, inputs.params.wardrobe)
    pictures = picture_files(truth, inputs.pictures)
    return draw_whole(pictures, predictions, out, inputs.params.evaluate.seed)[0]


def write_page(out: Path, html: str, markdown: str, basis: Basis, tables: Iterable[Table]) -> None:
    """Write `out`/index.html, tables.md and a JSON file for each table."""
    for table in tables:
        write_json(out / f"{table.key}.json", {**about(basis), "rows": list(table.records)})
    write_text(out / "tables.md", markdown)
    write_text(out / "index.html", html)


def about(basis: Basis) -> dict[str, Any]:
    """What stands in each JSON file before its rows."""
    return {
        "params_set": basis.params.params_set,
        "data": basis.data,
        "comparable_with_paper": basis.paper_data,
    }


def write_text(path: Path, text: str) -> None:
    """Write a text file, all of it or nothing."""
    with atomic_write(path) as handle:
        handle.write(text)
