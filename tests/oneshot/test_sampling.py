"""Convolutions at given points, against torchvision's deformable convolution."""

import pytest
import torch
from torchvision.ops import deform_conv2d

from hemline.oneshot.sampling import point_conv


def taps(size):
    """y, x of a plain kernel's taps, row by row."""
    steps = torch.arange(size, dtype=torch.float64) - size // 2
    return torch.cartesian_prod(steps, steps).flatten()[:, None, None]


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize(("height", "width"), [(6, 9), (7, 4)])
@pytest.mark.parametrize("reach", [1.5, 12.0], ids=["near", "far outside of the map"])
def test_values_and_gradients_are_torchvisions(size, height, width, reach):
    torch.manual_seed(0)
    x = torch.randn(2, 3, height, width, dtype=torch.float64, requires_grad=True)
    offsets = (torch.rand(2, 2 * size**2, height, width, dtype=torch.float64) * 2 - 1) * reach
    points = (offsets + taps(size)).requires_grad_()
    weight = torch.randn(4, 3, size, size, dtype=torch.float64, requires_grad=True)
    ours = point_conv(x, points, weight)
    theirs = deform_conv2d(x, points - taps(size), weight, padding=size // 2)
    torch.testing.assert_close(ours, theirs)
    toward = torch.randn_like(ours)
    found = torch.autograd.grad((ours * toward).sum(), (x, points, weight))
    wanted = torch.autograd.grad((theirs * toward).sum(), (x, points, weight))
    for mine, other in zip(found, wanted, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(mine, other)


def test_beyond_the_map_there_are_zeros():
    x = torch.ones(1, 1, 4, 5)
    weight = torch.ones(1, 1, 1, 1)
    away = torch.tensor([0.0, -1.0])[None, :, None, None].expand(1, 2, 4, 5)
    assert point_conv(x, away, weight)[0, 0].tolist() == [[0.0, 1, 1, 1, 1]] * 4
    assert point_conv(x, away / 2, weight)[0, 0, :, 0].tolist() == pytest.approx([0.5] * 4)
