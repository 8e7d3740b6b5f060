"""Tables 2 to 6 of paper 001 with our numbers beside: cells for readers, records for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hemline.inference.speed import Speed
from hemline.reporting.evidence import Estimate
from hemline.reporting.numbers import MISSING, fixed, interval, whole
from hemline.reporting.oneshot import paper
from hemline.reporting.oneshot.evidence import Evidence, Precisions, Row
from hemline.reporting.tables import Cell, Column, Line, Table

STEPS = {  # the columns of Table 4, each with what the one before it has
    paper.PLAIN: "none",
    paper.HOURGLASS_SINGLE: "NMS",
    paper.FLIP_TEST: "NMS, flip test",
    paper.HOURGLASS_FUSION: "NMS, flip test, scales 1 and 0.75",
}


def methods_table(evidence: Evidence) -> Table:
    """Table 2: landmark AP of the paper's methods, and ours in the paper's best setting."""
    kinds = ("visible only", "visible + occluded")
    return _methods(
        evidence,
        "table2",
        "Table 2. Comparison with other methods: landmarks",
        [Column(name, kind) for kind in kinds for name in paper.METRICS],
        ("visible", "landmarks"),
    )


def detection_table(evidence: Evidence) -> Table:
    """Table 3: the same with boxes; the challenge's baseline has none."""
    columns = [Column(name, "boxes") for name in paper.METRICS]
    title = "Table 3. Comparison with other methods: boxes"
    return _methods(evidence, "table3", title, columns, ("boxes",))


def _methods(
    evidence: Evidence, key: str, title: str, columns: Sequence[Column], blocks: Sequence[str]
) -> Table:
    known = [method for method in paper.METHODS if all(getattr(method, block) for block in blocks)]
    lines, records = [], []
    for method in known:
        numbers = [getattr(method, block) for block in blocks]
        theirs = [Cell(fixed(number[name])) for number in numbers for name in paper.METRICS]
        lines.append(Line((Cell(method.name), Cell(method.data), *theirs)))
        found = dict(zip(blocks, numbers, strict=True))
        records.append({"method": method.name, "data": method.data, **found})
    row = evidence.deepmark
    data = f"{evidence.data} ({whole(evidence.validation.pictures)} validation pictures)"
    ours = [cell(getattr(row, block)[name]) for block in blocks for name in paper.METRICS]
    lines.append(Line((Cell(f"Hemline, {row.title}"), Cell(data), *ours), ours=True))
    measured = {block: _record(getattr(row, block)) for block in blocks}
    records.append({"method": f"Hemline, {row.title}", "data": data, "row": row.name, **measured})
    head = (Column("method", kind="words"), Column("data", kind="words"), *columns)
    return Table(key, title, head, tuple(lines), _method_notes(evidence), tuple(records))


def _method_notes(evidence: Evidence) -> tuple[str, ...]:
    if evidence.paper_data:
        return ("By its garments in each category, our validation split is DeepFashion2's.",)
    return (
        "Our row was measured on other pictures than the rows above it. It cannot be compared with them: it says"
        " that the pipeline runs and learns, not how good it is on DeepFashion2.",
    )


LADDER_COLUMNS = (
    Column("post-processing", kind="words"),
    *(
        Column(whose, group)
        for group in ("AP box", "AP landmarks", "ms a picture")
        for whose in ("paper", "ours")
    ),
)


def ladder_table(evidence: Evidence) -> Table:
    """Table 4: what each step of post-processing does for the Hourglass."""
    rows = _rows(evidence, paper.LADDER)
    lines = [
        Line(
            (
                Cell(STEPS[row.setting]),
                *_pair(row, "boxes", "AP"),
                *_pair(row, "landmarks", "AP"),
                *_speeds(evidence, row),
            )
        )
        for row in rows
    ]
    return Table(
        "table4",
        "Table 4. Post-processing, with the Hourglass",
        LADDER_COLUMNS,
        tuple(lines),
        _absent(evidence, paper.LADDER),
        tuple(_row_record(evidence, row) for row in rows),
    )


