"""Table 1 of paper 004 and Tables 1 and 2 of paper 002 with our numbers, and all rows beside paper 000's."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from hemline.reporting.cost import size_cells
from hemline.reporting.differences import estimated
from hemline.reporting.evidence import Estimate
from hemline.reporting.networks import paper
from hemline.reporting.networks.errors import Errors, Measure, relative, sides_together
from hemline.reporting.networks.evidence import Evidence
from hemline.reporting.networks.numbers import (
    SHARE,
    percent_cell,
    precision_cell,
    rounded_percent,
    share_cell,
)
from hemline.reporting.networks.rows import PICTURE, Row
from hemline.reporting.networks.steps import alike
from hemline.reporting.normalised import CONTEST
from hemline.reporting.numbers import MISSING, fixed, joined
from hemline.reporting.tables import Cell, Column, Line, Table

MOST = 16  # landmarks that a table has columns for
AVERAGE = "Ave"  # as paper 004 calls it
NAMES = {  # of a column, where the landmark's is not plain enough
    "center_front": "centre front",
    "hemline": "hem",
    "neckline": "neck",
}


def landmark_title(name: str) -> str:
    """ "cuff in", "neck"."""
    return NAMES.get(name, name.replace("_", " "))


def landmarks_of(evidence: Evidence) -> tuple[str, ...]:
    """The landmarks that have a column: paper 004's, of another wardrobe its own if they are few."""
    if evidence.papers_wardrobe:
        return paper.FPM_LANDMARKS
    names = sides_together(evidence.wardrobe)
    return names if len(names) <= MOST else ()


def landmarks_table(evidence: Evidence, measure: Measure) -> Table:
    """Paper 004's Table 1: the error of each landmark, the paper's rows and ours."""
    names = landmarks_of(evidence)
    lines, records = [], []
    for kind in paper.FPM_TYPES:
        rows = evidence.of_types([kind])
        lines += [_printed_line(kind)] if rows and evidence.papers_wardrobe else []
        for row in rows:
            values = _by_landmark(measure(row, PICTURE), names)
            lines.append(Line((Cell(row.title), *map(share_cell, values.values())), ours=True))
            records.append(_landmarks_record(evidence, row, values))
    return Table(
        "paper004-table1",
        "Paper 004, Table 1. The error of each landmark: a fashion pose machine and regression",
        (
            Column("method", kind="words"),
            *(Column(landmark_title(name), "NE") for name in (AVERAGE, *names)),
        ),
        (*lines, *_better_lines(evidence, measure, names)),
        _landmark_notes(evidence),
        tuple(records),
    )


def _printed_line(kind: str) -> Line:
    printed = paper.FPM_ERRORS[kind]
    values = (printed.average, *printed.landmarks.values())
    return Line((Cell(f"{paper.NAMES[kind]}, paper"), *(Cell(fixed(value, SHARE)) for value in values)))


def _by_landmark(errors: Errors, names: Sequence[str]) -> dict[str, Estimate | None]:
    """The error of all landmarks, then each one's."""
    return {AVERAGE: estimated(errors.all), **{name: estimated(errors.landmark(name)) for name in names}}


def _better_lines(evidence: Evidence, measure: Measure, names: Sequence[str]) -> list[Line]:
    """How much lower the later method's errors are, in percent of the earlier one's: the paper's, then ours."""
    worse, better = paper.FPM_TYPES
    pairs = list(alike(evidence, (worse, ""), (better, "")))
    words = f"{paper.NAMES[better]} against {paper.NAMES[worse]}"
    lines = []
    if pairs and evidence.papers_wardrobe:
        before, after = paper.FPM_ERRORS[worse], paper.FPM_ERRORS[better]
        shares = [after.landmarks[name] / before.landmarks[name] - 1 for name in names]
        texts = map(rounded_percent, (after.average / before.average - 1, *shares))
        lines.append(Line((Cell(f"{words}, paper"), *map(Cell, texts)), total=True))
    for before_row, after_row in pairs:
        title = f"{after_row.title} against {before_row.title}"  # with their names where seeds have several
        both = measure(before_row, PICTURE), measure(after_row, PICTURE)
        changes = [relative(*(errors.landmark(name) for errors in both)) for name in names]
        cells = map(_share_of_change, (relative(*(errors.all for errors in both)), *changes))
        lines.append(Line((Cell(title), *cells), ours=True))
    return lines


