"""The config files of estimators: they lie beside the package, not in it, and are the user's to read and change."""

import copy
from functools import cache
from pathlib import Path

from mmengine.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "estimation"


def read_recipe(name: str) -> Config:
    """configs/estimation/NAME.py, a copy of one's own."""
    return copy.deepcopy(_read(FOLDER / f"{name}.py"))


def loss_weight(target_scale: float) -> float:
    """How often the mean square of maps counts whose targets are `target_scale` high.

    A thousand times of targets 1 high (why: configs/estimation/hrnet.py). Of higher ones errors are larger anyway: from
    32 on it is the plain mean, which is HiKapok/tf.fashionAI's, of targets 255 high.
    """
    return max(1.0, 1000.0 / target_scale**2)


@cache
def _read(path: Path) -> Config:
    """Read once: to find the files that it stands on, mmengine goes through all of mmpose's indices."""
    return Config.fromfile(path)
