"""Tables 1, 2 and 3 of paper 000 with our numbers beside: cells for readers, records for programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from hemline.reporting import paper
from hemline.reporting.differences import Difference
from hemline.reporting.evidence import DETECTORS, Estimate, Evidence, Row, describe, whose
from hemline.reporting.findings import Finding
from hemline.reporting.numbers import MISSING, fixed, interval, signed, whole

TICK = "✓"
PAPER = "paper"  # the title of every column of its numbers
UNSERVED = "†"
SCARCE = "‡"
FEW = 10  # validation garments; a bootstrap of fewer knows too little of what it does not show


@dataclass(frozen=True)
class Column:
    """`group` stands over neighbouring columns that share it, such as "AP box" over "paper" and "ours"."""

    title: str
    group: str = ""
    kind: Literal["number", "words", "mark", "code"] = "number"

    @property
    def full(self) -> str:
        """One title for a table without groups: "AP box, paper"."""
        return f"{self.group}, {self.title}" if self.group else self.title

    def alone(self) -> "Column":
        """The column where none of the paper's stands beside it."""
        return Column(self.group, kind=self.kind) if self.title == "ours" and self.group else self


@dataclass(frozen=True)
class Cell:
    """A cell's text, and its interval in smaller letters."""

    text: str
    interval: str = ""


@dataclass(frozen=True)
class Line:
    """A row of cells; `ours` marks rows of ours among the paper's, `total` a sum or mean over the others."""

    cells: tuple[Cell, ...]
    ours: bool = False
    total: bool = False


@dataclass(frozen=True)
class Table:
    """`records` say the same for programs, with full precision."""

    key: str
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    records: tuple[Mapping[str, Any], ...]

    def without_paper(self) -> "Table":
        """The table without its columns of the paper's numbers; those of ours then have their group's name."""
        kept = [place for place, column in enumerate(self.columns) if column.title != PAPER]
        lines = tuple(replace(line, cells=tuple(line.cells[place] for place in kept)) for line in self.lines)
        return replace(self, columns=tuple(self.columns[place].alone() for place in kept), lines=lines)


def methods_table(evidence: Evidence) -> Table:
    """Table 1: the methods of the paper, and the row that we submit, marked with its data."""
    columns = (
        Column("method", kind="words"),
        Column("data", kind="words"),
        Column("validation"),
        Column("test"),
    )
    lines = [
        Line((Cell(method.name), Cell("DeepFashion2"), _printed(method.validation), _printed(method.test)))
        for method in _methods(evidence)
    ]
    row, split = evidence.submitted, evidence.validation
    data = Cell(f"{evidence.data} ({whole(split.pictures)} validation pictures)")
    ours = (Cell(f"Hemline, {row.title}"), data, _cell(row.ap), Cell(MISSING))
    records = [{"method": one.name, "data": "DeepFashion2", **_numbers(one)} for one in _methods(evidence)]
    records.append({"method": ours[0].text, "data": data.text, "row": row.name, "validation": asdict(row.ap)})
    lines.append(Line(ours, ours=True))
    return Table(
        "table1",
        "Table 1. Comparison with other methods: landmark AP",
        columns,
        tuple(lines),
        _method_notes(evidence),
        tuple(records),
    )


def _methods(evidence: Evidence) -> tuple[paper.Method, ...]:
    return paper.METHODS if evidence.paper_wardrobe else ()


def _method_notes(evidence: Evidence) -> tuple[str, ...]:
    test = "Test annotations were never released: only the challenge's server could fill the test column."
    if evidence.paper_data:
        return ("By its garments in each category, our validation split is DeepFashion2's.", test)
    return (
        "Our row was measured on other pictures than the rows above it. It cannot be compared with them: it says"
        " that the pipeline runs and learns, not how good it is on DeepFashion2.",
        test,
    )


def _printed(text: str) -> Cell:
    return Cell(text or MISSING)


def _numbers(method: paper.Method) -> dict[str, float]:
    found = {"validation": method.validation, "test": method.test}
    return {key: float(text) for key, text in found.items() if text}


ABLATION_COLUMNS = (
    Column("detector", kind="words"),
    Column(PAPER, "AP box"),
    Column("ours", "AP box"),
    Column("aggregation", kind="mark"),
    Column("finetune", kind="mark"),
    Column("hflip train", kind="mark"),
    Column("hflip test", kind="mark"),
    Column(PAPER, "AP landmarks"),
    Column("ours", "AP landmarks"),
    Column("ours", "visible only"),
)


