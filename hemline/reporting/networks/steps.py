"""From row to row: what one choice does to the error, and whether the papers' orders of networks come out."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from hemline.reporting.evidence import ENSEMBLE, Estimate
from hemline.reporting.networks import paper
from hemline.reporting.networks.errors import Errors, Measure, change
from hemline.reporting.networks.evidence import Evidence
from hemline.reporting.networks.numbers import PERCENT, percent, percent_cell
from hemline.reporting.networks.rows import Row, Setting, best
from hemline.reporting.numbers import change as change_words
from hemline.reporting.numbers import fixed
from hemline.reporting.steps import INTERVALS, NOTE, columns, line
from hemline.reporting.tables import Cell, Column, Line, Table

EXPERTS = "experts"  # the step that has a table of its own
CHOICES: dict[str, dict[tuple[Any, Any], str]] = {  # of Setting: before and after
    "grouping": {("independent", "aggregated"): "aggregating the landmarks"},
    EXPERTS: {
        ("none", "plain"): "an expert for each category in the place of one network for all",
        ("plain", "hflip"): "flips in the experts' training",
    },
    "passes": {(1, 2): "a second pass"},
    "flip_test": {(False, True): "the flip test"},
    "boxes": {("whole", "ground-truth"): "the annotated boxes in the place of whole pictures"},
}


@dataclass(frozen=True)
class Step:
    """Two rows that differ in one choice; `what` is the subject of a sentence, `claim` a paper's of a lower error."""

    key: str
    what: str
    before: Row
    after: Row
    claim: paper.Claim | None = None


@dataclass(frozen=True)
class Finding:
    """A step, and by how much it changes the page's error: of all, and by category."""

    step: Step
    change: Estimate
    categories: dict[str, Estimate | None]


def compare(evidence: Evidence, measure: Measure) -> tuple[Finding, ...]:
    """Every step whose two rows were measured: the papers' claims, CPN's backbones, then choices of each network."""
    found = []
    for step in (*_claims(evidence), *_backbones(evidence), *_choices(evidence), *_ensemble(evidence)):
        before, after = (measure(row, evidence.error) for row in (step.before, step.after))
        overall = change(before.all, after.all)
        if overall is not None:
            found.append(Finding(step, overall, _by_category(before, after)))
    return tuple(found)


def _by_category(before: Errors, after: Errors) -> dict[str, Estimate | None]:
    names = [entry.name for entry in before.wardrobe.categories]
    return {name: change(before.category(name), after.category(name)) for name in names}


def _claims(evidence: Evidence) -> Iterator[Step]:
    """Of each claim every setting that both networks were run in; of networks of one kind the first."""
    for claim in paper.CLAIMS:
        for before, after in alike(evidence, claim.worse, claim.better):
            yield Step("network", _instead(before, after), before, after, claim)


def _backbones(evidence: Evidence) -> Iterator[Step]:
    for other in paper.CPN_BACKBONES:
        if other != paper.CPN_BACKBONE:
            for before, after in alike(evidence, ("cpn", paper.CPN_BACKBONE), ("cpn", other)):
                yield Step("backbone", _instead(before, after), before, after)


def alike(evidence: Evidence, first: tuple[str, str], second: tuple[str, str]) -> Iterator[tuple[Row, Row]]:
    """Rows of two kinds with one setting; of several with that setting the first."""
    one, other = _first(evidence, first), _first(evidence, second)
    for setting in one:
        if setting in other:
            yield one[setting], other[setting]


def _first(evidence: Evidence, wanted: tuple[str, str]) -> dict[Setting, Row]:
    found: dict[Setting, Row] = {}
    for row in evidence.rows:
        if row.kind is not None and row.setting is not None and row.kind.named(wanted):
            found.setdefault(row.setting, row)
    return found


def _instead(before: Row, after: Row) -> str:
    how = ", ".join(before.marks)
    return f"{_kind(after)} in the place of {_kind(before)}{f' ({how})' if how else ''}"


def _kind(row: Row) -> str:
    return "" if row.kind is None else row.kind.title


def _choices(evidence: Evidence) -> Iterator[Step]:
    """Rows of one network that differ in one key of their setting; aggregated landmarks are another network's."""
    for name, pairs in CHOICES.items():
        for before, after in product(evidence.every, repeat=2):
            values = (getattr(before.setting, name, None), getattr(after.setting, name, None))
            if values in pairs and _only(before, after, name) and _one_network(evidence, before, after, name):
                key = "hflip" if values == ("plain", "hflip") else name
                yield Step(key, pairs[values], before, after)


