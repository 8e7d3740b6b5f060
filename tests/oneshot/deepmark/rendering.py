"""CenterNet's rules for objects with landmarks, in plain NumPy and Python loops: to hold hemline.oneshot against.

Written from the description of CenterNet's code (datasets/sample/multi_pose.py, utils/image.py, models/decode.py,
models/losses.py, external/nms.pyx): no line of theirs or of hemline's. float64 throughout, lengths in cells.
"""

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor


def gaussian_radius(width: float, height: float, overlap: float = 0.7) -> int:
    """The least of the three roots, each over 2."""
    width, height = math.ceil(width), math.ceil(height)
    total, area = width + height, width * height
    equations = [
        (1, total, area * (1 - overlap) / (1 + overlap)),
        (4, 2 * total, area * (1 - overlap)),
        (4 * overlap, -2 * overlap * total, area * (overlap - 1)),
    ]
    return int(min((b + math.sqrt(b * b - 4 * a * c)) / 2 for a, b, c in equations))


def draw(heatmap: np.ndarray, column: int, row: int, radius: int) -> None:
    """A Gaussian of peak 1, cut off at `radius`; cells keep what is greater."""
    sigma = (2 * radius + 1) / 6
    for y in range(max(0, row - radius), min(heatmap.shape[0], row + radius + 1)):
        for x in range(max(0, column - radius), min(heatmap.shape[1], column + radius + 1)):
            value = math.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * sigma**2))
            heatmap[y, x] = max(heatmap[y, x], value)


def targets(garments: Sequence[dict], channels: int, shape: tuple[int, int]) -> dict:
    """The targets of one picture.

    A garment has `box` x1, y1, x2, y2, `label`, `landmarks` (channels, 3) x, y, v, all in cells. Returns dense `centre`
    and `heatmap`; `garments`, a list of cell, size, offset, coarse {channel: (dx, dy)}, boxed; and `landmarks`, a list
    of cell and offset. A cell is row, column.
    """
    height, width = shape
    made = {"centre": np.zeros((13, *shape)), "heatmap": np.zeros((channels, *shape))}
    made |= {"garments": [], "landmarks": []}
    for garment in garments:
        x1, x2 = (min(max(x, 0), width) for x in garment["box"][0::2])
        y1, y2 = (min(max(y, 0), height) for y in garment["box"][1::2])
        if x2 <= x1 or y2 <= y1:
            continue
        radius = gaussian_radius(x2 - x1, y2 - y1)
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        column, row = int(x), int(y)
        coarse = {}
        for channel, (u, v, visible) in enumerate(garment["landmarks"]):
            if visible > 0 and 0 <= u < width and 0 <= v < height:
                coarse[channel] = (u - column, v - row)
                made["landmarks"].append({"cell": (int(v), int(u)), "offset": (u - int(u), v - int(v))})
                draw(made["heatmap"][channel], int(u), int(v), radius)
        draw(made["centre"][garment["label"]], column, row, radius)
        made["garments"].append(
            {
                "cell": (row, column),
                "size": (x2 - x1, y2 - y1),
                "offset": (x - column, y - row),
                "coarse": coarse,
                "boxed": sum(visible for _, _, visible in garment["landmarks"]) > 0,
            }
        )
    return made


def focal_loss(logits: Tensor, dense: Tensor) -> Tensor:
    """The penalty-reduced focal loss of logits and dense targets, in PyTorch for its gradient's sake."""
    p = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    positive = dense == 1
    hits = ((1 - p) ** 2 * p.log())[positive].sum()
    rest = ((1 - dense) ** 4 * p**2 * (1 - p).log())[~positive].sum()
    return -(hits + rest) / positive.sum().clamp(min=1)


def peaks(heatmap: np.ndarray, count: int) -> list[tuple[float, int, int]]:
    """Score, row, column of the best `count` cells that no neighbour exceeds."""
    height, width = heatmap.shape
    found = []
    for row in range(height):
        for column in range(width):
            around = heatmap[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            if heatmap[row, column] == around.max() > 0:
                found.append((float(heatmap[row, column]), row, column))
    return sorted(found, reverse=True)[:count]


def decode(
    maps: dict[str, np.ndarray],
    channels: Sequence[Sequence[int]],
    candidates: int,
    threshold: float,
    reach: float,
) -> list[dict]:
    """The garments of one picture, from its maps by name (C, h, w); `channels` are those of each label."""
    centres = sorted(
        ((*peak, label) for label in range(13) for peak in peaks(maps["centre"][label], candidates)),
        reverse=True,
    )
    known: dict[int, list] = {}
    garments = []
    for score, row, column, label in centres[:candidates]:
        x, y = column + maps["offset"][0, row, column], row + maps["offset"][1, row, column]
        width, height = maps["size"][:, row, column]
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        landmarks = []
        for channel in channels[label]:
            if channel not in known:
                known[channel] = peaks(maps["heatmap"][channel], candidates)
            coarse_x = column + maps["coarse"][2 * channel, row, column]
            coarse_y = row + maps["coarse"][2 * channel + 1, row, column]
            nearest, least = None, math.inf
            for peak_score, peak_row, peak_column in known[channel]:
                u = peak_column + maps["landmark_offset"][0, peak_row, peak_column]
                v = peak_row + maps["landmark_offset"][1, peak_row, peak_column]
                distance = math.hypot(u - coarse_x, v - coarse_y)
                if peak_score > threshold and distance < least:
                    nearest, least = (u, v, peak_score), distance
            refined = (
                nearest is not None
                and box[0] <= nearest[0] <= box[2]
                and box[1] <= nearest[1] <= box[3]
                and least <= reach * max(width, height)
            )
            landmarks.append(nearest if refined else (coarse_x, coarse_y, 0.0))
        garments.append({"box": box, "label": label, "score": score, "landmarks": np.array(landmarks)})
    return garments


def overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """IoU of two boxes x1, y1, x2, y2."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


def soft_nms(
    boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray, sigma: float, least: float
) -> list[tuple[int, float]]:
    """Places and lowered scores, best first: Gaussian, within labels; what falls under `least` is dropped."""
    left = {place: float(score) for place, score in enumerate(scores) if score >= least}
    kept = []
    while left:
        chosen = max(left, key=lambda place: left[place])
        kept.append((chosen, left.pop(chosen)))
        for place in list(left):
            if labels[place] == labels[chosen]:
                left[place] *= math.exp(-(overlap(boxes[place], boxes[chosen]) ** 2) / sigma)
            if left[place] < least:
                del left[place]
    return kept
