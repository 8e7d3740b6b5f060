"""Stacked hourglasses: mmpose's, in any size."""

import numpy as np
import pytest
import torch
from mmpose.models.backbones import HourglassNet
from pydantic import ValidationError

from hemline.estimation import Estimator, build_estimator
from hemline.params import StackedHourglassSettings, estimator_network
from hemline.planning import size_of
from hemline.planning.networks import EstimatorNetwork
from tests.estimation import rendering
from tests.estimation.networks.staged import (
    AGGREGATED,
    BOX,
    CROP,
    GROUPINGS,
    HOURGLASS,
    idle,
    trained,
)
from tests.estimation.wardrobes import picture

FIFTY_TWO = StackedHourglassSettings(
    type="hourglass", stacks=1, stem=128, channels=(256, 256, 384, 384, 384, 512), blocks=(2, 2, 2, 2, 2, 4),
    features=256, target_scale=1.0, input_size=(256, 256), **CROP,
)  # fmt: skip


def hourglass(maps=81, **changes):
    """Its weights as at the start of a training."""
    torch.manual_seed(0)
    model = build_estimator(HOURGLASS.model_copy(update=changes), maps)
    model.init_weights()
    return model


@pytest.mark.parametrize(("side", "giga"), [(256, 28.67), (384, 64.5)])
def test_hourglass_52(side, giga):
    """94.85 M, 28.67 G and 64.5 G (mmpose 0.x, docs/en/inference_speed_summary.md), less a block that does nothing."""
    size = size_of(EstimatorNetwork("hourglass", "s", "p", (side, side), 17, settings=FIFTY_TWO))
    unused = 2 * (256 * 256 * 9 + 2 * 256)
    assert (size.parameters + unused) / 1e6 == pytest.approx(94.85, abs=0.005)
    assert size.prediction / 1e9 == pytest.approx(giga, rel=0.01)
    assert size.training == size.prediction


def test_two_stacks_are_mmposes():
    """With a stem and a first level of its widths: its layers by name, and what it says."""
    sizes = {"stacks": 2, "stem": 128, "channels": (256, 8, 8), "blocks": (1, 2, 1), "features": 12}
    ours = hourglass(**sizes).backbone
    theirs = HourglassNet(2, 2, sizes["channels"], sizes["blocks"], sizes["features"])
    ours.load_state_dict(theirs.state_dict())
    ours.eval(), theirs.eval()
    for one, other in zip(ours(seen := torch.randn(1, 3, 32, 32)), theirs(seen), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("stacks", [1, 3])
def test_gradients_reach_every_weight(stacks):
    model = hourglass(stacks=stacks)
    outputs = model.head(model.backbone(torch.randn(2, 3, 96, 64)))
    assert len(outputs) == stacks
    assert idle(model, outputs) == []


@pytest.mark.parametrize("chosen", GROUPINGS, ids=lambda chosen: str(chosen.size))
def test_the_last_stacks_heatmaps_come_out(chosen):
    model = build_estimator(HOURGLASS, chosen.size).eval()
    crops = np.stack([picture(1, 64, 96), picture(2, 64, 96)])
    estimator = Estimator(model, HOURGLASS, chosen)
    found = estimator.outputs(crops)
    assert found.shape == (2, chosen.size, 24, 16)
    inputs = torch.from_numpy(np.stack([rendering.normalised(crop) for crop in crops])).float()
    with torch.no_grad():
        first, last = model(inputs, None, mode="tensor")
    assert torch.allclose(found, last, atol=1e-6) and not torch.allclose(found, first, atol=1e-4)


def test_each_stack_learns_and_the_folder_is_read_again(tmp_path):
    folder, lines = trained(tmp_path, HOURGLASS)
    for stage in (1, 2):
        assert lines[-1][f"loss_stage{stage}"] < 0.7 * lines[0][f"loss_stage{stage}"]
    estimator = Estimator.load(folder, "cpu")
    assert estimator.network == HOURGLASS
    crop = estimator.crop(picture(1), BOX)
    found = estimator.decode(estimator.outputs(crop.pixels[None])[0], 9)
    assert found.landmarks.shape == (AGGREGATED.wardrobe.category(9).count, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_size": (100, 96)}, "both sides must be multiples of 8"),
        ({"input_size": (64, 88)}, "both sides must be multiples of 16: an hourglass halves"),
        ({"blocks": (1, 1)}, "must be as many as channels"),
        ({"channels": (8,), "blocks": (1,)}, "at least 2 items"),
    ],
)
def test_what_cannot_be_built_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        estimator_network({**HOURGLASS.model_dump(mode="json"), **changes})
