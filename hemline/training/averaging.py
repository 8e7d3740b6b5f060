"""An exponential moving average of the weights, which is what is judged and kept."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import ExponentialMovingAverage
from mmengine.runner import Runner


class AverageHook(Hook):
    """Average the weights over the optimiser's steps: average = decay x average + (1 - decay) x weights.

    Batch statistics are averages already; the latest are taken.
    """

    priority = "HIGH"  # before those who look at the epoch's result

    def __init__(self, runner: Runner, decay: float) -> None:
        # mmengine's average starts as a copy of the weights after the first step, whatever it is made of here.
        self.average = ExponentialMovingAverage(runner.plain, momentum=1 - decay)
        runner.average = self.average.module

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add the weights that the optimiser has just changed."""
        self.average.update_parameters(runner.plain)

    def state_dict(self) -> dict[str, Any]:
        """The average's weights and the number of steps in it."""
        return self.average.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on."""
        self.average.load_state_dict(state)