def ablation_table(evidence: Evidence) -> Table:
    """Table 2: one line a row that was measured."""
    rows = evidence.rows
    return Table(
        "table2",
        "Table 2. Ablation study",
        ABLATION_COLUMNS,
        tuple(_ablation_line(row) for row in rows),
        _ablation_notes(evidence),
        tuple(_ablation_record(row) for row in rows),
    )


def _ablation_line(row: Row) -> Line:
    setting = row.setting
    if setting is None:
        marks = [Cell(MISSING)] * 4
        name = f"{DETECTORS[row.boxes]}, ensemble"
    else:
        on = (setting.aggregated, setting.finetuned, setting.hflip_train, setting.hflip_test)
        marks = [Cell(TICK if value else "") for value in on]
        name = f"{DETECTORS[row.boxes]}{', two passes' if setting.passes == 2 else ''}"
    boxes = (Cell(fixed(_paper_box(row))), _cell(row.box_ap))
    landmarks = (Cell(fixed(row.paper_ap)), _cell(row.ap), _cell(row.visible_ap))
    return Line((Cell(name), *boxes, *marks, *landmarks), total=setting is None)


def _paper_box(row: Row) -> float | None:
    return paper.box_ap_of(row.boxes) if row.paper_ap is not None else None


def _ablation_notes(evidence: Evidence) -> tuple[str, ...]:
    notes = []
    ensemble = evidence.find(None)
    if ensemble is not None:
        members = evidence.params.ensemble.members
        titles = [row.title for row in evidence.rows if row.name in members]
        notes.append(f"The ensemble averages the landmarks of: {'; '.join(titles or members)}.")
    absent = missing_rows(evidence)
    if absent:
        notes.append(f"Left out, because params.yaml has no such row: {'; '.join(absent)}.")
    return tuple(notes)


def missing_rows(evidence: Evidence) -> tuple[str, ...]:
    """The paper's rows that we have not, in words; in our boxes."""
    settings = dict.fromkeys(evidence.ours(result.setting) for result in paper.ABLATION)
    absent = [describe(setting) for setting in settings if evidence.find(setting) is None]
    return (*absent, *(() if evidence.find(None) else ("ensemble",)))


def _ablation_record(row: Row) -> dict[str, Any]:
    return {
        "row": row.name,
        "title": row.title,
        "boxes": row.boxes,
        "setting": None if row.setting is None else asdict(row.setting),
        "paper": {"AP": row.paper_ap, "AP_box": _paper_box(row)},
        "ours": {
            "AP": asdict(row.ap),
            "AP_box": asdict(row.box_ap),
            "AP_visible": None if row.visible_ap is None else asdict(row.visible_ap),
        },
    }


CATEGORY_COLUMNS = (
    Column("category", kind="words"),
    Column(PAPER, "train"),
    Column("ours", "train"),
    Column(PAPER, "validation"),
    Column("ours", "validation"),
    Column(PAPER, "AP box"),
    Column("ours", "AP box"),
    Column(PAPER, "AP without finetuning"),
    Column("ours", "AP without finetuning"),
    Column(PAPER, "AP with finetuning"),
    Column("ours", "AP with finetuning"),
    Column(PAPER, "change"),
    Column("ours", "change"),
)


def categories_table(evidence: Evidence, findings: Sequence[Finding]) -> Table:
    """Table 3: what finetuning does for each category."""
    before, after = evidence.find(paper.FLIP_TEST), evidence.find(paper.FINETUNED)
    change = next((one.ours for one in findings if one.step.key == "finetuning"), None)
    make = _line_maker(evidence, before, after, change)
    names = (paper.ALL.name, *(entry.name for entry in evidence.wardrobe.categories))
    lines = [make(name) for name in names]
    return Table(
        "table3",
        "Table 3. Finetuning, category by category",
        CATEGORY_COLUMNS,
        tuple(line for line, _ in lines),
        _category_notes(evidence, before, after),
        tuple(record for _, record in lines),
    )


