"""The wardrobe's table against DeepFashion2's published facts."""

import csv
import io

import numpy as np
import pytest

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.wardrobe import wardrobe

DEEPFASHION2 = wardrobe("deepfashion2")
CATEGORIES, LANDMARKS, category = DEEPFASHION2.categories, DEEPFASHION2.landmarks, DEEPFASHION2.category
FLIP_INDEX, SIGMAS = DEEPFASHION2.flip_index, DEEPFASHION2.sigmas

# DeepFashion2, README.md: landmarks a category, in id order.
COUNTS = [25, 33, 31, 39, 15, 15, 10, 14, 8, 29, 37, 19, 19]


def test_categories_tile_the_294_landmarks():
    assert [entry.count for entry in CATEGORIES] == COUNTS
    assert [entry.start for entry in CATEGORIES] == [0, *np.cumsum(COUNTS)[:-1]]
    assert CATEGORIES[-1].stop == 294 == len(LANDMARKS)


def test_landmark_names_are_unique_in_a_category():
    for entry in CATEGORIES:
        names = [landmark.name for landmark in entry.landmarks]
        assert len(set(names)) == entry.count


def test_flipping_twice_is_the_identity_and_stays_in_the_category():
    assert (FLIP_INDEX[FLIP_INDEX] == np.arange(294)).all()
    owner = np.array([landmark.category_id for landmark in LANDMARKS])
    assert (owner[FLIP_INDEX] == owner).all()


def test_flip_swaps_the_words_left_and_right():
    for landmark in LANDMARKS:
        swapped = landmark.name.replace("left", "?").replace("right", "left").replace("?", "right")
        # An outwear's front edge has its own hem corners: the pair is (hem corner of the edge, the other edge's).
        assert LANDMARKS[landmark.flip_index].name == swapped


def test_vest_flip_that_mmpose_breaks():
    # mmpose 1.3.2 gives landmark 13 no partner, so that flipping loses landmark 9.
    vest = category("vest")
    assert FLIP_INDEX[vest.start + 8] == vest.start + 12
    assert FLIP_INDEX[vest.start + 12] == vest.start + 8


def test_short_sleeve_outwear_flips_as_the_sigmas_say():
    # DeepFashion2's figure swaps landmarks 2 and 4 of this category; its sigmas are symmetric only without that.
    start = category("short sleeve outwear").start
    assert FLIP_INDEX[start + 1] == start + 5
    assert FLIP_INDEX[start + 3] == start + 25
    assert SIGMAS[start + 1] == SIGMAS[start + 5] and SIGMAS[start + 3] == SIGMAS[start + 25]


def test_sigmas_are_symmetric_but_for_one_official_typo():
    odd = np.flatnonzero(SIGMAS[FLIP_INDEX] != SIGMAS)
    long_sleeve_dress = category("long sleeve dress").start
    assert odd.tolist() == [long_sleeve_dress + 14, long_sleeve_dress + 28]
    assert SIGMAS.min() == 0.0074 and SIGMAS.max() == 0.0726


def test_a_category_is_found_by_each_of_its_names():
    for entry in CATEGORIES:
        assert (
            category(entry.id)
            is category(entry.name)
            is category(entry.slug)
            is category(entry.coco_name)
            is entry
        )
    with pytest.raises(HemlineError, match="unknown category 'shirt'"):
        category("shirt")


def test_command_prints_294_rows(capsys):
    assert main(["landmarks", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == [
        "index",
        "category_id",
        "category",
        "coco_name",
        "landmark",
        "sigma",
        "group",
        "flip_index",
        "name",
    ]
    assert [int(row["index"]) for row in rows] == list(range(294))
    assert {int(row["group"]) for row in rows} == set(range(1, 82))
    assert [float(row["sigma"]) for row in rows] == SIGMAS.tolist()
