"""What a garment is, for each data set: categories, landmarks, their sigmas, flip partners and groups.

A data set brings its table, and all else is computed from it: deepfashion2.csv has 13 categories and 294 landmarks,
fld.csv 3 and 18, fashionai.csv 6 and 71. DeepFashion2's names, counts and order are its own, the sigmas those of its
evaluation code (cocoeval.py), the groups the 81 of paper 000 sec. 2.1 as in its authors' code
(deepfashion2agg81kps_util.py), the flip partners the corrected ones (docs/wardrobe.md). FLD's names and order are its
own and its 8 groups those of paper 003's code. FashionAI's names and order are its contest's, whose 24 points are the
groups; the jumpsuit is ours. Neither has sigmas: ours are the means of DeepFashion2's of the same places
(docs/wardrobe.md). "Left" is the picture's left in a frontal view.
"""

from hemline.wardrobe.categories import Category, Landmark, Wardrobe, names, wardrobe
from hemline.wardrobe.groupings import Grouping, grouping

__all__ = ["Category", "Grouping", "Landmark", "Wardrobe", "grouping", "names", "wardrobe"]
