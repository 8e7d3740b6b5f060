"""A result file becomes the csv file of FashionAI's contest."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hemline.datasets.fashionai.tables import ABSENT, PICTURE, points
from hemline.errors import HemlineError
from hemline.files import atomic_write, read_json
from hemline.inference.records import Record, category_id, integer, read_records, size_of
from hemline.progress import progress
from hemline.wardrobe import Category, Wardrobe

File = str | os.PathLike[str]
FOLDER = "Images/"  # every image_id of the contest begins so


@dataclass(frozen=True)
class Picture:
    """A picture of the split, the category of its garment, and its width and height in pixels."""

    image_id: str
    category: Category
    size: tuple[float, float]


def package(
    results: File,
    out: File,
    wardrobe: Wardrobe,
    name: str | None = None,
    images: File | None = None,
    boxes: File | None = None,
) -> int:
    """Write the submission `out`: a row for each of `images`, in their order. Returns the number of garments.

    Of a picture's garments of its category, which `boxes` say, the one with the best score counts, the first of equals;
    those of other categories don't. Places are rounded to whole pixels, and one outside of the picture is moved to its
    edge: nearer to wherever the landmark is in the picture. A picture without a garment has `-1_-1_-1` throughout.
    HemlineError names the file, the record, the key and the value; `out` is then as it was before.
    """
    check_name(Path(out).name)
    if name not in (None, Path(out).name):
        raise HemlineError(
            f"name {name!r}: FashionAI's submission is a plain file whose name ends in .csv, here {Path(out).name!r}"
        )
    if images is None or boxes is None:
        raise HemlineError(
            "FashionAI's csv has a row for each picture, found or not: --images FILE says which there are, --boxes"
            " FILE their categories (data/coco/test.json and results/boxes/whole/test.json)"
        )
    pictures = _pictures(images, boxes, wardrobe)
    found = _best(results, pictures, wardrobe, images)
    with atomic_write(out) as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow([*PICTURE, *points(wardrobe)])
        table.writerows(_row(picture, found.get(key), wardrobe) for key, picture in pictures.items())
    return len(found)


def check_name(name: str) -> None:
    """HemlineError unless the csv file can have this name."""
    if "/" in name or "\\" in name or not name.endswith(".csv") or len(name) <= len(".csv"):
        raise HemlineError(f"name {name!r}: FashionAI's submission is a plain file whose name ends in .csv")


def _pictures(images: File, boxes: File, wardrobe: Wardrobe) -> dict[int, Picture]:
    """The pictures by id, in the file's order."""
    categories = _categories(boxes, wardrobe)
    found = {}
    for number, entry in enumerate(_list(read_json(images), "images", images), start=1):
        where = f"{images}: image {number}"
        key = integer(_record(entry, where), "id", where)
        if key not in categories:
            raise HemlineError(
                f"{boxes}: no box of image {key}, so that the category of its garment isn't known"
            )
        found[key] = Picture(_image_id(entry, where), categories[key], size_of(entry, where))
    return found


def _categories(boxes: File, wardrobe: Wardrobe) -> dict[int, Category]:
    """The category of each picture's boxes; all of a picture have the same."""
    found: dict[int, Category] = {}
    for number, entry in enumerate(_list({"boxes": read_json(boxes)}, "boxes", boxes), start=1):
        where = f"{boxes}: record {number}"
        key = integer(_record(entry, where), "image_id", where)
        category = wardrobe.category(category_id(entry, where, wardrobe))
        if found.setdefault(key, category) is not category:
            raise HemlineError(
                f"{where}: category_id is {category.id}; another box of image {key} has {found[key].id}"
            )
    return found


def _list(value: Any, key: str, where: File) -> list[Any]:
    if not isinstance(value, dict) or not isinstance(value.get(key), list):
        raise HemlineError(f"{where}: no list of {key}; a COCO-style file of the split is needed")
    entries: list[Any] = value[key]
    return entries


def _record(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise HemlineError(f"{where}: {value!r:.60} is not a JSON object")
    return value


def _image_id(entry: dict[str, Any], where: str) -> str:
    """Its path in the contest's csv; a file name may begin with the category's folder."""
    name = entry.get("file_name")
    if not isinstance(name, str):
        raise HemlineError(f"{where}: file_name is {name!r}; it must be a path")
    return FOLDER + name.removeprefix(FOLDER)


def _best(results: File, pictures: dict[int, Picture], wardrobe: Wardrobe, images: File) -> dict[int, Record]:
    """Of each picture the garment of its category with the best score."""
    found: dict[int, Record] = {}
    for record in progress(_known(results, pictures, wardrobe, images), "packing", unit="garments"):
        best = found.get(record.image_id)
        if record.category is pictures[record.image_id].category and (
            best is None or record.score > best.score
        ):
            found[record.image_id] = record
    return found


def _known(results: File, pictures: dict[int, Picture], wardrobe: Wardrobe, images: File) -> Iterator[Record]:
    for record in read_records(results, wardrobe):
        if record.image_id not in pictures:
            raise HemlineError(
                f"{results}: record {record.number}: image_id is {record.image_id}; {images} has no such image"
            )
        yield record


def _row(picture: Picture, record: Record | None, wardrobe: Wardrobe) -> list[str]:
    own = picture.category
    places = {} if record is None else _places(record.keypoints[own.slice, :2], picture)
    return [
        picture.image_id,
        own.coco_name,
        *(places.get(name, ABSENT) for name in points(wardrobe)),
    ]


def _places(found: np.ndarray, picture: Picture) -> dict[str, str]:
    """`x_y_1` of each landmark (n, 2), by its name."""
    last = np.array(picture.size) - 1
    whole = np.clip(np.rint(found), 0, last).astype(np.int64).tolist()
    return {
        landmark.name: f"{x}_{y}_1"
        for landmark, (x, y) in zip(picture.category.landmarks, whole, strict=True)
    }
