"""VGG-16, FashionNet's head and its labels, in mmpose's registries."""

from typing import Any, ClassVar

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import nn
from torch.nn import functional
from torchvision.models.vgg import cfgs, make_layers

# Classes of visibility are COCO's v: not labelled or not in the crop, occluded, visible.
ABSENT, CLASSES = 0, 3
ANOTHERS = -1  # of a landmark that the garment's category hasn't


@MODELS.register_module()
class VGG16(BaseBackbone):
    """The 13 convolutions and 5 poolings of VGG-16 (Simonyan and Zisserman, ICLR 2015): torchvision's.

    mmpose's own VGG has no other width than 64. The layers double `base_channels` three times.
    """

    def __init__(self, base_channels: int, init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        layers = [width if width == "M" else width * base_channels // 64 for width in cfgs["D"]]
        self.features = make_layers(layers, batch_norm=False)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor]:
        """(n, 8 base_channels, height / 32, width / 32) of (n, 3, height, width)."""
        return (self.features(pictures),)


@MODELS.register_module()
class FashionNetHead(BaseHead):
    """VGG-16's two hidden layers, then the coordinates of each landmark and its three classes of visibility.

    They are those of stage 1 of deep fashion alignment (Liu et al., ECCV 2016; liuziwei7/fashion-landmarks) without its
    pseudo-labels. The loss is summed as Caffe's layers do: over the landmarks of a garment, then the mean of the batch.
    Coordinates have half the squared distance, of landmarks that carry loss; visibility a cross-entropy, of all of the
    category's, `visibility_weight` times.
    """

    def __init__(
        self,
        in_features: int,
        hidden: int,
        dropout: float,
        channels: int,
        visibility_weight: float,
        decoder: dict[str, Any],
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg)
        self.visibility_weight = visibility_weight
        self.decoder = KEYPOINT_CODECS.build(decoder)
        self.hidden = nn.Sequential(
            *(nn.Linear(in_features, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
        )
        self.coordinates = nn.Linear(hidden, 2 * channels)
        self.visibility = nn.Linear(hidden, CLASSES * channels)

    def forward(self, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """(n, channels, 5): x and y over the crop's sides, 0 in its middle; three logits of visibility."""
        seen = self.hidden(features[-1].flatten(1))
        coordinates = self.coordinates(seen).unflatten(1, (-1, 2))
        return torch.cat([coordinates, self.visibility(seen).unflatten(1, (-1, CLASSES))], dim=-1)

    def read(self, outputs: torch.Tensor) -> torch.Tensor:
        """(n, channels, 3) of `forward`'s: x, y, and the probability that the landmark is visible or occluded."""
        there = 1 - outputs[..., 2:].softmax(-1)[..., ABSENT, None]
        return torch.cat([outputs[..., :2], there], dim=-1)

    def predict(self, feats: Any, batch_data_samples: Any, test_cfg: Any = None) -> Any:
        """mmpose's way to predict, without a flip test: an InstanceData a crop, in crop pixels."""
        return self.decode(self.read(self.forward(feats)).unsqueeze(1))

    def loss(self, feats: Any, batch_data_samples: Any, train_cfg: Any = None) -> dict[str, torch.Tensor]:
        """`loss_coordinates` and `loss_visibility`, of features and samples with CentredLabel's labels."""
        outputs = self.forward(feats).float()
        labels = [sample.gt_instance_labels for sample in batch_data_samples]
        places = torch.cat([label.keypoint_labels for label in labels])
        weights = torch.cat([label.keypoint_weights for label in labels])
        visibility = torch.cat([label.visibility for label in labels])
        distance = ((outputs[..., :2] - places).square().sum(-1) * weights).sum() / 2
        unsure = functional.cross_entropy(
            outputs[..., 2:].flatten(0, 1), visibility.flatten(), ignore_index=ANOTHERS, reduction="sum"
        )
        garments = len(outputs)
        return {
            "loss_coordinates": distance / garments,
            "loss_visibility": self.visibility_weight * unsure / garments,
        }


@KEYPOINT_CODECS.register_module()
class CentredLabel(BaseKeypointCodec):
    """Coordinates over the sides of a crop of `input_size` (width, height), from -0.5 to 0.5 of its edges.

    So those of a mirrored crop differ in the sign of x. A landmark out of the crop carries no loss, and is absent.
    """

    auxiliary_encode_keys: ClassVar = {"visibility"}
    label_mapping_table: ClassVar = {
        "keypoint_labels": "keypoint_labels",
        "keypoint_weights": "keypoint_weights",
        "visibility": "visibility",
    }

    def __init__(self, input_size: tuple[int, int]) -> None:
        super().__init__()
        self.size = np.array(input_size, dtype=np.float32)

    def encode(
        self, keypoints: np.ndarray, keypoints_visible: np.ndarray, visibility: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Labels (1, channels, 2), weights and classes (1, channels) of keypoints in crop pixels."""
        places = ((keypoints + 0.5) / self.size - 0.5).astype(np.float32)
        inside = (np.abs(places) <= 0.5).all(axis=-1)
        return {
            "keypoint_labels": places,
            "keypoint_weights": np.where(inside, keypoints_visible, 0).astype(np.float32),
            "visibility": np.where(inside, visibility, np.minimum(visibility, ABSENT)),
        }

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crop pixels (n, channels, 2) and scores (n, channels) of x, y and probability (n, channels, 3)."""
        return (encoded[..., :2] + 0.5) * self.size - 0.5, encoded[..., 2]
