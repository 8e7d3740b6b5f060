"""Garments of a COCO-style file, and their pictures."""

import json
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hemline.errors import HemlineError
from hemline.wardrobe import Grouping

# Decoding a JPEG costs several times what cutting a garment out of it does. The demo's pictures all fit in.
CACHE_BYTES = 1 << 30


def read_garments(annotations: str | Path, images: str | Path, grouping: Grouping) -> list[dict[str, Any]]:
    """Read the garments of a COCO-style file that have at least one labelled landmark.

    Each is a dict: id, img_id, img_path, category_id, bbox (1, 4) as x1, y1, x2, y2 in pixels, bbox_score (1,) and
    landmarks (n, 3), the category's own ones as x, y, v. Raises HemlineError when the file is missing, not JSON, or of
    another grouping.
    """
    content = load_annotations(annotations)
    files = {image["id"]: str(Path(images) / image["file_name"]) for image in content["images"]}
    garments = (_garment(entry, files, grouping, annotations) for entry in content["annotations"])
    return [garment for garment in garments if (garment["landmarks"][:, 2] > 0).any()]


def load_annotations(path: str | Path, masks: bool = False) -> dict[str, Any]:
    """A COCO-style file, its annotations' `keypoints` as (K, 3) float32.

    With `masks` the polygons of their `segmentation` are float32 arrays x, y, x, y...; else they are left out.
    HemlineError when it is missing or not JSON.
    """
    try:
        with open(path, encoding="utf-8") as handle:
            return json.load(handle, object_hook=partial(_compact, masks=masks))
    except FileNotFoundError:
        raise HemlineError(f"{path}: no such annotations; run the stage that converts them") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise HemlineError(f"{path}: not JSON ({error})") from None


def _compact(entry: dict[str, Any], masks: bool) -> dict[str, Any]:
    # In DeepFashion2 an annotation's 882 numbers take 30 kB as Python floats and 3.5 kB as an array: with 312,186
    # garments that decides whether the file fits into memory.
    if "bbox" in entry and "keypoints" in entry:
        entry["keypoints"] = np.asarray(entry["keypoints"], dtype=np.float32).reshape(-1, 3)
        polygons = entry.pop("segmentation", [])
        if masks:
            entry["segmentation"] = [np.asarray(polygon, dtype=np.float32) for polygon in polygons]
    return entry


def _garment(
    entry: dict[str, Any], files: dict[int, str], grouping: Grouping, source: str | Path
) -> dict[str, Any]:
    x, y, width, height = entry["bbox"]
    return {
        "id": entry["id"],
        "img_id": entry["image_id"],
        "img_path": files[entry["image_id"]],
        "category_id": entry["category_id"],
        "bbox": np.array([[x, y, x + width, y + height]], dtype=np.float32),
        "bbox_score": np.ones(1, dtype=np.float32),
        "landmarks": own_landmarks(entry, grouping, source),
    }


def own_landmarks(entry: dict[str, Any], grouping: Grouping, source: str | Path) -> np.ndarray:
    """(n, 3): of an annotation of `load_annotations` the landmarks of its own category, x, y, v.

    HemlineError, naming the file `source`, when the annotation is of another grouping.
    """
    keypoints = entry["keypoints"]
    if len(keypoints) != grouping.size:
        raise HemlineError(
            f"{source}: annotation {entry['id']} has {len(keypoints)} keypoints, but grouping {grouping.name} has "
            f"{grouping.size} groups; convert the data with this grouping"
        )
    return keypoints[grouping.channels(entry["category_id"])]


def read_images(path: str | Path) -> dict[int, str]:
    """File names by image id, of a COCO-style file; HemlineError when it is missing or not JSON."""
    return {image["id"]: image["file_name"] for image in load_annotations(path)["images"]}


def read_picture(path: str | Path) -> np.ndarray:
    """A picture (height, width, 3), uint8, BGR, as stored: a turn asked for by EXIF is not applied.

    HemlineError when it can't be read.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise HemlineError(f"{path}: {error.strerror}") from None
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    if picture is None:
        raise HemlineError(f"{path}: cannot be read as a picture")
    return picture


class PictureCache:
    """Pictures by path, decoded once as long as they fit into `capacity` bytes; the oldest leave first."""

    def __init__(self, capacity: int = CACHE_BYTES) -> None:
        self.capacity, self.size = capacity, 0
        self.pictures: OrderedDict[str, np.ndarray] = OrderedDict()

    def read(self, path: str) -> np.ndarray:
        """A picture (height, width, 3), uint8, BGR; don't write into it. HemlineError when it can't be read."""
        if path in self.pictures:
            self.pictures.move_to_end(path)
            return self.pictures[path]
        picture = read_picture(path)
        self.pictures[path] = picture
        self.size += picture.nbytes
        while self.size > self.capacity and len(self.pictures) > 1:
            self.size -= self.pictures.popitem(last=False)[1].nbytes
        return picture
