"""How each row of paper 003's page is made again: the command, and the keys of params.yaml that make it that row."""

from hemline.params import OneShotRow
from hemline.reporting.kgdet.evidence import Evidence, Row
from hemline.reporting.rerun import make_table
from hemline.reporting.tables import Table

NOTES = (
    "Each command brings the row and all that it needs up to date, and leaves what has not changed. In place of"
    " “hemline run”, “dvc repro” does the same, one stage after the other. The networks stand under oneshot.networks.",
)


def rerun_table(evidence: Evidence) -> Table:
    """One line a row."""
    settings = evidence.params.oneshot.rows
    rows = ((row.name, row.title, command(row), keys(row, settings[row.name])) for row in evidence.rows)
    return make_table(rows, NOTES)


def command(row: Row) -> str:
    """The stage that measures the row, with all that it needs."""
    return f"hemline run evaluate_oneshot@{row.name}"


def keys(row: Row, setting: OneShotRow) -> str:
    """The row's own keys, as they would be written on one line of params.yaml."""
    values = {"page": setting.page, "network": setting.network, "suppression": setting.suppression}
    flow = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"oneshot.rows.{row.name}: {{{flow}, flip_test: {str(setting.flip_test).lower()}}}"
