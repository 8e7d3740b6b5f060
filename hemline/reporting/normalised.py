"""The normalised error of each row (hemline/evaluation/normalised_error.py): what FLD and FashionAI are measured by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hemline.evaluation.normalised_error import PARTS, PCK_THRESHOLD
from hemline.files import read_json
from hemline.reporting.evidence import Basis, Estimate, estimate, get
from hemline.reporting.numbers import MISSING, fixed, interval, whole
from hemline.reporting.tables import Cell, Column, Line, Table
from hemline.wardrobe import Wardrobe

KEY = "normalised_error"
PARTS_KEY = "normalised_error_parts"
CONTEST = "NE_contest"  # only where the wardrobe has normalisers
NUMBERS = {  # by their names in the metrics
    "NE": Column("visible", "normalised error"),
    "NE_all": Column("visible + occluded", "normalised error"),
    "NE_box": Column("visible, of the box", "normalised error"),
    CONTEST: Column("visible, contest", "normalised error"),
    "NME": Column("NME", "mmpose's"),
    "PCK": Column("PCK", "mmpose's"),
}
PART_COLUMNS = {"NE": Column("normalised error"), CONTEST: Column("normalised error, contest")}
NOTES = (
    "The mean distance between predicted and annotated landmarks in a picture of width and height 1 (Liu et al., 2016):"
    " lower is better. Visible landmarks count, unless said otherwise; “of the box” the garment's annotated box is 1"
    " wide and high. A garment that was not found has no error: read it together with AP.",
    "mmpose's numbers are of visible and occluded landmarks. NME is the distance over the box's longer side. PCK, the"
    f" higher the better, is the share of landmarks within {PCK_THRESHOLD:g} of the box's width and height; those of"
    " garments that were not found count as wrong.",
)
CONTEST_NOTE = (
    "“Contest” is the FashionAI contest's own: the distance over that between the garment's annotated armpits, of"
    " trousers and skirts over that between the ends of the waistband; the mean over all visible landmarks. {} of {}"
    " garments lack one of the two, or have both in one place, and are left out of it."
)
PARTS_NOTES = ("Visible landmarks, in a picture of width and height 1, as in the first column above.",)


@dataclass(frozen=True)
class Measured:
    """A row with its block of metrics, and the file that this is from."""

    name: str
    title: str
    path: Path
    block: Mapping[str, Any]


def error_tables(basis: Basis, rows: Iterable[tuple[str, str, Path]], shown: str | None) -> list[Table]:
    """One line a row, from its name, its title and its metrics; then the parts of the row that is called `shown`.

    Without a row that has such an error there is no table, and none of parts where `shown` has none. Papers 000 and 001
    have no such number of DeepFashion2, and its landmarks are too many for a table.
    """
    if basis.paper_wardrobe:
        return []
    blocks = [(name, title, path, _block(path)) for name, title, path in rows]
    known = [Measured(name, title, path, block) for name, title, path, block in blocks if block is not None]
    parts = [_parts_table(row, basis.wardrobe) for row in known if row.name == shown]
    return [_rows_table(known, _shown(NUMBERS, basis.wardrobe)), *parts] if known else []


def _block(path: Path) -> Mapping[str, Any] | None:
    """None in metrics without it, of a network without landmarks, or of pictures whose sizes aren't known."""
    block = read_json(path).get(KEY)
    return block if block and block.get("NE") is not None else None


def _shown(names: Iterable[str], wardrobe: Wardrobe) -> list[str]:
    """Without the contest's where no garment of the wardrobe can have it."""
    return [name for name in names if name != CONTEST or wardrobe.normalised]


def _rows_table(rows: Sequence[Measured], names: Sequence[str]) -> Table:
    numbers = (NUMBERS[name] for name in names)
    return Table(
        KEY,
        "Normalised error of landmarks",
        (Column("row", kind="words"), *numbers, Column("garments not found")),
        tuple(Line((Cell(row.title), *_numbers(row, names))) for row in rows),
        (*NOTES, *([_contest_note(rows[0])] if CONTEST in names else [])),
        tuple({"row": row.name, "title": row.title, **row.block} for row in rows),
    )


def _contest_note(row: Measured) -> str:
    """Of any row: it is the ground truth that says which garments have a normaliser."""
    counts = (get(row.block, key, row.path, KEY) for key in ("garments_without_normaliser", "garments"))
    return CONTEST_NOTE.format(*map(whole, counts))


def _numbers(row: Measured, names: Sequence[str]) -> list[Cell]:
    missed = whole(get(row.block, "garments_not_found", row.path, KEY))
    return [*(_cell(estimate(row.block, row.path, KEY, name)) for name in names), Cell(missed)]


def _parts_table(row: Measured, wardrobe: Wardrobe) -> Table:
    """One line a category, then one a landmark's name: its errors in all categories that have it."""
    categories = [entry.name for entry in wardrobe.categories]
    landmarks = list(dict.fromkeys(landmark.name for landmark in wardrobe.landmarks))
    errors = _shown(PARTS, wardrobe)
    names = [("category", name) for name in categories] + [("landmark", name) for name in landmarks]
    found = [
        (kind, name, {error: _part(row, f"per_{kind}{PARTS[error]}", name) for error in errors})
        for kind, name in names
    ]
    return Table(
        PARTS_KEY,
        f"Normalised error by category and by landmark: {row.title}",
        (Column("category or landmark", kind="words"), *(PART_COLUMNS[error] for error in errors)),
        tuple(
            Line((Cell(name), *map(_cell, parts.values())), total=kind == "category")
            for kind, name, parts in found
        ),
        PARTS_NOTES,
        tuple({"row": row.name, kind: name} | _record(parts) for kind, name, parts in found),
    )


def _part(row: Measured, part: str, name: str) -> Estimate | None:
    intervals = get(row.block, "intervals", row.path, KEY)
    values = {
        **get(row.block, part, row.path, KEY),
        "intervals": get(intervals, part, row.path, f"{KEY}.intervals"),
    }
    return estimate(values, row.path, f"{KEY}.{part}", name)


def _record(parts: Mapping[str, Estimate | None]) -> dict[str, Any]:
    return {error: None if value is None else asdict(value) for error, value in parts.items()}


def _cell(found: Estimate | None) -> Cell:
    return Cell(MISSING) if found is None else Cell(fixed(found.value), interval(found))
