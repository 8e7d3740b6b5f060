"""What each row costs: the trainings that it needs, their time, their memory, the networks' sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hemline.params import GIVEN_BOXES, Params
from hemline.reporting.evidence import ENSEMBLE, Evidence
from hemline.reporting.numbers import MISSING, whole
from hemline.reporting.tables import Cell, Column, Line, Table
from hemline.reporting.trainings import Training

GIGA = 1e9

COLUMNS = (
    Column("row", kind="words"),
    Column("models trained"),
    Column("training time"),
    Column("detector", "parameters, millions"),
    Column("estimators", "parameters, millions"),
    Column("peak memory"),
)
NOTES = (
    "Time and memory are of all trainings that the row needs, the aggregated estimator under the experts included; rows"
    " share models, so that their times do not add up. Memory is the most that one training took: of its process on"
    " a CPU, allocated on a GPU. Time is as measured, on the machine named below if it trained everything.",
)


def cost_table(evidence: Evidence, trainings: Sequence[Training]) -> Table:
    """One line a row, and one for all models together. A dash where a training left no record of it."""
    names = {row.name: needed(evidence.params, row.name, trainings) for row in evidence.rows}
    lines = [_line(row.title, names[row.name], trainings) for row in evidence.rows]
    lines.append(_line("all rows", all_needed(evidence, trainings), trainings, total=True))
    records = tuple({"row": name, **cost(places, trainings)} for name, places in names.items())
    return Table("cost", "What each row costs", COLUMNS, tuple(lines), NOTES, records)


def needed(params: Params, row: str, trainings: Sequence[Training]) -> list[tuple[str, ...]]:
    """The places of the models that a row needs, under models/. A category without an expert trains none."""
    if row == ENSEMBLE:
        both = [needed(params, member, trainings) for member in params.ensemble.members]
        return list(dict.fromkeys(place for places in both for place in places))
    setting = params.ablations[row]
    detector = [] if setting.boxes in GIVEN_BOXES else [("detectors", setting.boxes)]
    places = [*detector, ("estimators", setting.estimator)]
    variant = ("experts", setting.experts)
    experts = [
        training.place
        for training in trainings
        if training.place[:2] == variant and training.place[-1] in params.finetune.categories
    ]
    return [*places, *([] if setting.experts == "none" else experts or [variant])]


def all_needed(evidence: Evidence, trainings: Sequence[Training]) -> list[tuple[str, ...]]:
    """The places of the models that the rows need together, each once."""
    each = (needed(evidence.params, row.name, trainings) for row in evidence.rows)
    return list(dict.fromkeys(place for places in each for place in places))


def cost(places: Sequence[tuple[str, ...]], trainings: Sequence[Training]) -> dict[str, Any]:
    """What models cost together: `seconds` and `peak_memory_mb`; None for whatever is not known of all of them."""
    by_place = {training.place: training for training in trainings}
    found = [by_place.get(place) for place in places]
    seconds = [None if one is None else one.seconds for one in found]
    memory = [None if one is None else one.memory for one in found]
    return {
        "models": len(places),
        "seconds": None if None in seconds else sum(filter(None, seconds)),
        "peak_memory_mb": None if None in memory else max(filter(None, memory), default=None),
    }


def _line(
    title: str, places: Sequence[tuple[str, ...]], trainings: Sequence[Training], total: bool = False
) -> Line:
    record = cost(places, trainings)
    cells = (
        Cell(title),
        Cell(whole(record["models"])),
        Cell(duration(record["seconds"])),
        Cell(sizes([place for place in places if place[0] == "detectors"], trainings)),
        Cell(sizes([place for place in places if place[0] != "detectors"], trainings)),
        Cell(_memory(record["peak_memory_mb"])),
    )
    return Line(cells, total=total)


def sizes(places: Sequence[tuple[str, ...]], trainings: Sequence[Training]) -> str:
    """ "3.1", "14 × 0.6", "3.1 + 3.3"; a dash where one is not known, or there is none."""
    known = {training.place: training.parameters for training in trainings}
    counts: dict[str, int] = {}
    for place in places:
        size = known.get(place)
        if size is None:
            return MISSING
        counts[millions(size)] = counts.get(millions(size), 0) + 1
    parts = [size if number == 1 else f"{number} × {size}" for size, number in counts.items()]
    return " + ".join(parts) or MISSING


def millions(parameters: int) -> str:
    """ "0.56", "98.4": two digits under ten, one from there on."""
    value = parameters / 1e6
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


@dataclass(frozen=True)
class NetworkSize:
    """A network's weights, and the multiply-adds of a prediction, as hemline.planning counts them.

    Not its own class: that comes with torch and mmdet, which a page does without.
    """

    parameters: int
    multiply_adds: int


def size_cells(size: NetworkSize | None) -> tuple[Cell, Cell]:
    """Millions of parameters, and GFLOPs: multiply-adds, 10^9 to one ("107", "1.3", "0.42")."""
    if size is None:
        return Cell(MISSING), Cell(MISSING)
    value = size.multiply_adds / GIGA
    giga = f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    return Cell(millions(size.parameters)), Cell(giga)


def duration(seconds: float | None) -> str:
    """ "42 s", "7.1 min", "5.3 h"; a dash for None."""
    if seconds is None:
        return MISSING
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _memory(megabytes: float | None) -> str:
    return MISSING if megabytes is None else f"{megabytes / 1e3:.1f} GB"