def _precision_columns(prefix: str) -> list[Column]:
    names = [f"{prefix} {name}" for name in paper.METRICS]
    return [Column(whose, group) for group in (*names, "ms a picture") for whose in ("paper", "ours")]


def boxes_table(evidence: Evidence) -> Table:
    """Table 5: both backbones, single and fusion; boxes."""
    rows = _rows(evidence, paper.BACKBONES)
    lines = [Line((Cell(row.title), *_numbers(row, "boxes"), *_speeds(evidence, row))) for row in rows]
    return Table(
        "table5",
        "Table 5. Backbones: boxes",
        (Column("network", kind="words"), *_precision_columns("box")),
        tuple(lines),
        _absent(evidence, paper.BACKBONES),
        tuple(_row_record(evidence, row) for row in rows),
    )


def landmarks_table(evidence: Evidence) -> Table:
    """Table 6: the same with landmarks, visible ones only over visible and occluded ones."""
    rows = _rows(evidence, paper.BACKBONES)
    lines = []
    for row in rows:
        for block, words in (("visible", "visible only"), ("landmarks", "visible + occluded")):
            numbers = (*_numbers(row, block), *_speeds(evidence, row))
            lines.append(Line((Cell(row.title), Cell(words), *numbers)))
    return Table(
        "table6",
        "Table 6. Backbones: landmarks",
        (
            Column("network", kind="words"),
            Column("landmarks", kind="words"),
            *_precision_columns("landmarks"),
        ),
        tuple(lines),
        _absent(evidence, paper.BACKBONES),
        tuple(_row_record(evidence, row) for row in rows),
    )


def _rows(evidence: Evidence, settings: Sequence[paper.Setting]) -> list[Row]:
    return [row for row in map(evidence.find, settings) if row is not None]


def _numbers(row: Row, block: str) -> list[Cell]:
    return [one for name in paper.METRICS for one in _pair(row, block, name)]


def _pair(row: Row, block: str, name: str) -> tuple[Cell, Cell]:
    """The paper's and ours."""
    theirs = {} if row.paper is None else getattr(row.paper, block)
    return Cell(fixed(theirs.get(name))), cell(getattr(row, block)[name])


def _speeds(evidence: Evidence, row: Row) -> tuple[Cell, Cell]:
    theirs = MISSING if row.paper is None else milliseconds(row.paper.milliseconds)
    return Cell(theirs), speed_cell(evidence.speeds.rows.get(row.name))


def _absent(evidence: Evidence, settings: Sequence[paper.Setting]) -> tuple[str, ...]:
    absent = [paper.describe(setting) for setting in settings if evidence.find(setting) is None]
    return (f"Left out, because params.yaml has no such row: {'; '.join(absent)}.",) if absent else ()


def cell(estimate: Estimate | None) -> Cell:
    """A number with its interval; a dash for None."""
    return Cell(MISSING) if estimate is None else Cell(fixed(estimate.value), interval(estimate))


def speed_cell(speed: Speed | None) -> Cell:
    """The median with the quartiles; a dash for None."""
    if speed is None:
        return Cell(MISSING)
    return Cell(milliseconds(speed.milliseconds), f"[{milliseconds(speed.low)}, {milliseconds(speed.high)}]")


def milliseconds(value: float) -> str:
    """ "3.4", "35", "1,200"."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _row_record(evidence: Evidence, row: Row) -> dict[str, Any]:
    blocks = ("boxes", "visible", "landmarks")
    theirs = row.paper
    speed = evidence.speeds.rows.get(row.name)
    known = {} if theirs is None else {block: getattr(theirs, block) for block in blocks}
    return {
        "row": row.name,
        "title": row.title,
        "setting": asdict(row.setting),
        "paper": None if theirs is None else {**known, "milliseconds": theirs.milliseconds},
        "ours": {
            **{block: _record(getattr(row, block)) for block in blocks},
            "milliseconds": None if speed is None else asdict(speed),
        },
    }


def _record(numbers: Precisions) -> Mapping[str, Any]:
    return {name: None if value is None else asdict(value) for name, value in numbers.items()}
