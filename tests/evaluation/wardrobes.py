"""Random ground truths and results in DeepFashion2's format, and pycocotools run on them in the plain way."""

import contextlib
import copy
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hemline.wardrobe import Wardrobe
from hemline.wardrobe import wardrobe as wardrobe_of

Json = dict[str, Any]
DEEPFASHION2 = wardrobe_of("deepfashion2")


def ground_truth(
    images: int,
    garments: int,
    seed: int,
    categories: tuple[int, ...] | None = None,
    wardrobe: Wardrobe = DEEPFASHION2,
) -> Json:
    """A COCO-style ground truth; one garment in twelve has no landmark, boxes are small, medium and large."""
    categories = categories or tuple(entry.id for entry in wardrobe.categories)
    generator = np.random.default_rng(seed)
    annotations = []
    for number in range(1, garments + 1):
        size = generator.choice([25.0, 80.0, 300.0]) * generator.uniform(0.8, 1.2, 2)
        box = [*generator.uniform(0, 300, 2), *size]
        number_of_category = int(generator.choice(categories))
        keypoints = _landmarks(
            generator, number_of_category, box, wardrobe, labelled=generator.random() > 1 / 12
        )
        annotations.append(
            {
                "id": number,
                "image_id": 100 + int(generator.integers(images)),
                "category_id": number_of_category,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
                "num_keypoints": int((keypoints[:, 2] > 0).sum()),
                "keypoints": keypoints.ravel().tolist(),
            }
        )
    return {
        "images": [
            {"id": 100 + n, "file_name": f"{100 + n:06}.jpg", "width": 700, "height": 700}
            for n in range(images)
        ],
        "categories": [{"id": entry.id, "name": entry.coco_name} for entry in wardrobe.categories],
        "annotations": annotations,
    }


def _landmarks(
    generator: np.random.Generator, number: int, box: list[float], wardrobe: Wardrobe, labelled: bool
) -> np.ndarray:
    full = np.zeros((len(wardrobe.landmarks), 3))
    own = wardrobe.category(number)
    if labelled:
        full[own.slice, :2] = box[:2] + generator.random((own.count, 2)) * box[2:]
        full[own.slice, 2] = generator.integers(0, 3, own.count)
        full[own.start, 2] = 2
        full[full[:, 2] == 0] = 0
    return full


def landmark_results(
    truth: Json,
    seed: int,
    noise: float = 0.04,
    strays: int = 40,
    decimals: int = 12,
    foreign: bool = False,
    wardrobe: Wardrobe = DEEPFASHION2,
) -> list[Json]:
    """Results near the truth's garments (some twice, some not at all) and `strays` anywhere, shuffled.

    `decimals` rounds the scores: few decimals make ties. `foreign` fills the other categories' numbers too.
    """
    generator = np.random.default_rng(seed)
    results = []
    for entry in truth["annotations"]:
        for _ in range(generator.choice([0, 1, 1, 1, 2])):
            results.append(_near(generator, entry, noise * generator.choice([0.3, 1, 3]), wardrobe))
    for _ in range(strays):
        entry = copy.copy(truth["annotations"][generator.integers(len(truth["annotations"]))])
        entry["image_id"] = truth["images"][generator.integers(len(truth["images"]))]["id"]
        results.append(_near(generator, entry, 0.5, wardrobe))
    if foreign:
        for record in results:
            filled = np.array(record["keypoints"])
            filled[filled == 0] = generator.uniform(1, 600, (filled == 0).sum())
            record["keypoints"] = filled.tolist()
    for record in results:
        record["score"] = round(float(generator.random()), decimals)
    generator.shuffle(results)
    return results


def _near(generator: np.random.Generator, entry: Json, noise: float, wardrobe: Wardrobe) -> Json:
    full = np.array(entry["keypoints"]).reshape(-1, 3).copy()
    own = wardrobe.category(entry["category_id"]).slice
    full[own, :2] += generator.normal(0, noise * np.sqrt(entry["area"]), full[own, :2].shape)
    full[own, 2] = 1
    keys = {key: entry[key] for key in ("image_id", "category_id")}
    return keys | {"keypoints": full.ravel().tolist()}


def box_results(truth: Json, seed: int) -> list[Json]:
    """Boxes near the truth's, some missing, some doubled, and many strays in the first image."""
    generator = np.random.default_rng(seed)
    results = []
    for entry in truth["annotations"]:
        for _ in range(generator.choice([0, 1, 1, 2])):
            box = np.array(entry["bbox"]) + generator.normal(0, 0.1 * np.sqrt(entry["area"]), 4)
            results.append((entry["image_id"], entry["category_id"], box))
    results += [(truth["images"][0]["id"], 1, generator.uniform(0, 300, 4)) for _ in range(130)]
    return [
        {
            "image_id": image,
            "category_id": number,
            "bbox": np.maximum(box, 0).tolist(),
            "score": float(generator.random()),
        }
        for image, number, box in results
    ]


def reference(
    truth: Json, results: list[Json], kind: str = "keypoints", wardrobe: Wardrobe = DEEPFASHION2
) -> COCOeval:
    """pycocotools as anyone would call it: its own index, loadRes, accumulate and summarize."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(truth)
        coco.createIndex()
        engine = COCOeval(coco, coco.loadRes(copy.deepcopy(results)), kind)
        if kind == "keypoints":
            engine.params.kpt_oks_sigmas = wardrobe.sigmas
            engine.params.maxDets = [20]
        engine.evaluate()
        engine.accumulate()
        engine.summarize()
    return engine


def reference_per_category(engine: COCOeval, wardrobe: Wardrobe = DEEPFASHION2) -> dict[str, float | None]:
    """AP of each category: the mean precision at the last of maxDets, None where the ground truth has none."""
    precision = engine.eval["precision"][:, :, :, 0, -1]
    means = {}
    for place, entry in enumerate(wardrobe.categories):
        values = precision[:, :, place]
        means[entry.name] = float(values.mean()) if (values > -1).all() else None
    return means


def save(folder: Path, name: str, value: Any) -> Path:
    """Write `value` as JSON; NaN is allowed, as other programs write it."""
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
