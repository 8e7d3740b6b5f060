"""A heatmap a group in the place of one a landmark: paper 000's aggregation in 001's networks, which neither has."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from hemline.reporting import paper
from hemline.reporting.differences import Difference
from hemline.reporting.numbers import change, interval, signed
from hemline.reporting.oneshot.evidence import Evidence, Row
from hemline.reporting.oneshot.tables import cell, speed_cell
from hemline.reporting.steps import NOTE
from hemline.reporting.tables import Cell, Column, Line, Table
from hemline.wardrobe import grouping

GROUPS = ("AP visible only", "AP box", "ms a picture")
NOTES = (
    f"DeepMark has a heatmap for each landmark only; “{paper.TITLE}” aggregates landmarks that are alike into groups.",
    NOTE,
)


@dataclass(frozen=True)
class Pair:
    """Two rows that differ in the grouping alone, and by how much their landmark AP does."""

    independent: Row
    aggregated: Row
    change: Difference


def pairs(evidence: Evidence, difference: Callable[[Row, Row], Difference]) -> tuple[Pair, ...]:
    """Every aggregated row that has its like with a heatmap a landmark."""
    found = []
    for row in evidence.rows:
        like = (replace(row.setting, grouping="independent"), row.size)
        other = next((one for one in evidence.rows if (one.setting, one.size) == like), None)
        if row.setting.grouping == "aggregated" and other is not None:
            found.append(Pair(other, row, difference(other, row)))
    return tuple(found)


def grouping_table(evidence: Evidence, found: tuple[Pair, ...]) -> Table:
    """One line a pair."""
    landmarks, groups = heatmaps(evidence)
    return Table(
        "grouping",
        f"Aggregation: {groups} heatmaps in the place of {landmarks}",
        _columns(landmarks, groups),
        tuple(_line(evidence, pair) for pair in found),
        (*map(sentence, found), *NOTES),
        tuple(_record(pair) for pair in found),
    )


def heatmaps(evidence: Evidence) -> tuple[int, int]:
    """How many the data set's landmarks need, and its groups."""
    wardrobe = evidence.wardrobe
    return len(wardrobe.landmarks), grouping(wardrobe, "aggregated").size


def _columns(*numbers: int) -> tuple[Column, ...]:
    names = [str(number) for number in numbers]
    precisions = [Column(name, "AP landmarks") for name in (*names, "change")]
    others = [Column(name, group) for group in GROUPS for name in names]
    return (Column("network", kind="words"), *precisions, *others)


def _line(evidence: Evidence, pair: Pair) -> Line:
    rows = (pair.independent, pair.aggregated)
    gain = Cell(signed(pair.change.ap.value), interval(pair.change.ap, sign=True))
    cells = (
        *(cell(row.ap) for row in rows),
        gain,
        *(cell(row.visible["AP"]) for row in rows),
        *(cell(row.box_ap) for row in rows),
        *(speed_cell(evidence.speeds.rows.get(row.name)) for row in rows),
    )
    return Line((Cell(pair.independent.title), *cells))


def _record(pair: Pair) -> dict[str, Any]:
    categories = {
        name: None if value is None else asdict(value) for name, value in pair.change.categories.items()
    }
    return {
        "independent": pair.independent.name,
        "aggregated": pair.aggregated.name,
        "change": asdict(pair.change.ap),
        "per_category": categories,
    }


def sentence(pair: Pair) -> str:
    """What aggregation did, in words that follow from the interval."""
    subject = f"Aggregating the landmarks ({pair.independent.title})"
    return f"{change(subject, 'landmark AP', pair.change.ap)}."
