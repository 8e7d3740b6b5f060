"""What a garment is: 13 categories, 294 landmarks, their sigmas, flip partners and groups.

`landmarks.csv` is the one source. Its category names, landmark counts and order are DeepFashion2's; the sigmas
are those of DeepFashion2's evaluation code (cocoeval.py); the groups are the 81 of paper 000 sec. 2.1 as in its
authors' code (deepfashion2agg81kps_util.py); the flip partners are the corrected ones (docs/wardrobe.md). "Left"
is the picture's left in a frontal view.
"""

from hemline.wardrobe.categories import (
    CATEGORIES,
    FLIP_INDEX,
    LANDMARK_COUNT,
    LANDMARKS,
    SIGMAS,
    Category,
    Landmark,
    category,
)
from hemline.wardrobe.groupings import Grouping, grouping

__all__ = [
    "CATEGORIES",
    "FLIP_INDEX",
    "LANDMARKS",
    "LANDMARK_COUNT",
    "SIGMAS",
    "Category",
    "Grouping",
    "Landmark",
    "category",
    "grouping",
]
