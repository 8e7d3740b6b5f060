"""Where is looked, and what box points span."""

import numpy as np
import pytest
import torch
from mmcv.ops import deform_conv2d
from torch.nn import functional

from hemline.oneshot.kgdet.points import Columns, MomentBox, PointConv, exact, select
from tests.oneshot.kgdet import rendering


@pytest.mark.parametrize("points", [9, 25, 49])
def test_at_its_own_taps_it_is_a_plain_convolution(points):
    torch.manual_seed(0)
    conv = PointConv(4, 6, points)
    x = torch.randn(2, 4, 7, 9)
    size = conv.kernel_size[0]
    own = [step - size // 2 for y in range(size) for x in range(size) for step in (y, x)]
    taps = torch.tensor(own).float()[:, None, None].expand(2, -1, 7, 9)
    wanted = functional.conv2d(x, conv.weight, padding=size // 2)
    torch.testing.assert_close(conv(x, taps), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("points", [9, 25, 49])
def test_it_is_mmcvs_deformable_convolution(points):
    """... whose offsets are from the plain taps; with a tenth of the gradient for where."""
    torch.manual_seed(1)
    conv = PointConv(4, 6, points)
    x = torch.randn(2, 4, 8, 7, requires_grad=True)  # mmcv's needs maps as large as the kernel
    places = (torch.rand(2, 2 * points, 8, 7) * 8 - 4).requires_grad_()
    size = conv.kernel_size[0]
    theirs = deform_conv2d(x, places - conv.grid, conv.weight, 1, size // 2)
    ours = conv(x, places)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    variables = (x, places, conv.weight)
    wanted = torch.autograd.grad(theirs.square().sum(), variables)
    found = torch.autograd.grad(ours.square().sum(), variables)
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found[1], 0.1 * wanted[1], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found[2], wanted[2], rtol=1e-3, atol=1e-3)


def test_columns_look_at_their_own_points():
    torch.manual_seed(2)
    columns = Columns(3, 5, [9, 25])
    x = torch.randn(1, 3, 4, 4)
    points = torch.randn(1, 2 * 34, 4, 4)
    found = columns(x, points)
    assert found.shape == (1, 10, 4, 4)
    assert (found >= 0).all() and (found == 0).any()
    points[:, 18:] += 0.5
    moved = columns(x, points)
    assert torch.equal(moved[:, :5], found[:, :5]) and not torch.equal(moved[:, 5:], found[:, 5:])


def test_the_box_of_points():
    torch.manual_seed(3)
    box = MomentBox().double()
    torch.nn.init.normal_(box.scale)
    points = torch.randn(2, 2 * 9, 3, 4).double()
    for picture, found in zip(points, box(points), strict=True):
        wanted = rendering.moment_box(picture.numpy(), box.scale.detach().numpy())
        np.testing.assert_allclose(found.detach().numpy(), wanted)


def test_a_hundredth_of_the_gradient_reaches_a_boxs_scale():
    torch.manual_seed(4)
    box = MomentBox().double()
    points = torch.randn(1, 2 * 9, 3, 4).double()
    box(points)[:, 2].sum().backward()
    with torch.no_grad():
        less = box(points)[:, 2].sum()
        box.scale += torch.tensor([1e-6, 0])
        slope = (box(points)[:, 2].sum() - less) / 1e-6
    torch.testing.assert_close(box.scale.grad, torch.tensor([0.01 * slope, 0]), rtol=1e-4, atol=1e-9)


def test_points_at_one_place_have_a_gradient():
    points = torch.zeros(1, 18, 2, 2, requires_grad=True)
    MomentBox()(points).sum().backward()
    assert points.grad.isfinite().all()


def test_selected_are_the_likeliest_in_the_order_of_their_channels():
    landmarks = torch.arange(8.0)[:, None, None].expand(1, 8, 1, 2)
    visibility = torch.tensor([[0.1, 3.0, -1.0, 2.0], [5.0, -2.0, 1.0, 0.0]]).T[None, :, None]
    found = select(landmarks, visibility, 2)
    assert found[0, :, 0].T.tolist() == [[2, 3, 6, 7], [0, 1, 4, 5]]


def test_mixed_precision_keeps_places_exact():
    torch.manual_seed(5)
    layer = torch.nn.Conv2d(4, 2, 1)
    conv = PointConv(4, 4, 9)
    x, points = torch.randn(1, 4, 5, 5), torch.randn(1, 18, 5, 5)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, sampled = exact(layer, x), conv(x.bfloat16(), points)
    assert torch.equal(mixed, layer(x))
    assert sampled.dtype == torch.float32
    assert torch.equal(sampled, conv(x.bfloat16().float(), points))
