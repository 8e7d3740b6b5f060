"""The networks of a params set, built without weights and run without numbers (torch's device "meta")."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import nn

from hemline.detection.network import bare_detector
from hemline.estimation import build_estimator
from hemline.oneshot.network import bare_oneshot
from hemline.params import (
    DetectorSettings,
    DetectSettings,
    FindSettings,
    NetworkSettings,
    OneShotSettings,
    Params,
)
from hemline.wardrobe import CATEGORIES, grouping

META = torch.device("meta")


@dataclass(frozen=True)
class Network(ABC):
    """A network of a params set.

    `stage` trains it, as in dvc.yaml; `input_size` is (width, height), pixels; `channels` are the heatmaps of
    landmarks, or the categories of a detector; `copies` networks of this shape are trained by the stage's items. `GIGA`
    is what the published figures of such networks are counted in: mmdet's in 10^9.
    """

    GIGA: ClassVar[int] = 10**9

    name: str
    stage: str
    params_set: str
    input_size: tuple[int, int]
    channels: int
    copies: int = 1

    @abstractmethod
    def build(self) -> nn.Module:
        """The network, its weights not initialised, on the default device."""

    @abstractmethod
    def predict(self, model: nn.Module) -> list[torch.Tensor]:
        """One picture or crop through `model`, which is on META."""

    @abstractmethod
    def train(self, model: nn.Module) -> list[torch.Tensor]:
        """One sample through `model` as a training step has it, without the loss."""

    def shape(self) -> "Network":
        """The same network whatever its name: experts and the aggregated estimator are one."""
        return replace(self, name="", stage="", params_set="", copies=1)

    def on_meta(self) -> nn.Module:
        """The network on META: shapes without numbers."""
        with META:
            return self.build()


@dataclass(frozen=True)
class EstimatorNetwork(Network):
    """An HRNet with a heatmap head; an expert has the aggregated estimator's.

    HRNet's authors divide by 2^30 (`get_model_summary` in their lib/utils/utils.py): their 32.9 GFLOPs of HRNet-w48 at
    288x384 are 35.3 x 10^9.
    """

    GIGA: ClassVar[int] = 2**30

    settings: NetworkSettings | None = None

    def build(self) -> nn.Module:
        """mmpose's estimator."""
        assert self.settings is not None
        return build_estimator(self.settings, self.channels)

    def predict(self, model: nn.Module) -> list[torch.Tensor]:
        """Heatmaps (1, channels, height / 4, width / 4)."""
        width, height = self.input_size
        return [model.head(model.backbone(torch.empty(1, 3, height, width, device=META)))]

    def train(self, model: nn.Module) -> list[torch.Tensor]:
        """The same."""
        return self.predict(model)


@dataclass(frozen=True)
class DetectorNetwork(Network):
    """Cascade R-CNN or HTC.

    Suppressing proposals and pooling features need numbers, which META has not: the heads get features of as many
    boxes as the settings let through at most.
    """

    settings: DetectorSettings | None = None
    test: DetectSettings | None = None

    def build(self) -> nn.Module:
        """mmdet's detector."""
        assert self.settings is not None
        return bare_detector(self.settings, self.test)

    def predict(self, model: nn.Module) -> list[torch.Tensor]:
        """A whole prediction, masks included: mask heads see the boxes that are kept, each head once.

        Hemline's own predictions leave the mask heads out (`boxes_only`); published counts have them.
        """
        assert self.test is not None
        found = self._boxes(model, self.test.proposals)
        if model.roi_head.with_mask:
            features, last = (
                self._pooled(model.roi_head.mask_roi_extractor[-1], self.test.max_per_image),
                None,
            )
            for head in model.roi_head.mask_head:
                mask, last = head(features, last)
                found.append(mask)
        return found

    def train(self, model: nn.Module) -> list[torch.Tensor]:
        """A picture of a training step: `roi_samples` boxes, masks of those that are garments at most.

        A mask head's features go to the next one, so that the heads before it run again for each
        (mmdet's HybridTaskCascadeRoIHead._mask_forward).
        """
        assert self.settings is not None
        found = self._boxes(model, self.settings.roi_samples)
        for stage, garments in enumerate(self._garments(model)):
            extractor, heads = model.roi_head.mask_roi_extractor[stage], model.roi_head.mask_head
            features, last = self._pooled(extractor, garments), None
            for head in heads[:stage]:
                last = head(features, last, return_logits=False)
            found.append(heads[stage](features, last, return_feat=False))
        return found

    def _boxes(self, model: nn.Module, boxes: int) -> list[torch.Tensor]:
        """Backbone, pyramid and RPN of a picture, and the three box heads of `boxes` boxes."""
        width, height = _padded(self.input_size, model.data_preprocessor.pad_size_divisor)
        levels = model.neck(model.backbone(torch.empty(1, 3, height, width, device=META)))
        found = [one for outputs in model.rpn_head(levels) for one in outputs]
        for extractor, head in zip(model.roi_head.bbox_roi_extractor, model.roi_head.bbox_head, strict=True):
            found += head(self._pooled(extractor, boxes))
        return found

    def _garments(self, model: nn.Module) -> list[int]:
        """For each stage with a mask head, the boxes of a picture that are garments at most."""
        if not model.roi_head.with_mask:
            return []
        return [int(stage.sampler.num * stage.sampler.pos_fraction) for stage in model.train_cfg.rcnn]

    def _pooled(self, extractor: Any, boxes: int) -> torch.Tensor:
        """(boxes, features, height, width): what RoIAlign makes of boxes; gradients go through it."""
        height, width = extractor.roi_layers[0].output_size
        shape = (boxes, extractor.out_channels, height, width)
        return torch.empty(shape, device=META, requires_grad=torch.is_grad_enabled())


