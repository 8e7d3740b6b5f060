"""KGDet written down again from its description, in loops over NumPy arrays.

Sources: paper 003; KGDet's public code for what the paper leaves open.
"""

import math
from collections.abc import Sequence

import numpy as np

Weights = dict[str, np.ndarray]


def conv(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    """A convolution of x (C, h, w), as large as it, zeros around."""
    kernel, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    outputs, _, size, _ = kernel.shape
    _, height, width = x.shape
    half = size // 2
    padded = np.pad(x, ((0, 0), (half, half), (half, half)))
    out = np.zeros((outputs, height, width))
    for row in range(height):
        for column in range(width):
            patch = padded[:, row : row + size, column : column + size]
            out[:, row, column] = (kernel * patch).sum(axis=(1, 2, 3))
    return out if bias is None else out + bias[:, None, None]


def normalised(weights: Weights, name: str, x: np.ndarray, groups: int) -> np.ndarray:
    """Group normalisation."""
    out = np.empty_like(x)
    for group in np.split(np.arange(len(x)), groups):
        part = x[group]
        out[group] = (part - part.mean()) / math.sqrt(part.var() + 1e-5)
    return out * weights[f"{name}.weight"][:, None, None] + weights[f"{name}.bias"][:, None, None]


def at(x: np.ndarray, row: float, column: float) -> np.ndarray:
    """The values (C,) of a map between its cells, bilinear, zero outside."""
    top, left = math.floor(row), math.floor(column)
    value = np.zeros(len(x))
    for r, c in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]:
            value += (1 - abs(row - r)) * (1 - abs(column - c)) * x[:, r, c]
    return value


