"""The six heads of DeepMark (paper 001 sec. 3) on CenterNet's feature maps, and their losses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from hemline.oneshot.deepmark.decoding import Maps
from hemline.oneshot.deepmark.losses import focal_loss, l1_loss
from hemline.oneshot.deepmark.targets import Heatmaps, Targets, make_targets
from hemline.wardrobe import Grouping
from hemline.wardrobe import grouping as grouping_of
from hemline.wardrobe import wardrobe as wardrobe_of

# The bias of heatmaps at the start, a score of 0.1: garments are rare (RetinaNet, sec. 4.1, with CenterNet's number).
HEATMAP_BIAS = -2.19


@MODELS.register_module()
class DeepMarkHead(BaseModule):
    """Maps of garments and their landmarks, for detectors of mmdet.

    `stacks` feature maps (B, features, h, w) come in; each has heads of its own: a 3x3 convolution to `head_width`
    channels, ReLU, a 1x1 convolution. For K channels of a `wardrobe`'s `grouping` the heads are `centre` (a channel a
    category), `size` and `offset` (2 each), `coarse` (2K: x, y of channel 0, x, y of channel 1...), `heatmap` (K) and
    `landmark_offset` (2). `losses` weighs each. `negatives`: `all`, or `own` for the landmark heatmaps of a picture's
    own categories alone.
    """

    def __init__(
        self,
        features: int,
        head_width: int,
        stacks: int,
        wardrobe: str,
        grouping: str,
        losses: dict[str, float],
        negatives: str,
        train_cfg: None = None,  # mmdet's detectors hand theirs on
        test_cfg: None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.own = _own_channels(grouping_of(wardrobe_of(wardrobe), grouping))
        self.losses, self.negatives = losses, negatives
        categories, channels = self.own.shape
        outputs = {"centre": categories, "size": 2, "offset": 2}
        outputs |= {"coarse": 2 * channels, "heatmap": channels, "landmark_offset": 2}
        self.branches = nn.ModuleDict(
            {
                name: nn.ModuleList(_branch(features, head_width, count) for _ in range(stacks))
                for name, count in outputs.items()
            }
        )

    def init_weights(self) -> None:
        """PyTorch's weights, no biases but those of the heatmaps (CenterNet, models/networks/pose_dla_dcn.py)."""
        super().init_weights()
        for name, stacks in self.branches.items():
            for first, _, last in stacks:
                for layer in (first, last):
                    layer.reset_parameters()
                    nn.init.zeros_(layer.bias)
                if name in ("centre", "heatmap"):
                    nn.init.constant_(last.bias, HEATMAP_BIAS)

    def maps(self, feature: Tensor) -> Maps:
        """What the last stack says of its feature map (B, features, h, w), in float32."""
        raw = {name: stacks[-1](feature).float() for name, stacks in self.branches.items()}
        return Maps(**{**raw, "centre": raw["centre"].sigmoid(), "heatmap": raw["heatmap"].sigmoid()})

    def loss(self, features: Sequence[Tensor], batch_data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """`loss_centre`, `loss_size`...: each weighted, the mean over the stacks; for samples see `make_targets`."""
        targets = make_targets(batch_data_samples, tuple(features[0].shape[2:]))
        stacks = [self._losses(stack, feature, targets) for stack, feature in enumerate(features)]
        return {
            f"loss_{name}": self.losses[name] * torch.stack([one[name] for one in stacks]).mean()
            for name in self.branches
        }

    def heatmap_loss(self, stack: int, hidden: Tensor, targets: Targets) -> Tensor:
        """The focal loss of the landmark heatmaps that a stack's last layer makes of `hidden` (B, head_width, h, w).

        With negatives `own` it makes a picture's own channels alone.
        """
        last = self.branches["heatmap"][stack][-1]
        if self.negatives == "all":
            return focal_loss(last(hidden), targets.heatmap)
        own = self._channels_of(targets.label_of, len(hidden))
        logits = _only(last, hidden, own).unflatten(1, hidden.shape[2:])
        return focal_loss(logits[None], _renumbered(targets.heatmap, own))

    def _losses(self, stack: int, feature: Tensor, targets: Targets) -> dict[str, Tensor]:
        boxed, seen = targets.boxed[:, None], targets.seen[..., None]
        coarse = self._at("coarse", stack, feature, targets.centres).unflatten(1, (-1, 2))
        offset = self._at("landmark_offset", stack, feature, targets.landmarks)
        return {
            "centre": focal_loss(self.branches["centre"][stack](feature), targets.centre),
            "size": l1_loss(self._at("size", stack, feature, targets.centres), targets.size, boxed),
            "offset": l1_loss(self._at("offset", stack, feature, targets.centres), targets.offset, boxed),
            "coarse": l1_loss(coarse, targets.coarse, seen),
            "heatmap": self.heatmap_loss(stack, self._hidden("heatmap", stack, feature), targets),
            "landmark_offset": l1_loss(offset, targets.landmark_offset, torch.ones_like(offset).bool()),
        }

    def _at(self, name: str, stack: int, feature: Tensor, cells: Tensor) -> Tensor:
        """A head's output (n, channels) at `cells` (n, 3) picture, row, column; its last layer sees these alone."""
        picture, row, column = cells.unbind(dim=1)
        hidden = self._hidden(name, stack, feature)[picture, :, row, column]
        last = self.branches[name][stack][-1]
        return functional.linear(hidden, last.weight.flatten(1), last.bias)

    def _hidden(self, name: str, stack: int, feature: Tensor) -> Tensor:
        return self.branches[name][stack][:-1](feature)

    def _channels_of(self, label_of: Tensor, pictures: int) -> Tensor:
        """(pictures, K) bool: the channels of the categories that each picture has."""
        has = torch.zeros(pictures, len(self.own), dtype=torch.bool, device=label_of.device)
        has[label_of[:, 0], label_of[:, 1]] = True
        return (has[:, :, None] & self.own.to(has.device)).any(dim=1)


def _branch(features: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(features, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, outputs, 1)
    )


def _only(last: nn.Conv2d, hidden: Tensor, own: Tensor) -> Tensor:
    """A 1x1 layer's output (n, h * w) for the n channels that `own` (B, K) has, picture after picture.

    It makes as many for each picture as the one with the most has, and then leaves those too many out: picture by
    picture, the gradient of `hidden` would need twice the memory.
    """
    counts = own.sum(dim=1)
    channels = own.int().argsort(dim=1, descending=True, stable=True)[:, : counts.max()]
    real = torch.arange(channels.shape[1], device=own.device) < counts[:, None]
    weight, bias = last.weight.flatten(1)[channels], last.bias[channels][..., None]
    return torch.baddbmm(bias, weight, hidden.flatten(2))[real]


def _own_channels(grouping: Grouping) -> Tensor:
    """(categories, K) bool: each category's channels."""
    masks = [grouping.category_mask(entry.id) for entry in grouping.wardrobe.categories]
    return torch.from_numpy(np.stack(masks))


def _renumbered(heatmaps: Heatmaps, own: Tensor) -> Heatmaps:
    """The same for one picture whose channels are those that `own` (B, K) has, picture after picture."""
    number = own.flatten().cumsum(0).view_as(own) - 1
    channel = number[heatmaps.index[:, 0], heatmaps.index[:, 1]]
    return Heatmaps(heatmaps.values, torch.stack([torch.zeros_like(channel), channel], dim=1))
