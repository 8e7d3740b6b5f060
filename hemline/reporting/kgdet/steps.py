"""What each of paper 003's choices does to box AP: its claims, tried on our rows."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hemline.reporting.differences import Difference
from hemline.reporting.kgdet import paper
from hemline.reporting.kgdet.evidence import Evidence, Row
from hemline.reporting.numbers import change, fixed
from hemline.reporting.steps import NOTE, columns, line
from hemline.reporting.tables import Line, Table

LEAST = 3  # models that a correlation is taken of


@dataclass(frozen=True)
class Finding:
    """A step from one row to the next: the paper's difference of box AP, and ours."""

    step: paper.Step
    before: Row
    after: Row
    theirs: float
    ours: Difference


def compare(evidence: Evidence, difference: Callable[[Row, Row], Difference]) -> tuple[Finding, ...]:
    """Every step of the paper whose two rows were measured."""
    found = []
    for step in paper.STEPS:
        before, after = evidence.find(step.before), evidence.find(step.after)
        if before is not None and after is not None:
            found.append(Finding(step, before, after, theirs(step), difference(before, after)))
    return tuple(found)


def theirs(step: paper.Step) -> float:
    """The paper's difference of box AP on DeepFashion2."""
    before, after = paper.box_ap_of(step.before), paper.box_ap_of(step.after)
    assert before is not None and after is not None, step  # STEPS names printed rows alone
    return round(after - before, 3)


def steps_table(evidence: Evidence, found: Sequence[Finding]) -> Table:
    """One line a step, and in words what our models say of boxes and landmarks together."""
    return Table(
        "steps",
        "Do landmarks help to find garments?",
        columns("box AP"),
        tuple(_line(finding) for finding in found),
        (
            *(sentence(finding) for finding in found[:2]),
            NOTE,
        ),
        tuple(_record(evidence, finding) for finding in found),
    )


def _line(finding: Finding) -> Line:
    what, rows = _capital(finding.step.what), (finding.before.title, finding.after.title)
    return line(what, finding.theirs, finding.ours.ap, *rows)


def _record(evidence: Evidence, finding: Finding) -> dict[str, Any]:
    return {
        "step": finding.step.key,
        "what": finding.step.what,
        "before": finding.before.name,
        "after": finding.after.name,
        "paper": finding.theirs if evidence.paper_wardrobe else None,
        "ours": asdict(finding.ours.ap),
    }


def sentence(finding: Finding) -> str:
    """What a step did, in words that follow from its interval."""
    values = f" ({finding.before.box_ap.value:.3f} to {finding.after.box_ap.value:.3f})"
    return f"{change(_capital(finding.step.what), 'box AP', finding.ours.ap, values)}."


def correlation(evidence: Evidence) -> str:
    """Whether what finds landmarks better finds boxes better, in a sentence: paper 003's Figure 5."""
    ours = [(row.ap.value, row.box_ap.value) for row in models(evidence) if row.ap is not None]
    if len(ours) < LEAST:
        return f"Too few models with landmarks ({len(ours)}) to say whether box AP rises with landmark AP."
    said = f"Over our {len(ours)} models box AP and landmark AP have a correlation (Pearson's) of {_pearson(ours)}"
    if not evidence.paper_wardrobe:
        return f"{said}."
    printed = [(one.landmarks["AP"], one.boxes["AP"]) for one in paper.MODELS]
    return f"{said}, over the paper's {len(printed)} of {_pearson(printed)}."


def models(evidence: Evidence) -> list[Row]:
    """The KGDet rows of Table 4, in the paper's order, then those that it hasn't."""
    order = [one.setting for one in (*paper.MODELS, paper.UNSUPERVISED)]
    own = [
        row for row in evidence.rows if row.setting.type == "kgdet" and row.setting.informative == "encoding"
    ]
    return sorted(own, key=lambda row: order.index(row.setting) if row.setting in order else len(order))


def _pearson(points: Sequence[tuple[float, float]]) -> str:
    """Two digits; a dash where all models have one AP."""
    across, up = np.array(points).T
    if not across.std() or not up.std():
        return fixed(None)
    return fixed(float(np.corrcoef(across, up)[0, 1]), 2)


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
