"""Looking at a network while it is trained: by others, who may end the training, and by a judge, who picks an epoch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook

from hemline.files import read_json, write_json
from hemline.training.weights import load_weights, save_weights

# Is shown an epoch, from 1, and the network as it is after it. Returns whether the training shall end here.
Watch = Callable[[int, Any], bool]

# Says how good a network is, the higher the better.
Judge = Callable[[Any], float]


def _by_first(answer: Callable[[], Any]) -> Any:
    """What the first process answers, in all of them."""
    told = [answer() if is_main_process() else None]
    broadcast_object_list(told)
    return told[0]


class WatchHook(Hook):
    """Show the network to `watch` after each epoch, as `wrap` makes it of the model in training."""

    def __init__(self, watch: Watch, wrap: Callable[[Any], Any]) -> None:
        self.watch, self.wrap = watch, wrap

    def after_train_epoch(self, runner: Any) -> None:
        """Show it; end the training if that is the answer."""
        ends = _by_first(lambda: self.watch(runner.epoch + 1, self.wrap(runner.result)))
        runner.train_loop.stop_training |= ends


class BestEpochHook(Hook):
    """Keep the weights of the epoch that `judge` likes best, and end the training with them.

    It ends after `patience` epochs (None: never) of which none was better. `wrap` is as in WatchHook. The folder
    `state` keeps the best, so that a resumed training knows it.
    """

    def __init__(
        self, state: Path, judge: Judge, wrap: Callable[[Any], Any], patience: int | None = None
    ) -> None:
        self.weights, self.value = state / "best.pt", state / "best.json"
        self.judge, self.wrap, self.patience = judge, wrap, patience

    def after_train_epoch(self, runner: Any) -> None:
        """Judge the epoch."""
        epoch = runner.epoch + 1
        runner.numbers["AP"] = _by_first(lambda: self.judge(self.wrap(runner.result)))
        best = _by_first(lambda: self._keep(runner, epoch, runner.numbers["AP"]))
        if self.patience is not None and epoch - best >= self.patience:
            runner.train_loop.stop_training = True

    def _keep(self, runner: Any, epoch: int, value: float) -> int:
        """The best epoch so far, whose weights are kept."""
        best = read_json(self.value) if self.value.is_file() else None
        # Of an epoch that is judged again, after an interruption, the first judgement stands: it is the same.
        if best is not None and best["value"] >= value:
            return best["epoch"]
        save_weights(runner.result, self.weights)
        write_json(self.value, {"epoch": epoch, "value": value})
        return epoch

    def after_train(self, runner: Any) -> None:
        """Take the best weights."""
        if is_main_process():
            load_weights(runner.result, self.weights)


def onlookers(
    state: Path,
    watch: Watch | None,
    judge: Judge | None,
    patience: int | None,
    wrap: Callable[[Any], Any] = lambda model: model,
) -> list[Hook]:
    """The hooks of who looks at the network after each epoch: `watch` is shown it, the best for `judge` is kept."""
    hooks: list[Hook] = [] if watch is None else [WatchHook(watch, wrap)]
    if judge is not None:
        hooks.append(BestEpochHook(state, judge, wrap, patience))
    return hooks
