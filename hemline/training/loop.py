"""The loop over epochs and batches, which may begin in the middle of an epoch."""

from typing import Any

import torch
from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop


@LOOPS.register_module()
class BatchLoop(EpochBasedTrainLoop):
    """mmengine's loop over epochs. An iteration is a batch, a step of the optimiser, whose passes accumulate gradients.

    In mmengine's own an iteration is a pass, and what is counted in iterations (a warm-up, a cosine) would go by
    passes. `done` batches of the present epoch are behind it.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.done = 0
        # Its own generator: by default each epoch's start draws from torch's main one, whose state is kept.
        self.dataloader.generator = torch.Generator()

    def run(self) -> torch.nn.Module:
        """Train; then end the loader's processes: left to Python's collector they take five seconds each."""
        try:
            return super().run()
        finally:
            if self.dataloader._iterator is not None:
                self.dataloader._iterator._shutdown_workers()

    def run_epoch(self) -> None:
        """Run what is left of the epoch."""
        self._count_passes()
        self.dataloader.batch_sampler.begin(self._epoch, self.done)
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        for index, batch in enumerate(self.dataloader, start=self.done):
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1
        self.done = 0

    def run_iter(self, idx: int, data_batch: list[Any]) -> None:
        """One batch. Hooks get the outputs (losses) of each of its passes."""
        runner = self.runner
        runner.call_hook("before_train_iter", batch_idx=idx, data_batch=data_batch)
        outputs = [runner.model.train_step(one, optim_wrapper=runner.optim_wrapper) for one in data_batch]
        runner.call_hook("after_train_iter", batch_idx=idx, data_batch=data_batch, outputs=outputs)
        self._iter += 1

    def go_on(self, epoch: int, done: int, step: int) -> None:
        """Stand where another loop stood: after `epoch` epochs, `done` batches of the next and `step` in all."""
        self._epoch, self.done, self._iter = epoch, done, step

    def _count_passes(self) -> None:
        """Tell the optimiser's wrapper how many passes there were and will be; mmengine told it iterations."""
        passes = self.runner.optim_wrapper._accumulative_counts
        counts = (self._iter * passes, self._max_iters * passes)
        self.runner.optim_wrapper.initialize_count_status(self.runner.model, *counts)
