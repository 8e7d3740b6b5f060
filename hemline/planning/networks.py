"""The networks of a params set, built without weights and run without numbers (torch's device "meta")."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from hemline.detection.network import bare_detector
from hemline.estimation import build_estimator
from hemline.oneshot.network import bare_oneshot
from hemline.params import (
    DeepMarkSettings,
    DetectorSettings,
    DetectSettings,
    FindSection,
    HRNetSettings,
    MaskRCNNSettings,
    NetworkSettings,
    OneShotSettings,
    Params,
)
from hemline.wardrobe import grouping, wardrobe

META = torch.device("meta")
EXPERT = "-expert"  # how the names of experts end that a network of `networks` is finetuned to


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
    """A landmark estimator; an expert has the network that it starts from. `grouping` names what its channels are."""

    grouping: str = ""
    settings: NetworkSettings | None = None

    def build(self) -> nn.Module:
        """mmpose's estimator."""
        assert self.settings is not None
        return build_estimator(self.settings, self.channels)

    def predict(self, model: nn.Module) -> list[torch.Tensor]:
        """What landmarks are read from: the last of the outputs."""
        outputs = model(self._crop(), None, mode="tensor")
        return [outputs[-1] if isinstance(outputs, list | tuple) else outputs]

    def train(self, model: nn.Module) -> list[torch.Tensor]:
        """All that carries loss: the `maps` of a head that has them, such as those of every stage."""
        outputs = getattr(model.head, "maps", model.head)(model.extract_feat(self._crop()))
        return [one for one in tree_leaves(outputs) if isinstance(one, torch.Tensor)]

    def _crop(self) -> torch.Tensor:
        width, height = self.input_size
        return torch.empty(1, 3, height, width, device=META)


class HRNetNetwork(EstimatorNetwork):
    """An HRNet with a heatmap head.

    Its authors divide by 2^30 (`get_model_summary` in their lib/utils/utils.py): their 32.9 GFLOPs of HRNet-w48 at
    288x384 are 35.3 x 10^9.
    """

    GIGA: ClassVar[int] = 2**30


class RegionNetwork(Network):
    """A network with heads that see boxes.

    Suppressing proposals and pooling features need numbers, which META has not: the heads get features of as many
    boxes as the settings let through at most.
    """

    def _levels(self, model: nn.Module) -> tuple[torch.Tensor, ...]:
        """The pyramid of a picture."""
        width, height = _padded(self.input_size, model.data_preprocessor.pad_size_divisor)
        return model.extract_feat(torch.empty(1, 3, height, width, device=META))

    def _pooled(self, extractor: Any, boxes: int) -> torch.Tensor:
        """(boxes, features, height, width): what RoIAlign makes of boxes; gradients go through it."""
        height, width = extractor.roi_layers[0].output_size
        shape = (boxes, extractor.out_channels, height, width)
        return torch.empty(shape, device=META, requires_grad=torch.is_grad_enabled())


@dataclass(frozen=True)
class DetectorNetwork(RegionNetwork):
    """Cascade R-CNN or HTC."""

    settings: DetectorSettings | None = None
    test: DetectSettings | None = None

    def build(self) -> nn.Module:
        """mmdet's detector."""
        assert self.settings is not None
        return bare_detector(self.settings, self.channels, self.test)

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
        levels = self._levels(model)
        found = [one for outputs in model.rpn_head(levels) for one in outputs]
        for extractor, head in zip(model.roi_head.bbox_roi_extractor, model.roi_head.bbox_head, strict=True):
            found += head(self._pooled(extractor, boxes))
        return found

    def _garments(self, model: nn.Module) -> list[int]:
        """For each stage with a mask head, the boxes of a picture that are garments at most."""
        if not model.roi_head.with_mask:
            return []
        return [int(stage.sampler.num * stage.sampler.pos_fraction) for stage in model.train_cfg.rcnn]


@dataclass(frozen=True)
class OneShotNetwork(Network):
    """A network that finds garments, and landmarks if it has any, in one pass over a picture."""

    settings: OneShotSettings | None = None
    wardrobe: str = "deepfashion2"
    find: FindSection | None = None

    def build(self) -> nn.Module:
        """An mmdet model."""
        assert self.settings is not None
        return bare_oneshot(self.settings, wardrobe(self.wardrobe))


class DeepMarkNetwork(OneShotNetwork):
    """DeepMark: maps of a quarter of the input's size."""

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


