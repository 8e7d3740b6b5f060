"""Groupings: the aggregated one, the independent one, a user's own, and what is refused."""

import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.wardrobe import grouping, wardrobe

DEEPFASHION2 = wardrobe("deepfashion2")

BOTH = pytest.mark.parametrize("name", ["aggregated", "independent"])


def labels(category, seed=0):
    """Labels of one garment: (294, 3), zeros outside its category."""
    keypoints = np.zeros((294, 3))
    keypoints[category.slice] = np.random.default_rng(seed).uniform(1, 500, (category.count, 3))
    return keypoints


def test_sizes_and_self_flips():
    aggregated = grouping(DEEPFASHION2, "aggregated")
    assert (aggregated.size, grouping(DEEPFASHION2, "independent").size) == (81, 294)
    # Authors' code: 37 pairs, and seven groups that are their own partners.
    own = np.flatnonzero(aggregated.flip_index == np.arange(81)) + 1
    assert own.tolist() == [1, 4, 47, 60, 64, 70, 79]


@BOTH
def test_labels_aggregated_and_expanded_are_unchanged(name):
    group = grouping(DEEPFASHION2, name)
    for category in DEEPFASHION2.categories:
        keypoints = labels(category)
        assert (group.expand(group.aggregate(keypoints, category.id), category.id) == keypoints).all()


@BOTH
def test_flipping_groups_is_flipping_landmarks(name):
    group = grouping(DEEPFASHION2, name)
    flip_landmarks = [landmark.flip_index for landmark in DEEPFASHION2.landmarks]
    assert (group.flip_index[group.flip_index] == np.arange(group.size)).all()
    for category in DEEPFASHION2.categories:
        keypoints = labels(category)
        flipped = group.aggregate(keypoints[flip_landmarks], category.id)
        assert (group.aggregate(keypoints, category.id)[group.flip_index] == flipped).all()


@BOTH
def test_mask_is_the_channels_of_the_category(name):
    group = grouping(DEEPFASHION2, name)
    for category in DEEPFASHION2.categories:
        assert group.category_mask(category.id).sum() == category.count
        assert group.category_mask(category.id)[group.channels(category.id)].all()


def test_group_names_are_unique_and_name_their_landmarks():
    names = grouping(DEEPFASHION2, "aggregated").group_names
    assert len(set(names)) == 81
    assert names[42] == "43 left hem corner / left side hip"


def write(path, groups):
    rows = "".join(f"{index},{group}\n" for index, group in enumerate(groups))
    path.write_text("index,group\n" + rows)
    return path


def test_a_users_own_file(tmp_path):
    own = [landmark.group for landmark in DEEPFASHION2.landmarks]
    assert grouping(DEEPFASHION2, write(tmp_path / "mine.csv", own)).size == 81


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({1: 1}, "two landmarks of short sleeve top share group 1"),
        ({6: 1000}, "group is '1000'; it must be an integer from 1 to 294"),
        ({6: "x"}, "group is 'x'"),
        ({24: 82}, "would become both"),
        ({16: 200}, "groups without a landmark"),
    ],
)
def test_bad_groupings_are_refused(tmp_path, change, message):
    groups = [landmark.group for landmark in DEEPFASHION2.landmarks]
    for index, group in change.items():
        groups[index] = group
    with pytest.raises(HemlineError, match=message):
        grouping(DEEPFASHION2, write(tmp_path / "bad.csv", groups))


def test_missing_rows_and_files_are_named(tmp_path):
    path = write(tmp_path / "short.csv", range(1, 11))
    with pytest.raises(HemlineError, match=r"short\.csv: landmarks without a group: 10, 11"):
        grouping(DEEPFASHION2, path)
    with pytest.raises(HemlineError, match="neither 'aggregated' nor 'independent' nor a file"):
        grouping(DEEPFASHION2, tmp_path / "none.csv")
    (tmp_path / "other.json").write_text("x" * 200_000)
    with pytest.raises(HemlineError, match=r"nor a file that can be read \(field larger than field limit"):
        grouping(DEEPFASHION2, tmp_path / "other.json")
