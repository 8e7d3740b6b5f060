"""How each row of paper 003's page is made again: the command, and the keys of params.yaml that make it that row."""

from hemline.params import OneShotRow
from hemline.reporting.kgdet.evidence import Evidence, Row
from hemline.reporting.rerun import COLUMNS
from hemline.reporting.tables import Cell, Line, Table

NOTES = (
    "Each command brings the row and all that it needs up to date, and leaves what has not changed. In place of"
    " “hemline run”, “dvc repro” does the same, one stage after the other. The networks stand under oneshot.networks.",
)


def rerun_table(evidence: Evidence) -> Table:
    """One line a row."""
    rows = [(row, command(row), keys(row, evidence.params.oneshot.rows[row.name])) for row in evidence.rows]
    lines = tuple(Line((Cell(row.title), Cell(run), Cell(values))) for row, run, values in rows)
    records = tuple({"row": row.name, "command": run, "params": values} for row, run, values in rows)
    return Table("rerun", "How to run each row again", COLUMNS, lines, NOTES, records)


def command(row: Row) -> str:
    """The stage that measures the row, with all that it needs."""
    return f"hemline run evaluate_oneshot@{row.name}"


def keys(row: Row, setting: OneShotRow) -> str:
    """The row's own keys, as they would be written on one line of params.yaml."""
    values = {"page": setting.page, "network": setting.network, "suppression": setting.suppression}
    flow = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"oneshot.rows.{row.name}: {{{flow}, flip_test: {str(setting.flip_test).lower()}}}"
