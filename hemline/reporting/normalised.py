"""The normalised error of each row (hemline/evaluation/normalised_error.py), as tables: what FLD is measured by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hemline.evaluation.normalised_error import PCK_THRESHOLD
from hemline.files import read_json
from hemline.reporting.evidence import Basis, Estimate, estimate, get
from hemline.reporting.numbers import MISSING, fixed, interval, whole
from hemline.reporting.tables import Cell, Column, Line, Table
from hemline.wardrobe import Wardrobe

KEY = "normalised_error"
PARTS_KEY = "normalised_error_parts"
NUMBERS = {  # by their names in the metrics
    "NE": Column("visible", "normalised error"),
    "NE_all": Column("visible + occluded", "normalised error"),
    "NE_box": Column("visible, of the box", "normalised error"),
    "NME": Column("NME", "mmpose's"),
    "PCK": Column("PCK", "mmpose's"),
}
NOTES = (
    "The mean distance between predicted and annotated landmarks in a picture of width and height 1 (Liu et al., 2016):"
    " lower is better. Visible landmarks count, unless said otherwise; “of the box” the garment's annotated box is 1"
    " wide and high. A garment that was not found has no error: read it together with AP.",
    "mmpose's numbers are of visible and occluded landmarks. NME is the distance over the box's longer side. PCK, the"
    f" higher the better, is the share of landmarks within {PCK_THRESHOLD:g} of the box's width and height; those of"
    " garments that were not found count as wrong.",
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
    return [_rows_table(known), *parts] if known else []


def _block(path: Path) -> Mapping[str, Any] | None:
    """None in metrics without it, of a network without landmarks, or of pictures whose sizes aren't known."""
    block = read_json(path).get(KEY)
    return block if block and block.get("NE") is not None else None


def _rows_table(rows: Sequence[Measured]) -> Table:
    return Table(
        KEY,
        "Normalised error of landmarks",
        (Column("row", kind="words"), *NUMBERS.values(), Column("garments not found")),
        tuple(Line((Cell(row.title), *_numbers(row))) for row in rows),
        NOTES,
        tuple({"row": row.name, "title": row.title, **row.block} for row in rows),
    )


def _numbers(row: Measured) -> list[Cell]:
    missed = whole(get(row.block, "garments_not_found", row.path, KEY))
    return [*(_cell(estimate(row.block, row.path, KEY, name)) for name in NUMBERS), Cell(missed)]


def _parts_table(row: Measured, wardrobe: Wardrobe) -> Table:
    """One line a category, then one a landmark's name: its errors in all categories that have it."""
    categories = [entry.name for entry in wardrobe.categories]
    landmarks = list(dict.fromkeys(landmark.name for landmark in wardrobe.landmarks))
    found = [("category", name, _part(row, "per_category", name)) for name in categories]
    found += [("landmark", name, _part(row, "per_landmark", name)) for name in landmarks]
    return Table(
        PARTS_KEY,
        f"Normalised error by category and by landmark: {row.title}",
        (Column("category or landmark", kind="words"), Column("normalised error")),
        tuple(Line((Cell(name), _cell(value)), total=kind == "category") for kind, name, value in found),
        PARTS_NOTES,
        tuple(
            {"row": row.name, kind: name, "NE": None if value is None else asdict(value)}
            for kind, name, value in found
        ),
    )


def _part(row: Measured, part: str, name: str) -> Estimate | None:
    intervals = get(row.block, "intervals", row.path, KEY)
    values = {
        **get(row.block, part, row.path, KEY),
        "intervals": get(intervals, part, row.path, f"{KEY}.intervals"),
    }
    return estimate(values, row.path, f"{KEY}.{part}", name)


def _cell(found: Estimate | None) -> Cell:
    return Cell(MISSING) if found is None else Cell(fixed(found.value), interval(found))
