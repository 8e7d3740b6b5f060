"""The layout of a model's activations in memory."""

import torch
from torch import nn


def channels_last(model: nn.Module, part: str) -> None:
    """Keep activations channel by channel: up to a quarter faster on a CPU and on GPUs with tensor cores.

    Convolutions hand the layout on. `part` names a part of the model; its outputs are given to the rest in the usual
    layout, which mmcv's operators take for granted. Empty: the whole model.
    """
    module = getattr(model, part) if part else model
    module.to(memory_format=torch.channels_last)
    if part:
        module.register_forward_hook(lambda _, __, outputs: tuple(one.contiguous() for one in outputs))
