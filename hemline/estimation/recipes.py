"""The config files of estimators: they lie beside the package, not in it, and are the user's to read and change."""

import copy
from functools import cache
from pathlib import Path

from mmengine.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "estimation"


def read_recipe(name: str) -> Config:
    """configs/estimation/NAME.py, a copy of one's own."""
    return copy.deepcopy(_read(FOLDER / f"{name}.py"))


@cache
def _read(path: Path) -> Config:
    """Read once: to find the files that it stands on, mmengine goes through all of mmpose's indices."""
    return Config.fromfile(path)
