"""The learning rate of a one-shot network's training."""

from typing import Any

from hemline.params import DeepMarkSettings, OneShotSettings
from hemline.training.optimizing import cosine, drops


def schedule(settings: OneShotSettings) -> list[dict[str, Any]]:
    """mmengine's schedulers: a linear warm-up over steps, if any, then (DeepMark's) `rates` from `milestones` on.

    Without `rates` each is a tenth of the one before; without milestones the rate falls to zero by steps, as a cosine.
    """
    steps = settings.warmup_steps
    start = 0.001 if isinstance(settings, DeepMarkSettings) else settings.warmup_start
    warmup = {"type": "LinearLR", "start_factor": start, "by_epoch": False, "end": steps}
    return [
        *([warmup] if steps else []),
        *(drops(settings) if settings.milestones else [cosine(settings.epochs)]),
    ]
