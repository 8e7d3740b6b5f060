"""Losses against the plain formulas, value and gradient."""

import pytest
import torch
from torch import Tensor

from hemline.oneshot.deepmark import losses
from hemline.oneshot.deepmark.losses import focal_loss, l1_loss
from hemline.oneshot.deepmark.targets import Heatmaps
from tests.oneshot.deepmark.rendering import focal_loss as plain


def batch(
    seed: int, positives: bool = True, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Heatmaps, Tensor]:
    """Logits (2, 5, 6, 7), some beyond the bounds; targets of four channels; the same targets dense."""
    torch.manual_seed(seed)
    logits = (torch.randn(2, 5, 6, 7, dtype=torch.float64) * 6).to(dtype).requires_grad_()
    values = torch.rand(4, 6, 7, dtype=torch.float64) ** 3
    if positives:
        values[[0, 1, 1, 3], [1, 0, 5, 2], [0, 3, 6, 2]] = 1
    index = torch.tensor([[0, 1], [0, 4], [1, 0], [1, 3]])
    dense = torch.zeros(logits.shape, dtype=torch.float64)
    dense[index[:, 0], index[:, 1]] = values
    return logits, Heatmaps(values, index), dense


def gradient(loss: Tensor, logits: Tensor) -> Tensor:
    return torch.autograd.grad(loss, logits)[0]


@pytest.mark.parametrize("positives", [True, False])
@pytest.mark.parametrize("part", [1, 100, 10**6])
def test_as_the_plain_formula(monkeypatch: pytest.MonkeyPatch, positives: bool, part: int) -> None:
    monkeypatch.setattr(losses, "PART", part)
    logits, heatmaps, dense = batch(part, positives)
    ours, theirs = focal_loss(logits, heatmaps), plain(logits, dense)
    assert torch.isclose(ours, theirs, rtol=1e-10)
    # without the bounds' own cells, whose gradient is 0, the comparison would say less
    assert (logits.abs() > losses.BOUND).any()
    assert torch.allclose(gradient(ours * 3, logits), gradient(theirs * 3, logits), rtol=1e-10, atol=1e-12)


def test_gradient_of_differences() -> None:
    logits, heatmaps, _ = batch(0)
    inside = (logits.detach() / 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: focal_loss(x, heatmaps), inside)


def test_no_channel_with_a_target() -> None:
    logits, _, _ = batch(0)
    empty = Heatmaps(torch.zeros(0, 6, 7), torch.zeros(0, 2, dtype=torch.int64))
    ours, theirs = focal_loss(logits, empty), plain(logits, torch.zeros(logits.shape))
    assert torch.isclose(ours, theirs, rtol=1e-10)
    assert torch.allclose(gradient(ours, logits), gradient(theirs, logits), rtol=1e-10)


def test_no_channel_at_all() -> None:
    """With negatives "own" a batch of pictures without garments has none."""
    logits = torch.zeros(1, 0, 6, 7, requires_grad=True)
    loss = focal_loss(logits, Heatmaps(torch.zeros(0, 6, 7), torch.zeros(0, 2, dtype=torch.int64)))
    assert loss == 0 and gradient(loss, logits).shape == logits.shape


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype: torch.dtype) -> None:
    """The loss is that of the same logits in float32; only the gradient is rounded."""
    logits, heatmaps, dense = batch(1, dtype=dtype)
    exact = logits.detach().double().requires_grad_()
    with torch.autocast("cpu", dtype):
        ours = focal_loss(logits, Heatmaps(heatmaps.values.float(), heatmaps.index))
    assert ours.dtype == torch.float32
    theirs = plain(exact, dense)
    assert torch.isclose(ours.double(), theirs, rtol=1e-5)
    mine = gradient(ours, logits)
    assert mine.dtype == dtype
    rounding = torch.finfo(dtype).eps
    assert torch.allclose(mine.double(), gradient(theirs, exact), rtol=rounding, atol=1e-6)


def test_channels_last() -> None:
    logits, heatmaps, dense = batch(2)
    last = logits.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    mine = gradient(focal_loss(last, heatmaps), last)
    assert torch.allclose(mine, gradient(plain(logits, dense), logits), rtol=1e-10, atol=1e-12)


def test_l1_counts_numbers() -> None:
    """CenterNet divides by the count of numbers, not of garments."""
    predicted = torch.tensor([[1.0, 2.0], [3.0, 5.0], [9.0, 9.0]], requires_grad=True)
    loss = l1_loss(predicted, torch.zeros(3, 2), torch.tensor([[True], [True], [False]]))
    assert loss.item() == pytest.approx(11 / 4.0001)
    assert torch.allclose(
        gradient(loss, predicted), torch.tensor([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]) / 4.0001
    )


def test_l1_of_nothing() -> None:
    predicted = torch.zeros(0, 2, requires_grad=True)
    loss = l1_loss(predicted, torch.zeros(0, 2), torch.zeros(0, 1, dtype=torch.bool))
    assert loss == 0 and gradient(loss, predicted).shape == (0, 2)
