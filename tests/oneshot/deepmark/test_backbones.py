"""The two backbones: as large as CenterNet's, a quarter of the picture's size, and every weight learns."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from hemline.oneshot.deepmark.dla import DeepLayerAggregation, DeformableConv
from hemline.oneshot.deepmark.hourglass import StackedHourglass

DLA_34 = {"blocks": [1, 1, 1, 2, 2, 1], "channels": [16, 32, 64, 128, 256, 512], "deformable": True}
SMALL_DLA = {"blocks": [1, 1, 1, 2, 1, 1], "channels": [4, 8, 8, 12, 16, 20]}
HOURGLASS_104 = {
    "stacks": 2, "stem": 128, "blocks": [2, 2, 2, 2, 2, 4], "channels": [256, 256, 384, 384, 384, 512], "features": 256,
}  # fmt: skip
SMALL_HOURGLASS = {"stem": 6, "blocks": [1, 2, 1], "channels": [8, 8, 12], "features": 10}


def small_dla(deformable=True):
    torch.manual_seed(0)
    return DeepLayerAggregation(**SMALL_DLA, deformable=deformable)


def weightless(kind, **sizes):
    with torch.device("meta"):
        return kind(**sizes)


def count(model):
    return sum(weights.numel() for weights in model.parameters())


def test_dla_34_is_as_large_as_its_authors_and_centernets():
    """The trunk: 15.8 M with a classifier of 1,000 classes (Yu et al., CVPR 2018), 15,783,832 of CenterNet's own.

    Of those, 41,728 are projections that nothing goes through, which timm left out: 64 -> 128 and 128 -> 256, 1x1, with
    normalisation. CenterNet's DLASeg has 19,211,168 weights before its heads, counted with its own code.
    """
    model = weightless(DeepLayerAggregation, **DLA_34)
    unused = (64 * 128 + 2 * 128) + (128 * 256 + 2 * 256)
    assert count(model.trunk) == 15_783_832 - (512 * 1000 + 1000) - unused
    assert count(model) == 19_211_168 - unused


def test_hourglass_104_is_as_large_as_centernets():
    """CenterNet's HourglassNet before its heads, counted with its own code (large_hourglass.py)."""
    assert count(weightless(StackedHourglass, **HOURGLASS_104)) == 187_700_352


@pytest.mark.parametrize("deformable", [True, False])
def test_dla_gives_one_map_of_a_quarter(deformable):
    (found,) = small_dla(deformable)(torch.rand(2, 3, 96, 64))
    assert found.shape == (2, 8, 24, 16)


@pytest.mark.parametrize("stacks", [1, 3])
def test_hourglasses_give_a_map_of_a_quarter_each(stacks):
    found = StackedHourglass(stacks=stacks, **SMALL_HOURGLASS)(torch.rand(2, 3, 32, 48))
    assert isinstance(found, tuple)
    assert [tuple(one.shape) for one in found] == [(2, 10, 8, 12)] * stacks


@pytest.mark.parametrize(
    "build",
    [
        small_dla,
        lambda: small_dla(deformable=False),
        lambda: StackedHourglass(stacks=1, **SMALL_HOURGLASS),
        lambda: StackedHourglass(stacks=2, **SMALL_HOURGLASS),
    ],
)
def test_every_weight_takes_part(build):
    """On several GPUs a weight without a gradient stops the training."""
    model = build()
    for module in model.modules():
        if isinstance(module, DeformableConv):  # where it looks matters once it looks between pixels
            nn.init.normal_(module.conv_offset.weight, std=0.1)
    loss = sum((one * torch.rand_like(one)).sum() for one in model(torch.rand(2, 3, 64, 64)))
    loss.backward()
    assert [name for name, weights in model.named_parameters() if weights.grad is None] == []
    idle = [name for name, weights in model.named_parameters() if not weights.grad.any()]
    assert all(name.endswith("0.bias") for name in idle)  # what normalisation takes away again


def test_the_last_way_up_does_without_the_coarsest_level():
    """CenterNet's last_level of 5: the level of a 32nd comes in through the ways up to the others alone."""
    model = small_dla()
    assert [len(join.nodes) for join in model.joins] == [1, 2, 3]
    assert [up.stride[0] for up in model.last.ups] == [2, 4]


def test_a_deformable_convolution_starts_as_half_a_plain_one():
    conv, features = DeformableConv(3, 5), torch.rand(2, 3, 7, 9)
    assert torch.allclose(conv(features), functional.conv2d(features, conv.weight / 2, padding=1), atol=1e-6)


def test_a_deformable_convolution_looks_where_it_is_told():
    """The middle tap alone, a pixel down, half a pixel to the right: y before x, as CenterNet's weights have it."""
    conv, features = DeformableConv(1, 1), torch.arange(48.0).reshape(1, 1, 6, 8)
    with torch.no_grad():
        conv.weight.copy_(functional.pad(torch.ones(1, 1, 1, 1), (1, 1, 1, 1)))
        conv.conv_offset.bias[8:10] = torch.tensor([1.0, 0.5])
    found = 2 * conv(features)[0, 0, 1, 2]
    assert found.item() == pytest.approx((features[0, 0, 2, 2] + features[0, 0, 2, 3]).item() / 2)


def test_deformable_convolutions_take_part_in_mixed_precision():
    model, pictures = small_dla(), torch.rand(1, 3, 64, 64)
    with torch.autocast("cpu", torch.bfloat16):
        (mixed,) = model(pictures)
        mixed.float().sum().backward()
    assert mixed.isfinite().all() and model.last.nodes[0][0].conv_offset.weight.grad is not None


@pytest.mark.parametrize("factor", [2, 4])
def test_upsampling_starts_bilinear(factor):
    """A plane stays one, away from the edges."""
    up = small_dla().last.ups[{2: 0, 4: 1}[factor]]
    height, width = 6, 8
    ys, xs = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    plane = (2 * xs + 3 * ys).expand(1, 8, height, width)
    fine = up(plane)[0, 0]
    ys, xs = torch.meshgrid(
        (torch.arange(height * factor) + 0.5) / factor,
        (torch.arange(width * factor) + 0.5) / factor,
        indexing="ij",
    )
    inner = slice(factor, -factor)
    assert torch.allclose(fine[inner, inner], (2 * xs + 3 * ys)[inner, inner], atol=1e-4)
