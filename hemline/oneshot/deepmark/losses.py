"""The losses of CenterNet: a focal loss on heatmaps, L1 on what is read at single cells."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from hemline.oneshot.deepmark.targets import Heatmaps

# CenterNet (models/utils.py: _sigmoid) keeps scores from 1e-4 to 1 - 1e-4: these are the logits of that.
BOUND = math.log((1 - 1e-4) / 1e-4)

# The loss works through heatmaps by parts of so many cells (4 MB in float32), that it may need little memory.
PART = 1 << 20


def focal_loss(logits: Tensor, targets: Heatmaps) -> Tensor:
    """The penalty-reduced focal loss of CornerNet (Law and Deng, ECCV 2018, eq. 1; alpha 2, beta 4), a scalar.

    `logits` (B, C, h, w) of any floating type; the loss is float32, or float64 for such logits. A cell p with target 1
    costs -(1 - p)^2 log p, one with target t < 1 costs -(1 - t)^4 p^2 log(1 - p); the sum is over all cells, of
    channels without a target too, divided by the number of ones, or by 1 where there is none. It keeps the logits and,
    in the backward pass, makes their gradient; nothing else as large.
    """
    positives = (targets.values == 1).sum().clamp(min=1)
    return _FocalSum.apply(logits, targets.values, targets.index) / positives


def l1_loss(predicted: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """The mean absolute difference over the numbers that count (CenterNet, models/losses.py: RegL1Loss), a scalar.

    All three have one shape, or one that broadcasts to that of `predicted`; `counts` is bool. 0 where nothing counts.
    """
    counts = counts.expand_as(predicted)
    difference = (predicted.to(_working_type(predicted)) - wanted).abs()
    return (difference * counts).sum() / (counts.sum() + 1e-4)


class _FocalSum(torch.autograd.Function):
    """The sum of the focal loss, with the gradient in closed form.

    With f(x) = p^2 softplus(x), p = sigmoid(x), a cell of target t < 1 costs (1 - t)^4 f(x) and one of target 1 f(-x).
    First all channels are taken for empty (t = 0), then those with a target are done over.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, values: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(logits, values, index)
        costs = logits.new_empty(logits.shape[:2], dtype=_working_type(logits))
        for channels in _parts(logits.shape[1], len(logits) * _cells(logits)):
            x, _ = _bounded(logits[:, channels])
            costs[:, channels] = _cost(x).sum(dim=(2, 3))
        for which in _parts(len(index), _cells(logits)):
            (x, _), own = _bounded(logits[*index[which].T]), _terms(values[which])
            costs[*index[which].T] = (own.weight * _cost(own.sign * x)).sum(dim=(1, 2))
        return costs.sum()

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, None, None]:
        logits, values, index = ctx.saved_tensors
        gradient = torch.empty_like(logits)
        for channels in _parts(logits.shape[1], len(logits) * _cells(logits)):
            x, free = _bounded(logits[:, channels])
            gradient[:, channels] = scale * free * _slope(x)
        for which in _parts(len(index), _cells(logits)):
            (x, free), own = _bounded(logits[*index[which].T]), _terms(values[which])
            slope = scale * free * own.sign * own.weight * _slope(own.sign * x)
            gradient[*index[which].T] = slope.to(gradient.dtype)
        return gradient, None, None


def _cost(x: Tensor) -> Tensor:
    """f(x): what a cell of logit x costs that should be 0."""
    return functional.softplus(x) * x.sigmoid().square()


def _slope(x: Tensor) -> Tensor:
    """f'(x) = p^2 (p + 2 (1 - p) softplus(x))."""
    p = x.sigmoid()
    return p.square() * (p + 2 * (1 - p) * functional.softplus(x))


class _Terms(NamedTuple):
    """With which sign of the logit, and how often, f counts: two arrays of one shape."""

    sign: Tensor
    weight: Tensor


def _terms(values: Tensor) -> _Terms:
    positive = values == 1
    return _Terms(torch.where(positive, -1, 1), torch.where(positive, 1, (1 - values) ** 4))


def _bounded(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Logits within the bounds, and where they were so before: only there a change of them changes the loss."""
    x = logits.to(_working_type(logits))
    bounded = x.clamp(-BOUND, BOUND)
    return bounded, bounded == x


def _working_type(logits: Tensor) -> torch.dtype:
    return torch.promote_types(logits.dtype, torch.float32)


def _cells(logits: Tensor) -> int:
    return logits.shape[2] * logits.shape[3]


def _parts(count: int, cells: int) -> Iterator[slice]:
    """0 to `count` in slices of at most PART cells, each of the `count` having `cells`."""
    step = max(1, PART // cells)
    return (slice(start, start + step) for start in range(0, count, step))
