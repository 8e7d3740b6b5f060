"""The two systems side by side: what each row reaches, and what it costs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hemline.inference.speed import Speed
from hemline.params import GIVEN_BOXES, Params
from hemline.reporting import evidence as two_stage
from hemline.reporting.cost import cost, duration, needed, sizes
from hemline.reporting.evidence import Estimate
from hemline.reporting.numbers import whole
from hemline.reporting.oneshot.evidence import Evidence, Row
from hemline.reporting.oneshot.tables import cell, speed_cell
from hemline.reporting.tables import Cell, Column, Line, Table
from hemline.reporting.trainings import Training

System = Literal["one-shot", "two-stage"]


@dataclass(frozen=True)
class Contender:
    """A row of either system. `number` is its mark in the figures.

    `parameters` are those of its networks, in words and millions; `seconds` the time of all trainings that it needs.
    What is not known is None.
    """

    number: int
    name: str
    title: str
    system: System
    ap: Estimate
    visible_ap: Estimate | None
    box_ap: Estimate
    speed: Speed | None
    parameters: str
    seconds: float | None


def contenders(
    evidence: Evidence, one_shot: Sequence[Training], others: Sequence[Training]
) -> tuple[Contender, ...]:
    """All rows that find garments by themselves: the one-shot ones, then the two-stage ones with a detector."""
    found = [_one_shot(evidence, row, number, one_shot) for number, row in enumerate(evidence.rows, start=1)]
    detecting = (row for row in evidence.others if row.boxes not in GIVEN_BOXES)
    start = len(found) + 1
    return (
        *found,
        *(_two_stage(evidence, row, number, others) for number, row in enumerate(detecting, start)),
    )


def _one_shot(evidence: Evidence, row: Row, number: int, trainings: Sequence[Training]) -> Contender:
    return Contender(
        number=number,
        name=row.name,
        title=row.title,
        system="one-shot",
        ap=row.ap,
        visible_ap=row.visible["AP"],
        box_ap=row.box_ap,
        speed=evidence.speeds.rows.get(row.name),
        parameters=sizes([(row.network,)], trainings),
        seconds=cost(networks(evidence.params, row.network), trainings)["seconds"],
    )


def networks(params: Params, name: str) -> list[tuple[str, ...]]:
    """The places of the networks that one needs, under oneshot/models/: a finetuned one also its base."""
    finetuned = params.oneshot.finetuned.get(name)
    return [(name,)] if finetuned is None else [(finetuned.base,), (name,)]


def _two_stage(
    evidence: Evidence, row: two_stage.Row, number: int, trainings: Sequence[Training]
) -> Contender:
    places = needed(evidence.params, row.name, trainings)
    return Contender(
        number=number,
        name=row.name,
        title=row.title,
        system="two-stage",
        ap=row.ap,
        visible_ap=row.visible_ap,
        box_ap=row.box_ap,
        speed=evidence.speeds.rows.get(row.name),
        parameters=sizes(places, trainings),
        seconds=cost(places, trainings)["seconds"],
    )


def best(found: Sequence[Contender], system: System) -> Contender | None:
    """The row of a system with the highest landmark AP; None without any."""
    return max((one for one in found if one.system == system), key=lambda one: one.ap.value, default=None)


COLUMNS = (
    Column("row", kind="words"),
    Column("no."),
    Column("AP landmarks"),
    Column("AP visible only"),
    Column("AP box"),
    Column("ms a picture"),
    Column("parameters, millions"),
    Column("training time"),
    Column("system", kind="words"),
)


def systems_table(evidence: Evidence, found: Sequence[Contender]) -> Table:
    """One line a row; the best of each system stands out."""
    strongest = {best(found, "one-shot"), best(found, "two-stage")}
    return Table(
        "systems",
        "One-shot and two-stage, side by side",
        COLUMNS,
        tuple(_line(one, one in strongest) for one in found),
        _notes(evidence),
        tuple(_record(one) for one in found),
    )


def _line(one: Contender, strong: bool) -> Line:
    numbers = (cell(one.ap), cell(one.visible_ap), cell(one.box_ap), speed_cell(one.speed))
    costs = (Cell(one.parameters), Cell(duration(one.seconds)))
    return Line((Cell(one.title), Cell(str(one.number)), *numbers, *costs, Cell(one.system)), total=strong)


def _notes(evidence: Evidence) -> tuple[str, ...]:
    notes = ["In bold the row of each system with the highest landmark AP on these pictures."]
    if evidence.speeds.rows:
        notes.append(speed_note(evidence))
    notes.append(
        "Training time is of all trainings that a row needs; rows share networks, so that their times do not add up."
        " Parameters of a two-stage row are those of its detector, then of its estimators, experts included."
    )
    return tuple(notes)


def speed_note(evidence: Evidence) -> str:
    """How speed was measured."""
    speeds = evidence.speeds
    return (
        "Milliseconds from a decoded picture to its garments with landmarks: the median and, in brackets, the quartiles"
        f" of {whole(speeds.pictures)} validation pictures, one at a time, on {speeds.machine}. The rows took turns"
        " picture by picture."
    )


def _record(one: Contender) -> dict[str, Any]:
    values = asdict(one)
    return {"row": values.pop("name"), **values}


def categories_table(evidence: Evidence) -> Table:
    """Landmark AP of each category: of each network its best row, and of the two-stage system the submitted one."""
    networks = dict.fromkeys(row.network for row in evidence.rows)
    shown = [
        max((row for row in evidence.rows if row.network == name), key=lambda row: row.ap.value)
        for name in networks
    ]
    other = evidence.submitted
    columns = [Column("category", kind="words"), Column("garments")]
    columns += [Column(row.strategy, row.network_title) for row in shown]
    columns += [] if other is None else [Column("submitted", "two-stage")]
    rows: list[Row | two_stage.Row] = [*shown, *([] if other is None else [other])]
    total = Line(
        (Cell("all"), Cell(whole(evidence.validation.garments)), *(cell(row.ap) for row in rows)), total=True
    )
    lines = [
        Line(
            (
                Cell(entry.name),
                Cell(whole(evidence.validation.categories[entry.name])),
                *(cell(row.categories[entry.name]) for row in rows),
            )
        )
        for entry in evidence.wardrobe.categories
    ]
    submitted = "" if other is None else f" The two-stage row is: {other.title}."
    notes = (
        f"Landmark AP, visible and occluded. Of each network the row with the highest AP is shown.{submitted}",
    )
    return Table(
        "categories", "Category by category", tuple(columns), (total, *lines), notes, _categories(evidence)
    )


def _categories(evidence: Evidence) -> tuple[dict[str, Any], ...]:
    """All rows of both systems."""
    rows: list[Row | two_stage.Row] = [*evidence.rows, *evidence.others]
    return tuple(
        {
            "category": entry.name,
            "garments": evidence.validation.categories[entry.name],
            "AP": {
                row.name: None if (value := row.categories[entry.name]) is None else asdict(value)
                for row in rows
            },
        }
        for entry in evidence.wardrobe.categories
    )
