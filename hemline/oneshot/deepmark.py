"""DeepMark among mmdet's models."""

from typing import Any

from mmdet.models.detectors import SingleStageDetector
from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import MODELS


@MODELS.register_module()
class DeepMark(SingleStageDetector):
    """A backbone and a head that reads garments and their landmarks off its feature maps."""

    def __init__(
        self, backbone: dict[str, Any], bbox_head: dict[str, Any], data_preprocessor: dict[str, Any]
    ) -> None:
        # mmdet's own gives every head a train_cfg and a test_cfg; this one's settings are its arguments
        BaseDetector.__init__(self, data_preprocessor=data_preprocessor)
        self.backbone = MODELS.build(backbone)
        self.bbox_head = MODELS.build(bbox_head)
