"""Tables 1 to 4 of paper 003 with our numbers beside: cells for readers, records for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hemline.reporting.cost import size_cells
from hemline.reporting.evidence import Estimate
from hemline.reporting.kgdet import paper
from hemline.reporting.kgdet.evidence import Evidence, Row
from hemline.reporting.kgdet.steps import models
from hemline.reporting.numbers import MISSING, fixed, joined, whole
from hemline.reporting.oneshot.evidence import Precisions
from hemline.reporting.oneshot.tables import cell, milliseconds, speed_cell
from hemline.reporting.tables import PAPER, TICK, Cell, Column, Line, Table


def _pairs(*groups: str) -> list[Column]:
    return [Column(whose, group) for group in groups for whose in (PAPER, "ours")]


NETWORK_COLUMNS = (
    Column("network", kind="words"),
    Column("landmarks", kind="mark"),
    Column("backbone", kind="words"),
    *_pairs("box AP", "box AP50", "box AP75", "parameters, M", "GFLOPs", "ms a picture"),
)


def networks_table(evidence: Evidence) -> Table:
    """Table 1: what finds boxes how well, and at what cost."""
    order = [one.setting for one in paper.NETWORKS]
    rows = sorted(
        (row for row in evidence.rows if row.setting in order), key=lambda row: order.index(row.setting)
    )
    return Table(
        "table1",
        "Table 1. Comparison of detectors: boxes",
        NETWORK_COLUMNS,
        tuple(_network_line(evidence, row) for row in rows),
        (*_network_notes(evidence), *_absent(evidence, order)),
        tuple(_network_record(evidence, row) for row in rows),
    )


def _network_line(evidence: Evidence, row: Row) -> Line:
    theirs, printed = paper.network_of(row.setting), MISSING
    assert theirs is not None  # networks_table takes rows of the paper's alone
    parameters, giga = size_cells(evidence.sizes.get(row.network))
    if theirs.milliseconds is not None:
        printed = milliseconds(theirs.milliseconds)
    cells = (
        Cell(paper.NAMES[row.setting.type]),
        Cell(TICK if row.landmarks is not None else ""),
        _backbone(evidence, row),
        *_numbers(theirs.boxes, row.boxes),
        *(Cell(fixed(theirs.parameters, 1)), parameters),
        *(Cell(fixed(theirs.giga, 1)), giga),
        Cell(printed),
        speed_cell(evidence.speeds.rows.get(row.name)),
    )
    return Line(cells, total=row.setting.type == "kgdet")


def _backbone(evidence: Evidence, row: Row) -> Cell:
    """Ours, and the paper's in small letters where it is another."""
    theirs = paper.backbone(row.setting)
    shown = evidence.paper_wardrobe and theirs != row.backbone
    return Cell(row.backbone, f"paper: {theirs}" if shown else "")


def _numbers(theirs: Mapping[str, float], ours: Precisions | None) -> list[Cell]:
    """The paper's AP, AP50 and AP75, each with ours beside."""
    return [
        one
        for name in paper.METRICS
        for one in (Cell(fixed(theirs.get(name))), cell(None if ours is None else ours[name]))
    ]


def _network_notes(evidence: Evidence) -> tuple[str, ...]:
    notes = [
        "Match R-CNN is Mask R-CNN with a head for landmarks, without its part for retrieval. GFLOPs are multiply-adds"
        " of a picture of the longest sides that params.yaml lets through, 10⁹ to one."
    ]
    if evidence.paper_wardrobe:
        notes.append(
            "The paper leaves out weights that don't learn, and counts pictures of 1280 × 800 without deformable"
            " convolutions. Counted so, our parameters are within 1 % of its, and so are our GFLOPs but FCOS's and"
            " KGDet's (docs/models.md)."
        )
    if evidence.speeds.rows:
        speeds = evidence.speeds
        notes.append(
            "Milliseconds from a decoded picture to its garments: the median and, in brackets, the quartiles of"
            f" {whole(speeds.pictures)} validation pictures, one at a time, on {speeds.machine}."
        )
    return tuple(notes)


def _network_record(evidence: Evidence, row: Row) -> dict[str, Any]:
    size, speed = evidence.sizes.get(row.network), evidence.speeds.rows.get(row.name)
    theirs = paper.network_of(row.setting) if evidence.paper_wardrobe else None
    costs = {} if size is None else {"parameters": size.parameters, "multiply_adds": size.multiply_adds}
    return {
        "row": row.name,
        "network": row.network,
        "title": row.title,
        "paper": None if theirs is None else {**asdict(theirs), "setting": asdict(row.setting)},
        "ours": {
            "boxes": _record(row.boxes),
            **costs,
            "milliseconds": None if speed is None else asdict(speed),
        },
    }


def modules_table(evidence: Evidence) -> Table:
    """Table 2: encoding against selection, each with 9 points; empty without both."""
    pairs = [(one, evidence.find(one.setting)) for one in paper.MODULES]
    measured = [(one, row) for one, row in pairs if row is not None]
    lines = [
        Line(
            (
                Cell((row.setting.informative or "").capitalize()),
                *_numbers(one.boxes, row.boxes),
                *_numbers(one.landmarks, row.landmarks),
            )
        )
        for one, row in measured
    ]
    groups = [f"{what} {name}" for what in ("box", "landmark") for name in paper.METRICS]
    return Table(
        "table2",
        "Table 2. How informative points are made: encoding or selection, 9 points",
        (Column("module", kind="words"), *_pairs(*groups)),
        tuple(lines),
        _absent(evidence, [one.setting for one in paper.MODULES]),
        tuple(_model_record(evidence, row, one) for one, row in measured),
    )


