"""params.yaml: its schema (schema.py), the sweeps over it (sweeps.py), and how it is read and changed (reading.py)."""

from hemline.params.reading import check_params, load_params, read_values, value_at, with_values
from hemline.params.schema import (
    AblationSettings,
    AugmentationSettings,
    BackboneSettings,
    DetectorSettings,
    DetectSettings,
    EstimateSettings,
    EstimatorSettings,
    EstimatorTraining,
    NetworkSettings,
    Params,
    SplitSettings,
    SynthesizeSettings,
)
from hemline.params.sweeps import Dimension, SweepSettings

__all__ = [
    "AblationSettings",
    "AugmentationSettings",
    "BackboneSettings",
    "DetectSettings",
    "DetectorSettings",
    "Dimension",
    "EstimateSettings",
    "EstimatorSettings",
    "EstimatorTraining",
    "NetworkSettings",
    "Params",
    "SplitSettings",
    "SweepSettings",
    "SynthesizeSettings",
    "check_params",
    "load_params",
    "read_values",
    "value_at",
    "with_values",
]
