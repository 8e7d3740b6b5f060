"""The page of networks, and the same as Markdown."""

from dataclasses import dataclass

from hemline.reporting.frame import Frame
from hemline.reporting.markdown import heading, paragraphs, prediction_lines, provenance_lines, table_lines
from hemline.reporting.tables import Table


@dataclass(frozen=True)
class NetworksPage(Frame):
    """The page's own tables. `rerun` says how each row is made again."""

    tables: tuple[Table, ...]
    more: tuple[Table, ...]
    rerun: Table


def document(page: NetworksPage) -> str:
    """The text and tables as Markdown, with the pictures beside the file."""
    lines = [*heading(page.title, page.lead, page.caveats), *paragraphs(page.notes)]
    lines += [line for table in (*page.tables, *page.more) for line in table_lines(table)]
    lines += prediction_lines(page.whole, page.whole_note)
    lines += [*table_lines(page.rerun), *provenance_lines(page.provenance)]
    return "\n".join(lines) + "\n"
