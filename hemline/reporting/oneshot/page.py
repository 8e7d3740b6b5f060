"""The page of the one-shot networks, and the same as Markdown."""

from dataclasses import dataclass

from hemline.reporting.frame import Frame
from hemline.reporting.markdown import heading, paragraphs, prediction_lines, provenance_lines, table_lines
from hemline.reporting.tables import Table


@dataclass(frozen=True)
class OneShotPage(Frame):
    """The page's own tables."""

    systems: Table
    tables: tuple[Table, ...]


def document(page: OneShotPage) -> str:
    """The text and tables as Markdown, with the pictures beside the file."""
    lines = [*heading(page.title, page.lead, page.caveats), *paragraphs(page.notes)]
    lines += [line for table in (page.systems, *page.tables) for line in table_lines(table)]
    lines += [*prediction_lines(page.whole, page.whole_note), *provenance_lines(page.provenance)]
    return "\n".join(lines) + "\n"
