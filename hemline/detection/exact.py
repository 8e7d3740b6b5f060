"""What surrounds mmcv's operators on boxes, in mmdet's registry: they have no bfloat16, whatever else is mixed.

The names of weights and, without mixed precision, the values are those of mmdet's own parts.
"""

from collections.abc import Sequence

from mmdet.models.dense_heads import RPNHead
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class ExactRPNHead(RPNHead):
    """mmdet's RPN head, whose scores and boxes are in its weights' precision: they go to the suppression."""

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """Scores and boxes of each level of `x`."""
        scores, boxes = super().forward(x)
        kind = self.rpn_cls.weight.dtype
        return [one.to(kind) for one in scores], [one.to(kind) for one in boxes]


@MODELS.register_module()
class ExactRoIExtractor(SingleRoIExtractor):
    """mmdet's pooling, in the precision of the boxes."""

    def forward(self, feats: Sequence[Tensor], rois: Tensor, roi_scale_factor: float | None = None) -> Tensor:
        """Features (n, out_channels, s, s) of `rois` (n, 5) from levels (B, out_channels, h, w)."""
        pooled: Tensor = super().forward(tuple(one.to(rois.dtype) for one in feats), rois, roi_scale_factor)
        return pooled
