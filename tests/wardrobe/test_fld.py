"""FLD's sigmas are what docs/wardrobe.md says: means of DeepFashion2's at the same places."""

import numpy as np
import pytest

from hemline.wardrobe import wardrobe

# FLD's category, its place; DeepFashion2's categories, and what the names of the landmarks there end in.
PLACES = [
    ("upper body", "collar", range(1, 7), ("neck shoulder point",)),
    ("upper body", "sleeve", range(1, 7), ("cuff outer", "cuff inner")),
    ("upper body", "hem", range(1, 7), (" hem corner",)),
    ("lower body", "waistline", range(7, 10), (" waistband",)),
    ("lower body", "hem", range(7, 10), (" hem corner", "leg bottom outer", "leg bottom inner")),
    ("full body", "collar", range(10, 14), ("neck shoulder point",)),
    ("full body", "sleeve", range(10, 14), ("cuff outer", "cuff inner")),
    ("full body", "waistline", range(10, 14), ("side waist",)),
    ("full body", "hem", range(10, 14), (" hem corner",)),
]


@pytest.mark.parametrize(("category", "place", "numbers", "endings"), PLACES)
def test_a_sigma_is_the_mean_of_deepfashion2s(category, place, numbers, endings):
    table = wardrobe("deepfashion2")
    theirs = [
        landmark.sigma
        for number in numbers
        for landmark in table.category(number).landmarks
        if landmark.name.endswith(endings) and "front edge" not in landmark.name
    ]
    ours = [mark.sigma for mark in wardrobe("fld").category(category).landmarks if mark.name.endswith(place)]
    assert len(ours) == 2
    assert ours == pytest.approx([np.mean(theirs)] * 2, abs=5.1e-5)
