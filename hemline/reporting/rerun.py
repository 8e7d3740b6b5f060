"""How each row is made again: the command, and the keys of params.yaml that make it that row."""

from collections.abc import Iterable

from hemline.params import Params
from hemline.reporting.evidence import ENSEMBLE, Evidence
from hemline.reporting.tables import Cell, Column, Line, Table

COLUMNS = (Column("row", kind="words"), Column("command", kind="code"), Column("params.yaml", kind="code"))
NOTES = (
    "Each command brings the row and all that it needs up to date, and leaves what has not changed. In place of"
    " “hemline run”, “dvc repro” does the same, one stage after the other. All else that changes a result stands in"
    " params.yaml too, under detector, detect, estimator, finetune, estimate and evaluate.",
)


def rerun_table(evidence: Evidence) -> Table:
    """One line a row."""
    rows = (
        (row.name, row.title, command(row.name), keys(evidence.params, row.name)) for row in evidence.rows
    )
    return make_table(rows, NOTES)


def make_table(rows: Iterable[tuple[str, str, str, str]], notes: tuple[str, ...]) -> Table:
    """Of each row its name, its title, its command and its keys."""
    known = list(rows)
    lines = tuple(Line(tuple(map(Cell, cells))) for _, *cells in known)
    records = tuple({"row": name, "command": run, "params": values} for name, _, run, values in known)
    return Table("rerun", "How to run each row again", COLUMNS, lines, notes, records)


def command(row: str) -> str:
    """The stage that measures the row, with all that it needs."""
    return f"hemline run evaluate@{row}"


def keys(params: Params, row: str) -> str:
    """The row's own keys, as they would be written on one line of params.yaml."""
    if row == ENSEMBLE:
        members, weights = params.ensemble.members, params.ensemble.weights
        return f"ensemble: {{members: [{', '.join(members)}], weights: [{', '.join(f'{one:g}' for one in weights)}]}}"
    setting = params.ablations[row]
    values = {name: getattr(setting, name) for name in ("boxes", "estimator", "experts")}
    flow = ", ".join(f"{name}: {value}" for name, value in values.items())
    passes = "" if setting.passes == 1 else f", passes: {setting.passes}"
    return f"ablations.{row}: {{{flow}, flip_test: {str(setting.flip_test).lower()}{passes}}}"
