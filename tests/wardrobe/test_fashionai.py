"""FashionAI's table: the contest's points, their partners under a flip, and sigmas that are means of DeepFashion2's."""

import numpy as np
import pytest

from hemline.datasets.fashionai.tables import points
from hemline.wardrobe import grouping, wardrobe

TABLE = wardrobe("fashionai")
# The contest's csv files, in their order; and the place of each point's partner under a flip (its repositories).
COLUMNS = [
    *("neckline_left", "neckline_right", "center_front", "shoulder_left", "shoulder_right", "armpit_left"),
    *("armpit_right", "waistline_left", "waistline_right", "cuff_left_in", "cuff_left_out", "cuff_right_in"),
    *("cuff_right_out", "top_hem_left", "top_hem_right", "waistband_left", "waistband_right", "hemline_left"),
    *("hemline_right", "crotch", "bottom_left_in", "bottom_left_out", "bottom_right_in", "bottom_right_out"),
]
FLIP = [1, 0, 2, 4, 3, 6, 5, 8, 7, 11, 12, 9, 10, 14, 13, 16, 15, 18, 17, 19, 22, 23, 20, 21]
COUNTS = {"blouse": 13, "outwear": 14, "dress": 15, "trousers": 7, "skirt": 4, "jumpsuit": 18}
NECK, SLEEVES = ["neckline", "center_front", "shoulder", "armpit"], ["cuff"]
KINDS = {
    "blouse": [*NECK, *SLEEVES, "top_hem"],
    "outwear": ["neckline", "shoulder", "armpit", "waistline", *SLEEVES, "top_hem"],
    "dress": [*NECK, "waistline", *SLEEVES, "hemline"],
    "trousers": ["waistband", "crotch", "bottom"],
    "skirt": ["waistband", "hemline"],
    "jumpsuit": [*NECK, "waistline", *SLEEVES, "crotch", "bottom"],
}


def test_the_groups_are_the_contests_columns():
    assert list(points(TABLE)) == COLUMNS and len(COLUMNS) == 24
    for landmark in TABLE.landmarks:
        assert COLUMNS[landmark.group - 1] == landmark.name
    assert grouping(TABLE, "aggregated").size == 24


def test_categories_have_the_contests_points_in_its_order():
    assert {category.name: category.count for category in TABLE.categories} == COUNTS
    for category in TABLE.categories:
        expected = [name for name in COLUMNS if name.startswith(tuple(KINDS[category.name]))]
        assert [landmark.name for landmark in category.landmarks] == expected
    assert len(TABLE.landmarks) == 71


def test_flip_partners_are_the_contests():
    for landmark in TABLE.landmarks:
        assert TABLE.landmarks[landmark.flip_index].name == COLUMNS[FLIP[COLUMNS.index(landmark.name)]]


def test_normalisers_are_the_armpits_or_the_ends_of_the_waistband():
    for category in TABLE.categories:
        part = "waistband" if category.name in ("trousers", "skirt") else "armpit"
        first, second = category.normaliser
        names = category.landmarks[first].name, category.landmarks[second].name
        assert names == (f"{part}_left", f"{part}_right")


# Where each point is in DeepFashion2: what the names of the landmarks there end in, by category ids (docs/wardrobe.md).
TOPS, COATS, DRESSES, TROUSERS, SKIRTS = (1, 2, 5, 6), (3, 4), (10, 11, 12, 13), (7, 8), (9,)
ENDINGS = {
    "neckline": ("neck shoulder point",),
    "center_front": ("front neckline centre",),
    "shoulder": ("shoulder tip", "outer shoulder", "strap top"),
    "armpit": ("armpit",),
    "waistline": ("side waist",),
    "cuff_in": ("cuff inner",),
    "cuff_out": ("cuff outer",),
    "top_hem": (" hem corner",),
    "hemline": (" hem corner",),
    "waistband": ("left waistband", "right waistband"),
    "crotch": ("crotch",),
    "bottom_in": ("leg bottom inner",),
    "bottom_out": ("leg bottom outer",),
}


@pytest.mark.parametrize("category", TABLE.categories, ids=lambda category: category.name)
def test_a_sigma_is_the_mean_of_deepfashion2s(category):
    for landmark in category.landmarks:
        place = landmark.name.replace("_left", "").replace("_right", "")
        theirs = [
            other.sigma
            for number in sources(category.name, place)
            for other in wardrobe("deepfashion2").category(number).landmarks
            if other.name.endswith(ENDINGS[place]) and "front edge" not in other.name
        ]
        assert theirs, landmark.name
        assert landmark.sigma == pytest.approx(np.mean(theirs), abs=5.1e-5), landmark.name


def sources(category: str, place: str) -> tuple[int, ...]:
    """A jumpsuit's top is a dress', its legs are trousers'."""
    if category == "jumpsuit":
        return TROUSERS if place in ("crotch", "bottom_in", "bottom_out") else DRESSES
    return {"blouse": TOPS, "outwear": COATS, "dress": DRESSES, "trousers": TROUSERS, "skirt": SKIRTS}[
        category
    ]
