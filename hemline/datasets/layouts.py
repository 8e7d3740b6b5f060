"""The ways that data sets lie on disk; what is read from each is the same (hemline/datasets/splits.py)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hemline.datasets import mmpose
from hemline.datasets.deepfashion2 import reading as deepfashion2
from hemline.datasets.fashionai import reading as fashionai
from hemline.datasets.fld import reading as fld
from hemline.datasets.splits import Split
from hemline.errors import HemlineError
from hemline.wardrobe import Wardrobe, wardrobe


class _Reading(Protocol):
    """A layout's module; WARDROBE is the table that its data has unless another is named."""

    WARDROBE: str

    def find_splits(self, root: Path) -> dict[str, Path]: ...

    def open_split(self, name: str, folder: Path, wardrobe: Wardrobe, images: str | None) -> Split: ...


READINGS: dict[str, _Reading] = {
    "deepfashion2": deepfashion2,
    "fashionai": fashionai,
    "fld": fld,
    "mmpose": mmpose,
}


@dataclass(frozen=True)
class Layout:
    """A data set's layout, one of READINGS, with the table of its garments.

    `images` is the subfolder of its pictures, None for the layout's own.
    """

    name: str
    wardrobe: Wardrobe
    images: str | None = None

    def find_splits(self, root: Path) -> dict[str, Path]:
        """Each split that `root` holds and its folder. HemlineError when there is none."""
        return READINGS[self.name].find_splits(root)

    def open_split(self, name: str, folder: Path) -> Split:
        """The split `name` of a folder. HemlineError when its files are missing or cannot be read at all."""
        return READINGS[self.name].open_split(name, folder, self.wardrobe, self.images)


def layout(name: str, wardrobe_name: str | None = None, images: str | None = None) -> Layout:
    """A layout by its name, with the wardrobe of that name or else its own. HemlineError for unknown names."""
    if name not in READINGS:
        raise HemlineError(f"unknown layout {name!r}: use one of {', '.join(READINGS)}")
    return Layout(name, wardrobe(wardrobe_name or READINGS[name].WARDROBE), images)


DEEPFASHION2 = layout("deepfashion2")
