"""The learning rate of every epoch, from the schedulers that train."""

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any

import torch
from mmengine.registry import PARAM_SCHEDULERS

from hemline.detection.training import schedule as detector_schedule
from hemline.estimation.config import schedule as estimator_schedule
from hemline.oneshot.schedule import schedule as oneshot_schedule
from hemline.params import DetectorSettings, EstimatorTraining, OneShotSettings
from hemline.training import quiet

# What a training that is planned is described by.
Scheduled = DetectorSettings | EstimatorTraining | OneShotSettings


@cache
def rates(training: Scheduled, iterations: int) -> tuple[float, ...]:
    """The rate of the last step of each epoch of `iterations` steps: what training.jsonl records as `lr`.

    mmengine's schedulers are built from the training's own config and stepped as its hook does (ParamSchedulerHook:
    some after a step, others after an epoch).
    """
    quiet()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=training.lr)
    schedulers = [_build(config, optimizer, training.epochs, iterations) for config in _schedule(training)]
    optimizer.step()  # schedulers warn when they are stepped before it
    found = []
    for _ in range(training.epochs):
        _step([one for one in schedulers if not one.by_epoch], iterations)
        found.append(optimizer.param_groups[0]["lr"])
        _step([one for one in schedulers if one.by_epoch], 1)
    return tuple(found)


def _schedule(training: Scheduled) -> list[dict[str, Any]]:
    if isinstance(training, DetectorSettings):
        return detector_schedule(training)
    if isinstance(training, OneShotSettings):
        return oneshot_schedule(training)
    return estimator_schedule(training)


def _build(config: dict[str, Any], optimizer: torch.optim.Optimizer, epochs: int, iterations: int) -> Any:
    """As mmengine's Runner builds it, its default `end` included."""
    end = epochs if config.get("by_epoch", True) else epochs * iterations
    return PARAM_SCHEDULERS.build(
        {"end": end, **config}, default_args={"optimizer": optimizer, "epoch_length": iterations}
    )


def _step(schedulers: Sequence[Any], steps: int) -> None:
    """`steps` steps of each; those that have reached their end change nothing more, and are spared them."""
    for _ in range(steps):
        running = [one for one in schedulers if one._global_step < one.end]
        if not running:
            return
        for one in running:
            one.step()


def compact(found: Sequence[float]) -> str:
    """ "1-7: 0.001, 8-10: 0.0001, 11-12: 1e-05"."""
    parts, epoch = [], 1
    for text, group in groupby(f"{rate:.3g}" for rate in found):
        last = epoch + len(list(group)) - 1
        parts.append(f"{epoch}: {text}" if last == epoch else f"{epoch}-{last}: {text}")
        epoch = last + 1
    return ", ".join(parts)
