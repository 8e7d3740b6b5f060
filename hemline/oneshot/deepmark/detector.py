"""DeepMark among mmdet's models."""

from mmdet.models.detectors import SingleStageDetector
from mmdet.registry import MODELS


@MODELS.register_module()
class DeepMark(SingleStageDetector):
    """A backbone, and a head that reads garments and their landmarks off its feature maps (paper 001, Fig. 2)."""
