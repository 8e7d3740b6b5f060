"""The learning rate of a one-shot network's training."""

from itertools import pairwise
from typing import Any

from hemline.params import DeepMarkSettings, OneShotSettings
from hemline.training.optimizing import cosine


def schedule(settings: OneShotSettings) -> list[dict[str, Any]]:
    """mmengine's schedulers: a linear warm-up over steps, if any, then (DeepMark's) `rates` from `milestones` on.

    Without `rates` each is a tenth of the one before; without milestones the rate falls to zero by steps, as a cosine.
    """
    steps = settings.warmup_steps
    start = 0.001 if isinstance(settings, DeepMarkSettings) else settings.warmup_start
    warmup = {"type": "LinearLR", "start_factor": start, "by_epoch": False, "end": steps}
    return [
        *([warmup] if steps else []),
        *(_drops(settings) if settings.milestones else [cosine(settings.epochs)]),
    ]


def _drops(settings: OneShotSettings) -> list[dict[str, Any]]:
    """One scheduler for each milestone: each multiplies by a factor of its own."""
    rates = settings.rates if isinstance(settings, DeepMarkSettings) else ()
    rates = rates or tuple(settings.lr * 0.1**drop for drop, _ in enumerate(settings.milestones, start=1))
    return [
        {"type": "MultiStepLR", "by_epoch": True, "milestones": [milestone], "gamma": rate / before}
        for milestone, (before, rate) in zip(
            settings.milestones, pairwise((settings.lr, *rates)), strict=True
        )
    ]
