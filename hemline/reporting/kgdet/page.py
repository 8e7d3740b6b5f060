"""Paper 003's page, and the same as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from hemline.reporting.frame import Frame
from hemline.reporting.markdown import heading, paragraphs, prediction_lines, provenance_lines, table_lines
from hemline.reporting.tables import Table


@dataclass(frozen=True)
class KGDetPage(Frame):
    """The page's own tables. `rerun` says how each row is made again."""

    tables: tuple[Table, ...]
    categories: Sequence[Table]
    rerun: Table


def document(page: KGDetPage) -> str:
    """The text and tables as Markdown, with the pictures beside the file."""
    lines = [*heading(page.title, page.lead, page.caveats), *paragraphs(page.notes)]
    lines += [line for table in page.tables for line in table_lines(table)]
    if page.figures:
        lines += paragraphs(page.figures_notes[1:])
    lines += [line for table in page.categories for line in table_lines(table)]
    lines += prediction_lines(page.whole, page.whole_note)
    lines += [*table_lines(page.rerun), *provenance_lines(page.provenance)]
    return "\n".join(lines) + "\n"
