"""The network of a detector: mmdet's model with the settings' sizes."""

import contextlib
import io
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from torch import nn

from hemline.params import DetectorSettings, DetectSettings
from hemline.training import quiet

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "detection"

_BACKBONE_STRIDES = [4, 8, 16, 32]


def build_detector(
    settings: DetectorSettings, categories: int, test: DetectSettings | None = None
) -> nn.Module:
    """Build the network for so many categories, mask heads included, with random weights (nothing is downloaded)."""
    model = bare_detector(settings, categories, test)
    model.init_weights()
    return model


def bare_detector(
    settings: DetectorSettings, categories: int, test: DetectSettings | None = None
) -> nn.Module:
    """Build the network with its weights not yet initialised: it can also be built on the device "meta"."""
    config = detector_config(settings, categories, test)
    return import_module("mmdet.registry").MODELS.build(config.model)


def detector_config(
    settings: DetectorSettings, categories: int, test: DetectSettings | None = None
) -> Config:
    """mmdet's config of the detector, its `model` of so many categories and in the settings' sizes.

    Data and schedule are still mmdet's.
    """
    import_mmdet()
    config = Config.fromfile(CONFIGS / f"{settings.type}.py")
    model = config.model
    _size_backbone(model, settings)
    _size_proposals(model, settings)
    _size_heads(model.roi_head, settings, categories)
    _set_sampling(model, settings)
    _set_test(model.test_cfg, test or DetectSettings())
    if settings.type == "htc" and not settings.masks:
        _drop_masks(model)
    return config


@cache
def import_mmdet() -> None:
    """Import mmdet's models and datasets, and ours, silently: importing is what registers their names."""
    quiet()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for module in (
            "mmdet.models",
            "mmdet.datasets",
            "hemline.detection.dataset",
            "hemline.detection.exact",
        ):
            import_module(module)


def _size_backbone(model: ConfigDict, settings: DetectorSettings) -> None:
    backbone = settings.backbone
    pretrained = backbone.init is not None
    model.backbone.update(
        type=backbone.type,
        depth=backbone.depth,
        base_channels=backbone.base_channels,
        # From nothing, the batch statistics must be learnt as well; mmdet's files freeze ImageNet's.
        frozen_stages=1 if pretrained else -1,
        norm_eval=pretrained,
    )
    if backbone.type == "ResNeXt":
        model.backbone.update(groups=backbone.groups, base_width=backbone.base_width)
    model.neck.update(
        in_channels=backbone.channels,
        out_channels=settings.fpn_channels,
        start_level=_BACKBONE_STRIDES.index(settings.finest_stride),
        num_outs=len(_strides(settings)) + 1,
    )


def _strides(settings: DetectorSettings) -> list[int]:
    """The pyramid's levels that garments are pooled from; the RPN has one more, twice as coarse."""
    return [stride for stride in _BACKBONE_STRIDES if stride >= settings.finest_stride]


def _size_proposals(model: ConfigDict, settings: DetectorSettings) -> None:
    model.rpn_head.update(in_channels=settings.fpn_channels, feat_channels=settings.fpn_channels)
    strides = _strides(settings)
    model.rpn_head.anchor_generator.update(
        scales=[settings.anchor_scale], strides=[*strides, 2 * strides[-1]]
    )


def _size_heads(roi_head: ConfigDict, settings: DetectorSettings, categories: int) -> None:
    """Set classes and channels in each of the three stages' box heads and (HTC) mask heads."""
    channels = settings.fpn_channels
    _size_pooling(roi_head.bbox_roi_extractor, settings)
    for head in roi_head.bbox_head:
        head.update(in_channels=channels, fc_out_channels=settings.box_channels, num_classes=categories)
    if "mask_head" not in roi_head:
        return
    _size_pooling(roi_head.mask_roi_extractor, settings)
    roi_head.mask_roi_extractor.roi_layer.output_size = settings.mask_size // 2
    for head in roi_head.mask_head:
        # The mask heads' features are added to the next stage's input, hence as many channels.
        head.update(
            in_channels=channels,
            conv_out_channels=channels,
            num_convs=settings.mask_convs,
            num_classes=categories,
        )


def _size_pooling(extractor: ConfigDict, settings: DetectorSettings) -> None:
    extractor.update(
        out_channels=settings.fpn_channels,
        featmap_strides=_strides(settings),
        finest_scale=settings.finest_box,
    )
    extractor.roi_layer.sampling_ratio = settings.pool_samples


def _set_sampling(model: ConfigDict, settings: DetectorSettings) -> None:
    model.train_cfg.rpn.sampler.num = settings.rpn_samples
    model.train_cfg.rpn_proposal.update(nms_pre=settings.proposals, max_per_img=settings.proposals)
    for stage in model.train_cfg.rcnn:
        stage.sampler.num = settings.roi_samples
        if "mask_size" in stage:
            stage.mask_size = settings.mask_size


def _set_test(test_cfg: ConfigDict, test: DetectSettings) -> None:
    test_cfg.rpn.update(nms_pre=test.proposals, max_per_img=test.proposals)
    test_cfg.rcnn.update(score_thr=test.score_threshold, nms=nms(test), max_per_img=test.max_per_image)


def nms(test: DetectSettings) -> dict[str, Any]:
    """mmdet's words for the suppression of overlapping boxes of one category."""
    return {"type": "nms", "iou_threshold": test.nms_threshold}


def _drop_masks(model: ConfigDict) -> None:
    """HTC of boxes alone.

    With `interleaved` boxes are refined from stage to stage only beside a mask branch (mmdet's
    htc_roi_head.py): without one, stages two and three would train on the first one's proposals.
    """
    for key in ("mask_head", "mask_roi_extractor"):
        model.roi_head.pop(key)
    model.roi_head.interleaved = False
    model.data_preprocessor.pad_mask = False


def boxes_only(model: nn.Module) -> nn.Module:
    """Take the mask heads away: in tests only boxes are wanted.

    Pasting masks into pictures would be most of the time, and mmdet merges scales and flips for boxes alone.
    """
    if model.roi_head.with_mask:
        model.roi_head.mask_head = None
    return model