def _share_of_change(value: Estimate | None) -> Cell:
    if value is None:
        return Cell(MISSING)
    return Cell(
        rounded_percent(value.value), f"[{rounded_percent(value.low)}, {rounded_percent(value.high)}]"
    )


def _landmark_notes(evidence: Evidence) -> tuple[str, ...]:
    sides = " Left and right landmarks count together." if landmarks_of(evidence) else ""
    notes = [
        f"NE is over the picture's width and height, of visible landmarks.{sides} Our “Ave” is the mean over all"
        " landmarks of all garments, each once."
    ]
    if evidence.papers_wardrobe:
        notes.append(
            "The paper's “Ave” is no mean of its columns, which would be .1537 and .1139: it must weigh them, it"
            " doesn't say how. FashionNet's waistline and hem are both .1145 as printed, which may be a slip. Its"
            " pictures are of blouses, trousers and dresses alone, and what its FashionNet is it doesn't say"
            " (docs/paper-004.md)."
        )
    return (*notes, *_absent(evidence, paper.FPM_TYPES))


def _absent(evidence: Evidence, types: Sequence[str]) -> tuple[str, ...]:
    return _left_out([paper.NAMES[kind] for kind in types if not evidence.of_types([kind])])


def _left_out(names: Sequence[str]) -> tuple[str, ...]:
    return (f"Left out, because params.yaml has no such row: {joined(names)}.",) if names else ()


def _landmarks_record(evidence: Evidence, row: Row, values: Mapping[str, Estimate | None]) -> dict[str, Any]:
    printed = paper.FPM_ERRORS[row.type] if evidence.papers_wardrobe else None
    return {
        "row": row.name,
        "title": row.title,
        "paper": None if printed is None else {**printed.landmarks, AVERAGE: printed.average},
        "ours": {name: _record(value) for name, value in values.items()},
    }


def networks_table(evidence: Evidence, measure: Measure) -> Table:
    """Paper 002's Table 1: the error of each category by network."""
    notes = (_unprinted(evidence), *_absent(evidence, paper.CPN_TYPES))
    title = "Paper 002, Table 1. The error of each category: CPN, CPM and Hourglass"
    return _categories_table(evidence, measure, "paper002-table1", title, network_rows(evidence), notes)


def network_rows(evidence: Evidence) -> list[Row]:
    """Those of paper 002's three networks, CPN with its main backbone where there is one."""
    rows = evidence.of_types(paper.CPN_TYPES)
    main = [row for row in rows if row.kind is not None and row.kind.named(("cpn", paper.CPN_BACKBONE))]
    return [row for row in rows if not main or row in main or row.type != "cpn"]


def backbones_table(evidence: Evidence, measure: Measure) -> Table:
    """Paper 002's Table 2: CPN's backbones; empty of one alone."""
    rows = evidence.of_types(["cpn"])
    kinds = {row.kind.backbone for row in rows if row.kind is not None}
    notes = _left_out([paper.BACKBONES[name] for name in paper.CPN_BACKBONES if name not in kinds])
    title = "Paper 002, Table 2. The error of each category: CPN's backbones"
    shown = rows if len(kinds) > 1 else []
    return _categories_table(evidence, measure, "paper002-table2", title, shown, notes)


def categories_of(evidence: Evidence) -> list[str]:
    """Those with validation garments."""
    return [name for name, count in evidence.validation.categories.items() if count]


def _categories_table(
    evidence: Evidence, measure: Measure, key: str, title: str, rows: Sequence[Row], notes: Sequence[str]
) -> Table:
    """One line a row: its error in percent by category, over the categories, over all, and its network's size."""
    names = categories_of(evidence)
    columns = (
        Column("network", kind="words"),
        *(Column(name, error_name(evidence)) for name in (*names, "mean", "all")),
        Column("parameters, M"),
        Column("GFLOPs"),
    )
    values = {row.name: _by_category(measure(row, evidence.error), names) for row in rows}
    lines = tuple(
        Line((Cell(row.title), *map(percent_cell, values[row.name].values()), *_size(evidence, row)))
        for row in rows
    )
    records = tuple(_category_record(evidence, row, values[row.name]) for row in rows)
    return Table(key, title, columns, lines, (_category_note(), *notes), records)


