"""Tables as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hemline.reporting.numbers import fixed
from hemline.reporting.page import Page
from hemline.reporting.pictures import Picture
from hemline.reporting.tables import Cell, Table

RULES = {"words": "---", "code": "---", "mark": ":---:", "number": "---:"}


def document(page: Page) -> str:
    """The report's text and tables, with the pictures beside the file."""
    lines = heading(page.title, page.lead, page.caveats)
    lines += [line for table in page.tables for line in table_lines(table)]
    lines += ["## The paper's research questions, on this data", ""]
    for answer in page.answers:
        lines += [f"**{answer.question}**", "", *(f"- {escape(text)}" for text in answer.sentences), ""]
    lines += prediction_lines(page.whole, page.whole_note)
    lines += ["## How far off each landmark is", ""]
    lines += paragraphs(filter(None, page.errors_notes))
    lines += [*(f"- {escape(words)}" for words, _ in page.errors), ""]
    lines += [line for table in (page.cost, page.rerun) for line in table_lines(table)]
    if page.submission:
        lines += ["## Submission", "", *paragraphs(page.submission)]
    lines += provenance_lines(page.provenance)
    return "\n".join(lines) + "\n"


def heading(title: str, lead: str, caveats: Sequence[str]) -> list[str]:
    """A document's first lines."""
    quoted = [line for caveat in caveats for line in (f"> {escape(caveat)}", "")]
    return [f"# {title}", "", escape(lead), "", *quoted]


def paragraphs(texts: Iterable[str]) -> list[str]:
    """Plain text, each a paragraph."""
    return [line for text in texts for line in (escape(text), "")]


def prediction_lines(whole: Sequence[Picture], note: str) -> list[str]:
    """The sheet of whole pictures, if there are any."""
    if not whole:
        return []
    sheet = "![Predictions on validation pictures](pictures/predictions.jpg)"
    return ["## Predictions", "", sheet, "", *paragraphs([note])]


def provenance_lines(provenance: Mapping[str, str]) -> list[str]:
    """A document's last lines: what produced it."""
    rows = [_row([escape(name), escape(value)]) for name, value in provenance.items()]
    return ["## Where this comes from", "", "| | |", "| --- | --- |", *rows]


def table_lines(table: Table) -> list[str]:
    """A table with its title and notes."""
    head = [column.full for column in table.columns]
    rule = [RULES[column.kind] for column in table.columns]
    rows = [[_text(cell, line.ours or line.total) for cell in line.cells] for line in table.lines]
    notes = [line for note in table.notes for line in ("", escape(note))]
    return [f"## {table.title}", "", *map(_row, (head, rule, *rows)), *notes, ""]


def _text(cell: Cell, strong: bool) -> str:
    text = f"{cell.text} {cell.interval}".strip()
    escaped = escape(text)
    return f"**{escaped}**" if strong and escaped else escaped


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """What a user wrote in params.yaml must neither break a table nor become markup."""
    for character in "\\`*_<>|":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.replace("](", "]\\(").split())


def readme_table(table2: Mapping[str, Any]) -> str:
    """The result table of the README, from reports/table2.json."""
    head = ["row", "AP box, paper", "AP box, ours", "AP landmarks, paper", "AP landmarks, ours [95 %]"]
    rows = [
        [
            escape(record["title"]),
            fixed(record["paper"]["AP_box"]),
            fixed(record["ours"]["AP_box"]["value"]),
            fixed(record["paper"]["AP"]),
            "{value:.3f} [{low:.3f}, {high:.3f}]".format(**record["ours"]["AP"]),
        ]
        for record in table2["rows"]
    ]
    return "\n".join(map(_row, (head, ["---", *["---:"] * 4], *rows))) + "\n"
