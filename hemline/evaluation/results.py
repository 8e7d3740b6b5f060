"""Results to evaluate: landmarks or boxes, checked against the ground truth's images."""

import os
from dataclasses import dataclass

import numpy as np

from hemline.errors import HemlineError
from hemline.evaluation.compact import compact
from hemline.evaluation.truth import GroundTruth
from hemline.inference.records import (
    Box,
    Record,
    box_of,
    category_id,
    finite,
    integer,
    read_records,
    stream_array,
)


@dataclass(frozen=True, eq=False)
class Result:
    """One found garment: a box, or compact keypoints (compact.py) and perhaps their box.

    `area` decides what APm and APl ignore.
    """

    image_id: int
    category_id: int
    score: float
    area: float
    box: Box | None = None
    keypoints: np.ndarray | None = None


def read_landmark_results(path: str | os.PathLike[str], truth: GroundTruth) -> list[Result]:
    """Read a landmark result file.

    Raises HemlineError naming the file, the record, the key and the value: what is not a record, and images
    that the ground truth lacks.
    """
    results = []
    area = _extent_area
    for record in read_records(path, truth.wardrobe):
        where = f"{path}: record {record.number}"
        _check_image(record.image_id, truth, where)
        # pycocotools' loadRes takes every area from a key "bbox" if the first record has one.
        area = _bbox_area if record.number == 1 and record.bbox else area
        keypoints = compact(record.keypoints, record.category_id, record.wardrobe)
        results.append(
            Result(
                record.image_id,
                record.category_id,
                record.score,
                area(record, where),
                record.box or record.bbox,
                keypoints,
            )
        )
    return results


def read_box_results(path: str | os.PathLike[str], truth: GroundTruth) -> list[Result]:
    """Read a box result file: a JSON list of {"image_id", "category_id", "bbox" [x, y, w, h], "score"}.

    Raises HemlineError as `read_landmark_results` does.
    """
    try:
        with open(path, encoding="utf-8") as handle:
            records = enumerate(stream_array(handle, str(path)), start=1)
            return [_box_result(value, truth, f"{path}: record {number}") for number, value in records]
    except (OSError, UnicodeDecodeError) as error:
        raise HemlineError(f"{path}: cannot be read ({error})") from None


def _box_result(value: object, truth: GroundTruth, where: str) -> Result:
    if not isinstance(value, dict):
        raise HemlineError(f"{where}: {value!r} is not a record; each is a JSON object")
    image_id = integer(value, "image_id", where)
    _check_image(image_id, truth, where)
    box = box_of(value, "bbox", where)
    score = finite(value, "score", where)
    number = category_id(value, where, truth.wardrobe)
    return Result(image_id, number, score, box[2] * box[3], box=box)


def _check_image(image_id: int, truth: GroundTruth, where: str) -> None:
    if image_id not in truth.index:
        raise HemlineError(
            f"{where}: image_id is {image_id}; {truth.path} has no such image (another split's?)"
        )


def _extent_area(record: Record, where: str) -> float:
    x, y = record.keypoints[:, 0], record.keypoints[:, 1]
    return float((x.max() - x.min()) * (y.max() - y.min()))


def _bbox_area(record: Record, where: str) -> float:
    if record.bbox is None:
        raise HemlineError(f"{where}: no key 'bbox', but record 1 has one; give it to all records or to none")
    return record.bbox[2] * record.bbox[3]
