"""Mixed precision in bfloat16, on a CPU too."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class Bfloat16OptimWrapper(OptimWrapper):
    """Passes in bfloat16 where torch's autocast holds it to be safe; weights and their gradients stay float32.

    mmengine's AmpOptimWrapper scales the loss, which float16 needs and bfloat16, whose exponents are float32's,
    doesn't; and it refuses to run without a GPU.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The arithmetic of a pass."""
        with super().optim_context(model), torch.autocast(get_device(), dtype=torch.bfloat16):
            yield
