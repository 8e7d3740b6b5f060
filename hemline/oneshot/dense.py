"""Paper 003's networks run on pictures: KGDet and its baselines, each by mmdet's `predict`."""

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from hemline.oneshot.found import Found, in_picture, own_channels
from hemline.oneshot.transforms import resized
from hemline.params import DenseFind, DenseNetworkSettings, OneShotRow
from hemline.wardrobe import Grouping, Wardrobe, grouping


class DenseFinder:
    """A network of paper 003 ready to run in the way of a row."""

    def __init__(
        self,
        model: nn.Module,
        settings: DenseNetworkSettings,
        wardrobe: Wardrobe,
        row: OneShotRow,
        find: DenseFind,
    ) -> None:
        self.settings = settings
        self.grouping: Grouping | None = None
        if settings.grouping is not None:
            self.grouping = grouping(wardrobe, settings.grouping)
        self.model = model.eval()
        self.device = next(model.parameters()).device
        self.find_settings, self.fusion = find, _fusion(settings, row)

    def __call__(self, pictures: list[np.ndarray]) -> list[Found]:
        """All pictures (height, width, 3) uint8 BGR through the network at once."""
        _set_test(self.model, self.find_settings)
        if self.fusion is not None:
            self.model.flip_fusion = self.fusion  # rows may share a network
        fitted = [resized(picture, self.settings.image_size) for picture in pictures]
        samples = [_sample(pixels) for pixels, _ in fitted]
        inputs = [torch.from_numpy(pixels.transpose(2, 0, 1)).to(self.device) for pixels, _ in fitted]
        data = self.model.data_preprocessor({"inputs": inputs, "data_samples": samples}, False)
        predicted = self.model.predict(data["inputs"], data["data_samples"], rescale=False)
        return [
            in_picture(self._found(sample.pred_instances), placed)
            for sample, (_, placed) in zip(predicted, fitted, strict=True)
        ]

    def _found(self, instances: InstanceData) -> Found:
        landmarks: Tensor | None = None
        if self.grouping is not None:
            channels, real = (each.to(self.device)[instances.labels] for each in own_channels(self.grouping))
            landmarks = instances.landmarks.take_along_dim(channels[..., None], dim=1)
            landmarks = landmarks.masked_fill(~real[..., None], torch.nan)
        return Found(instances.bboxes, instances.labels, instances.scores, landmarks)


def _fusion(settings: DenseNetworkSettings, row: OneShotRow) -> str | None:
    """How KGDet fuses what it says of mirror images: in a flip test as in its training, or of mirrored pictures."""
    if settings.type != "kgdet":
        return None
    if not row.flip_test:
        return "none"
    return "picture" if settings.flip_fusion == "none" else str(settings.flip_fusion)


def _set_test(model: nn.Module, find: DenseFind) -> None:
    """The last head gives the garments: a region's, or the only one."""
    head = model.roi_head if hasattr(model, "roi_head") else model.bbox_head
    head.test_cfg = ConfigDict(
        nms_pre=find.candidates,
        min_bbox_size=0,
        score_thr=find.score_threshold,
        nms={"type": "nms", "iou_threshold": find.nms_threshold},
        max_per_img=find.max_per_image,
    )


def _sample(pixels: np.ndarray) -> DetDataSample:
    shape = pixels.shape[:2]
    return DetDataSample(metainfo={"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)})
