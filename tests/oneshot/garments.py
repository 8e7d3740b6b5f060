"""Random garments as mmdet's samples hold them, for what learns from them."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import torch

from hemline.wardrobe import Grouping, wardrobe

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")
STRIDE = 4


def garment(
    random: np.random.Generator, chosen: Grouping, label: int, box: Sequence[float], reach: float = 1.0
) -> dict:
    """A garment with landmarks in its box, or in one `reach` times as large; lengths in cells."""
    corner, size = np.array(box[:2]), np.array(box[2:]) - box[:2]
    own = chosen.channels(label + 1)
    landmarks = np.zeros((chosen.size, 3))
    landmarks[own, :2] = corner + (0.5 + (random.random((len(own), 2)) - 0.5) * reach) * size
    landmarks[own, 2] = random.integers(0, 3, len(own))
    return {"box": tuple(box), "label": label, "landmarks": landmarks}


def mirrored(garments: Sequence[dict], chosen: Grouping, width: int) -> list[dict]:
    """The same garments in the mirrored picture."""
    flipped = []
    for one in garments:
        x1, y1, x2, y2 = one["box"]
        landmarks = one["landmarks"][chosen.flip_index].copy()
        landmarks[:, 0] = np.where(landmarks[:, 2] > 0, width - landmarks[:, 0], 0)
        flipped.append({**one, "box": (width - x2, y1, width - x1, y2), "landmarks": landmarks})
    return flipped


def sample(garments: Sequence[dict], channels: int) -> SimpleNamespace:
    """The garments as a DetDataSample has them: in input pixels."""
    landmarks = torch.tensor(np.array([one["landmarks"] for one in garments]), dtype=torch.float32)
    landmarks = landmarks.reshape(-1, channels, 3) * torch.tensor((STRIDE, STRIDE, 1.0))
    boxes = torch.tensor([one["box"] for one in garments], dtype=torch.float32).reshape(-1, 4) * STRIDE
    labels = torch.tensor([one["label"] for one in garments], dtype=torch.int64)
    return SimpleNamespace(gt_instances=SimpleNamespace(bboxes=boxes, labels=labels, landmarks=landmarks))
