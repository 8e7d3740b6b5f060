"""FashionAI has no boxes: a garment's is made of its landmarks."""

import numpy as np

BORDER = 25  # pixels; HiKapok/tf.fashionAI: "bbox_border" of train_cpn_onebyone.py


def around(points: np.ndarray, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of the box around `points` (n, 2), grown by BORDER on each side, cut off at the picture's edges.

    `size` is the picture's width and height in pixels. Points outside count as if they lay on its edge, so that the box
    always has an area. n is at least 1.
    """
    inside = np.clip(np.asarray(points, np.float64), 0, size)
    low = np.maximum(inside.min(axis=0) - BORDER, 0)
    high = np.minimum(inside.max(axis=0) + BORDER, size)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
