"""Small data sets in FashionAI's own layout."""

from collections.abc import Callable
from pathlib import Path

import pytest

# The contest's description of its csv files: the columns behind image_id and image_category, and whose points they are.
COLUMNS = (
    *("neckline_left", "neckline_right", "center_front", "shoulder_left", "shoulder_right", "armpit_left"),
    *("armpit_right", "waistline_left", "waistline_right", "cuff_left_in", "cuff_left_out", "cuff_right_in"),
    *("cuff_right_out", "top_hem_left", "top_hem_right", "waistband_left", "waistband_right", "hemline_left"),
    *("hemline_right", "crotch", "bottom_left_in", "bottom_left_out", "bottom_right_in", "bottom_right_out"),
)
PLACES = {  # by their place among the 24
    "blouse": (0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14),
    "outwear": (0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14),
    "dress": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 17, 18),
    "trousers": (15, 16, 19, 20, 21, 22, 23),
    "skirt": (15, 16, 17, 18),
    "jumpsuit": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 19, 20, 21, 22, 23),
}
HEADER = ("image_id", "image_category", *COLUMNS)
BARE = HEADER[:2]


def image_id(number: int, category: str) -> str:
    return f"Images/{category}/{number:032x}.jpg"


def points(category: str, visibility: int = 1) -> dict[str, str]:
    """The category's points on a diagonal from 40, 50; the others are not there."""
    own = PLACES[category]
    return {
        column: f"{40 + own.index(place)}_{50 + 2 * own.index(place)}_{visibility}"
        if place in own
        else "-1_-1_-1"
        for place, column in enumerate(COLUMNS)
    }


class FashionAIFolder:
    """A split being written: `rows` of each csv file, by column."""

    def __init__(self, root: Path, jpeg: Callable[..., bytes]) -> None:
        self.root, self._jpeg = root, jpeg
        self.rows: dict[str, list[dict[str, str]]] = {}

    def add(self, number: int, category: str, file: str = "Annotations/train.csv", **changes: str) -> None:
        """One flawless picture of 120 x 160 and its row, with `changes`."""
        row = {"image_id": image_id(number, category), "image_category": category} | points(category)
        self.rows.setdefault(file, []).append(row | changes)
        path = self.root / image_id(number, category)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._jpeg(number))

    def change(self, place: int, file: str = "Annotations/train.csv", **changes: str) -> None:
        """Other values in a row, by its place from 0."""
        self.rows[file][place] |= changes

    def write(self, header: tuple[str, ...] = HEADER) -> Path:
        """Write the csv files with these columns."""
        for name, rows in self.rows.items():
            lines = [",".join(header), *(",".join(row[column] for column in header) for row in rows)]
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text("\n".join(lines) + "\n")
        return self.root


@pytest.fixture
def fashionai(tmp_path: Path, jpeg: Callable[..., bytes]) -> FashionAIFolder:
    """Three training pictures: a blouse, a skirt and, in a second file, a dress."""
    folder = FashionAIFolder(tmp_path / "train", jpeg)
    folder.add(1, "blouse")
    folder.add(2, "skirt")
    folder.add(3, "dress", "Annotations/warm_up.csv")
    return folder