class DenseNetwork(OneShotNetwork):
    """KGDet, RepPoints with and without landmarks, RetinaNet, FCOS: maps of every level of a pyramid."""

    def predict(self, model: nn.Module) -> list[torch.Tensor]:
        """All maps of all levels: mmdet's `mode="tensor"`."""
        width, height = _padded(self.input_size, model.data_preprocessor.pad_size_divisor)
        outputs = model(torch.empty(1, 3, height, width, device=META), mode="tensor")
        return [one for one in tree_leaves(outputs) if isinstance(one, torch.Tensor)]

    def train(self, model: nn.Module) -> list[torch.Tensor]:
        """The same."""
        return self.predict(model)


class MaskRCNNNetwork(OneShotNetwork, RegionNetwork):
    """Mask R-CNN with a landmark head."""

    def predict(self, model: nn.Module) -> list[torch.Tensor]:
        """Boxes of all proposals, landmarks of those that are kept at most; no masks."""
        assert isinstance(self.settings, MaskRCNNSettings) and self.find is not None
        return [
            *self._boxes(model, self.settings.proposals),
            self._landmarks(model, self.find.dense.max_per_image),
        ]

    def train(self, model: nn.Module) -> list[torch.Tensor]:
        """A picture of a training step: `roi_samples` boxes; landmarks and masks of those that are garments at most."""
        assert isinstance(self.settings, MaskRCNNSettings)
        head, sampler = model.roi_head, model.train_cfg.rcnn.sampler
        garments = int(sampler.num * sampler.pos_fraction)
        found = [*self._boxes(model, self.settings.roi_samples), self._landmarks(model, garments)]
        if head.with_mask:
            found.append(head.mask_head(self._pooled(head.mask_roi_extractor, garments)))
        return found

    def _boxes(self, model: nn.Module, boxes: int) -> list[torch.Tensor]:
        head = model.roi_head
        found = [one for outputs in model.rpn_head(self._levels(model)) for one in outputs]
        return [*found, *head.bbox_head(self._pooled(head.bbox_roi_extractor, boxes))]

    def _landmarks(self, model: nn.Module, boxes: int) -> torch.Tensor:
        head = model.roi_head
        heatmaps: torch.Tensor = head.landmark_head(self._pooled(head.landmark_roi_extractor, boxes))
        return heatmaps


def _padded(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    """(width, height) filled up to multiples of `divisor`, as mmdet does with a batch."""
    width, height = (-(-side // divisor) * divisor for side in size)
    return width, height


def networks_of(params: Params) -> Iterator[Network]:
    """Every network that the set trains, a network's experts once: they have its shape."""
    for detector in params.detector.trained:
        settings, test = getattr(params.detector, detector), getattr(params.detect, detector)
        yield DetectorNetwork(
            name=detector, stage=f"train_detector@{detector}", params_set=params.params_set,
            input_size=settings.image_size, channels=len(params.wardrobe.categories), settings=settings, test=test,
        )  # fmt: skip
    for name in params.estimator.trained:
        yield _estimator(params, name, f"train_estimator@{name}", name, params.estimator.network)
    experts = len(params.finetune.categories) * len(params.finetune.variants)
    if experts:
        yield _estimator(params, "expert", "finetune", "aggregated", params.estimator.network, experts)
    yield from _compared(params)
    for stage, names in (
        ("train_oneshot", params.oneshot.trained),
        ("finetune_oneshot", params.oneshot.finetuned),
    ):
        yield from (_oneshot(params, name, f"{stage}@{name}") for name in names)


def _compared(params: Params) -> Iterator[EstimatorNetwork]:
    """The networks of `networks`, then their experts."""
    section = params.networks
    for name, one in section.trained.items():
        yield _estimator(params, name, f"train_network@{name}", one.grouping, one.network)
    for name in section.finetuned:
        network, copies = section.trained[name].network, len(section.categories)
        yield _estimator(params, f"{name}{EXPERT}", "finetune_network", "aggregated", network, copies)


def _estimator(
    params: Params, name: str, stage: str, groups: str, network: NetworkSettings, copies: int = 1
) -> EstimatorNetwork:
    kind = HRNetNetwork if isinstance(network, HRNetSettings) else EstimatorNetwork
    return kind(
        name=name, stage=stage, params_set=params.params_set, input_size=network.input_size,
        channels=grouping(params.wardrobe, groups).size, copies=copies, grouping=groups, settings=network,
    )  # fmt: skip


def _oneshot(params: Params, name: str, stage: str) -> OneShotNetwork:
    settings, own = params.oneshot.settings(name), params.wardrobe
    kinds = {DeepMarkSettings: DeepMarkNetwork, MaskRCNNSettings: MaskRCNNNetwork}
    channels = grouping(own, settings.grouping).size if settings.grouping else len(own.categories)
    return kinds.get(type(settings), DenseNetwork)(
        name=name, stage=stage, params_set=params.params_set, input_size=settings.image_size,
        channels=channels, settings=settings, wardrobe=own.name, find=params.oneshot.find,
    )  # fmt: skip
