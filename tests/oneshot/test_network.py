"""Networks of every type, built for any wardrobe's categories and landmarks."""

import json

import pytest
import torch

from hemline.oneshot.network import bare_oneshot, oneshot_config
from hemline.params import network_settings
from hemline.wardrobe import grouping
from tests.oneshot.garments import DEEPFASHION2, FLD
from tests.oneshot.networks import TYPES, any_type

KIND = {
    "deepmark": "DeepMark",
    "kgdet": "LandmarkDetector",
    "reppoints-kp": "LandmarkDetector",
    "reppoints": "RepPointsDetector",
    "retinanet": "RetinaNet",
    "fcos": "FCOS",
    "mask-rcnn": "MaskRCNN",
}


def weightless(kind, wardrobe):
    with torch.device("meta"):
        return bare_oneshot(any_type(kind), wardrobe)


def shapes(model):
    """Of each weight, by name."""
    return {key: weights.shape for key, weights in model.state_dict().items()}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_is_its_own_detector(kind):
    assert type(weightless(kind, FLD)).__name__ == KIND[kind]


@pytest.mark.parametrize("kind", TYPES)
def test_it_is_as_large_as_the_wardrobe(kind):
    """Only layers of categories or landmarks differ, by what the two wardrobes differ."""
    settings = any_type(kind)
    small, large = (shapes(weightless(kind, wardrobe)) for wardrobe in (FLD, DEEPFASHION2))
    grown = {
        more - less
        for key in small
        for less, more in zip(small[key], large[key], strict=True)
        if more != less
    }
    categories = len(DEEPFASHION2.categories) - len(FLD.categories)
    possible = {categories, 4 * categories, 9 * categories}  # scores; a category's own boxes; nine anchors
    if settings.grouping:
        channels = [grouping(wardrobe, settings.grouping).size for wardrobe in (DEEPFASHION2, FLD)]
        more = channels[0] - channels[1]
        assert grown & {more, 2 * more}
        possible |= {more, 2 * more}
    assert grown & {categories, 9 * categories}
    assert grown <= possible


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("wardrobe", [DEEPFASHION2, FLD], ids=lambda one: one.name)
def test_settings_and_config_are_plain_data(kind, wardrobe):
    """They are written beside a training, and read by other processes."""
    settings = any_type(kind)
    assert network_settings(json.loads(settings.model_dump_json())) == settings
    model = oneshot_config(settings, wardrobe).model.to_dict()
    assert json.loads(json.dumps(model))["type"] == KIND[kind]
