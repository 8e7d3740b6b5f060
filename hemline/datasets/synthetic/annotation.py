"""What a scene shows of a garment, whatever a data set makes of it: outlines, box, landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hemline.datasets.synthetic.curves import Points, shift
from hemline.datasets.synthetic.garment import Mark
from hemline.datasets.synthetic.scene import Scene, Worn, turned_away

SEEN = 0.18  # share of a garment's area in the frame that must show for it to be annotated
INSIDE = 0.002  # share of the picture that it must cover


@dataclass(frozen=True)
class Sight:
    """A garment inside of the frame: its parts' outlines, the share of its area that shows, its area in pixels.

    Outlines, each (n, 2) ints, go on under what covers them, as those of DeepFashion2 do.
    """

    outlines: list[Points]
    seen: float
    area: int

    def suffices(self, scene: Scene) -> bool:
        """Whether enough of the garment is there for it to be annotated."""
        return self.area > INSIDE * scene.canvas.ids.size and self.seen > SEEN

    def box(self, landmarks: np.ndarray) -> tuple[int, int, int, int]:
        """x1, y1, x2, y2: the box around the outlines and the `landmarks` (n, 3) inside of the frame."""
        shown = np.vstack([*self.outlines, landmarks[landmarks[:, 2] > 0, :2]])
        (x1, y1), (x2, y2) = shown.min(axis=0), shown.max(axis=0)
        return int(x1), int(y1), int(x2), int(y2)


def look_at(scene: Scene, worn: Worn) -> Sight:
    """What the frame holds of a garment."""
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
    seen = float((own[scene.canvas.ids] & whole).sum()) / max(1, area)
    return Sight(outlines, seen, area if outlines else 0)


def locate(scene: Scene, worn: Worn, marks: Sequence[Mark]) -> np.ndarray:
    """(n, 3) ints x, y, v of a garment's `marks`: 2 visible, 1 covered, and 0, 0, 0 outside of the frame."""
    width, height = scene.canvas.size
    rows = np.zeros((len(marks), 3), dtype=np.int64)
    facing = np.array([mark.faces for mark in marks])
    for faces in np.unique(facing):
        chosen = np.flatnonzero(facing == faces)
        places = np.array([marks[i].place for i in chosen])
        rows[chosen, :2] = np.round(scene.camera(places, int(faces)))
    for row, mark in zip(rows, marks, strict=True):
        inside = 0 <= row[0] < width and 0 <= row[1] < height
        numbers = {worn.numbers[name] for name in mark.parts}
        row[2] = 0 if not inside else 2 if scene.canvas.shows(row[:2], numbers) else 1
    rows[rows[:, 2] == 0] = 0
    return rows