def _only(before: Row, after: Row, name: str) -> bool:
    assert before.setting is not None and after.setting is not None  # both have the key
    return replace(before.setting, **{name: getattr(after.setting, name)}) == after.setting


def _one_network(evidence: Evidence, before: Row, after: Row, name: str) -> bool:
    trained = evidence.params.networks.trained
    if not before.network or not after.network or name != "grouping":
        return before.network == after.network
    networks = (trained[row.network].model_copy(update={"grouping": ""}) for row in (before, after))
    return next(networks) == next(networks)


def _ensemble(evidence: Evidence) -> Iterator[Step]:
    """Paper 000's ensemble against the better of its members."""
    members = [row for row in evidence.others if row.name in evidence.params.ensemble.members]
    before = best(members)
    for after in evidence.others:
        if after.name == ENSEMBLE and before is not None:
            yield Step(ENSEMBLE, "the ensemble in the place of its better member", before, after)


FIRST = (
    "Of networks that are equal but for their seed the first stands for all where networks are compared; the others are"
    " under “From seed to seed”."
)

CHANCE = f"{INTERVALS}, which “From seed to seed” shows."


def steps_table(found: Sequence[Finding], seeds: bool = False) -> Table:
    """One line a step, those to experts left out; `seeds`: whether there are networks that differ in theirs alone."""
    shown = [finding for finding in found if finding.step.key != EXPERTS]
    table = Table(
        "steps",
        "From row to row",
        columns("NE, percentage points"),
        tuple(_line(finding) for finding in shown),
        (
            *(sentence(finding) for finding in shown if finding.step.claim is not None),
            *([FIRST, CHANCE] if seeds else [NOTE]),
        ),
        tuple(_record(finding) for finding in shown),
    )
    return table.without_paper()


def _line(finding: Finding) -> Line:
    step = finding.step
    return line(
        _capital(step.what), None, percent(finding.change), step.before.title, step.after.title, PERCENT
    )


def _record(finding: Finding) -> dict[str, Any]:
    step = finding.step
    return {
        "step": step.key,
        "what": step.what,
        "before": step.before.key,
        "after": step.after.key,
        "claimed_by": None if step.claim is None else step.claim.source.number,
        "change": asdict(finding.change),
        "per_category": {
            name: None if value is None else asdict(value) for name, value in finding.categories.items()
        },
    }


def sentence(finding: Finding) -> str:
    """What a step did to the error, in words that follow from its interval, and what a paper claims."""
    step = finding.step
    values = " ({} to {})".format(*(_value(row) for row in (step.before, step.after)))
    words = change_words(_capital(step.what), "NE (%)", percent(finding.change), values, PERCENT)
    if step.claim is None:
        return f"{words}."
    lower, higher = finding.change.high < 0, finding.change.low > 0
    verdict = "as" if lower else "against what" if higher else "where"
    ending = "has it" if lower else "has" if higher else "has a lower one"
    return f"{words}, {verdict} paper {step.claim.source.number} {ending}."


def _value(row: Row) -> str:
    return fixed(None if row.shown is None else 100 * row.shown.value, PERCENT)


def experts_table(evidence: Evidence, found: Sequence[Finding], seeds: bool = False) -> Table:
    """One network for all categories against its experts, paper 000's too: one line a pair; `seeds`: as above."""
    shown = [finding for finding in found if finding.step.key == EXPERTS]
    names = [name for name, count in evidence.validation.categories.items() if count]
    head = (
        Column("network", kind="words"),
        *(Column(title, "NE, %") for title in ("joint", "experts", "change")),
        *(Column(name, "change by category") for name in names),
    )
    return Table(
        EXPERTS,
        "One network for all categories, and experts",
        head,
        tuple(_experts_line(finding, names) for finding in shown),
        (CHANCE if seeds else NOTE,),
        tuple(_record(finding) for finding in shown),
    )


def _experts_line(finding: Finding, names: Sequence[str]) -> Line:
    before, after = finding.step.before, finding.step.after
    cells = (
        Cell(before.title),
        percent_cell(before.shown),
        percent_cell(after.shown),
        percent_cell(finding.change, sign=True),
        *(percent_cell(finding.categories[name], sign=True) for name in names),
    )
    return Line(cells)


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
