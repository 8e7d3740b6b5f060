"""The 13 categories and 294 landmarks of DeepFashion2, read from landmarks.csv."""

import csv
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby

import numpy as np

from hemline.errors import HemlineError


@dataclass(frozen=True)
class Landmark:
    """One of the 294 landmarks.

    `index` and `flip_index` count from 0 over all landmarks, `landmark` from 1 inside its category, `group`
    from 1 over the aggregated groups. `sigma` is the OKS constant, relative to the square root of the area.
    """

    index: int
    category_id: int
    landmark: int
    sigma: float
    group: int
    flip_index: int
    name: str


@dataclass(frozen=True)
class Category:
    """One of the 13 categories; its landmarks are `start` to `stop` (half-open) of the 294."""

    id: int
    name: str
    start: int
    stop: int

    @property
    def count(self) -> int:
        """The number of its landmarks."""
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        """Its landmarks among the 294."""
        return slice(self.start, self.stop)

    @property
    def slug(self) -> str:
        """The name in paths and stage names: "short-sleeve-top"."""
        return self.name.replace(" ", "-")

    @property
    def coco_name(self) -> str:
        """The name in DeepFashion2's conversion script: "short_sleeved_shirt"."""
        sleeved = self.name.replace("sleeve ", "sleeved ").replace("sleeved top", "sleeved shirt")
        return sleeved.replace(" ", "_")

    @property
    def landmarks(self) -> "tuple[Landmark, ...]":
        """Its landmarks, in order."""
        return LANDMARKS[self.slice]


def _read() -> tuple[tuple[Landmark, ...], tuple[Category, ...]]:
    text = (files("hemline.wardrobe") / "landmarks.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    landmarks = tuple(_landmark(row) for row in rows)
    categories = []
    for (number, name), members in groupby(rows, key=lambda row: (int(row["category_id"]), row["category"])):
        indices = [int(row["index"]) for row in members]
        categories.append(Category(number, name, indices[0], indices[-1] + 1))
    return landmarks, tuple(categories)


def _landmark(row: dict[str, str]) -> Landmark:
    return Landmark(
        index=int(row["index"]),
        category_id=int(row["category_id"]),
        landmark=int(row["landmark"]),
        sigma=float(row["sigma"]),
        group=int(row["group"]),
        flip_index=int(row["flip_index"]),
        name=row["name"],
    )


LANDMARKS, CATEGORIES = _read()
LANDMARK_COUNT = len(LANDMARKS)
SIGMAS = np.array([landmark.sigma for landmark in LANDMARKS])
FLIP_INDEX = np.array([landmark.flip_index for landmark in LANDMARKS])
SIGMAS.flags.writeable = FLIP_INDEX.flags.writeable = False

_BY_KEY: dict[int | str, Category] = {
    key: entry for entry in CATEGORIES for key in (entry.id, entry.name, entry.slug, entry.coco_name)
}


def category(key: int | str) -> Category:
    """Find a category by id (1 to 13), name, slug or DeepFashion2's script name.

    Raises HemlineError for any other key.
    """
    try:
        return _BY_KEY[key]
    except (KeyError, TypeError):
        names = ", ".join(entry.name for entry in CATEGORIES)
        raise HemlineError(f"unknown category {key!r}: use an id from 1 to 13 or one of {names}") from None
