"""Landmark estimators on mmpose: heatmaps, or coordinates, of the landmarks of one garment in one crop.

`network` builds them, from a module of `networks` for each type and from `parts` that mmpose lacks; `codecs` says what
they learn; `dataset` and `config` feed them, `training` trains and finetunes them, `estimator` uses them (`coordinates`
those without heatmaps).
"""

from hemline.estimation.estimator import Crop, Estimator, Found, estimator_of, read_settings, to_picture
from hemline.estimation.network import build_estimator
from hemline.estimation.training import finetune_expert, train_estimator

__all__ = [
    "Crop",
    "Estimator",
    "Found",
    "build_estimator",
    "estimator_of",
    "finetune_expert",
    "read_settings",
    "to_picture",
    "train_estimator",
]
