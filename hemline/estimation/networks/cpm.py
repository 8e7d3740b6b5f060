"""A convolutional pose machine (Wei et al., CVPR 2016), as mmpose has it."""

from mmengine.config import Config

from hemline.estimation.codecs import codec
from hemline.estimation.recipes import loss_weight, read_recipe
from hemline.params import CPMSettings, FPMSettings


def recipe(settings: CPMSettings, channels: int) -> Config:
    """configs/estimation/cpm.py with this network's sizes put in; each stage gives `channels` heatmaps."""
    config = pose_machine("cpm", settings, channels)
    config.model.head.target_scale = settings.target_scale
    config.model.head.loss.loss_weight = loss_weight(settings.target_scale)
    return config


def pose_machine(name: str, settings: CPMSettings | FPMSettings, maps: int) -> Config:
    """configs/estimation/NAME.py with the sizes of a pose machine whose stages give `maps` each."""
    config = read_recipe(name)
    sizes = settings.model_dump(include={"stages", "features", "middle", "width"})
    config.model.backbone.update(maps=maps, **sizes)
    config.model.head.update(
        in_channels=maps, out_channels=maps, num_stages=settings.stages, decoder=codec(settings)
    )
    return config