def sampled(kernel: np.ndarray, x: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Tap t of the kernel (O, C, k, k) at point t (y, x from the cell) of `points` (2k^2, h, w), rectified."""
    outputs, _, size, _ = kernel.shape
    _, height, width = x.shape
    out = np.zeros((outputs, height, width))
    for row in range(height):
        for column in range(width):
            for tap in range(size * size):
                y, across = points[2 * tap : 2 * tap + 2, row, column]
                value = at(x, row + y, column + across)
                out[:, row, column] += kernel[:, :, tap // size, tap % size] @ value
    return np.maximum(out, 0)


def columns(weights: Weights, name: str, x: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The columns of a guided stage."""
    parts, start = [], 0
    for number in range(9):
        kernel = weights.get(f"{name}.convs.{number}.weight")
        if kernel is None:
            break
        count = 2 * kernel.shape[2] ** 2
        parts.append(sampled(kernel, x, points[start : start + count]))
        start += count
    assert start == len(points)
    return np.concatenate(parts)


def tower(weights: Weights, name: str, x: np.ndarray, groups: int) -> np.ndarray:
    """3x3, normalised, rectified, three times or as often as there are weights."""
    layer = 0
    while f"{name}.{layer}.conv.weight" in weights:
        x = conv(weights, f"{name}.{layer}.conv", x)
        x = np.maximum(normalised(weights, f"{name}.{layer}.gn", x, groups), 0)
        layer += 1
    return x


def moment_box(points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """x1, y1, x2, y2 (4, h, w) of points (2n, h, w)."""
    y, x = points[0::2], points[1::2]
    half_width = x.std(axis=0, ddof=1) * math.exp(scale[0])
    half_height = y.std(axis=0, ddof=1) * math.exp(scale[1])
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    return np.stack([mean_x - half_width, mean_y - half_height, mean_x + half_width, mean_y + half_height])


def likeliest(landmarks: np.ndarray, visibility: np.ndarray, count: int) -> np.ndarray:
    """The points (2 * count, h, w) of the landmarks (2K, h, w) that are likeliest visible, by channel."""
    _, height, width = visibility.shape
    out = np.zeros((2 * count, height, width))
    for row in range(height):
        for column in range(width):
            chosen = sorted(np.argsort(-visibility[:, row, column])[:count])
            for place, channel in enumerate(chosen):
                out[2 * place : 2 * place + 2, row, column] = landmarks[
                    2 * channel : 2 * channel + 2, row, column
                ]
    return out


def stages(weights: Weights, feature: np.ndarray, count: int, groups: int, points: int) -> list[dict]:
    """What `count` stages say of a feature map (C, h, w); `points` are those that selection chooses."""
    classes = tower(weights, "class_tower", feature, groups)
    place = tower(weights, "place_tower", feature, groups)
    found: list[dict] = []
    for number in range(count):
        name = f"stages.{number}"
        if number == 0:
            seen_class = np.maximum(conv(weights, f"{name}.see_class.0", classes), 0)
            seen_place = np.maximum(conv(weights, f"{name}.see_place.0", place), 0)
        else:
            before = found[-1]["points"]
            seen_class = columns(weights, f"{name}.see_class", classes, before)
            seen_place = columns(weights, f"{name}.see_place", place, before)
        step = conv(weights, f"{name}.landmarks", seen_place)
        landmarks = step + (found[-1]["landmarks"] if number else 0)
        one = {"scores": conv(weights, f"{name}.scores", seen_class), "landmarks": landmarks}
        if f"{name}.encode.weight" in weights:
            one["points"] = conv(weights, f"{name}.encode", step) + (found[-1]["points"] if number else 0)
        else:
            one["visibility"] = conv(weights, f"{name}.visibility", seen_place)
            one["points"] = likeliest(landmarks, one["visibility"], points)
        one["boxes"] = moment_box(one["points"], weights["box_of.scale"])
        found.append(one)
    return found


def grid(height: int, width: int, stride: int) -> list[tuple[float, float, int]]:
    """x, y, stride of a level's grid points, row by row."""
    return [(column * stride, row * stride, stride) for row in range(height) for column in range(width)]


def assigned(
    points: Sequence[tuple[float, float, int]], boxes: np.ndarray, scale: float, positives: int
) -> list[int]:
    """The garment of each point, from 1, or 0."""
    levels = [round(math.log2(stride)) for _, _, stride in points]
    best = [(math.inf, 0)] * len(points)
    for number, (x1, y1, x2, y2) in enumerate(boxes, start=1):
        width, height = x2 - x1, y2 - y1
        level = int((math.log2(width / scale) + math.log2(height / scale)) / 2)
        level = min(max(level, min(levels)), max(levels))
        distances = sorted(
            (math.hypot((x - (x1 + x2) / 2) / width, (y - (y1 + y2) / 2) / height), place)
            for place, (x, y, _) in enumerate(points)
            if levels[place] == level
        )
        for distance, place in distances[:positives]:
            if distance < best[place][0]:
                best[place] = (distance, number)
    return [garment for _, garment in best]


def smooth_l1(found: float, wanted: float) -> float:
    """With a beta of 1/9."""
    difference = abs(found - wanted)
    return 4.5 * difference**2 if difference < 1 / 9 else difference - 1 / 18


def focal(logit: float, positive: bool) -> float:
    """gamma 2, alpha 0.25."""
    p = 1 / (1 + math.exp(-logit))
    return -0.25 * (1 - p) ** 2 * math.log(p) if positive else -0.75 * p**2 * math.log(1 - p)


def losses(
    stage: dict[str, np.ndarray],
    points: Sequence[tuple[float, float, int]],
    garments: dict,
    scale: int,
    positives: int,
) -> dict[str, float]:
    """What a stage (arrays (P, C), (P, 4), (P, 2K), (P, K)) costs in one picture, and for how many positives: sums.

    `garments`: boxes (N, 4), labels (N,), landmarks (N, K, 3).
    """
    chosen = assigned(points, garments["boxes"], scale, positives)
    total = {"class": 0.0, "box": 0.0, "landmark": 0.0, "visibility": 0.0}
    for place, garment in enumerate(chosen):
        for category, logit in enumerate(stage["scores"][place]):
            positive = garment > 0 and garments["labels"][garment - 1] == category
            total["class"] += focal(logit, positive)
        if garment == 0:
            continue
        x, y, stride = points[place]
        box = stage["boxes"][place] * stride + (x, y, x, y)
        for found, wanted in zip(box, garments["boxes"][garment - 1], strict=True):
            total["box"] += smooth_l1(found / (scale * stride), wanted / (scale * stride))
        labelled = [k for k, (_, _, v) in enumerate(garments["landmarks"][garment - 1]) if v > 0]
        for k in labelled:
            wanted_x, wanted_y, _ = garments["landmarks"][garment - 1][k]
            found_y, found_x = stage["landmarks"][place][2 * k : 2 * k + 2] * stride + (y, x)
            for found, wanted in ((found_x, wanted_x), (found_y, wanted_y)):
                cost = smooth_l1(found / (scale * stride), wanted / (scale * stride))
                total["landmark"] += 4 * cost / (2 * len(labelled))
        for k, logit in enumerate(stage["visibility"][place] if "visibility" in stage else ()):
            p = 1 / (1 + math.exp(-logit))
            total["visibility"] -= math.log(p if k in labelled else 1 - p) / len(garments["landmarks"][0])
    return total | {"positives": max(1, sum(garment > 0 for garment in chosen))}
