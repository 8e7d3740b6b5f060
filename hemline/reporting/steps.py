"""Steps from one row to the next: the change of a number as a line of a table and as a sentence."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hemline.reporting.evidence import Estimate
from hemline.reporting.findings import Finding
from hemline.reporting.numbers import interval, signed
from hemline.reporting.tables import PAPER, Cell, Column, Line, Table

INTERVALS = (
    "Differences are taken before rounding. Their intervals come from resampling both rows' pictures together. They"
    " cover the choice of validation pictures, not the chance in training"
)
NOTE = f"{INTERVALS}: each network was trained once."


def columns(number: str) -> tuple[Column, ...]:
    """Those of a table of steps: what each does to `number`, "AP"."""
    return (
        Column("step", kind="words"),
        Column(PAPER, f"change of {number}"),
        Column("ours", f"change of {number}"),
        Column("from", kind="words"),
        Column("to", kind="words"),
    )


def line(what: str, theirs: float | None, change: Estimate, before: str, after: str, digits: int = 3) -> Line:
    """A step's: the paper's change, ours, and the titles of our two rows."""
    ours = Cell(signed(change.value, digits), interval(change, sign=True, digits=digits))
    return Line((Cell(what), Cell(signed(theirs, digits)), ours, Cell(before), Cell(after)))


def steps_table(findings: Sequence[Finding]) -> Table:
    """What each step of paper 000's Table 2 changes, in the paper and here."""
    return Table(
        "steps",
        "From row to row",
        columns("AP"),
        tuple(
            line(one.step.what, one.theirs, one.ours.ap, one.before.title, one.after.title)
            for one in findings
        ),
        (NOTE,),
        tuple(_record(finding) for finding in findings),
    )


def _record(finding: Finding) -> dict[str, Any]:
    return {
        "step": finding.step.key,
        "what": finding.step.what,
        "before": finding.before.name,
        "after": finding.after.name,
        "paper": finding.theirs,
        "ours": asdict(finding.ours.ap),
    }
