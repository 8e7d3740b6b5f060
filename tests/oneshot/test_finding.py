"""Networks trained on drawn pictures, loaded, and run: from a file's pictures to garments and boxes."""

import argparse
import json
from functools import partial

import cv2
import numpy as np
import pytest

from hemline.commands import predict
from hemline.datasets.conversion import convert_split
from hemline.datasets.synthetic import synthesize
from hemline.errors import HemlineError
from hemline.oneshot import OneShot, find_images, train_oneshot
from hemline.oneshot.finding import read_network
from hemline.oneshot.predictor import FIND, OneShotPredictor
from hemline.wardrobe import grouping
from tests.oneshot.garments import DEEPFASHION2, FLD
from tests.oneshot.networks import deepmark, dense, row

SETTINGS = {
    "deepmark": deepmark(),
    "kgdet": dense("kgdet", grouping="independent", epochs=4, batch_size=4, flip_fusion="picture", lr=0.001),
    "retinanet": dense("retinanet", epochs=4, batch_size=4, lr=0.001),
}
# whatever scores; the first garment of many alike is found or not by the last digits
EVERYTHING = FIND.model_copy(
    update={
        "deepmark": FIND.deepmark.model_copy(
            update={"score_threshold": 0.0, "batch_size": 3, "max_per_image": 20}
        ),
        "dense": FIND.dense.model_copy(update={"score_threshold": 0.0, "batch_size": 3, "max_per_image": 20}),
    }
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Eight pictures and their file."""
    folder = tmp_path_factory.mktemp("drawn")
    synthesize(folder / "train", 8, seed=5, size=(90, 120), workers=1)
    convert_split(folder / "train", folder / "coco", "train")
    return folder


def train(drawn, out, settings, base=None):
    train_oneshot(
        settings,
        DEEPFASHION2,
        drawn / "coco/train-independent.json",
        drawn / "train/image",
        out=out,
        state=out / "state",
        title="test",
        base=base,
    )


@pytest.fixture(scope="module", params=SETTINGS)
def trained(request, drawn, tmp_path_factory):
    """A small network that knows at least how large garments are, and the row of its type."""
    out = tmp_path_factory.mktemp(request.param)
    train(drawn, out, SETTINGS[request.param])
    return out, row("deepmark" if request.param == "deepmark" else "kgdet")


@pytest.fixture(scope="module")
def deepmark_folder(drawn, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    train(drawn, out, deepmark(epochs=1))
    return out


def test_a_trained_network_is_loaded_and_run(trained, drawn):
    folder, chosen = trained
    oneshot = OneShot.load(folder, chosen, EVERYTHING)
    assert oneshot.wardrobe is DEEPFASHION2 and oneshot.settings.type == read_network(folder)[0].type
    images = drawn / "coco/train-independent.json"
    content = {image["id"]: image for image in json.loads(images.read_text())["images"]}
    boxes = []
    garments = list(find_images(oneshot, images, drawn / "train/image", "test", boxes))
    assert {box["image_id"] for box in boxes} == set(content)
    check_boxes(boxes, content)
    if oneshot.settings.grouping is None:
        assert garments == []
        return
    check_garments(garments, boxes)
    first = next(iter(content.values()))
    picture = cv2.imread(str(drawn / "train/image" / first["file_name"]))
    together = [one.score for one in garments if one.image_id == first["id"]]
    np.testing.assert_allclose([one.score for one in oneshot(picture)], together, atol=1e-3)


def check_boxes(boxes, content):
    """By picture, best first, within its picture."""
    order = [(box["image_id"], -box["score"]) for box in boxes]
    assert order == sorted(order)
    for box in boxes:
        (x, y, width, height), image = box["bbox"], content[box["image_id"]]
        assert min(x, y) >= 0 and x + width <= image["width"] + 2e-3 and y + height <= image["height"] + 2e-3


def check_garments(garments, boxes):
    """As many as boxes, the same, each with its category's landmarks."""
    for one, box in zip(garments, boxes, strict=True):
        assert (one.image_id, one.category_id) == (box["image_id"], box["category_id"])
        assert np.allclose(box["bbox"], one.box, atol=1e-3)
        assert box["score"] == pytest.approx(one.score, abs=1e-6)
        assert one.landmarks.shape == (DEEPFASHION2.category(one.category_id).count, 3)
        assert np.isfinite(one.landmarks).all()


def test_training_lowers_the_loss(drawn, tmp_path):
    history = []
    settings = dense("kgdet", grouping="independent", epochs=6, batch_size=4, lr=0.002, optimizer="AdamW")
    train_oneshot(
        settings, DEEPFASHION2, drawn / "coco/train-independent.json", drawn / "train/image", out=tmp_path,
        state=tmp_path / "state", title="test", record=history.append,
    )  # fmt: skip
    assert len(history) == 6 and history[-1]["loss"] < 0.8 * history[0]["loss"]


def test_masks_are_trained_on(drawn, tmp_path):
    history = []
    train_oneshot(
        dense("mask-rcnn", batch_size=4), DEEPFASHION2, drawn / "coco/train-aggregated.json",
        drawn / "train/image", out=tmp_path, state=tmp_path / "state", title="test", record=history.append,
    )  # fmt: skip
    assert history[0]["loss_mask"] > 0 and history[0]["loss_landmark"] > 0


def test_fld_is_trained_on(tmp_path):
    """A network's folder says its wardrobe, and garments have its landmarks."""
    own = np.zeros((8, 3), int)
    channels = grouping(FLD, "aggregated").channels(2)
    own[channels] = [(30 + 4 * place, 40 + 6 * place, 2) for place in range(len(channels))]
    content = {
        "images": [{"id": 1, "file_name": "1.png", "width": 90, "height": 120}],
        "categories": [{"id": entry.id, "name": entry.coco_name} for entry in FLD.categories],
        "annotations": [
            {
                "id": 1, "image_id": 1, "category_id": 2, "bbox": [20, 20, 50, 80], "area": 4000, "iscrowd": 0,
                "keypoints": own.ravel().tolist(),
            }
        ],
    }  # fmt: skip
    (tmp_path / "train.json").write_text(json.dumps(content))
    cv2.imwrite(
        str(tmp_path / "1.png"), np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    )
    out = tmp_path / "model"
    settings = dense("kgdet", batch_size=1, epochs=2)
    train_oneshot(
        settings, FLD, tmp_path / "train.json", tmp_path, out=out, state=tmp_path / "state", title="test"
    )
    oneshot = OneShot.load(out, row("kgdet"), EVERYTHING)
    assert oneshot.wardrobe is FLD and oneshot.settings == settings
    (found,) = oneshot.find([tmp_path / "1.png"])
    assert len(found) and found.labels.max() < 3
    for one in found.garments(FLD):
        assert len(one.landmarks) == FLD.category(one.category_id).count
    with pytest.raises(HemlineError, match=r"wanted \[1, 2, .*, 13\] of deepfashion2"):
        train_oneshot(
            settings, DEEPFASHION2, tmp_path / "train.json", tmp_path, out=out, state=tmp_path, title="test"
        )


def test_a_network_starts_from_another(deepmark_folder, drawn, tmp_path):
    train(drawn, tmp_path / "second", deepmark(image_size=(32, 32), epochs=1), base=deepmark_folder)
    (report,) = json.loads((tmp_path / "second/initial.json").read_text())
    assert report["taken"] and not report["skipped"] and not report["missing"]


def test_no_annotations_no_model_no_picture(deepmark_folder, drawn, tmp_path):
    missing = partial(train_oneshot, deepmark(), DEEPFASHION2, tmp_path / "missing.json", drawn)
    with pytest.raises(HemlineError, match=r"missing\.json: no such annotations"):
        missing(out=tmp_path, state=tmp_path / "state", title="test")
    with pytest.raises(HemlineError, match=r"oneshot/models/\*/nothing-of-this-name: no such model"):
        OneShotPredictor.load("nothing-of-this-name")
    with pytest.raises(HemlineError, match=r"gone\.jpg"):
        list(OneShot.load(deepmark_folder, row(), FIND).find([tmp_path / "gone.jpg"]))


def test_a_predictor_of_boxes_alone_is_refused(tmp_path):
    settings = {"wardrobe": "fld", **dense("fcos").model_dump(mode="json")}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(HemlineError, match="fcos finds boxes without landmarks; choose another network"):
        OneShotPredictor.load(f"{tmp_path}/")


def test_a_folder_of_another_kind_is_refused(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"wardrobe": "fld", "type": "htc"}))
    with pytest.raises(HemlineError, match=r"settings\.json: not a one-shot network's settings"):
        OneShotPredictor.load(f"{tmp_path}/")
    settings = {"wardrobe": "hats", **dense("fcos").model_dump(mode="json")}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(HemlineError, match=r"settings\.json: unknown wardrobe 'hats'"):
        OneShotPredictor.load(f"{tmp_path}/")


