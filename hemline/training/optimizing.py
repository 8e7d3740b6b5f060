"""Optimisers and learning rates that more than one kind of network trains with."""

from itertools import pairwise
from typing import Any

from hemline.params import DetectorSettings, OneShotSettings
from hemline.params.training import SteppedTraining, TrainingSettings


def optimizer(settings: DetectorSettings | OneShotSettings) -> dict[str, Any]:
    """mmengine's config of the optimiser, with the gradient clipped where the settings say so."""
    # One kernel for all weights: a quarter of the time, which small networks notice.
    chosen = {
        "type": settings.optimizer,
        "lr": settings.lr,
        "weight_decay": settings.weight_decay,
        "fused": True,
    }
    if settings.optimizer == "SGD":
        chosen["momentum"] = 0.9
    wrapper: dict[str, Any] = {"optimizer": chosen}
    if settings.clip_gradient is not None:
        wrapper["clip_grad"] = {"max_norm": settings.clip_gradient}
    return wrapper


def cosine(epochs: int) -> dict[str, Any]:
    """mmengine's config of a rate that falls to zero over a training, step by step, as half a cosine."""
    return {
        "type": "CosineAnnealingLR",
        "T_max": epochs,
        "end": epochs,
        "by_epoch": True,
        "convert_to_iter_based": True,
    }


def drops(training: TrainingSettings) -> list[dict[str, Any]]:
    """mmengine's configs of a rate that drops at each milestone, to the next of `rates` or to a tenth.

    One for each milestone, as each multiplies by a factor of its own.
    """
    given = training.rates if isinstance(training, SteppedTraining) else ()
    rates = given or [training.lr * 0.1**drop for drop, _ in enumerate(training.milestones, start=1)]
    return [
        {"type": "MultiStepLR", "by_epoch": True, "milestones": [milestone], "gamma": rate / before}
        for milestone, (before, rate) in zip(
            training.milestones, pairwise((training.lr, *rates)), strict=True
        )
    ]
