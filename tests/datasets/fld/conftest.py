"""Small data sets in FLD's own layout."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hemline.datasets.fld.reading import BOXES, JOINTS, LANDMARKS, PARTITION

HEADERS = {
    PARTITION: "image_name  evaluation_status",
    BOXES: "image_name  x_1  y_1  x_2  y_2",
    LANDMARKS: "image_name  clothes_type  variation_type  landmark_visibility_1  landmark_location_x_1 ...",
    JOINTS: "image_name  clothes_type  variation_type  joint_visibility_1  joint_location_x_1 ...",
}
COUNTS = {1: 6, 2: 4, 3: 8}


def image_name(number: int) -> str:
    return f"img/img_{number:08d}.jpg"


def landmark_row(kind: int, visibility: int = 0) -> str:
    """Type, pose and landmarks on a diagonal; cut-off ones at 0, 0."""
    points = ((0, 0) if visibility == 2 else (12 + 3 * n, 22 + 4 * n) for n in range(COUNTS[kind]))
    return f"{kind} 1 " + " ".join(f"{visibility} {x:03d} {y:03d}" for x, y in points)


class FldFolder:
    """A data set being written: `rows` of each list, without their names, by picture."""

    def __init__(self, root: Path, jpeg: Callable[..., bytes]) -> None:
        self.root, self._jpeg = root, jpeg
        self.rows: dict[str, list[tuple[str, str]]] = {PARTITION: [], BOXES: [], LANDMARKS: []}
        (root / "Img" / "img").mkdir(parents=True)

    def add(self, number: int, kind: int = 1, split: str = "train", visibility: int = 0) -> None:
        """One flawless picture of 120 x 160; 0 visible, 1 occluded, 2 cut off."""
        name = image_name(number)
        self.rows[PARTITION].append((name, split))
        self.rows[BOXES].append((name, "010 020 100 140"))
        self.rows[LANDMARKS].append((name, landmark_row(kind, visibility)))
        self.picture(number).write_bytes(self._jpeg(number))

    def picture(self, number: int) -> Path:
        return self.root / "Img" / image_name(number)

    def change(self, name: str, number: int, row: str | None) -> None:
        """Another row for a picture in the list `name`, or none."""
        kept = [(image, old) for image, old in self.rows[name] if image != image_name(number)]
        self.rows[name] = kept + ([] if row is None else [(image_name(number), row)])

    def write(self, counts: dict[str, int] | None = None) -> Path:
        """Write the lists; `counts` are first lines that aren't the number of rows."""
        for name, rows in self.rows.items():
            count = (counts or {}).get(name, len(rows))
            lines = [str(count), HEADERS[name], *(f"{image}  {row}" for image, row in rows)]
            (self.root / name).parent.mkdir(exist_ok=True)
            (self.root / name).write_text("\n".join(lines) + "\n")
        return self.root


@pytest.fixture
def fld(tmp_path: Path, jpeg: Callable[..., bytes]) -> FldFolder:
    """Three training pictures (1 upper, 2 lower, 3 full), one for validation (4), one for test (5)."""
    folder = FldFolder(tmp_path / "fld", jpeg)
    for number, kind, split in (
        (1, 1, "train"),
        (2, 2, "train"),
        (3, 3, "train"),
        (4, 3, "val"),
        (5, 1, "test"),
    ):
        folder.add(number, kind, split)
    return folder
