"""Small networks of paper 003, and samples for them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from hemline.oneshot.kgdet.config import kgdet_model, reppoints_kp_model
from hemline.params.dense import KGDetSettings, RepPointsKpSettings

# Ten landmarks, the last two alone.
FLIP_INDEX = [1, 0, 3, 2, 5, 4, 7, 6, 8, 9]
CATEGORIES = 3

TRAINING = {
    "flip": 0.5,
    "optimizer": "SGD",
    "lr": 0.01,
    "weight_decay": 0.0,
    "warmup_steps": 0,
    "clip_gradient": None,
    "milestones": (),
    "epochs": 1,
    "batch_size": 1,
    "seed": 0,
}
_SHARED = {
    **TRAINING,
    "grouping": "independent",
    "backbone": {"type": "ResNet", "depth": 18, "base_channels": 8},
    "fpn_channels": 8,
    "levels": (3, 4),
    "head_width": 8,
    "head_convs": 2,
    "image_size": (64, 64),
    "point_scale": 4,
}


def kgdet_settings(stages: int = 3, informative: str = "encoding", **changes: Any) -> KGDetSettings:
    weights = tuple(0.5 + 0.1 * stage for stage in range(stages))
    losses = {
        "classification": weights,
        "box": tuple(2 * weight for weight in weights),
        "landmark": tuple(3 * weight for weight in weights),
        "visibility": tuple(4 * weight for weight in weights) if informative == "selection" else (),
    }
    own = {
        "type": "kgdet",
        "informative": informative,
        "points": (9, 25) if informative == "encoding" else (9,),
        "stages": stages,
        "positives": 5,
        "losses": losses,
        "flip_fusion": "none",
    }
    return KGDetSettings.model_validate({**_SHARED, **own, **changes})


def reppoints_kp_settings(connection: str, **changes: Any) -> RepPointsKpSettings:
    own = {
        "type": "reppoints-kp",
        "connection": connection,
        "points": 9,
        "positives": 1,
        "landmark_weight": 4.0,
    }
    return RepPointsKpSettings.model_validate({**_SHARED, **own, **changes})


def built(settings: KGDetSettings | RepPointsKpSettings, spread: float | None = None) -> torch.nn.Module:
    """A network, its head's weights drawn `spread` wide, so that points lie apart."""
    model = kgdet_model if settings.type == "kgdet" else reppoints_kp_model
    network = MODELS.build(model(settings, CATEGORIES, FLIP_INDEX))
    network.init_weights()
    for weights in network.bbox_head.parameters() if spread else ():
        torch.nn.init.normal_(weights, std=spread)
    return network


def sample(garments: int, seed: int, height: int = 64, width: int = 96) -> DetDataSample:
    """A picture with so many random garments, a third of their landmarks not labelled."""
    random = np.random.default_rng(seed)
    corner = random.random((garments, 2)) * 30
    boxes = np.concatenate([corner, corner + 10 + random.random((garments, 2)) * 40], axis=1)
    landmarks = random.random((garments, len(FLIP_INDEX), 3)) * 60
    landmarks[..., 2] = random.integers(0, 3, landmarks.shape[:2])
    one = DetDataSample(metainfo=meta(height, width))
    one.gt_instances = InstanceData(
        bboxes=torch.tensor(boxes).float().reshape(-1, 4),
        labels=torch.tensor(random.integers(0, CATEGORIES, garments)),
        landmarks=torch.tensor(landmarks).float().reshape(-1, len(FLIP_INDEX), 3),
    )
    return one


def meta(height: int, width: int) -> dict[str, Any]:
    shape: Sequence[int] = (height, width)
    names = ("img_shape", "ori_shape", "pad_shape", "batch_input_shape")
    return {**dict.fromkeys(names, shape), "scale_factor": (1.0, 1.0)}
