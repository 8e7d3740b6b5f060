"""DeepFashion2's own layout on disk, read as a stream.

A split is a folder with `image/` (000001.jpg ...) and `annos/` (000001.json ...); a test split has no
`annos/`. Numbers start again in every split, so that an id means something only together with its split
(DeepFashion2 README, "Data Organization"). Memory holds one number a file, never the annotations.
"""

import heapq
import json
import os
import re
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError

SPLITS = ("train", "validation", "test")

# Stands in a folder while archives are being unpacked into it: what lies beside it is not whole.
UNPACKING = ".unpacking"

# Ids are read back as 64-bit numbers by pycocotools' users; 18 digits always fit.
_LONGEST_ID = 18
_ITEM = re.compile(r"item(\d+)")


class BadData(Exception):
    """One picture or annotation that cannot be used: `reason` (a code of checks.REASONS) and `detail`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Split:
    """One split: its name and its folders. `annotations` is None when there is no `annos/`."""

    name: str
    images: Path
    annotations: Path | None


@dataclass(frozen=True)
class Entry:
    """One picture's files by their common stem. `id` is None when the stem is no number.

    `duplicate_of` is the stem that has the same number and comes first.
    """

    stem: str
    id: int | None
    has_image: bool
    has_annotation: bool
    duplicate_of: str | None = None

    @property
    def image(self) -> str:
        return f"{self.stem}.jpg"

    @property
    def annotation(self) -> str:
        return f"{self.stem}.json"

    @property
    def file(self) -> str:
        """The file that stands for the picture in reports, relative to the split's folder."""
        return f"annos/{self.annotation}" if self.has_annotation else f"image/{self.image}"


def find_splits(root: Path) -> dict[str, Path]:
    """Map split name to folder: `root` is a split itself, or holds train/, validation/, test/.

    A split without a telling folder name is called "data". HemlineError when there is none, or when an
    interrupted `hemline unpack` left `root` incomplete.
    """
    if not root.is_dir():
        raise HemlineError(f"{root}: no such folder")
    _refuse_incomplete(root)
    if (root / "image").is_dir() or (root / "annos").is_dir():
        return {root.name if root.name in SPLITS else "data": root}
    found = {name: root / name for name in SPLITS if (root / name).is_dir()}
    if not found:
        raise HemlineError(
            f"{root}: no DeepFashion2 data here: expected image/ and annos/, or train/, validation/, test/"
            " that hold them"
        )
    return found


def _refuse_incomplete(root: Path) -> None:
    for folder in (root, root.parent):
        if (folder / UNPACKING).exists():
            raise HemlineError(
                f"{folder}: unpacking did not finish here ({folder / UNPACKING} names the archives):"
                " run the same `hemline unpack` again, it goes on where it stopped"
            )


def open_split(name: str, folder: Path) -> Split:
    """The split in `folder`. HemlineError when `image/` is missing, or `annos/` of train or validation."""
    images, annotations = folder / "image", folder / "annos"
    if not images.is_dir():
        raise HemlineError(f"{folder}: no image/ folder in the {name} split")
    if annotations.is_dir():
        return Split(name, images, annotations)
    if name in ("train", "validation"):
        raise HemlineError(f"{folder}: no annos/ folder in the {name} split (only a test split may lack it)")
    return Split(name, images, None)


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
        elif (number := picture_id(stem)) is not None and _regular(number) == stem:
            self.ids.append(number)
        else:
            self.irregular.append(stem)

    def keys(self) -> Iterator[tuple[int, bool, str]]:
        """Sort keys (number, irregular, stem): a regular name comes before its irregular doubles."""
        regular = ((number, False, _regular(number)) for number in self.ids)
        rest = sorted(_key(stem) for stem in self.irregular)
        return heapq.merge(regular, rest)


def picture_id(stem: str) -> int | None:
    """`"000123"` -> 123; None when the stem is not a plain decimal number (int() takes more than that)."""
    plain = stem.isascii() and stem.isdigit() and len(stem) <= _LONGEST_ID
    return int(stem) if plain else None


