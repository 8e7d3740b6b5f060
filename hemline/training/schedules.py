"""Learning rates that more than one kind of network trains with."""

from typing import Any


def cosine(epochs: int) -> dict[str, Any]:
    """mmengine's config of a rate that falls to zero over a training, step by step, as half a cosine."""
    return {
        "type": "CosineAnnealingLR",
        "T_max": epochs,
        "end": epochs,
        "by_epoch": True,
        "convert_to_iter_based": True,
    }
