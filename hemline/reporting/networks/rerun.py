"""How each row of the page is made again: the command, and the keys of params.yaml that make it that row."""

from hemline.params import NetworkRow
from hemline.reporting.networks.evidence import Evidence
from hemline.reporting.rerun import make_table
from hemline.reporting.tables import Table

NOTES = (
    "Each command brings the row and all that it needs up to date, and leaves what has not changed. In place of"
    " “hemline run”, “dvc repro” does the same, one stage after the other. The networks stand under networks.trained.",
)


def rerun_table(evidence: Evidence) -> Table:
    """One line a row of the networks; paper 000's stand on its own page."""
    settings = evidence.params.networks.rows
    rows = (
        (row.name, row.title, command(row.name), keys(row.name, settings[row.name])) for row in evidence.rows
    )
    return make_table(rows, NOTES)


def command(row: str) -> str:
    """The stage that measures the row, with all that it needs."""
    return f"hemline run evaluate_network@{row}"


def keys(name: str, row: NetworkRow) -> str:
    """The row's own keys, as they would be written on one line of params.yaml."""
    values = {"network": row.network, "boxes": row.boxes, "passes": row.passes}
    flow = ", ".join(f"{key}: {value}" for key, value in values.items())
    flags = f"experts: {str(row.experts).lower()}, flip_test: {str(row.flip_test).lower()}"
    return f"networks.rows.{name}: {{{flow}, {flags}}}"
