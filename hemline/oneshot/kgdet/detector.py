"""KGDet and RepPoints-Kp among mmdet's models."""

from collections.abc import Sequence
from typing import Any

from mmdet.models.detectors import SingleStageDetector
from mmdet.registry import MODELS
from torch import Tensor

from hemline.oneshot.kgdet.mirroring import fuse_features, fuse_picture, mirror
from hemline.oneshot.kgdet.points import Maps


@MODELS.register_module()
class LandmarkDetector(SingleStageDetector):
    """A backbone, a pyramid and a `LandmarkHead`.

    `flip_fusion` says with what all maps are averaged, in training as in prediction: with nothing (`none`), with those
    of the mirrored feature maps (`features`) or of the mirrored picture (`picture`). Set it on a trained network for a
    flip test. `flip_index` (K,) is each landmark's partner.
    """

    def __init__(self, flip_index: Sequence[int], flip_fusion: str = "none", **config: Any) -> None:
        super().__init__(**config)
        self.flip_index, self.flip_fusion = list(flip_index), flip_fusion

    def maps(self, pictures: Tensor) -> list[list[Maps]]:
        """What each stage says on each level of pictures (B, 3, H, W): stages, levels."""
        features = self.extract_feat(pictures)
        stages = self.bbox_head(features)
        if self.flip_fusion == "none":
            return stages
        if self.flip_fusion == "features":
            mirrored, fuse = self.bbox_head([feature.flip(3) for feature in features]), fuse_features
        else:
            turned = self.extract_feat(mirror(pictures, self.bbox_head.strides[-1]))
            mirrored, fuse = self.bbox_head(turned), fuse_picture
        return [
            [fuse(*pair, self.flip_index) for pair in zip(*both, strict=True)]
            for both in zip(stages, mirrored, strict=True)
        ]

    def loss(self, batch_inputs: Tensor, batch_data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """The head's losses; for samples see `make_targets`."""
        return self.bbox_head.loss(self.maps(batch_inputs), batch_data_samples)

    def predict(
        self, batch_inputs: Tensor, batch_data_samples: Sequence[Any], rescale: bool = True
    ) -> Sequence[Any]:
        """The samples, with `pred_instances` as `decoding.garments` has them."""
        found = self.bbox_head.predict(self.maps(batch_inputs), batch_data_samples, rescale)
        return self.add_pred_to_datasample(batch_data_samples, found)

    def _forward(self, batch_inputs: Tensor, batch_data_samples: Any = None) -> list[list[Maps]]:
        return self.maps(batch_inputs)
