"""DeepFashion2's own layout on disk, read as a stream.

A split is a folder with `image/` (000001.jpg ...) and `annos/` (000001.json ...); a test split has no
`annos/`. Numbers start again in every split, so that an id means something only together with its split
(DeepFashion2 README, "Data Organization"). Memory holds one number a file, never the annotations.
"""

import heapq
import json
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from hemline.datasets.checks import slightly_outside
from hemline.datasets.deepfashion2.items import (
    ATTRIBUTES,
    check_item,
    item_attributes,
    item_number,
    items,
    picture_attributes,
)
from hemline.datasets.files import BadData, read_file, split_folders
from hemline.datasets.splits import (
    LONGEST_ID,
    Entry,
    Garment,
    Inspection,
    Problem,
    Rules,
    Split,
    plain_number,
)
from hemline.errors import HemlineError
from hemline.wardrobe import Wardrobe

WARDROBE, IMAGES = "deepfashion2", "image"


def find_splits(root: Path) -> dict[str, Path]:
    """Map split name to folder: `root` is a split itself, or holds train/, validation/, test/.

    A split without a telling folder name is called "data". HemlineError when there is none, or when an
    interrupted `hemline unpack` left `root` incomplete.
    """
    found = split_folders(root, lambda folder: (folder / IMAGES).is_dir() or (folder / "annos").is_dir())
    if not found:
        raise HemlineError(
            f"{root}: no DeepFashion2 data here: expected image/ and annos/, or train/, validation/, test/"
            " that hold them"
        )
    return found


def open_split(name: str, folder: Path, wardrobe: Wardrobe, images: str | None = None) -> "DeepFashion2Split":
    """The split in `folder`. HemlineError when `image/` is missing, or `annos/` of train or validation."""
    images = images or IMAGES
    pictures, annotations = folder / images, folder / "annos"
    if not pictures.is_dir():
        raise HemlineError(f"{folder}: no {images}/ folder in the {name} split")
    if not annotations.is_dir() and name in ("train", "validation"):
        raise HemlineError(f"{folder}: no annos/ folder in the {name} split (only a test split may lack it)")
    return DeepFashion2Split(name, pictures, wardrobe, annotations.is_dir(), annotations)


@dataclass(frozen=True)
class DeepFashion2Split(Split):
    """A split whose annotations are a folder's JSON files, one a picture."""

    annotations: Path

    picture_attributes = ("source",)
    garment_attributes = ATTRIBUTES

    def listing(self) -> "FolderListing":
        """Every picture, annotated or not, in the order of their numbers."""
        return FolderListing(self)

    def annotate(self, found: Inspection, rules: Rules) -> None:
        """Read and check the picture's file and each of its items."""
        try:
            annotation = read_annotation(self.annotations, f"{found.entry.stem}.json", rules.follow_links)
        except BadData as error:
            found.fault(error.reason, error.detail)
            return
        found.attributes, notes = picture_attributes(annotation)
        found.notes += [(None, note) for note in notes]
        self._check_items(found, annotation, rules)

    def _check_items(self, found: Inspection, annotation: dict[str, Any], rules: Rules) -> None:
        numbers: set[int] = set()
        for key, item in items(annotation):
            problems = check_item(key, item, self.wardrobe, found.size, rules)
            number = item_number(key)
            if number in numbers:
                problems.append(Problem("duplicate-id", f"{key}: number {number} is there already"))
            if number is not None:
                numbers.add(number)
            found.problems += [(key, problem) for problem in problems]
            if not problems:
                _accept(found, key, item)


def _accept(found: Inspection, key: str, item: dict[str, Any]) -> None:
    attributes, notes = item_attributes(item)
    if found.size and slightly_outside(item["landmarks"], found.size):
        notes.append(Problem("landmark-outside", "a picture of {}x{}".format(*found.size)))
    found.notes += [(key, note) for note in notes]
    found.garments.append(
        Garment(
            key,
            item["category_id"],
            item["bounding_box"],
            item["landmarks"],
            item["segmentation"],
            attributes,
        )
    )


