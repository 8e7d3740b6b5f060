"""What a training cost, and what it made: for the model folder's records."""

import resource
import sys

import torch
from torch import nn


def peak_memory() -> float:
    """The most memory in use so far, MB (10^6 bytes): allocated on the GPU where there is one, else the process's."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def parameter_count(model: nn.Module) -> int:
    """The number of a model's weights, frozen ones included, batch statistics not."""
    return sum(weights.numel() for weights in model.parameters())
