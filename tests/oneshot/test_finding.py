"""Pictures to garments: what perfect maps say comes back in the pictures' own pixels, whatever the way."""

import argparse
import json

import cv2
import numpy as np
import pytest
import torch

from hemline.commands import predict
from hemline.errors import HemlineError
from hemline.oneshot import OneShot, build_oneshot, find_images, train_oneshot
from hemline.oneshot.fitting import fit
from hemline.oneshot.predictor import OneShotPredictor
from hemline.params import OneShotRow, load_params
from hemline.wardrobe import CATEGORIES
from tests.oneshot.garments import mirrored
from tests.oneshot.test_decoding import SETTINGS, perfect_maps, wardrobe

SIZE = (144, 112)  # width, height of the input; maps are 36 x 28


def settings(name="independent", **changes):
    """The demo's smallest network of a grouping."""
    network = "dla" if name == "independent" else "dla-aggregated"
    update = {
        "image_size": (64, 64),
        "epochs": 8,
        "batch_size": 4,
        "warmup_steps": 0,
        "head_width": 8,
        **changes,
    }
    return load_params("params/demo.yaml").oneshot.networks[network].model_copy(update=update)


def row(**changes):
    plain = {"network": "x", "suppression": "none", "flip_test": False, "scales": (1.0,), "splits": ()}
    return OneShotRow(**{**plain, **changes})


