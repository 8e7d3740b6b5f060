"""A fashion pose machine (paper 004)."""

from mmengine.config import Config

from hemline.estimation.networks.cpm import pose_machine
from hemline.params import FPMSettings


def recipe(settings: FPMSettings, channels: int) -> Config:
    """configs/estimation/fpm.py with this network's sizes put in; each stage gives `channels` + 1 maps.

    The loss is the paper's equations (4) and (5): the squared errors of all pixels, maps and stages, summed, a
    garment's share of a batch. mmpose's is a mean over maps and pixels, here times their number.
    """
    maps = channels + 1
    config = pose_machine("fpm", settings, maps)
    normalisation = {"type": "BN"} if settings.normalised else None
    config.model.backbone.update(shared_from=settings.shared_from, norm_cfg=normalisation)
    width, height = settings.heatmap_size
    config.model.head.loss.loss_weight = float(maps * width * height)
    return config
