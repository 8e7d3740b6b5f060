"""Wardrobes: the categories and landmarks of a data set, read from its table."""

import csv
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby

import numpy as np

from hemline.errors import HemlineError

TABLES = files("hemline.wardrobe")
TITLES = {
    "deepfashion2": "DeepFashion2",
    "fld": "FLD",
    "fashionai": "FashionAI",
}  # as their papers write them


@dataclass(frozen=True)
class Landmark:
    """One of a wardrobe's landmarks.

    `index` and `flip_index` count from 0 over all landmarks, `landmark` from 1 inside its category, `group`
    from 1 over the aggregated groups. `sigma` is the OKS constant, relative to the square root of the area.
    `normaliser`: it is one of the two whose distance a category's errors are measured in (FashionAI).
    """

    index: int
    category_id: int
    landmark: int
    sigma: float
    group: int
    flip_index: int
    name: str
    normaliser: bool = False


@dataclass(frozen=True)
class Category:
    """One of a wardrobe's categories; its landmarks are `start` to `stop` (half-open) of all.

    `coco_name` is its name in the data set's COCO-style files, DeepFashion2's "short_sleeved_shirt".
    """

    id: int
    name: str
    coco_name: str
    start: int
    stop: int
    landmarks: tuple[Landmark, ...]

    @property
    def count(self) -> int:
        """The number of its landmarks."""
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        """Its landmarks among all."""
        return slice(self.start, self.stop)

    @property
    def normaliser(self) -> tuple[int, int] | None:
        """The two of its landmarks, from 0, whose distance errors are measured in; None where the table has none."""
        places = [place for place, landmark in enumerate(self.landmarks) if landmark.normaliser]
        return (places[0], places[1]) if places else None

    @property
    def slug(self) -> str:
        """The name in paths and stage names: "short-sleeve-top"."""
        return self.name.replace(" ", "-")


@dataclass(frozen=True, eq=False)
class Wardrobe:
    """What a data set knows of garments: its categories, with ids from 1 on, and all of their landmarks, in order."""

    name: str
    categories: tuple[Category, ...]
    landmarks: tuple[Landmark, ...]

    @property
    def title(self) -> str:
        """Its name in a sentence: "DeepFashion2"."""
        return TITLES.get(self.name, self.name)

    @cached_property
    def sigmas(self) -> np.ndarray:
        """(L,) each landmark's OKS constant."""
        return _frozen([landmark.sigma for landmark in self.landmarks])

    @cached_property
    def flip_index(self) -> np.ndarray:
        """(L,) each landmark's partner under a horizontal flip."""
        return _frozen([landmark.flip_index for landmark in self.landmarks])

    @cached_property
    def longest(self) -> int:
        """The most landmarks that a category has."""
        return max(entry.count for entry in self.categories)

    @cached_property
    def normalised(self) -> tuple[Category, ...]:
        """The categories with a `normaliser`: of FashionAI all, of other tables none."""
        return tuple(entry for entry in self.categories if entry.normaliser)

    def category(self, key: int | str) -> Category:
        """Find a category by id, name, slug or name in COCO-style files; HemlineError for any other key."""
        try:
            return self._by_key[key]
        except (KeyError, TypeError):
            names = ", ".join(entry.name for entry in self.categories)
            raise HemlineError(
                f"unknown category {key!r}: use an id from 1 to {len(self.categories)} or one of {names}"
            ) from None

    @cached_property
    def _by_key(self) -> dict[int | str, Category]:
        return {
            key: entry
            for entry in self.categories
            for key in (entry.id, entry.name, entry.slug, entry.coco_name)
        }


def _frozen(values: list[int] | list[float]) -> np.ndarray:
    array = np.array(values)
    array.flags.writeable = False
    return array


def names() -> list[str]:
    """The data sets whose tables there are, such as "deepfashion2"."""
    return sorted(file.name.removesuffix(".csv") for file in TABLES.iterdir() if file.name.endswith(".csv"))


@cache
def wardrobe(name: str) -> Wardrobe:
    """The wardrobe of a data set: "deepfashion2", "fld", or another whose table NAME.csv stands beside theirs.

    A table has a row a landmark, category by category; its columns are those that `hemline landmarks --format csv`
    prints (`normaliser` may be missing). HemlineError for an unknown name, or a table whose categories or landmarks
    aren't numbered in order.
    """
    if name not in names():
        raise HemlineError(f"unknown wardrobe {name!r}: use one of {', '.join(names())}")
    rows = list(csv.DictReader((TABLES / f"{name}.csv").read_text(encoding="utf-8").splitlines()))
    landmarks = tuple(_landmark(row) for row in rows)
    categories = tuple(
        _category(*key, landmarks, [int(row["index"]) for row in members])
        for key, members in groupby(
            rows, key=lambda row: (row["category_id"], row["category"], row["coco_name"])
        )
    )
    _check(name, categories, landmarks)
    return Wardrobe(name, categories, landmarks)


def _category(
    number: str, name: str, coco_name: str, landmarks: tuple[Landmark, ...], indices: list[int]
) -> Category:
    start, stop = indices[0], indices[-1] + 1
    return Category(int(number), name, coco_name, start, stop, landmarks[start:stop])


def _landmark(row: dict[str, str]) -> Landmark:
    return Landmark(
        index=int(row["index"]),
        category_id=int(row["category_id"]),
        landmark=int(row["landmark"]),
        sigma=float(row["sigma"]),
        group=int(row["group"]),
        flip_index=int(row["flip_index"]),
        name=row["name"],
        normaliser=row.get("normaliser") == "1",
    )


def _check(name: str, categories: tuple[Category, ...], landmarks: tuple[Landmark, ...]) -> None:
    """Numbers are places: a label is an id less 1, and a landmark's index is where it stands."""
    ids, indices = [entry.id for entry in categories], [landmark.index for landmark in landmarks]
    if ids != list(range(1, len(ids) + 1)):
        raise HemlineError(
            f"{name}.csv: category_id {ids}; number them from 1, each category's rows together"
        )
    if indices != list(range(len(indices))):
        raise HemlineError(
            f"{name}.csv: the column index must count from 0 to {len(indices) - 1}, row by row"
        )
    for entry in categories:
        if sum(landmark.normaliser for landmark in entry.landmarks) not in (0, 2):
            raise HemlineError(
                f"{name}.csv: {entry.name}: two of its landmarks have normaliser 1, or none has"
            )
    for landmark in landmarks:
        partner = landmarks[landmark.flip_index]
        if (partner.flip_index, partner.category_id) != (landmark.index, landmark.category_id):
            raise HemlineError(
                f"{name}.csv: landmark {landmark.index} has flip_index {landmark.flip_index}, which isn't its "
                "partner: flip partners name each other, within a category"
            )