def error_name(evidence: Evidence) -> str:
    """What stands over the page's error."""
    return "NE of the contest, %" if evidence.error == CONTEST else "NE, %"


def _by_category(errors: Errors, names: Sequence[str]) -> dict[str, Estimate | None]:
    """Each category's error, the mean of these, and that of all."""
    parts: dict[str, np.ndarray] = {name: errors.category(name) for name in names}
    parts |= {"mean": errors.mean, "all": errors.all}
    return {name: estimated(values) for name, values in parts.items()}


def _size(evidence: Evidence, row: Row) -> tuple[Cell, Cell]:
    return size_cells(evidence.sizes.get(row.network))


def _category_note() -> str:
    return (
        "“Mean” is over the categories, each with the same weight, “all” over all visible landmarks, each once. GFLOPs"
        " are multiply-adds of one crop, 10⁹ to one; each expert costs what its network costs."
    )


def _unprinted(evidence: Evidence) -> str:
    low, high = (f"{100 * share:.0f}" for share in paper.CPN_ERROR)
    where = "" if evidence.papers_wardrobe else ", of FashionAI"
    return (
        "The paper's tables are pictures in its text, their numbers can't be read from it. In words it says"
        f" that CPN's error is about {low} % to {high} %{where}, and that CPN works best of the three."
    )


def _category_record(evidence: Evidence, row: Row, values: Mapping[str, Estimate | None]) -> dict[str, Any]:
    size = evidence.sizes.get(row.network)
    return {
        "row": row.name,
        "title": row.title,
        "error": evidence.error,
        "per_category": {name: _record(value) for name, value in values.items()},
        **({} if size is None else asdict(size)),
    }


def rows_table(evidence: Evidence) -> Table:
    """All rows by their errors and AP: what networks and experts add to each other, paper 000's among them."""
    errors = [name for name in (CONTEST, PICTURE) if name == PICTURE or evidence.error == CONTEST]
    titles = {CONTEST: "contest, %", PICTURE: "picture"}
    show = {CONTEST: percent_cell, PICTURE: share_cell}
    columns = (
        Column("row", kind="words"),
        Column("boxes", kind="words"),
        *(Column(titles[name], "NE") for name in errors),
        Column("all", "landmark AP"),
        Column("visible only", "landmark AP"),
    )
    return Table(
        "rows",
        "All rows, and paper 000's on the same pictures",
        columns,
        tuple(_row_line(row, [show[name](row.errors[name]) for name in errors]) for row in evidence.every),
        _row_notes(evidence),
        tuple(_row_record(row) for row in evidence.every),
    )


def _row_line(row: Row, errors: Sequence[Cell]) -> Line:
    cells = (
        Cell(row.title),
        Cell(MISSING if row.setting is None else row.setting.look),
        *errors,
        precision_cell(row.ap),
        precision_cell(row.visible_ap),
    )
    return Line(cells)


def _row_notes(evidence: Evidence) -> tuple[str, ...]:
    if not evidence.others:
        return ()
    return (
        "Paper 000's rows are aggregation and finetuning on the same data: its own network, trained as its section of"
        " params.yaml says. Lower errors and higher AP are better; AP also counts occluded landmarks.",
    )


def _row_record(row: Row) -> dict[str, Any]:
    return {
        "row": row.name,
        "of": "networks" if row.network else "paper 000",
        "title": row.title,
        "network": row.network or None,
        "setting": None if row.setting is None else asdict(row.setting),
        **{name: _record(value) for name, value in row.errors.items()},
        "AP": _record(row.ap),
        "AP_visible": _record(row.visible_ap),
    }


def _record(value: Estimate | None) -> dict[str, float] | None:
    return None if value is None else asdict(value)