def _regular(number: int) -> str:
    return f"{number:06d}"


def _key(stem: str) -> tuple[int, bool, str]:
    number = picture_id(stem)
    return (10**_LONGEST_ID if number is None else number, True, stem)


class Listing:
    """Every picture of a split, in order, annotated or not; iterating again starts again."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self._images = Names(split.images, ".jpg")
        self._annotations = Names(split.annotations, ".json") if split.annotations else None
        self.others = self._images.others + (self._annotations.others if self._annotations else 0)

    def __iter__(self) -> Iterator[Entry]:
        first: tuple[int, str] | None = None
        for key, group in groupby(self._files(), key=lambda file: file[0]):
            kinds = {kind for _, kind in group}
            number, stem = picture_id(key[2]), key[2]
            double = first[1] if first and number is not None and first[0] == number else None
            if number is not None and not double:
                first = (number, stem)
            yield Entry(stem, number, "image" in kinds, "annotation" in kinds, double)

    def __len__(self) -> int:
        return sum(1 for _ in groupby(self._files(), key=lambda file: file[0]))

    def _files(self) -> Iterator[tuple[tuple[int, bool, str], str]]:
        images = ((key, "image") for key in self._images.keys())  # noqa: SIM118
        if self._annotations is None:
            return images
        return heapq.merge(images, ((key, "annotation") for key in self._annotations.keys()))  # noqa: SIM118


def read_file(folder: Path, name: str, follow_links: bool = False) -> bytes:
    """The bytes of `folder`/`name`. BadData: leaves-folder, missing-file, unreadable-file, empty-file.

    A link that ends outside `folder` is not followed unless `follow_links`; a pipe or a device is not opened.
    """
    path = regular_file(folder, name, follow_links)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadData("unreadable-file", f"{name}: {error.strerror}") from None
    if not data:
        raise BadData("empty-file", f"{name}: no bytes")
    return data


def regular_file(folder: Path, name: str, follow_links: bool = False) -> Path:
    """The path of `folder`/`name` after the checks that `read_file` names, without reading it."""
    path = folder / name
    if not follow_links and leaves(folder, name):
        raise BadData("leaves-folder", f"{name}: its name or link leads out of {folder.name}/")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise BadData("missing-file", f"{name}: no such file") from None
    except OSError as error:
        raise BadData("unreadable-file", f"{name}: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise BadData("unreadable-file", f"{name}: not a regular file")
    return path


def leaves(folder: Path, name: str) -> bool:
    """Whether `name` leads out of `folder`: by its parts (.., a separator) or by a link."""
    if ".." in name or "/" in name or "\\" in name:
        return True
    path = folder / name
    if not path.is_symlink():
        return False
    base = os.path.realpath(folder)
    return os.path.commonpath([base, os.path.realpath(path)]) != base


def read_annotation(split: Split, name: str, follow_links: bool = False) -> dict[str, Any]:
    """One annotation file's object. BadData: not-json, duplicate-key, wrong-type, and those of read_file.

    NaN and Infinity pass here (Python reads them): the item that holds them is refused, not its neighbours.
    """
    assert split.annotations is not None
    data = read_file(split.annotations, name, follow_links)
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


def items(annotation: dict[str, Any]) -> list[tuple[str, Any]]:
    """The garments as (key, item) by item number: the files' own key order is arbitrary.

    Keys that begin with "item" but have no number come last; "item1" comes before its double "item01".
    """
    keys = [key for key in annotation if key.startswith("item")]
    return [(key, annotation[key]) for key in sorted(keys, key=_item_order)]


def item_number(key: str) -> int | None:
    """`"item12"` -> 12; None for another key."""
    match = _ITEM.fullmatch(key)
    return int(match.group(1)) if match and key.isascii() and len(key) <= _LONGEST_ID else None


def _item_order(key: str) -> tuple[int, int, str]:
    number = item_number(key)
    return (10**_LONGEST_ID if number is None else number, len(key), key)
