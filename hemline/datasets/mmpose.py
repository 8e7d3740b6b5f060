"""FLD as mmpose converted it: COCO's JSON, a file a category and split (fld_full_train.json ...).

The files lie in the folder or in its annotations/; their names tell the split by train, val or test, unless there is
but one. A file's category is that whose landmarks' names are its keypoints'. Visibility is COCO's. The annotations of
one file are held in memory at a time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from hemline.datasets.checks import show
from hemline.datasets.files import require_whole
from hemline.datasets.fld.garments import VARIATION, add_garment
from hemline.datasets.splits import SPLITS, Entry, Inspection, Problem, Rules, Split
from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.wardrobe import Category, Wardrobe

WARDROBE = "fld"

_WORDS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


def find_splits(root: Path) -> dict[str, Path]:
    """The splits that the files' names tell, each with the folder `root`; one file of another name is "data"."""
    require_whole(root)
    found = {_split(path) for path in _files(root)}
    named = [name for name in SPLITS if name in found]
    return dict.fromkeys(named or ["data"], root)


def open_split(name: str, folder: Path, wardrobe: Wardrobe, images: str | None = None) -> "MmposeSplit":
    """The split's files in `folder`: those of its name, or the only one. HemlineError when there is none.

    Pictures are in the subfolder `images`, by default img/ if there is one, else in the folder itself.
    """
    require_whole(folder)
    files = _files(folder)
    mine = [path for path in files if _split(path) == name] or (files if len(files) == 1 else [])
    if not mine:
        raise HemlineError(f"{folder}: no file of the {name} split: expected such as fld_full_train.json")
    pictures = folder / (images or ("img" if (folder / "img").is_dir() else "."))
    if not pictures.is_dir():
        raise HemlineError(f"{pictures}: no such folder; data.images (--images) says where the pictures are")
    return MmposeSplit(name, pictures, wardrobe, annotated=True, files=tuple(mine))


def _files(folder: Path) -> list[Path]:
    files = sorted((folder / "annotations").glob("*.json")) or sorted(folder.glob("*.json"))
    if not files:
        raise HemlineError(f"{folder}: no JSON files here, nor in annotations/")
    return files


def _split(path: Path) -> str | None:
    return next((_WORDS[word] for word in re.split(r"[_\-.]", path.stem) if word in _WORDS), None)


@dataclass(frozen=True)
class MmposeEntry(Entry):
    """A picture with its members of the file: `described` of images, `annotation` of annotations."""

    described: dict[str, Any] = field(default_factory=dict)
    annotation: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MmposeSplit(Split):
    """The pictures of a split's files."""

    files: tuple[Path, ...]

    garment_attributes: ClassVar[tuple[str, ...]] = (VARIATION,)

    def listing(self) -> "MmposeListing":
        """Every picture, file by file."""
        return MmposeListing(self)

    def annotate(self, found: Inspection, rules: Rules) -> None:
        """Check the picture's annotation."""
        entry = found.entry
        assert isinstance(entry, MmposeEntry)
        said = tuple(entry.described.get(side) for side in ("width", "height"))
        if found.size and None not in said and said != found.size:
            found.fault("image-size", f"{show(list(said))}, but the file is {'x'.join(map(str, found.size))}")
        missing = [key for key in ("bbox", "keypoints") if key not in entry.annotation]
        if missing:
            found.fault("missing-key", f"no {', '.join(missing)}")
            return
        assert entry.category_id is not None
        category, box = self.wardrobe.category(entry.category_id), _corners(entry.annotation["bbox"])
        add_garment(found, category, entry.annotation["keypoints"], box, entry.annotation, rules)


def _corners(box: Any) -> Any:
    """x, y, width, height as x1, y1, x2, y2; anything else as it is, for the checks to name it."""
    if not isinstance(box, list) or len(box) != 4 or not all(type(value) in (int, float) for value in box):
        return box
    x, y, width, height = box
    try:
        return [x, y, x + width, y + height]
    except OverflowError:  # a whole number that is larger than any float
        return box


