"""Weights, arithmetic and memory of networks, counted without running them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torchvision  # noqa: F401 (registers deform_conv2d)
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from hemline.planning.networks import Network
from hemline.training.facts import parameter_count


@dataclass(frozen=True)
class Size:
    """A network in numbers: weights, and multiply-adds of a prediction and of a training sample's forward pass.

    Multiply-adds are those of convolutions, linear layers and matrix products. With 10^9 of them to a GFLOP this is
    what mmdet's, mmpose's and torchvision's zoos call FLOPs (the first two add normalisation, under 1 %); the HRNet
    authors divide by 2^30 (their lib/utils/utils.py), which makes 7 % less of the same number.
    """

    parameters: int
    prediction: int
    training: int


def size_of(network: Network) -> Size:
    """Count a network. Takes a second or two; networks of one shape are counted once."""
    return _size_of(network.shape())


@cache
def _size_of(network: Network) -> Size:
    model = network.on_meta().eval()
    return Size(
        parameters=parameter_count(model),
        prediction=multiply_adds(lambda: network.predict(model)),
        training=multiply_adds(lambda: network.train(model)),
    )


def _deformable(features: torch.Size, weight: torch.Size, *_: Any, out_shape: torch.Size, **__: Any) -> int:
    """A plain convolution's: what makes the offsets is one itself, and reading between pixels is left out."""
    return conv_flop_count(features, weight, out_shape)


# What torch's counter doesn't know.
DEFORMABLE = {torch.ops.torchvision.deform_conv2d: _deformable}


def multiply_adds(run: Callable[[], Any]) -> int:
    """The multiply-adds of what `run` computes; torch counts each as two operations."""
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=DEFORMABLE) as counter:
        run()
    return counter.get_total_flops() // 2


@dataclass(frozen=True)
class Memory:
    """Bytes of a training in fp32: all weights, those that learn, and what a sample keeps for the backward pass."""

    weights: int
    learning: int
    kept: int


def memory_of(network: Network) -> Memory:
    """Count what training a network holds; networks of one shape are counted once."""
    return _memory_of(network.shape())


@cache
def _memory_of(network: Network) -> Memory:
    model = _training(network.on_meta())
    learning = sum(weights.nbytes for weights in model.parameters() if weights.requires_grad)
    return Memory(_bytes(model), learning, _kept(model, lambda: network.train(model)))


def _training(model: nn.Module) -> nn.Module:
    """In training, but normalised as in tests, which keeps the same: torch wants more than one cell for statistics."""
    model.train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()
    return model


def _bytes(model: nn.Module) -> int:
    return sum(weights.nbytes for weights in (*model.parameters(), *model.buffers()))


def _kept(model: nn.Module, run: Callable[[], list[torch.Tensor]]) -> int:
    """Bytes of the tensors that autograd keeps, each storage once, and of the outputs; the weights left out."""
    own = {weights.untyped_storage()._cdata for weights in (*model.parameters(), *model.buffers())}
    storages: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storages[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        for output in run():
            keep(output)
    return sum(one.untyped_storage().nbytes() for key, one in storages.items() if key not in own)
