"""Keypoints without the zeros outside their category.

Of DeepFashion2's 882 numbers of a garment at most 117 can differ from zero, unless somebody filled the others too (they
count: pycocotools takes a result's area from all of them). 50,000 garments fit in a small memory this way.
"""

import numpy as np

from hemline.wardrobe import Wardrobe


def compact(keypoints: np.ndarray, category_id: int, wardrobe: Wardrobe) -> np.ndarray:
    """(3 L,) or (L, 3) to the category's own (n, 3), or to (L, 3) if any other number is not zero."""
    full = keypoints.reshape(len(wardrobe.landmarks), 3)
    own = wardrobe.category(category_id).slice
    alone = not full[: own.start].any() and not full[own.stop :].any()
    return (full[own] if alone else full).copy()


def expand(keypoints: np.ndarray, category_id: int, wardrobe: Wardrobe) -> np.ndarray:
    """The reverse of `compact`: (L, 3), zeros outside the category."""
    if len(keypoints) == len(wardrobe.landmarks):
        return keypoints
    full = np.zeros((len(wardrobe.landmarks), 3))
    full[wardrobe.category(category_id).slice] = keypoints
    return full
