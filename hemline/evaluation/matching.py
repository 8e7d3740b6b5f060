"""Results matched to ground truth by pycocotools, image by image and category by category.

DeepFashion2's evaluation was made from pycocotools; with its 294 sigmas and at most 20 garments a
category and image the two are the same (deepfashion2_api, cocoeval.py). The matches are kept, not the
accumulated numbers, so that AP can be had for any resample of the images (precision.py).
"""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hemline.evaluation.compact import expand
from hemline.evaluation.results import Result
from hemline.evaluation.truth import Annotation, GroundTruth
from hemline.progress import progress
from hemline.wardrobe import Wardrobe

# COCO's ten OKS or IoU thresholds .50:.05:.95 and 101 recalls, to pycocotools' last digit.
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
LANDMARK_LIMIT = 20  # a category and image; DeepFashion2 evaluation code, cocoeval.py
BOX_LIMIT = 100

# Expanded keypoints are 7 kB a garment: some 10 MB a chunk.
CHUNK_IMAGES = 200


@dataclass(frozen=True, eq=False)
class Matches:
    """The D results of one category (and area range), best score first, and its G garments.

    `image` (D,) and `garments` (G,) are places in the list of images. Per threshold (10, D): `true` is
    matched to a garment that counts, `counted` neither ignored itself nor matched to an ignored garment.
    """

    image: np.ndarray
    true: np.ndarray
    counted: np.ndarray
    garments: np.ndarray


@dataclass(frozen=True, eq=False)
class MatchTable:
    """Matches by area range ("all", "medium", "large") and category id; `images` is the number of images."""

    images: int
    cells: dict[tuple[str, int], Matches]
    wardrobe: Wardrobe


def match_landmarks(truth: GroundTruth, results: Sequence[Result]) -> MatchTable:
    """Match by OKS with the wardrobe's sigmas, and DeepFashion2's areas and limit of 20."""
    return _match(truth, results, "keypoints", ("all", "medium", "large"), LANDMARK_LIMIT)


def match_boxes(truth: GroundTruth, results: Sequence[Result]) -> MatchTable:
    """Match by the IoU of boxes with COCO's limit of 100."""
    return _match(truth, results, "bbox", ("all",), BOX_LIMIT)


def _match(
    truth: GroundTruth, results: Sequence[Result], kind: str, areas: tuple[str, ...], limit: int
) -> MatchTable:
    cells: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    annotations, found = _by_image(truth.annotations), _by_image(results)
    chunks = [truth.images[at : at + CHUNK_IMAGES] for at in range(0, len(truth.images), CHUNK_IMAGES)]
    for images in progress(chunks, "matching", unit="chunks"):
        here = [entry for image in images for entry in annotations.get(image, ())]
        guesses = [entry for image in images for entry in found.get(image, ())]
        for area, match in _run_engine(truth.wardrobe, images, here, guesses, kind, areas, limit):
            cells[area, match["category_id"]].append(match)
    gathered = {key: _gather(cell, truth.index) for key, cell in cells.items()}
    return MatchTable(len(truth.images), gathered, truth.wardrobe)


def _by_image(entries: Iterable[Any]) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = defaultdict(list)
    for entry in entries:
        grouped[entry.image_id].append(entry)
    return grouped


def _run_engine(
    wardrobe: Wardrobe,
    images: Sequence[int],
    annotations: Sequence[Annotation],
    results: Sequence[Result],
    kind: str,
    areas: tuple[str, ...],
    limit: int,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an area range's name and pycocotools' match of one image and category, in the images' order."""
    with redirect_stdout(io.StringIO()):
        engine = COCOeval(
            _index(images, [_annotation(entry, kind, wardrobe) for entry in annotations], wardrobe),
            _index(images, [_result(entry, kind, wardrobe) for entry in results], wardrobe),
            kind,
        )
        engine.params.maxDets = [limit]
        engine.params.areaRng = [
            range_
            for name, range_ in zip(engine.params.areaRngLbl, engine.params.areaRng, strict=True)
            if name in areas
        ]
        if kind == "keypoints":
            engine.params.kpt_oks_sigmas = wardrobe.sigmas
        engine.evaluate()
    names = np.tile(np.repeat(areas, len(images)), len(wardrobe.categories))
    yield from ((str(name), match) for name, match in zip(names, engine.evalImgs, strict=True) if match)


def _index(images: Sequence[int], entries: list[dict[str, Any]], wardrobe: Wardrobe) -> COCO:
    # Ids from 1: pycocotools takes a match with id 0 for none.
    for number, entry in enumerate(entries, start=1):
        entry["id"] = number
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image} for image in images],
        "categories": [{"id": entry.id, "name": entry.name} for entry in wardrobe.categories],
        "annotations": entries,
    }
    coco.createIndex()
    return coco


def _annotation(entry: Annotation, kind: str, wardrobe: Wardrobe) -> dict[str, Any]:
    made: dict[str, Any] = {
        "image_id": entry.image_id,
        "category_id": entry.category_id,
        "bbox": list(entry.box),
        "area": entry.area,
        "iscrowd": entry.crowd,
        "num_keypoints": entry.labelled,
    }
    return made | _keypoints(entry, kind, wardrobe)


def _result(entry: Result, kind: str, wardrobe: Wardrobe) -> dict[str, Any]:
    made = {
        "image_id": entry.image_id,
        "category_id": entry.category_id,
        "score": entry.score,
        "area": entry.area,
        "bbox": list(entry.box or ()),
    }
    return made | _keypoints(entry, kind, wardrobe)


def _keypoints(entry: Annotation | Result, kind: str, wardrobe: Wardrobe) -> dict[str, Any]:
    if kind != "keypoints" or entry.keypoints is None:
        return {}
    return {"keypoints": expand(entry.keypoints, entry.category_id, wardrobe).ravel()}


def _gather(cell: list[dict[str, Any]], index: dict[int, int]) -> Matches:
    """One category's matches over all images, sorted as pycocotools' accumulate does (ties by image)."""
    places = [index[match["image_id"]] for match in cell]
    scores = np.concatenate([match["dtScores"] for match in cell])
    order = np.argsort(-scores, kind="mergesort")
    counted = ~np.concatenate([match["dtIgnore"] for match in cell], axis=1).astype(bool)[:, order]
    matched = np.concatenate([match["dtMatches"] for match in cell], axis=1).astype(bool)[:, order]
    image = np.repeat(places, [len(match["dtScores"]) for match in cell]).astype(np.intp)[order]
    garments = np.repeat(places, [int((np.asarray(match["gtIgnore"]) == 0).sum()) for match in cell])
    return Matches(image, matched & counted, counted, garments.astype(np.intp))
