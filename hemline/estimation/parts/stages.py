"""The head of networks that say their heatmaps several times, each time with a loss, in mmpose's registry."""

from typing import Any

import torch
from mmpose.models.heads import CPMHead
from mmpose.registry import MODELS


@MODELS.register_module()
class StagesHead(CPMHead):
    """mmpose's CPMHead with a loss that is only that, of targets `target_scale` high.

    mmpose's also computes PCK of each training batch on the CPU, which for this head cannot be turned off
    (`compute_acc` is HeatmapHead's), and tells the stages' losses as one.
    """

    def __init__(self, *args: Any, target_scale: float = 1.0, **options: Any) -> None:
        super().__init__(*args, **options)
        self.target_scale = target_scale

    def loss(
        self, feats: list[torch.Tensor], batch_data_samples: list[Any], train_cfg: Any = None
    ) -> dict[str, torch.Tensor]:
        """The loss of each stage, `loss_stage1` the first one's; what is minimised is their sum."""
        targets = torch.stack([sample.gt_fields.heatmaps for sample in batch_data_samples])
        weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in batch_data_samples])
        targets, weights = self.wanted(targets, weights)
        return {
            f"loss_stage{number}": self.loss_module(maps, targets * self.target_scale, weights)
            for number, maps in enumerate(self.maps(feats), start=1)
        }

    def wanted(self, targets: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of samples' `targets` (B, K, h, w) and `weights` (B, K), those of all maps that a stage gives."""
        return targets, weights

    def maps(self, feats: list[torch.Tensor]) -> list[torch.Tensor]:
        """All maps of each stage, up to `target_scale`; `forward` gives those that are landmarks'."""
        found: list[torch.Tensor] = super().forward(feats)
        return found

    def forward(self, feats: list[torch.Tensor]) -> list[torch.Tensor]:
        """The landmarks' heatmaps of each stage, (B, K, h, w), 1 where one surely is; the last are the answer."""
        return [maps / self.target_scale for maps in self.maps(feats)]
