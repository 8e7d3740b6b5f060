"""Deformable convolutions on the CPU: torchvision's operator, and ours of bilinear samples and a matrix product.

    OMP_NUM_THREADS=1 python -m benchmarks.deformable [--batch 8] [--channels 64] [--height 12] [--width 16]

Each forward and backward, the gradients of maps, points and weights among it, on the same random numbers, for KGDet's
three kernels; first both are held against each other. The two take turns, and the best of each counts.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.ops import deform_conv2d

from hemline.oneshot.sampling import point_conv, taps

SIZES = (3, 5, 7)  # kernels of 9, 25 and 49 points
TURNS = 10
SPREAD = 2.0  # cells: the deviation of the points about a plain convolution's taps

Conv = Callable[[Tensor, Tensor, Tensor], Tensor]


def main() -> None:
    """Print seconds of both and their ratio, a line a kernel."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--height", type=int, default=12)
    parser.add_argument("--width", type=int, default=16)
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, maps of {options.width} x {options.height}")
    for size in SIZES:
        inputs = tensors(size, options)
        compare(inputs)
        turns = [(seconds(operator, inputs), seconds(point_conv, inputs)) for _ in range(TURNS)]
        theirs, ours = (min(times) for times in zip(*turns, strict=True))
        print(f"{size} x {size}: torchvision {theirs:.4f} s, ours {ours:.4f} s, ratio {theirs / ours:.1f}")


def tensors(size: int, options: argparse.Namespace) -> tuple[Tensor, Tensor, Tensor]:
    """Maps, points and weights, each of which wants its gradient."""
    torch.manual_seed(0)
    batch, channels, height, width = options.batch, options.channels, options.height, options.width
    maps = torch.randn(batch, channels, height, width)
    points = taps(size) + SPREAD * torch.randn(batch, 2 * size**2, height, width)
    weight = torch.randn(channels, channels, size, size) / (channels**0.5 * size)
    return maps.requires_grad_(), points.requires_grad_(), weight.requires_grad_()


def operator(maps: Tensor, points: Tensor, weight: Tensor) -> Tensor:
    """torchvision's: it wants offsets from a plain convolution's taps."""
    size = weight.shape[2]
    return deform_conv2d(maps, points - taps(size), weight, padding=size // 2)


def compare(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    """Raise AssertionError where outputs or gradients of the two differ; it also loads what code there is."""
    for one, other in zip(step(operator, inputs), step(point_conv, inputs), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-3)


def seconds(conv: Conv, inputs: tuple[Tensor, Tensor, Tensor]) -> float:
    """Of one step."""
    started = time.perf_counter()
    step(conv, inputs)
    return time.perf_counter() - started


def step(conv: Conv, inputs: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
    """The output, and the gradients of its sum of squares."""
    found = conv(*inputs)
    return found.detach(), *torch.autograd.grad(found.square().sum() / 2, inputs)


if __name__ == "__main__":
    main()
