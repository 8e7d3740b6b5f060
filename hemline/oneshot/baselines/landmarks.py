"""The landmark branch of Mask R-CNN (He et al., ICCV 2017, sec. 5) among mmdet's RoI heads."""

from collections.abc import Sequence
from typing import Any

from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.roi_heads import keypointrcnn_loss

from hemline.oneshot.baselines.heatmaps import landmarks_of


@MODELS.register_module()
class HeatmapHead(BaseModule):
    """Heatmaps of `landmarks` channels from pooled features: torchvision's, `layers` convolutions of `width` channels.

    A transposed convolution and bilinear upsampling make them four times as large as the features. The loss counts
    `weight` times.
    """

    def __init__(self, in_channels: int, layers: int, width: int, landmarks: int, weight: float) -> None:
        super().__init__()
        self.convs = KeypointRCNNHeads(in_channels, (width,) * layers)
        self.predictor = KeypointRCNNPredictor(width, landmarks)
        self.weight = weight

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, in_channels, s, s) -> logits of heatmaps (n, landmarks, 4 s, 4 s)."""
        heatmaps: Tensor = self.predictor(self.convs(features))
        return heatmaps

    def loss(
        self, features: Tensor, garments: Sequence[InstanceData], sampled: Sequence[SamplingResult]
    ) -> Tensor:
        """The cross-entropy of each labelled landmark's cell among all cells, their mean.

        `features` are those of all pictures' positive RoIs, one after the other. A landmark outside of the RoI of its
        garment doesn't count; without any the loss is 0.
        """
        heatmaps = self(features).float()
        return self.weight * keypointrcnn_loss(
            heatmaps,
            [one.pos_priors for one in sampled],
            [one.landmarks for one in garments],
            [one.pos_assigned_gt_inds for one in sampled],
        )


@MODELS.register_module()
class LandmarkRoIHead(StandardRoIHead):
    """mmdet's RoI head with a landmark branch beside the boxes' and (if there is a mask head) the masks'.

    `gt_instances` have `landmarks` (N, K, 3) x, y, v beside what mmdet wants; masks may be missing, and then have no
    loss. Predicted are boxes and landmarks, never masks.
    """

    def __init__(
        self, landmark_roi_extractor: dict[str, Any], landmark_head: dict[str, Any], **config: Any
    ) -> None:
        super().__init__(**config)
        self.landmark_roi_extractor = MODELS.build(landmark_roi_extractor)
        self.landmark_head = MODELS.build(landmark_head)

    def loss(
        self,
        x: tuple[Tensor, ...],
        rpn_results_list: Sequence[InstanceData],
        batch_data_samples: Sequence[DetDataSample],
    ) -> dict[str, Tensor]:
        """`loss_cls`, `loss_bbox`, `acc`, `loss_landmark` and, with masks, `loss_mask`."""
        garments = [sample.gt_instances for sample in batch_data_samples]
        sampled = [
            self._sample(*one) for one in zip(rpn_results_list, garments, batch_data_samples, strict=True)
        ]
        boxes = self.bbox_loss(x, sampled)
        pooled = self._pooled(x, [one.pos_priors for one in sampled])
        losses = {
            **boxes["loss_bbox"],
            "loss_landmark": self.landmark_head.loss(pooled, garments, sampled),
        }
        if self.with_mask and all("masks" in one for one in garments):
            losses |= self.mask_loss(x, sampled, boxes["bbox_feats"], garments)["loss_mask"]
        return losses

    def predict(
        self,
        x: tuple[Tensor, ...],
        rpn_results_list: Sequence[InstanceData],
        batch_data_samples: Sequence[DetDataSample],
        rescale: bool = False,
    ) -> list[InstanceData]:
        """Boxes, labels, scores and `landmarks` (n, K, 3) x, y, score of all channels, in the final boxes.

        With `rescale` all of it is brought to the picture (`scale_factor`).
        """
        metas = [sample.metainfo for sample in batch_data_samples]
        found = self.predict_bbox(x, metas, rpn_results_list, self.test_cfg)
        pooled = self._pooled(x, [one.bboxes for one in found]).split([len(one.bboxes) for one in found])
        for one, meta, features in zip(found, metas, pooled, strict=True):
            # picture by picture: heatmaps of hundreds of channels are large
            one.landmarks = landmarks_of(self.landmark_head(features), one.bboxes)
            if rescale:
                scale = one.bboxes.new_tensor(meta["scale_factor"])
                one.bboxes = one.bboxes / scale.repeat(2)
                one.landmarks[..., :2] /= scale
        return list(found)

    def _sample(
        self, proposals: InstanceData, garments: InstanceData, sample: DetDataSample
    ) -> SamplingResult:
        """The RoIs that carry loss in a picture, as mmdet's StandardRoIHead.loss chooses them."""
        proposals.priors = proposals.pop("bboxes")
        ignored = sample.get("ignored_instances")
        assigned = self.bbox_assigner.assign(proposals, garments, ignored)
        return self.bbox_sampler.sample(assigned, proposals, garments)

    def _pooled(self, x: tuple[Tensor, ...], boxes: Sequence[Tensor]) -> Tensor:
        """Features of the boxes of all pictures, one after the other: (n, channels, s, s)."""
        extractor = self.landmark_roi_extractor
        pooled: Tensor = extractor(x[: extractor.num_inputs], bbox2roi(boxes))
        return pooled
