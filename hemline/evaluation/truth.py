"""Ground truth, read from a COCO-style file of `hemline convert` or of DeepFashion2's script."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from hemline.errors import HemlineError
from hemline.evaluation.compact import compact, expand
from hemline.inference.garments import Garment
from hemline.inference.records import Box, box_of, category_id, finite, integer, numbers, size_of
from hemline.wardrobe import Wardrobe


@dataclass(frozen=True, eq=False)
class Annotation:
    """One garment of the ground truth.

    `keypoints` are compact (compact.py); `area` is the annotation's own, in DeepFashion2 the box's.
    `labelled` is the number of landmarks with v > 0: a garment without any is ignored in landmark AP.
    """

    image_id: int
    category_id: int
    box: Box
    area: float
    labelled: int
    crowd: int
    keypoints: np.ndarray


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The images' ids, ascending, and the annotations in the file's order, of categories of the wardrobe.

    `sizes` holds the width and height, in pixels, of each image whose entry in the file says them, `files` their names.
    """

    path: str
    images: tuple[int, ...]
    annotations: tuple[Annotation, ...]
    wardrobe: Wardrobe
    sizes: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    files: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[int, int]:
        """The place of each image id in `images`."""
        return {image_id: place for place, image_id in enumerate(self.images)}


def read_truth(path: str | os.PathLike[str], wardrobe: Wardrobe) -> GroundTruth:
    """Read a ground truth with all landmarks of a wardrobe.

    Raises HemlineError naming the file, the annotation, the key and the value when something is missing, not
    finite, of the wrong length, or names an image or a category that does not exist.
    """
    value = _load(path, wardrobe)
    for key in ("images", "annotations"):
        if not isinstance(value, dict) or not isinstance(value.get(key), list):
            raise HemlineError(
                f"{path}: no list {key!r}; a ground truth is a COCO-style object (hemline convert)"
            )
    images = [_image_id(image, f"{path}: image {n}") for n, image in enumerate(value["images"], start=1)]
    _refuse_repeated(images, f"{path}: image id")
    known = set(images)
    if not images:
        raise HemlineError(f"{path}: its list 'images' is empty; there is nothing to evaluate")
    annotations = [
        _annotation(entry, known, f"{path}: annotation {n}", wardrobe)
        for n, entry in enumerate(value["annotations"], start=1)
    ]
    _refuse_repeated(
        [entry["id"] for entry in value["annotations"] if "id" in entry], f"{path}: annotation id"
    )
    sizes = {
        number: size_of(image, f"{path}: image {n}")
        for n, (number, image) in enumerate(zip(images, value["images"], strict=True), start=1)
        if {"width", "height"} <= image.keys()
    }
    files = {
        number: str(image["file_name"])
        for number, image in zip(images, value["images"], strict=True)
        if "file_name" in image
    }
    return GroundTruth(str(path), tuple(sorted(images)), tuple(annotations), wardrobe, sizes, files)


def as_garments(truth: GroundTruth) -> list[Garment]:
    """The ground truth as perfect results, which score AP 1.0.

    Garments without a labelled landmark are left out: nobody can say where theirs are, and the evaluation
    ignores them.
    """
    return [
        Garment(
            image_id=entry.image_id,
            category_id=entry.category_id,
            box=entry.box,
            box_score=1.0,
            landmarks=own_landmarks(entry, truth.wardrobe),
            score=1.0,
            wardrobe=truth.wardrobe,
        )
        for entry in truth.annotations
        if entry.labelled
    ]


def own_landmarks(entry: Annotation, wardrobe: Wardrobe) -> np.ndarray:
    """(n, 3) x, y, v of the category's own landmarks."""
    full = expand(entry.keypoints, entry.category_id, wardrobe)
    return full[wardrobe.category(entry.category_id).slice]


def _load(path: str | os.PathLike[str], wardrobe: Wardrobe) -> Any:
    try:
        with open(path, encoding="utf-8") as handle:
            return json.load(handle, object_hook=partial(_shrink, wardrobe=wardrobe))
    # ValueError: no JSON, no UTF-8, or a number of thousands of digits; RecursionError: thousands of brackets.
    except (OSError, ValueError, RecursionError) as error:
        raise HemlineError(f"{path}: cannot be read as JSON ({error})") from None


def _shrink(entry: dict[str, Any], wardrobe: Wardrobe) -> dict[str, Any]:
    # While the file is parsed: lists of Python numbers are the bulk of it.
    entry.pop("segmentation", None)
    count = 3 * len(wardrobe.landmarks)
    if isinstance(entry.get("keypoints"), list) and len(entry["keypoints"]) == count and "image_id" in entry:
        with suppress(HemlineError):  # read_truth says it again, with the annotation's number
            found = category_id(entry, "", wardrobe)
            entry["keypoints"] = compact(numbers(entry, "keypoints", count, ""), found, wardrobe)
    return entry


def _image_id(entry: Any, where: str) -> int:
    if not isinstance(entry, dict):
        raise HemlineError(f"{where}: {entry!r:.60} is not an image; each is a JSON object")
    return integer(entry, "id", where)


def _annotation(entry: Any, images: set[int], where: str, wardrobe: Wardrobe) -> Annotation:
    if not isinstance(entry, dict):
        raise HemlineError(f"{where}: {entry!r} is not an annotation; each is a JSON object")
    image_id = integer(entry, "image_id", where)
    if image_id not in images:
        raise HemlineError(f"{where}: image_id is {image_id}; there is no such image in the file's list")
    number = category_id(entry, where, wardrobe)
    keypoints = _keypoints(entry, number, where, wardrobe)
    labelled = int((expand(keypoints, number, wardrobe)[:, 2] > 0).sum())
    return Annotation(
        image_id=image_id,
        category_id=number,
        box=box_of(entry, "bbox", where),
        area=finite(entry, "area", where),
        labelled=integer(entry, "num_keypoints", where) if "num_keypoints" in entry else labelled,
        crowd=integer(entry, "iscrowd", where) if "iscrowd" in entry else 0,
        keypoints=keypoints,
    )


def _keypoints(entry: Mapping[str, Any], number: int, where: str, wardrobe: Wardrobe) -> np.ndarray:
    value, count = entry.get("keypoints"), 3 * len(wardrobe.landmarks)
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, list) and len(value) != count:
        raise HemlineError(
            f"{where}: keypoints has {len(value)} numbers; {count} are expected "
            "(evaluate against the ground truth of the independent grouping)"
        )
    return compact(numbers(entry, "keypoints", count, where), number, wardrobe)


def _refuse_repeated(values: list[Any], what: str) -> None:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise HemlineError(f"{what} {value} stands twice; ids must be unique")
        seen.add(value)
