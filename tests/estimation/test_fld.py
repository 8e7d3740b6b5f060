"""An estimator of another data set's landmarks, trained and used: FLD's 18, in 18 channels and in 8."""

import cv2
import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.estimation import Estimator, finetune_expert, read_settings, to_picture, train_estimator
from hemline.estimation.garments import read_garments, read_picture
from hemline.files import read_json, write_json
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.wardrobes import DEEPFASHION2, landmarks, settings, write_dataset

FLD = wardrobe("fld")
BOX = (30.0, 40.0, 80.0, 110.0)
GARMENTS = [(entry.id, entry.id, BOX, landmarks(entry.id, BOX, entry.id, FLD)) for entry in FLD.categories]


def draw(folder):
    """Pictures of one garment each: a dot for each landmark, of its own colour."""
    for image_id, _, _, points in GARMENTS:
        picture = np.full((200, 160, 3), 40, np.uint8)
        for number, (x, y, _) in enumerate(points):
            cv2.circle(picture, (int(x), int(y)), 7, (255 - 30 * number, 30 * number, 200), -1)
        cv2.imwrite(str(folder / "image" / f"{image_id:06d}.jpg"), picture)


@pytest.fixture(scope="module", params=["aggregated", "independent"])
def trained(request, tmp_path_factory):
    """A folder with pictures, and in `out` the model that has learnt them by heart."""
    folder, chosen = tmp_path_factory.mktemp("fld"), grouping(FLD, request.param)
    annotations = write_dataset(folder, chosen, GARMENTS * 40)  # few epochs: each has costs of its own
    draw(folder)
    train_estimator(
        settings(augment=False, epochs=4, lr=4e-3), chosen, annotations, folder / "image",
        out=folder / "out", state=folder / "state", title="FLD",
    )  # fmt: skip
    return folder


def test_the_folder_says_its_wardrobe(trained):
    stored = read_json(trained / "out" / "settings.json")
    assert stored["wardrobe"] == "fld" and len(stored["grouping"]["group_of"]) == 18
    loaded = Estimator.load(trained / "out", "cpu").grouping
    assert loaded.wardrobe is FLD
    assert loaded.size == {"aggregated": 8, "independent": 18}[loaded.name]


def test_trained_on_fld_it_finds_landmarks_of_fld(trained):
    estimator = Estimator.load(trained / "out", "cpu")
    for image_id, category_id, box, points in GARMENTS:
        crop = estimator.crop(read_picture(trained / "image" / f"{image_id:06d}.jpg"), box)
        (heatmaps,) = estimator.outputs(crop.pixels[None])
        assert heatmaps.shape == (estimator.grouping.size, 24, 16)
        found = to_picture(estimator.decode(heatmaps, category_id).landmarks, crop)
        assert found.shape == points.shape
        heatmap_pixel = 4 * crop.to_picture[0, 0]
        assert np.abs(found[:, :2] - points[:, :2]).max() <= heatmap_pixel


def test_an_expert_of_an_fld_category_comes_of_it(trained, tmp_path):
    own = Estimator.load(trained / "out", "cpu").grouping
    annotations = write_dataset(tmp_path, own, [GARMENTS[1]])
    options = {"start": trained / "out", "state": tmp_path / "state", "title": "expert"}
    assert finetune_expert(
        settings(), "lower-body", annotations, tmp_path / "image", out=tmp_path / "expert", **options
    )
    written = read_settings(tmp_path / "expert")
    assert (written["category"], written["wardrobe"]) == ("lower-body", "fld")
    with pytest.raises(
        HemlineError, match="unknown category 'skirt': use an id from 1 to 3 or one of upper body"
    ):
        finetune_expert(
            settings(), "skirt", annotations, tmp_path / "image", out=tmp_path / "skirt", **options
        )


def test_a_file_of_another_wardrobe_is_refused(tmp_path):
    annotations = write_dataset(
        tmp_path, grouping(DEEPFASHION2, "aggregated"), [(1, 9, BOX, landmarks(9, BOX))]
    )
    with pytest.raises(HemlineError, match="81 keypoints, but grouping aggregated has 8 groups"):
        read_garments(annotations, tmp_path / "image", grouping(FLD, "aggregated"))


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("cravats", r"settings\.json: unknown wardrobe 'cravats': use one of deepfashion2, fashionai, fld"),
        ("deepfashion2", r"settings\.json: grouping \w+: \(18,\) groups for 294 landmarks"),
        (
            None,
            r"settings\.json: grouping \w+: \(18,\) groups for 294 landmarks",
        ),  # older folders are DeepFashion2's
    ],
)
def test_a_folder_of_another_wardrobe_is_said(trained, tmp_path, named, message):
    stored = read_json(trained / "out" / "settings.json") | {"wardrobe": named}
    write_json(tmp_path / "settings.json", {key: value for key, value in stored.items() if value is not None})
    with pytest.raises(HemlineError, match=message):
        Estimator.load(tmp_path)