@dataclass(frozen=True)
class OneShotNetwork(Network):
    """DeepMark: one pass over a picture gives garments and landmarks."""

    settings: OneShotSettings | None = None
    find: FindSettings | None = None

    def build(self) -> nn.Module:
        """DeepMark, as an mmdet model."""
        assert self.settings is not None
        return bare_oneshot(self.settings)

    def predict(self, model: nn.Module) -> list[torch.Tensor]:
        """The six maps of the last stack, each (1, its channels, height / 4, width / 4)."""
        features = self._features(model)[-1]
        return [branch[-1](features) for branch in model.bbox_head.branches.values()]

    def train(self, model: nn.Module) -> list[torch.Tensor]:
        """Those of all stacks: each has a loss."""
        features = self._features(model)
        return [
            layers(one)
            for branch in model.bbox_head.branches.values()
            for layers, one in zip(branch, features, strict=True)
        ]

    def _features(self, model: nn.Module) -> tuple[torch.Tensor, ...]:
        width, height = self.input_size
        return model.backbone(torch.empty(1, 3, height, width, device=META))


def _padded(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    """(width, height) filled up to multiples of `divisor`, as mmdet does with a batch."""
    width, height = (-(-side // divisor) * divisor for side in size)
    return width, height


def networks_of(params: Params) -> Iterator[Network]:
    """Every network that the set trains, experts once: they have the aggregated estimator's shape."""
    for detector in params.detector.trained:
        settings, test = getattr(params.detector, detector), getattr(params.detect, detector)
        yield DetectorNetwork(
            name=detector, stage=f"train_detector@{detector}", params_set=params.params_set,
            input_size=settings.image_size, channels=len(CATEGORIES), settings=settings, test=test,
        )  # fmt: skip
    for name in params.estimator.trained:
        yield _estimator(params, name, f"train_estimator@{name}", name)
    experts = len(params.finetune.categories) * len(params.finetune.variants)
    if experts:
        yield _estimator(params, "expert", "finetune", "aggregated", experts)
    for stage, names in (
        ("train_oneshot", params.oneshot.trained),
        ("finetune_oneshot", params.oneshot.finetuned),
    ):
        yield from (_oneshot(params, name, f"{stage}@{name}") for name in names)


def _estimator(params: Params, name: str, stage: str, channels: str, copies: int = 1) -> EstimatorNetwork:
    network = params.estimator.network
    return EstimatorNetwork(
        name=name, stage=stage, params_set=params.params_set, input_size=network.input_size,
        channels=grouping(channels).size, copies=copies, settings=network,
    )  # fmt: skip


def _oneshot(params: Params, name: str, stage: str) -> OneShotNetwork:
    settings = params.oneshot.settings(name)
    return OneShotNetwork(
        name=name, stage=stage, params_set=params.params_set, input_size=settings.image_size,
        channels=grouping(settings.grouping).size, settings=settings, find=params.oneshot.find,
    )  # fmt: skip
