"""Boxes of garments that have landmarks alone: FashionAI annotates no boxes."""

import numpy as np

BORDER = 25.0  # pixels; HiKapok/tf.fashionAI crops so at training (bbox_border)


def around(points: np.ndarray, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The extent x1, y1, x2, y2 of points (n, 2), n >= 1, grown by `BORDER` on each side and clipped to the picture.

    `size` is the picture's width and height, pixels. It is never empty: of points far outside it is the pixel at the
    picture's edge.
    """
    most = np.array(size, dtype=np.float64)
    low = np.clip(points.min(axis=0) - BORDER, 0, most - 1)
    high = np.clip(points.max(axis=0) + BORDER, low + 1, most)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
