"""FashionAI has no boxes: a garment's is made of its landmarks."""

import numpy as np

# Pixels around the landmarks, across and down (HiKapok/tf.fashionAI): of the crops it trains on ("bbox_border",
# train_cpn_onebyone.py), and of the one it looks at a second time (eval_all_cpn_onepass.py).
BORDER, SECOND_BORDER = (25, 25), (100, 80)


def around(
    points: np.ndarray, size: tuple[int, int], border: tuple[float, float] = BORDER
) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of the box around `points` (n, 2), grown by `border` and cut off at the edges of the picture.

    `size` is the picture's width and height in pixels. Points outside count as if they lay on its edge, so that the box
    always has an area. n is at least 1.
    """
    inside = np.clip(np.asarray(points, np.float64), 0, size)
    low = np.maximum(inside.min(axis=0) - border, 0)
    high = np.minimum(inside.max(axis=0) + border, size)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
