"""Whole models of paper 003's networks with landmarks, for mmdet's registry."""

from collections.abc import Sequence
from typing import Any

from hemline.errors import HemlineError
from hemline.oneshot.kgdet.detector import LandmarkDetector
from hemline.oneshot.kgdet.head import KGDetHead
from hemline.oneshot.kgdet.pyramid import group_norm, preprocessor, pyramid
from hemline.oneshot.kgdet.reppoints import RepPointsKpHead
from hemline.params.dense import DenseSettings, KGDetSettings, RepPointsKpSettings

# What garments remain (KGDet's configs).
TEST = {"nms_pre": 1000, "score_thr": 0.05, "nms": {"type": "nms", "iou_threshold": 0.5}, "max_per_img": 100}


def kgdet_model(settings: KGDetSettings, categories: int, flip_index: Sequence[int]) -> dict[str, Any]:
    """mmdet's config of KGDet for `categories` and as many landmarks as `flip_index` (K,), their partners, has.

    HemlineError where informative points are to be selected of fewer landmarks.
    """
    if settings.informative == "selection" and settings.points[0] > len(flip_index):
        raise HemlineError(
            f"points {list(settings.points)}: {len(flip_index)} landmarks are too few to select of; choose encoding"
        )
    head = {
        "type": KGDetHead.__name__,
        "informative": settings.informative,
        "points": settings.points,
        "stages": settings.stages,
        "losses": settings.losses.model_dump(),
        "point_scale": settings.point_scale,
        "positives": settings.positives,
    }
    return _model(settings, head, categories, flip_index, settings.flip_fusion)


def reppoints_kp_model(
    settings: RepPointsKpSettings, categories: int, flip_index: Sequence[int]
) -> dict[str, Any]:
    """mmdet's config of RepPoints-Kp for `categories` and as many landmarks as `flip_index` (K,) has."""
    head = {
        "type": RepPointsKpHead.__name__,
        "connection": settings.connection,
        "points": settings.points,
        "landmark_weight": settings.landmark_weight,
        "point_scale": settings.point_scale,
        "positives": settings.positives,
    }
    return _model(settings, head, categories, flip_index)


def _model(
    settings: DenseSettings,
    head: dict[str, Any],
    categories: int,
    flip_index: Sequence[int],
    flip_fusion: str = "none",
) -> dict[str, Any]:
    return {
        "_scope_": "mmdet",
        "type": LandmarkDetector.__name__,
        "data_preprocessor": preprocessor(),
        **pyramid(settings, group_norm(settings.fpn_channels), "on_input"),
        "bbox_head": {
            **head,
            "categories": categories,
            "landmarks": len(flip_index),
            "in_channels": settings.fpn_channels,
            "width": settings.head_width,
            "convs": settings.head_convs,
            "strides": settings.strides,
        },
        "flip_index": list(flip_index),
        "flip_fusion": flip_fusion,
        "test_cfg": TEST,
    }
