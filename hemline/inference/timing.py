"""What a network costs: milliseconds a garment."""

import time
from statistics import median

import numpy as np
import torch

from hemline.estimation import Estimator


def milliseconds(
    estimator: Estimator, *, flip_test: bool, batch_size: int = 16, repetitions: int = 5
) -> float:
    """Milliseconds that one garment's crop takes from pixels to landmarks, on the estimator's device.

    The median over `repetitions` batches of noise, whose garments go through the categories in turn; one more batch
    before them warms up. Heatmaps and decoding count, reading pictures and cutting crops do not: they are the same for
    every network of an input size and go on in threads.
    """
    width, height = estimator.network.input_size
    crops = np.random.default_rng(0).integers(0, 256, (batch_size, height, width, 3), dtype=np.uint8)
    seconds = [_seconds(estimator, crops, flip_test) for _ in range(1 + repetitions)]
    return 1000 * median(seconds[1:]) / batch_size


def _seconds(estimator: Estimator, crops: np.ndarray, flip_test: bool) -> float:
    categories = estimator.grouping.wardrobe.categories
    finish()
    started = time.perf_counter()
    for place, heatmaps in enumerate(estimator.outputs(crops, flip_test)):
        estimator.decode(heatmaps, categories[place % len(categories)].id)
    finish()
    return time.perf_counter() - started


def finish() -> None:
    """Wait for what a GPU still has to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
