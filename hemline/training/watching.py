"""Looking at a network while it is trained."""

from collections.abc import Callable
from typing import Any

from mmengine.hooks import Hook

# Is shown an epoch, from 1, and the network as it is after it. Returns whether the training shall end here.
Watch = Callable[[int, Any], bool]


class WatchHook(Hook):
    """Show the network to `watch` after each epoch, as `wrap` makes it of the model in training."""

    def __init__(self, watch: Watch, wrap: Callable[[Any], Any]) -> None:
        self.watch, self.wrap = watch, wrap

    def after_train_epoch(self, runner: Any) -> None:
        """Show it; end the training if that is the answer."""
        runner.train_loop.stop_training |= self.watch(runner.epoch + 1, self.wrap(runner.model))
