"""What DeepFashion2's annotation of a scene would say."""

from typing import Any

import cv2
import numpy as np

from hemline.datasets.synthetic.curves import Points, shift
from hemline.datasets.synthetic.plan import Picture
from hemline.datasets.synthetic.scene import Scene, Worn, turned_away

SEEN = 0.18  # share of a garment's area in the frame that must show for it to be annotated
INSIDE = 0.002  # share of the picture that it must cover


def annotate(scene: Scene, picture: Picture) -> dict[str, Any]:
    """The annotation file's content: source, pair_id, item1 ... itemN, all numbers ints."""
    found = []
    for worn, item in zip(scene.garments, picture.items, strict=True):
        outlines, seen, inside = _outlines(scene, worn)
        if inside > INSIDE * scene.canvas.ids.size and seen > SEEN:
            found.append(_item(scene, worn, outlines, item.style))
    return {"source": picture.source, "pair_id": picture.pair_id} | {
        f"item{number}": item for number, item in enumerate(found, 1)
    }


def _outlines(scene: Scene, worn: Worn) -> tuple[list[Points], float, int]:
    """Outlines of the parts inside the frame, the share of their area that shows, and the area in pixels.

    Outlines go on under what covers them, as those of the data set do.
    """
    design = worn.shape.design
    parts = [part for part in worn.shape.parts if not turned_away(part, design, scene.camera)]
    whole = np.zeros_like(scene.canvas.ids)
    outlines = []
    for part in parts:
        covered = scene.canvas.cover(scene.camera(part.outline, part.faces))
        if covered is None:
            continue
        left, top, mask = covered
        solid = (mask > 127).astype(np.uint8)
        height, width = mask.shape
        whole[top : top + height, left : left + width] |= solid
        curves, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        simple = [cv2.approxPolyDP(curve, 1.0, True).reshape(-1, 2) for curve in curves]
        outlines += [
            shift(curve, left, top).astype(int)
            for curve in simple
            if len(curve) >= 3 and cv2.contourArea(curve) > 12
        ]
    own = np.zeros(256, dtype=np.uint8)
    own[list(worn.numbers.values())] = 1
    area = int(whole.sum())
    return outlines, float((own[scene.canvas.ids] & whole).sum()) / max(1, area), area if outlines else 0


def _item(scene: Scene, worn: Worn, outlines: list[Points], style: int) -> dict[str, Any]:
    kind = worn.shape.design.category
    landmarks = _landmarks(scene, worn)
    shown = np.vstack([*outlines, landmarks[landmarks[:, 2] > 0, :2]])
    (x1, y1), (x2, y2) = shown.min(axis=0), shown.max(axis=0)
    visibility = landmarks[:, 2]
    return {
        "segmentation": [[int(v) for v in curve.ravel()] for curve in outlines],
        "scale": _grade((x2 - x1) * (y2 - y1) / scene.canvas.ids.size, 0.1, 0.4),
        "viewpoint": scene.viewpoint,
        "zoom_in": _grade(float(np.mean(visibility == 0)), 0.01, 0.5),
        "landmarks": [int(v) for v in landmarks.ravel()],
        "style": style,
        "bounding_box": [int(x1), int(y1), int(x2), int(y2)],
        "category_id": kind.id,
        "occlusion": _grade(float(np.mean(visibility == 1)), 0.2, 0.5),
        "category_name": kind.name,
    }


def _grade(value: float, low: float, high: float) -> int:
    """1, 2 or 3: up to `low`, up to `high`, above."""
    return 1 if value <= low else 2 if value <= high else 3


def _landmarks(scene: Scene, worn: Worn) -> np.ndarray:
    """(n, 3) ints x, y, v: 2 visible, 1 covered, and 0, 0, 0 outside the frame."""
    width, height = scene.canvas.size
    ordered = worn.shape.ordered()
    rows = np.zeros((len(ordered), 3), dtype=np.int64)
    facing = np.array([faces for _, _, faces in ordered])
    for faces in np.unique(facing):
        chosen = np.flatnonzero(facing == faces)
        places = np.array([ordered[i][0] for i in chosen])
        rows[chosen, :2] = np.round(scene.camera(places, int(faces)))
    for row, (_, parts, _) in zip(rows, ordered, strict=True):
        inside = 0 <= row[0] < width and 0 <= row[1] < height
        numbers = {worn.numbers[name] for name in parts}
        row[2] = 0 if not inside else 2 if scene.canvas.shows(row[:2], numbers) else 1
    rows[rows[:, 2] == 0] = 0
    return rows
