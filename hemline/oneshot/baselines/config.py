"""mmdet's configs of the baselines, with the settings' sizes. Nothing is downloaded."""

from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from hemline.oneshot.baselines import landmarks, reppoints
from hemline.oneshot.kgdet.pyramid import group_norm, preprocessor, pyramid
from hemline.params.dense import (
    FcosSettings,
    MaskRCNNSettings,
    RepPointsSettings,
    RetinaNetSettings,
)

__all__ = [  # importing the modules registers what is in them
    "fcos_model", "landmarks", "mask_rcnn_model", "reppoints", "reppoints_model", "retinanet_model",
]  # fmt: skip

BoxSettings = RetinaNetSettings | FcosSettings | RepPointsSettings

CONFIGS = Path(__file__).resolve().parents[3] / "configs" / "oneshot"

# RoIs are pooled from levels of up to this stride; coarser ones are for proposals alone (FPN: Lin et al., CVPR 2017,
# sec. 4.1).
COARSEST_POOLED = 32

# A box twice this many times a level's stride is pooled from the next one (FPN, eq. 1: 224 px from stride 16).
POOLED_BOX = 14

FARTHEST = 1e8


def retinanet_model(settings: RetinaNetSettings, categories: int) -> ConfigDict:
    """mmdet's RetinaNet for `categories` categories."""
    model = _dense(settings, categories, norm=None, extra="on_input")
    model.bbox_head.anchor_generator.update(
        octave_base_scale=settings.anchor_scale, strides=list(settings.strides)
    )
    return model


def fcos_model(settings: FcosSettings, categories: int) -> ConfigDict:
    """mmdet's FCOS for `categories` categories.

    A level's range ends at `settings.reach` times its stride (FCOS, sec. 3.2), the last one's nowhere.
    """
    model = _dense(settings, categories, norm=None, extra="on_output")
    ends = [settings.reach * stride for stride in settings.strides[:-1]]
    model.bbox_head.update(
        strides=list(settings.strides),
        regress_ranges=list(zip([-1, *ends], [*ends, FARTHEST], strict=True)),
        norm_cfg=group_norm(settings.head_width),
    )
    return model


def reppoints_model(settings: RepPointsSettings, categories: int) -> ConfigDict:
    """mmdet's RepPoints for `categories` categories."""
    model = _dense(settings, categories, norm=group_norm(settings.fpn_channels), extra="on_input")
    model.bbox_head.update(
        point_feat_channels=settings.head_width,
        num_points=settings.points,
        point_strides=list(settings.strides),
        point_base_scale=settings.point_scale,
        norm_cfg=group_norm(settings.head_width),
    )
    model.train_cfg.init.assigner.update(scale=settings.point_scale, pos_num=settings.positives)
    return model


def mask_rcnn_model(settings: MaskRCNNSettings, categories: int, channels: int) -> ConfigDict:
    """mmdet's Mask R-CNN for `categories` categories, with a head of `channels` landmarks.

    With a `mask_weight` of 0 it has no mask head.
    """
    model = _model(settings, norm=None, extra="pool", pad_mask=settings.mask_weight > 0)
    _size_proposals(model, settings)
    _size_boxes(model.roi_head, settings, categories)
    _size_masks(model.roi_head, settings, categories)
    _size_landmarks(model.roi_head, settings, channels)
    model.train_cfg.rcnn.sampler.num = settings.roi_samples
    model.train_cfg.rcnn.mask_size = settings.mask_size
    return model


def _model(
    settings: BoxSettings | MaskRCNNSettings, norm: dict[str, Any] | None, extra: str, **options: Any
) -> ConfigDict:
    """The file's model with the settings' backbone and pyramid."""
    model = Config.fromfile(CONFIGS / f"{settings.type}.py").model
    inputs = {"_scope_": "mmdet", **preprocessor(**options)}
    for key, part in {"data_preprocessor": inputs, **pyramid(settings, norm, extra)}.items():
        model[key] = ConfigDict(part)
    model["_scope_"] = "mmdet"
    return model


def _dense(settings: BoxSettings, categories: int, norm: dict[str, Any] | None, extra: str) -> ConfigDict:
    """The same, the two towers of its head sized."""
    model = _model(settings, norm, extra)
    model.bbox_head.update(
        num_classes=categories,
        in_channels=settings.fpn_channels,
        feat_channels=settings.head_width,
        stacked_convs=settings.head_convs,
    )
    return model


def _size_proposals(model: ConfigDict, settings: MaskRCNNSettings) -> None:
    model.rpn_head.update(
        in_channels=settings.fpn_channels,
        feat_channels=settings.head_width,
        num_convs=settings.head_convs,
    )
    model.rpn_head.anchor_generator.update(scales=[settings.anchor_scale], strides=list(settings.strides))
    model.train_cfg.rpn.sampler.num = settings.rpn_samples
    for stage in (model.train_cfg.rpn_proposal, model.test_cfg.rpn):
        stage.update(nms_pre=settings.proposals, max_per_img=settings.proposals)


def _size_boxes(roi_head: ConfigDict, settings: MaskRCNNSettings, categories: int) -> None:
    _size_pooling(roi_head.bbox_roi_extractor, settings, size=7)
    roi_head.bbox_head.update(
        in_channels=settings.fpn_channels, fc_out_channels=settings.box_channels, num_classes=categories
    )


def _size_masks(roi_head: ConfigDict, settings: MaskRCNNSettings, categories: int) -> None:
    if not settings.mask_weight:
        del roi_head["mask_roi_extractor"], roi_head["mask_head"]
        return
    _size_pooling(roi_head.mask_roi_extractor, settings, size=settings.mask_size // 2)
    roi_head.mask_head.update(
        num_convs=settings.mask_convs,
        in_channels=settings.fpn_channels,
        conv_out_channels=settings.fpn_channels,
        num_classes=categories,
    )
    roi_head.mask_head.loss_mask.loss_weight = settings.mask_weight


def _size_landmarks(roi_head: ConfigDict, settings: MaskRCNNSettings, channels: int) -> None:
    _size_pooling(roi_head.landmark_roi_extractor, settings, size=settings.heatmap_size // 4)
    roi_head.landmark_head.update(
        in_channels=settings.fpn_channels,
        layers=settings.landmark_convs,
        width=settings.landmark_channels,
        landmarks=channels,
        weight=settings.landmark_weight,
    )


def _size_pooling(extractor: ConfigDict, settings: MaskRCNNSettings, size: int) -> None:
    strides = [stride for stride in settings.strides if stride <= COARSEST_POOLED]
    extractor.update(
        out_channels=settings.fpn_channels, featmap_strides=strides, finest_scale=POOLED_BOX * strides[0]
    )
    extractor.roi_layer.output_size = size
