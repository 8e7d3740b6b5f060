"""Networks that differ in their seed alone: how far chance in training moves the error, and what order remains."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import mean, stdev
from typing import Any

from hemline.reporting.networks import paper
from hemline.reporting.networks.evidence import Evidence
from hemline.reporting.networks.numbers import PERCENT
from hemline.reporting.networks.rows import Kind, Row, Setting, seedless
from hemline.reporting.numbers import fixed
from hemline.reporting.tables import Cell, Column, Line, Table

NOTES = (
    "Networks that are equal in everything but their seed. The standard deviation is that of one training (n − 1), the"
    " intervals of the other tables are that of the choice of validation pictures.",
)


@dataclass(frozen=True)
class Seeds:
    """The rows of one network trained from several seeds, run in one way, and their errors."""

    kind: Kind
    setting: Setting
    rows: tuple[Row, ...]
    values: tuple[float, ...]

    @property
    def title(self) -> str:
        """ "CPN, ResNet-50, flip test"."""
        return ", ".join((self.kind.title, *self.rows[0].marks))

    @property
    def mean(self) -> float:
        """Of the errors."""
        return mean(self.values)

    @property
    def deviation(self) -> float:
        """Their standard deviation."""
        return stdev(self.values)


def seeds(evidence: Evidence) -> tuple[Seeds, ...]:
    """All groups of two or more, by their mean error, the lowest first."""
    groups: dict[tuple[str, Setting], list[Row]] = {}
    for row in evidence.rows:
        if row.setting is not None and row.shown is not None:
            key = seedless(evidence.params.networks.trained[row.network]), row.setting
            groups.setdefault(key, []).append(row)
    found = [_group(rows) for rows in groups.values() if len({row.network for row in rows}) > 1]
    return tuple(sorted(found, key=lambda group: group.mean))


def _group(rows: Sequence[Row]) -> Seeds:
    kind, setting = rows[0].kind, rows[0].setting
    assert kind is not None and setting is not None  # rows of `networks` have both
    return Seeds(kind, setting, tuple(rows), tuple(row.shown.value for row in rows if row.shown is not None))


def seeds_table(found: Sequence[Seeds]) -> Table:
    """One line a network, and whether the papers' orders come out."""
    columns = (
        Column("network", kind="words"),
        Column("seeds"),
        *(Column(title, "NE, %") for title in ("mean", "standard deviation", "lowest", "highest")),
        Column("each seed's", "NE, %", kind="words"),
    )
    return Table(
        "seeds",
        "From seed to seed",
        columns,
        tuple(map(_line, found)),
        (*orders(found), *NOTES),
        tuple(map(_record, found)),
    )


def _line(group: Seeds) -> Line:
    numbers = (group.mean, group.deviation, min(group.values), max(group.values))
    cells = (*map(_percent, numbers), ", ".join(map(_percent, group.values)))
    return Line((Cell(group.title), Cell(str(len(group.values))), *map(Cell, cells)))


def _percent(value: float) -> str:
    return fixed(100 * value, PERCENT)


def _record(group: Seeds) -> dict[str, Any]:
    return {
        "network": group.title,
        "setting": asdict(group.setting),
        "mean": group.mean,
        "standard_deviation": group.deviation,
        "rows": {row.name: value for row, value in zip(group.rows, group.values, strict=True)},
    }


def orders(found: Sequence[Seeds]) -> Iterator[str]:
    """For each claim of a paper whether our means have that order, and how many pairs of seeds have it."""
    for claim in paper.CLAIMS:
        for better, worse in product(found, repeat=2):
            kinds = better.kind.named(claim.better) and worse.kind.named(claim.worse)
            if kinds and better.setting == worse.setting:
                yield _order(claim, better, worse)


def _order(claim: paper.Claim, better: Seeds, worse: Seeds) -> str:
    pairs = list(product(better.values, worse.values))
    lower = sum(one < other for one, other in pairs)
    verdict = "the paper's order" if better.mean < worse.mean else "not the paper's order"
    return (
        f"Paper {claim.source.number} has {better.title} before {worse.title}; here their means are"
        f" {_percent(better.mean)} and {_percent(worse.mean)}, {verdict}. In {lower} of {len(pairs)} pairs of seeds"
        f" {better.kind.title} has the lower error."
    )
