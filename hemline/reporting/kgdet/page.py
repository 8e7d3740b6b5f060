"""Paper 003's page, as HTML and as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hemline.reporting.markdown import escape, heading, provenance_lines, table_lines
from hemline.reporting.page import drawings, fields_of, fill
from hemline.reporting.pictures import Picture
from hemline.reporting.tables import Table


@dataclass(frozen=True)
class KGDetPage:
    """What the page shows, from top to bottom.

    `facts` are a few numbers with their names, `notes` what is left out, `figures` titles with SVGs, `key` the names in
    them with what they stand for, `figures_notes` sentences beneath, `curves` words with SVGs, `rerun` how each row is
    made again, `provenance` names with values.
    """

    title: str
    lead: str
    caveats: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: Sequence[tuple[str, str]]
    key: Sequence[tuple[str, str]]
    figures_notes: tuple[str, ...]
    categories: Sequence[Table]
    curves: Sequence[tuple[str, str]]
    whole: Sequence[Picture]
    whole_note: str
    rerun: Table
    provenance: Mapping[str, str]


def render(page: KGDetPage) -> str:
    """The page's HTML. Everything but our own SVG is escaped."""
    values = fields_of(page)
    for name in ("figures", "curves"):
        values[name] = drawings(values[name])
    return fill("kgdet/page.html", values)


def document(page: KGDetPage) -> str:
    """The text and tables as Markdown, with the pictures beside the file."""
    lines = heading(page.title, page.lead, page.caveats)
    lines += [line for note in page.notes for line in (escape(note), "")]
    lines += [line for table in page.tables for line in table_lines(table)]
    if page.figures:
        lines += [line for note in page.figures_notes[1:] for line in (escape(note), "")]
    lines += [line for table in page.categories for line in table_lines(table)]
    if page.whole:
        lines += ["## Predictions", "", "![Predictions on validation pictures](pictures/predictions.jpg)", ""]
        lines += [escape(page.whole_note), ""]
    lines += [*table_lines(page.rerun), *provenance_lines(page.provenance)]
    return "\n".join(lines) + "\n"