class Names:
    """The stems of a folder's files of one suffix, in the order of their numbers.

    Regular names (six digits) are kept as numbers, four or eight bytes each; only irregular ones as text.
    `others` counts what has another suffix: hidden files, folders and the like.
    """

    def __init__(self, folder: Path, suffix: str) -> None:
        self.ids, self.irregular, self.others = array("Q"), list[str](), 0
        with os.scandir(folder) as files:
            for file in files:
                self._add(file.name, suffix)
        self.ids = array("Q", sorted(self.ids))
        self.irregular.sort()

    def _add(self, name: str, suffix: str) -> None:
        stem, dot, ending = name.rpartition(".")
        if dot + ending != suffix or not stem or (stem.startswith(".") and not stem.startswith("..")):
            self.others += 1
        elif (number := plain_number(stem)) is not None and _regular(number) == stem:
            self.ids.append(number)
        else:
            self.irregular.append(stem)

    def keys(self) -> Iterator[tuple[int, bool, str]]:
        """Sort keys (number, irregular, stem): a regular name comes before its irregular doubles."""
        regular = ((number, False, _regular(number)) for number in self.ids)
        rest = sorted(_key(stem) for stem in self.irregular)
        return heapq.merge(regular, rest)


def _regular(number: int) -> str:
    return f"{number:06d}"


def _key(stem: str) -> tuple[int, bool, str]:
    number = plain_number(stem)
    return (10**LONGEST_ID if number is None else number, True, stem)


class FolderListing:
    """Every picture of a split, in order, annotated or not; iterating again starts again."""

    def __init__(self, split: DeepFashion2Split) -> None:
        self.problems: list[tuple[str, Problem]] = []
        self._images = Names(split.images, ".jpg")
        self._annotations = Names(split.annotations, ".json") if split.annotated else None
        self.others = self._images.others + (self._annotations.others if self._annotations else 0)
        if not any(True for _ in self._files()):
            raise HemlineError(
                f"{split.images}: no picture of the {split.name} split, whose files are NAME.jpg: put them there, take"
                " the split's folder away, or say with data.images (--images) where they are"
            )

    def __iter__(self) -> Iterator[Entry]:
        first: tuple[int, str] | None = None
        for key, group in groupby(self._files(), key=lambda file: file[0]):
            kinds = {kind for _, kind in group}
            number, stem = plain_number(key[2]), key[2]
            double = first[1] if first and number is not None and first[0] == number else None
            if number is not None and not double:
                first = (number, stem)
            yield _entry(stem, number, "annotation" in kinds, double)

    def __len__(self) -> int:
        return sum(1 for _ in groupby(self._files(), key=lambda file: file[0]))

    def _files(self) -> Iterator[tuple[tuple[int, bool, str], str]]:
        images = ((key, "image") for key in self._images.keys())  # noqa: SIM118
        if self._annotations is None:
            return images
        return heapq.merge(images, ((key, "annotation") for key in self._annotations.keys()))  # noqa: SIM118


def _entry(stem: str, number: int | None, annotated: bool, double: str | None) -> Entry:
    """`double` is the stem that has the same number and comes first."""
    file = f"annos/{stem}.json" if annotated else f"image/{stem}.jpg"
    problems: tuple[Problem, ...] = ()
    if double is not None:
        problems = (Problem("duplicate-id", f"number {number} is also that of {double}"),)
    elif number is None:
        escapes = ".." in stem or "\\" in stem
        reason = "leaves-folder" if escapes else "bad-file-name"
        problems = (Problem(reason, f"{file}: expected six digits"),)
    return Entry(number, f"{stem}.jpg", file, annotated, problems)


def read_annotation(folder: Path, name: str, follow_links: bool = False) -> dict[str, Any]:
    """One annotation file's object. BadData: not-json, duplicate-key, wrong-type, and those of read_file.

    NaN and Infinity pass here (Python reads them): the item that holds them is refused, not its neighbours.
    """
    data = read_file(folder, name, follow_links)
    try:
        value = json.loads(data, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise BadData("not-json", f"{name}: {str(error)[:80]}") from None
    if not isinstance(value, dict):
        raise BadData("wrong-type", f"{name}: an object is expected, not {type(value).__name__}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise BadData("duplicate-key", f"{', '.join(twice)[:80]}: more than once in one object")
    return value