def _line_maker(
    evidence: Evidence, before: Row | None, after: Row | None, change: Difference | None
) -> Callable[[str], tuple[Line, dict[str, Any]]]:
    boxes = before or after

    def make(name: str) -> tuple[Line, dict[str, Any]]:
        theirs = paper.category_of(name) if evidence.paper_wardrobe else None
        estimates = {
            "AP_box": _of(boxes, name, box=True),
            "AP_before": _of(before, name),
            "AP_after": _of(after, name),
            "change": None if change is None else {"all": change.ap, **change.categories}[name],
        }
        counts = _garments(evidence, name)
        line = _category_line(name + _marks(evidence, name), theirs, counts, estimates)
        return replace(line, total=name == paper.ALL.name), _category_record(name, theirs, counts, estimates)

    return make


def _of(row: Row | None, name: str, box: bool = False) -> Estimate | None:
    if row is None:
        return None
    if name == paper.ALL.name:
        return row.box_ap if box else row.ap
    return (row.box_categories if box else row.categories)[name]


def _garments(evidence: Evidence, name: str) -> tuple[int, int]:
    splits = (evidence.train, evidence.validation)
    train, validation = (one.garments if name == paper.ALL.name else one.categories[name] for one in splits)
    return train, validation


def _category_line(
    name: str,
    theirs: paper.CategoryResult | None,
    counts: tuple[int, int],
    ours: Mapping[str, Estimate | None],
) -> Line:
    change = ours["change"]
    gain = Cell(MISSING) if change is None else Cell(signed(change.value), interval(change, sign=True))
    measured = (_cell(ours["AP_box"]), _cell(ours["AP_before"]), _cell(ours["AP_after"]), gain)
    cells = (*(Cell(whole(count)) for count in counts), *measured)
    pairs = zip(_paper_category(theirs), cells, strict=True)
    return Line((Cell(name), *(cell for pair in pairs for cell in pair)))


def _paper_category(theirs: paper.CategoryResult | None) -> list[Cell]:
    """Garments of train and validation, AP of boxes, AP before and after finetuning, its change."""
    if theirs is None:
        return [Cell(MISSING)] * 6
    counts = [whole(theirs.train), whole(theirs.validation)]
    precisions = [fixed(value) for value in (theirs.box_ap, theirs.before, theirs.after)]
    return [Cell(text) for text in (*counts, *precisions, signed(theirs.after - theirs.before))]


def _marks(evidence: Evidence, name: str) -> str:
    unserved = UNSERVED if name in evidence.without_expert else ""
    scarce = SCARCE if name in _scarce(evidence) else ""
    return f" {unserved}{scarce}" if unserved or scarce else ""


def _scarce(evidence: Evidence) -> tuple[str, ...]:
    return tuple(name for name, count in evidence.validation.categories.items() if 0 < count < FEW)


def _category_record(
    name: str,
    theirs: paper.CategoryResult | None,
    counts: tuple[int, int],
    ours: Mapping[str, Estimate | None],
) -> dict[str, Any]:
    numbers = {key: None if value is None else asdict(value) for key, value in ours.items()}
    return {
        "category": name,
        "paper": theirs and {key: value for key, value in asdict(theirs).items() if key != "name"},
        "ours": {"train": counts[0], "validation": counts[1], **numbers},
    }


def _category_notes(evidence: Evidence, before: Row | None, after: Row | None) -> tuple[str, ...]:
    notes = ["Train and validation count garments."]
    for row, setting in ((before, paper.FLIP_TEST), (after, paper.FINETUNED)):
        if row is None:
            wanted = describe(evidence.ours(setting))
            notes.append(f"No column of ours for “{wanted}”: params.yaml has no such row.")
    if evidence.paper_wardrobe and evidence.main_boxes != paper.HTC.boxes:
        ours, theirs = whose(evidence.main_boxes), whose(paper.HTC.boxes)
        notes.append(f"APs of ours are in {ours} boxes, the paper's in {theirs}.")
    if evidence.without_expert:
        notes.append(
            f"{UNSERVED} No expert: the category has no training garments with landmarks, or params.yaml does not"
            " list it. The aggregated estimator serves it in both columns."
        )
    if _scarce(evidence):
        notes.append(f"{SCARCE} Fewer than {FEW} validation garments: the true interval is wider than shown.")
    if not all(evidence.validation.categories.values()):
        notes.append(f"{MISSING} The validation split has no garment to measure.")
    return tuple(notes)


def _cell(estimate: Estimate | None) -> Cell:
    return Cell(MISSING) if estimate is None else Cell(fixed(estimate.value), interval(estimate))
