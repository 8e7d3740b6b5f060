"""What a one-shot network finds in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hemline.inference.garments import Garment
from hemline.inference.tables import GarmentTable
from hemline.oneshot.placing import Fit
from hemline.wardrobe import Grouping, Wardrobe


@dataclass(frozen=True)
class Found:
    """The n garments found in one picture.

    `boxes` (n, 4) x1, y1, x2, y2 as edges; `labels` (n,) int64, a category's id less 1; `scores` (n,); `landmarks` (n,
    longest, 3) x, y, score of the category's own landmarks in order, then NaN, or None of a network that finds boxes
    alone. The score of a landmark is what its network says of it.
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    landmarks: Tensor | None

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, places: Tensor) -> "Found":
        """The garments at `places` (integers or a mask), in that order."""
        landmarks = None if self.landmarks is None else self.landmarks[places]
        return Found(self.boxes[places], self.labels[places], self.scores[places], landmarks)

    def best(self, count: int) -> "Found":
        """The `count` garments that score highest, best first."""
        return self.take(self.scores.argsort(descending=True, stable=True)[:count])

    def inside(self, height: int, width: int) -> "Found":
        """The garments with a part in a picture, their boxes cut off at its edges."""
        edges = self.boxes.new_tensor((width, height) * 2)
        boxes = self.boxes.clamp(min=0).minimum(edges)
        shown = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        return Found(boxes, self.labels, self.scores, self.landmarks).take(shown)

    def garments(self, wardrobe: Wardrobe) -> list[Garment]:
        """Garments of image 0, in order; none of a network that finds boxes alone."""
        if self.landmarks is None:
            return []
        corners, scores = _numpy(self.boxes), _numpy(self.scores)
        table = GarmentTable(
            image_id=np.zeros(len(self), dtype=np.int64),
            category_id=self.labels.cpu().numpy() + 1,
            box=np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1),
            box_score=scores,
            landmarks=_numpy(self.landmarks),
            score=scores,
            wardrobe=wardrobe,
        )
        return table.garments()

    def box_records(self, image_id: int) -> list[dict[str, Any]]:
        """The boxes as COCO-style results: image_id, category_id, bbox (x, y, width, height; pixels), score."""
        return [
            {
                "image_id": image_id,
                "category_id": label + 1,
                "bbox": [round(value, 3) for value in (left, top, right - left, bottom - top)],
                "score": round(score, 6),
            }
            for label, (left, top, right, bottom), score in zip(
                self.labels.tolist(), _numpy(self.boxes).tolist(), _numpy(self.scores).tolist(), strict=True
            )
        ]


def joined(found: Sequence[Found]) -> Found:
    """All garments of several finds with landmarks in one picture, brought to one scale before."""
    boxes, labels, scores = (
        torch.cat([getattr(one, name) for one in found]) for name in ("boxes", "labels", "scores")
    )
    return Found(
        boxes, labels, scores, torch.cat([one.landmarks for one in found if one.landmarks is not None])
    )


def in_picture(found: Found, placed: Fit) -> Found:
    """Garments of an input, all coordinates from its top left corner, in the picture's own: landmarks from the centre
    of its top left pixel.
    """
    boxes, landmarks = _numpy(found.boxes).reshape(-1, 2, 2), found.landmarks
    if landmarks is not None:
        moved = _numpy(landmarks)
        moved[..., :2] = placed.to_picture(moved[..., :2]) - 0.5
        landmarks = landmarks.new_tensor(moved)
    return replace(
        found, boxes=found.boxes.new_tensor(placed.to_picture(boxes).reshape(-1, 4)), landmarks=landmarks
    )


@lru_cache
def own_channels(grouping: Grouping) -> tuple[Tensor, Tensor]:
    """Each category's own channels (categories, longest), filled up with 0, and which of them are real (bool)."""
    wardrobe = grouping.wardrobe
    channels = torch.zeros(len(wardrobe.categories), wardrobe.longest, dtype=torch.int64)
    real = torch.zeros(len(wardrobe.categories), wardrobe.longest, dtype=torch.bool)
    for entry in wardrobe.categories:
        channels[entry.id - 1, : entry.count] = torch.as_tensor(grouping.channels(entry.id))
        real[entry.id - 1, : entry.count] = True
    return channels, real


def _numpy(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()
