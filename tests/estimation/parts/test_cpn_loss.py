"""The loss of a cascaded pyramid network: hard landmarks, widened targets."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from hemline.estimation.parts.cpn_loss import CPNLoss, hardest, widened

# HiKapok/tf.fashionAI, train_cpn_onebyone.py: blur_list, and what its blur makes of a height of 1
BLUR, HEIGHTS = (1.0, 1.37, 1.73, 2.4), (3.14, 4.10, 4.71, 5.35)


def test_the_hardest_landmarks_make_the_loss():
    errors = np.random.default_rng(0).uniform(size=(4, 9))
    number = [1, 4, 9, 2]
    wanted = [np.sort(row)[::-1][:count].mean() for row, count in zip(errors, number, strict=True)]
    found = hardest(torch.from_numpy(errors), torch.tensor(number))
    assert np.allclose(found.numpy(), wanted)


def test_only_the_hardest_learn():
    errors = torch.tensor([[0.1, 0.9, 0.5, 0.7]], requires_grad=True)
    hardest(errors, torch.tensor([2])).sum().backward()
    assert errors.grad.tolist() == [[0.0, 0.5, 0.0, 0.5]]


def gaussian(size, centre, sigma):
    y, x = np.mgrid[: size[0], : size[1]]
    return np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))


def plainly_widened(target, sigma, height):
    """Every pixel sends a Gaussian to every other one."""
    if not sigma:
        return height * target
    total = np.zeros_like(target)
    for y, x in np.argwhere(target > 0):
        total += target[y, x] * gaussian(target.shape, (x, y), sigma)
    return total * height * target.max() / total.max() if total.max() else total


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.4])
def test_targets_are_widened_and_no_higher_than_asked(sigma):
    targets = np.stack([gaussian((12, 9), (4, 6), 1.0), gaussian((12, 9), (0, 11), 2.0), np.zeros((12, 9))])
    found = widened(torch.from_numpy(targets)[None], sigma, 1.5)[0].numpy()
    for own, target in zip(found, targets, strict=True):
        assert np.allclose(own, plainly_widened(target, sigma, 1.5))
    assert np.allclose(found.max(axis=(1, 2)), [1.5, 1.5, 0.0])


def test_widening_adds_variances():
    """Of Gaussians those of target and blur: 1 + 2.4^2."""
    found = widened(torch.from_numpy(gaussian((61, 61), (30, 30), 1.0))[None, None], 2.4, 1.0)[0, 0].numpy()
    assert np.allclose(found, gaussian((61, 61), (30, 30), np.sqrt(1 + 2.4**2)), atol=1e-4)


def test_hikapoks_heights_are_those_of_a_gaussian_that_is_not_normalised():
    target = gaussian((41, 41), (20, 20), 1.0)
    for sigma, height in zip(BLUR, HEIGHTS, strict=True):
        raised = sum(target[y, x] * gaussian((41, 41), (x, y), sigma) for y, x in np.argwhere(target > 1e-9))
        assert raised.max() == pytest.approx(height, abs=0.01)


def test_the_loss_is_the_same_whatever_channels_others_have():
    loss = CPNLoss(blur=BLUR, heights=HEIGHTS, hard=0.5, global_weight=0.5)
    torch.manual_seed(0)
    maps, targets, weights = torch.rand(5, 2, 6, 8, 8), torch.rand(2, 6, 8, 8), torch.ones(2, 6)
    counts = torch.tensor([6, 6])
    more = functional.pad(weights, (0, 4))
    wide = loss(
        list(functional.pad(maps, (0, 0, 0, 0, 0, 4), value=9.0)),
        functional.pad(targets, (0, 0, 0, 0, 0, 4)), more, counts,
    )  # fmt: skip
    narrow = loss(list(maps), targets, weights, counts)
    assert torch.allclose(wide["loss_refine"], narrow["loss_refine"])
    assert all(torch.allclose(*both) for both in zip(wide["loss_global"], narrow["loss_global"], strict=True))
    unknown = loss(list(maps), targets, weights, torch.tensor([0, 0]))  # so those with a target
    assert torch.equal(unknown["loss_refine"], narrow["loss_refine"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_mixed_precision_the_targets_are_float32s(dtype):
    """An absent landmark's are 0, not 0 / 0; what a network says is coarser, and the loss as much."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.stack([torch.from_numpy(gaussian((24, 16), (4, 6), 1.0)), torch.zeros(24, 16)])
    targets = 255 * targets.float()[None]
    maps = [255 * torch.rand(1, 2, 24, 16, generator=generator) for _ in range(5)]
    loss, known = CPNLoss(BLUR, HEIGHTS, hard=0.5, global_weight=0.5), (torch.ones(1, 2), torch.tensor([2]))
    plain = loss(maps, targets, *known)
    widest = widened(targets, BLUR[-1], HEIGHTS[-1])
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(widened(targets, BLUR[-1], HEIGHTS[-1]), widest)
        mixed = loss([one.to(dtype) for one in maps], targets, *known)
    for one, other in zip(mixed["loss_global"], plain["loss_global"], strict=True):
        assert one.item() == pytest.approx(other.item(), rel=5e-3)
    assert mixed["loss_refine"].item() == pytest.approx(plain["loss_refine"].item(), rel=5e-3)
