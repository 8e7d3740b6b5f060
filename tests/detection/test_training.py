"""Training writes a model folder, learns, and says what is missing."""

import pytest
import torch

from hemline.detection import Detector, read_settings, train_detector
from hemline.errors import HemlineError
from hemline.files import read_json
from tests.detection.conftest import DEEPFASHION2


@pytest.mark.parametrize("kind", ["cascade", "htc"])
def test_a_training_by_settings_alone_learns(small, stocked, tmp_path, kind):
    lines = []
    settings = small(kind, epochs=12, lr=0.002)
    out = tmp_path / "model"
    train_detector(
        settings,
        stocked.wardrobe,
        stocked.write(),
        stocked.folder,
        out,
        tmp_path / "state",
        "test",
        lines.append,
    )
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert lines[-1]["loss"] < 0.7 * lines[0]["loss"]
    assert read_settings(out) == (settings, stocked.wardrobe)
    assert not (tmp_path / "state").exists()
    assert Detector.load(out).settings == settings


@pytest.mark.parametrize("kind", ["cascade", "htc"])
def test_bfloat16_is_near_to_float32(small, stocked, tmp_path, kind):
    """mmcv's suppression and pooling have no bfloat16."""
    losses = []
    for precision in ("fp32", "bf16"):
        train_detector(
            small(kind, precision=precision),
            stocked.wardrobe,
            stocked.write(),
            stocked.folder,
            tmp_path / precision,
            tmp_path / "state",
            "test",
            lambda line: losses.append(line["loss"]),
        )
    single, half = losses
    assert half != single and half == pytest.approx(single, rel=0.05)


def test_a_detector_may_start_from_weights(small, stocked, tmp_path):
    """`init` is taken whole: with a rate of nearly nothing the result is the start."""
    first, second = (
        small("cascade"),
        small("cascade", lr=1e-12, init=str(tmp_path / "first" / "weights.pt"), seed=1),
    )
    for name, settings in (("first", first), ("second", second)):
        train_detector(
            settings,
            stocked.wardrobe,
            stocked.write(),
            stocked.folder,
            tmp_path / name,
            tmp_path / "state",
            name,
        )
    weights = [torch.load(tmp_path / name / "weights.pt", weights_only=True) for name in ("first", "second")]
    key = "roi_head.bbox_head.2.fc_cls.weight"
    torch.testing.assert_close(weights[0][key], weights[1][key])


def test_a_backbone_may_start_from_weights_and_stays_frozen(small, stocked, tmp_path):
    """From a whole detector's file the backbone alone is taken."""
    start = tmp_path / "first" / "weights.pt"
    first = small("cascade")
    frozen = small("cascade", backbone={**first.backbone.model_dump(), "init": str(start)}, seed=1)
    for name, settings in (("first", first), ("second", frozen)):
        train_detector(
            settings,
            stocked.wardrobe,
            stocked.write(),
            stocked.folder,
            tmp_path / name,
            tmp_path / "state",
            name,
        )
    one, two = (torch.load(tmp_path / name / "weights.pt", weights_only=True) for name in ("first", "second"))
    (listed,) = read_json(tmp_path / "second" / "initial.json")
    assert listed["part"] == "backbone." and not listed["missing"]
    assert all(key.startswith("backbone.") for key in listed["taken"])
    stem = [key for key in one if key.startswith(("backbone.conv1", "backbone.bn1", "backbone.layer1"))]
    assert stem and all(torch.equal(one[key], two[key]) for key in stem)
    assert not torch.equal(one["rpn_head.rpn_conv.weight"], two["rpn_head.rpn_conv.weight"])


def test_missing_annotations_are_said(small, tmp_path):
    with pytest.raises(HemlineError, match=r"none\.json: no such annotations"):
        train_detector(
            small("cascade"),
            DEEPFASHION2,
            tmp_path / "none.json",
            tmp_path,
            tmp_path,
            tmp_path / "state",
            "test",
        )