def fld_table(evidence: Evidence) -> Table:
    """Table 3: the same networks on FLD; empty on any other data set."""
    known = evidence.wardrobe.name == paper.TABLE_3_WARDROBE
    pairs = [(one, evidence.find(one.setting)) for one in paper.FLD if known]
    measured = [(one, row) for one, row in pairs if row is not None]
    lines = [
        Line((Cell(paper.NAMES[row.setting.type]), *_numbers(one.boxes, row.boxes))) for one, row in measured
    ]
    records = [
        {"row": row.name, "title": row.title, "paper": dict(one.boxes), "ours": _record(row.boxes)}
        for one, row in measured
    ]
    return Table(
        "table3",
        "Table 3. FLD: boxes",
        (Column("network", kind="words"), *_pairs("box AP", "box AP50", "box AP75")),
        tuple(lines),
        _absent(evidence, [one.setting for one in paper.FLD]),
        tuple(records),
    )


MODEL_COLUMNS = (
    Column("ID", kind="words"),
    Column("points"),
    Column("stages"),
    Column("backbone", kind="words"),
    Column("levels", kind="mark"),
    Column("landmark loss", kind="mark"),
    Column("flip", kind="mark"),
    *_pairs("landmark AP", "box AP"),
)


def models_table(evidence: Evidence) -> Table:
    """Table 4: KGDet's choices, one after the other."""
    rows = models(evidence)
    return Table(
        "table4",
        "Table 4. KGDet's choices: landmarks and boxes",
        MODEL_COLUMNS,
        tuple(_model_line(evidence, row) for row in rows),
        (
            "Points are informative ones: 83 are 9, 25 and 49 in three columns. With flip what the network says of a"
            " picture and of its mirror image is fused, in training and in testing.",
            *_absent(evidence, [one.setting for one in paper.MODELS]),
        ),
        tuple(_model_record(evidence, row, paper.model_of(row.setting)) for row in rows),
    )


def _model_line(evidence: Evidence, row: Row) -> Line:
    setting, theirs = row.setting, paper.model_of(row.setting)
    flips = {"none": "", "both": TICK, "training": "training", "test": "test"}
    boxes, landmarks = (None, None) if theirs is None else (theirs.boxes["AP"], theirs.landmarks.get("AP"))
    cells = (
        Cell(MISSING if theirs is None else theirs.key),
        *(Cell(whole(setting.points)), Cell(whole(setting.stages))),
        _backbone(evidence, row),
        *(Cell(row.levels), Cell(TICK if setting.landmark_loss else ""), Cell(flips[setting.flip])),
        *(Cell(fixed(landmarks)), cell(row.ap)),
        *(Cell(fixed(boxes)), cell(row.box_ap)),
    )
    return Line(cells)


def _model_record(evidence: Evidence, row: Row, theirs: paper.Model | None) -> dict[str, Any]:
    known = theirs if evidence.paper_wardrobe else None
    landmarks = None if row.landmarks is None else _record(row.landmarks)
    return {
        "row": row.name,
        "title": row.title,
        "setting": asdict(row.setting),
        "paper": known and {"id": known.key, "landmarks": dict(known.landmarks), "boxes": dict(known.boxes)},
        "ours": {"landmarks": landmarks, "boxes": _record(row.boxes)},
    }


def _record(numbers: Precisions) -> Mapping[str, Any]:
    return {name: _number(value) for name, value in numbers.items()}


def _number(value: Estimate | None) -> dict[str, float] | None:
    return None if value is None else asdict(value)


def _absent(evidence: Evidence, settings: Sequence[paper.Setting]) -> tuple[str, ...]:
    """The paper's rows that we have not, in words."""
    absent = [describe(setting) for setting in settings if evidence.find(setting) is None]
    return (f"Left out, because params.yaml has no such row: {'; '.join(absent)}.",) if absent else ()


def describe(setting: paper.Setting) -> str:
    """A row of the paper in words: "FCOS, ResNet-101", "KGDet, 9 points, 2 stages, P5–P7, ResNet-50"."""
    marks = {
        f"{setting.points} points": setting.points,
        "selection": setting.informative == "selection",
        f"{setting.stages} stages": setting.stages,
        f"P{8 - setting.levels}–P7": setting.levels,
        "flip": setting.flip == "both",
    }
    words = [words for words, on in marks.items() if on]
    return ", ".join((paper.NAMES[setting.type], *words, paper.backbone(setting)))


def categories_table(evidence: Evidence) -> Table:
    """Box AP of each category, of each type of network the row with the highest."""
    types = dict.fromkeys(row.setting.type for row in evidence.rows)
    shown = [
        max((row for row in evidence.rows if row.setting.type == kind), key=lambda row: row.box_ap.value)
        for kind in types
    ]
    columns = [Column("category", kind="words"), Column("garments")]
    columns += [Column(paper.NAMES[row.setting.type], "box AP") for row in shown]
    counts = {"all": evidence.validation.garments, **evidence.validation.categories}
    values = {"all": [row.box_ap for row in shown]} | {
        name: [row.categories[name] for row in shown] for name in evidence.validation.categories
    }
    lines = [
        Line((Cell(name), Cell(whole(counts[name])), *map(cell, found)), total=name == "all")
        for name, found in values.items()
    ]
    note = f"Of each type of network the row with the highest box AP: {joined([row.title for row in shown])}."
    records = [
        {
            "category": name,
            "garments": counts[name],
            "AP_box": {row.name: _number(row.categories[name]) for row in evidence.rows},
        }
        for name in evidence.validation.categories
    ]
    return Table("categories", "Category by category", tuple(columns), tuple(lines), (note,), tuple(records))