def test_a_predictor_is_found_on_its_page(deepmark_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "oneshot/models/deepmark/small"
    folder.mkdir(parents=True)
    for name in ("settings.json", "weights.pt"):
        (folder / name).write_bytes((deepmark_folder / name).read_bytes())
    assert OneShotPredictor.load("small").oneshot.settings == deepmark(epochs=1)


def test_predict_takes_one_system_or_the_other():
    parser = argparse.ArgumentParser()
    predict.add_arguments(parser)
    with pytest.raises(HemlineError, match="--oneshot dla stands in the place of --detector"):
        predict.run(parser.parse_args(["x.jpg", "--oneshot", "dla", "--detector", "cascade"]))


@pytest.mark.parametrize("flip", [0.0, 0.5])
def test_predict_mirrors_pictures_for_those_who_know_mirrored_ones(deepmark_folder, tmp_path, flip):
    kept = json.loads((deepmark_folder / "settings.json").read_text())
    kept["augmentation"]["flip"] = flip
    (tmp_path / "settings.json").write_text(json.dumps(kept))
    (tmp_path / "weights.pt").write_bytes((deepmark_folder / "weights.pt").read_bytes())
    assert OneShotPredictor.load(f"{tmp_path}/").oneshot.finder.row.flip_test == (flip > 0)