def clairvoyant(garments, picture, chosen, name):
    """A network that knows the garments, given in the picture's pixels (edges), at every scale and mirrored."""
    oneshot = OneShot(
        build_oneshot(settings(name, image_size=SIZE)), settings(name, image_size=SIZE), chosen, SETTINGS
    )
    shape = (SIZE[1] // 4, SIZE[0] // 4)
    asked = []

    def forward(inputs):
        scale = chosen.scales[len(asked) // (2 if chosen.flip_test else 1)]
        placed = fit(picture, SIZE, scale)[1]
        own = [in_cells(one, placed) for one in garments]
        if chosen.flip_test and len(asked) % 2:
            own = mirrored(own, oneshot.grouping, shape[1])
        asked.append(inputs)
        return perfect_maps([own], oneshot.grouping, shape)

    oneshot._forward = forward
    return oneshot, asked


def in_cells(one, placed):
    landmarks = one["landmarks"].copy()
    landmarks[:, :2] = np.where(landmarks[:, 2:] > 0, placed.to_input(landmarks[:, :2]) / 4, 0)
    return {
        **one,
        "box": tuple((placed.to_input(np.reshape(one["box"], (2, 2))) / 4).ravel()),
        "landmarks": landmarks,
    }


def in_picture(one, placed):
    landmarks = one["landmarks"].copy()
    landmarks[:, :2] = placed.to_picture(landmarks[:, :2] * 4)
    return {
        **one,
        "box": tuple(placed.to_picture(np.reshape(one["box"], (2, 2)) * 4).ravel()),
        "landmarks": landmarks,
    }


@pytest.mark.parametrize("name", ["independent", "aggregated"])
@pytest.mark.parametrize(
    "changes", [{}, {"flip_test": True}, {"scales": (0.75,)}, {"flip_test": True, "scales": (0.75,)}]
)
def test_garments_come_back_in_the_pictures_pixels(name, changes):
    chosen = row(**changes)
    picture = np.random.default_rng(0).integers(0, 256, (331, 429, 3), dtype=np.uint8)
    placed = fit(picture, SIZE, chosen.scales[0])[1]
    oneshot, asked = clairvoyant([], picture, chosen, name)
    cells = wardrobe(3, oneshot.grouping, (28, 36))
    if chosen.scales[0] < 1:  # the picture is in the middle of the input: no garment on the black around it
        for one in cells:
            one["box"] = tuple(np.array(one["box"]) * 0.7 + [5, 4, 5, 4])
            one["landmarks"][:, :2] = np.where(
                one["landmarks"][:, 2:] > 0, one["landmarks"][:, :2] * 0.7 + [5, 4], 0
            )
    garments = [in_picture(one, placed) for one in cells]
    oneshot, asked = clairvoyant(garments, picture, chosen, name)
    (found,) = oneshot.find([picture])
    assert len(asked) == (2 if chosen.flip_test else 1)
    if chosen.flip_test:
        assert torch.equal(asked[1], asked[0].flip(3))
    assert len(found) == len(garments)
    for one in garments:
        (match,) = [each for each in found if each.category_id == one["label"] + 1]
        x1, y1, x2, y2 = np.clip(one["box"], 0, [429, 331, 429, 331])
        assert np.allclose(match.box, (x1, y1, x2 - x1, y2 - y1), atol=0.05)
        own = one["landmarks"][oneshot.grouping.channels(match.category_id)]
        away = np.abs(match.landmarks[:, :2] - (own[:, :2] - 0.5)).max(axis=1)[own[:, 2] > 0]
        assert (away < 0.05).mean() > 0.8  # in a smaller picture two may share a cell


def test_scales_are_put_together_and_suppressed():
    """Both scales find every garment; soft-NMS lowers the score of one of the two by exp(-1 / sigma)."""
    picture = np.zeros((331, 429, 3), dtype=np.uint8)
    both = row(scales=(1.0, 0.75))
    oneshot, _ = clairvoyant([], picture, both, "independent")
    garments = [in_picture(one, fit(picture, SIZE)[1]) for one in wardrobe(3, oneshot.grouping, (28, 36))]
    oneshot, _ = clairvoyant(garments, picture, both, "independent")
    assert [one.score for one in oneshot(picture)] == pytest.approx([1.0] * 6)
    oneshot, _ = clairvoyant(
        garments, picture, row(scales=(1.0, 0.75), suppression="soft-nms"), "independent"
    )
    lowered = np.exp(-1 / SETTINGS.nms_sigma)
    assert [one.score for one in oneshot(picture)] == pytest.approx([1.0] * 3 + [lowered] * 3, rel=0.05)


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory):
    """A small network that knows at least how large garments are."""
    out = tmp_path_factory.mktemp("trained")
    train(drawn, out / "first")
    return out / "first"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    from hemline.datasets.conversion import convert_split
    from hemline.datasets.synthetic import synthesize

    folder = tmp_path_factory.mktemp("drawn")
    synthesize(folder / "train", 8, seed=5, size=(90, 120), workers=1)
    convert_split(folder / "train", folder / "coco", "train")
    return folder


def train(drawn, out, base=None, **changes):
    train_oneshot(
        settings(**changes),
        drawn / "coco/train-independent.json",
        drawn / "train/image",
        out=out,
        state=out / "state",
        title="test",
        base=base,
    )


def test_a_trained_network_is_loaded_and_run(trained, drawn):
    oneshot = OneShot.load(
        trained, row(), SETTINGS.model_copy(update={"score_threshold": 0.0, "batch_size": 3})
    )
    images = drawn / "coco/train-independent.json"
    boxes = []
    found = list(find_images(oneshot, images, drawn / "train/image", "test", boxes))
    content = json.loads(images.read_text())["images"]
    assert {one.image_id for one in found} == {image["id"] for image in content}
    assert (
        [one.image_id for one in found]
        == sorted(one.image_id for one in found)
        == [b["image_id"] for b in boxes]
    )
    by_id = {image["id"]: image for image in content}
    for one, box in zip(found, boxes, strict=True):
        x, y, width, height = one.box
        image = by_id[one.image_id]
        assert (
            x >= 0 and y >= 0 and x + width <= image["width"] + 1e-3 and y + height <= image["height"] + 1e-3
        )
        assert np.allclose(box["bbox"], one.box, atol=1e-3) and box["score"] == pytest.approx(
            one.score, abs=1e-6
        )
        assert one.landmarks.shape == (CATEGORIES[one.category_id - 1].count, 3)
    picture = cv2.imread(str(drawn / "train/image" / content[0]["file_name"]))
    alone = [one for one in oneshot(picture)]
    together = [one for one in found if one.image_id == content[0]["id"]]
    assert len(alone) == len(together)
    assert np.allclose([one.score for one in alone], [one.score for one in together], atol=1e-5)


def test_a_network_starts_from_another(trained, drawn, tmp_path):
    train(drawn, tmp_path / "second", base=trained, image_size=(32, 32))
    (report,) = json.loads((tmp_path / "second/initial.json").read_text())
    assert report["taken"] and not report["skipped"] and not report["missing"]


def test_no_annotations_no_model_no_picture(trained, drawn, tmp_path):
    with pytest.raises(HemlineError, match=r"missing\.json: no such annotations"):
        train_oneshot(
            settings(), tmp_path / "missing.json", drawn, out=tmp_path, state=tmp_path / "state", title="test"
        )
    with pytest.raises(HemlineError, match="no such model"):
        OneShotPredictor.load("nothing-of-this-name")
    with pytest.raises(HemlineError, match=r"gone\.jpg"):
        list(OneShot.load(trained, row(), SETTINGS).find([tmp_path / "gone.jpg"]))


def test_predict_takes_one_system_or_the_other():
    parser = argparse.ArgumentParser()
    predict.add_arguments(parser)
    with pytest.raises(HemlineError, match="--oneshot dla stands in the place of --detector"):
        predict.run(parser.parse_args(["x.jpg", "--oneshot", "dla", "--detector", "cascade"]))


@pytest.mark.parametrize("flip", [0.0, 0.5])
def test_predict_mirrors_pictures_for_those_who_know_mirrored_ones(trained, tmp_path, flip):
    kept = json.loads((trained / "settings.json").read_text())
    kept["augmentation"]["flip"] = flip
    (tmp_path / "settings.json").write_text(json.dumps(kept))
    (tmp_path / "weights.pt").write_bytes((trained / "weights.pt").read_bytes())
    assert OneShotPredictor.load(f"{tmp_path}/").oneshot.row.flip_test == (flip > 0)
