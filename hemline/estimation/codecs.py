"""Codecs, mmpose's: landmarks to what a network shall say, and back."""

from typing import Any

from hemline.params import FashionNetSettings, NetworkSettings


def codec(settings: NetworkSettings) -> dict[str, Any]:
    """mmpose's codec of the papers: a Gaussian of peak 1; argmax plus a quarter pixel toward the higher neighbour.

    `unbiased` is DARK's, which smooths a heatmap by the target's own Gaussian before it reads it: mmpose is given the
    size of the window (`HeatmapSettings.blur_window`). FashionNet has coordinates (parts/fashionnet.py).
    """
    if isinstance(settings, FashionNetSettings):
        return {"type": "CentredLabel", "input_size": tuple(settings.input_size)}
    msra = {
        "type": "MSRAHeatmap",
        "input_size": tuple(settings.input_size),
        "heatmap_size": settings.heatmap_size,
        "sigma": settings.sigma,
    }
    unbiased = {"unbiased": True, "blur_kernel_size": settings.blur_window}
    return {**msra, **unbiased} if settings.unbiased else msra