class MmposeListing:
    """A split's pictures, file by file, in the order of their ids; iterating again reads the files again."""

    others = 0

    def __init__(self, split: MmposeSplit) -> None:
        self._split = split
        if not self._count and not self.problems:
            files = ", ".join(str(path) for path in split.files)
            raise HemlineError(
                f"{files}: no picture of the {split.name} split in images: fill or remove the file"
            )

    @cached_property
    def problems(self) -> list[tuple[str, Problem]]:
        """Annotations of pictures that their file has not, and pictures without a name or a number."""
        return [(path.name, problem) for path in self._split.files for problem in _File(path).problems()]

    def __iter__(self) -> Iterator[Entry]:
        seen: dict[int | str, str] = {}
        for path in self._split.files:
            file = _File(path)
            category = file.category(self._split.wardrobe)
            for image in sorted(file.images, key=lambda image: image["id"]):
                yield _entry(image, file.annotations.get(image["id"], []), category, seen)

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        return sum(len(_File(path).images) for path in self._split.files)


def _entry(
    image: dict[str, Any], annotations: list[dict[str, Any]], category: Category, seen: dict[int | str, str]
) -> MmposeEntry:
    number, name = image["id"], image["file_name"]
    keys: tuple[int | str, ...] = (number, PurePosixPath(name).stem)
    problems = [Problem("duplicate-id", f"{key} is also that of {seen[key]}") for key in keys if key in seen][
        :1
    ]
    if len(annotations) > 1:
        problems.append(Problem("duplicate-row", f"{len(annotations)} annotations"))
    for key in keys:
        seen.setdefault(key, name)
    annotation = annotations[0] if annotations else {}
    return MmposeEntry(number, name, name, bool(annotations), tuple(problems), category.id, image, annotation)


class _File:
    """One JSON file. `images` are those with a number and a name, `annotations` are by their picture's number."""

    def __init__(self, path: Path) -> None:
        self._path, self._content = path, read_json(path)
        lists = ("images", "annotations", "categories")
        if not isinstance(self._content, dict) or not all(_of_objects(self._content.get(k)) for k in lists):
            raise HemlineError(f"{path}: not a COCO-style file: it needs the lists {', '.join(lists)}")
        self.images = [image for image in self._content["images"] if _described(image)]
        self.annotations: dict[int, list[dict[str, Any]]] = {}
        for annotation in self._content["annotations"]:
            if type(annotation.get("image_id")) is int:
                self.annotations.setdefault(annotation["image_id"], []).append(annotation)

    def category(self, wardrobe: Wardrobe) -> Category:
        """The category whose landmarks the file has. HemlineError when none of the wardrobe has them."""
        named = [entry.get("keypoints") for entry in self._content["categories"]]
        for category in wardrobe.categories:
            if named == [[landmark.name for landmark in category.landmarks]]:
                return category
        raise HemlineError(
            f"{self._path}: categories[0].keypoints are those of no category of the wardrobe {wardrobe.name}:"
            " each file is expected to have the landmarks of one"
        )

    def problems(self) -> Iterator[Problem]:
        """Members that belong to no picture."""
        for image in self._content["images"]:
            if not _described(image):
                yield Problem("wrong-type", f"images: {show(image)} needs a whole id and a file_name")
        known = {image["id"] for image in self.images}
        for annotation in self._content["annotations"]:
            number = annotation.get("image_id")
            if type(number) is not int or number not in known:
                yield Problem("missing-row", f"annotations: there is no picture {show(number)}")


def _of_objects(members: Any) -> bool:
    return isinstance(members, list) and all(isinstance(member, dict) for member in members)


def _described(image: dict[str, Any]) -> bool:
    number, name = image.get("id"), image.get("file_name")
    return type(number) is int and isinstance(name, str) and bool(name)
