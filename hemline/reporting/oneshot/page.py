"""The page of the one-shot networks, as HTML and as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hemline.reporting.markdown import escape, heading, provenance_lines, table_lines
from hemline.reporting.page import drawings, fields_of, fill
from hemline.reporting.pictures import Picture
from hemline.reporting.tables import Table


@dataclass(frozen=True)
class OneShotPage:
    """What the page shows, from top to bottom.

    `facts` are a few numbers with their names, `notes` what is left out, `figures` titles with SVGs, `key` the names in
    them with what they stand for, `curves` words with SVGs, `provenance` names with values.
    """

    title: str
    lead: str
    caveats: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    figures: Sequence[tuple[str, str]]
    key: Sequence[tuple[str, str]]
    figures_note: str
    systems: Table
    tables: tuple[Table, ...]
    whole: Sequence[Picture]
    whole_note: str
    curves: Sequence[tuple[str, str]]
    provenance: Mapping[str, str]


def render(page: OneShotPage) -> str:
    """The page's HTML. Everything but our own SVG is escaped."""
    values = fields_of(page)
    for name in ("figures", "curves"):
        values[name] = drawings(values[name])
    return fill("oneshot/page.html", values)


def document(page: OneShotPage) -> str:
    """The text and tables as Markdown, with the pictures beside the file."""
    lines = heading(page.title, page.lead, page.caveats)
    lines += [line for note in page.notes for line in (escape(note), "")]
    lines += [line for table in (page.systems, *page.tables) for line in table_lines(table)]
    lines += ["## Predictions", "", "![Predictions on validation pictures](pictures/predictions.jpg)", ""]
    lines += [escape(page.whole_note), "", *provenance_lines(page.provenance)]
    return "\n".join(lines) + "\n"
