"""The mmengine config that trains an estimator."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from hemline.estimation.channels import to_plain
from hemline.estimation.codecs import codec
from hemline.estimation.network import recipe
from hemline.params import EstimatorSettings, EstimatorTraining, NetworkSettings
from hemline.training import loader, quiet
from hemline.training.optimizing import cosine, drops
from hemline.wardrobe import Grouping

# What travels with a sample: enough to name it, to find its crop again, and to know how many landmarks it could have.
META_KEYS = (
    "id",
    "img_id",
    "img_path",
    "category_id",
    "landmark_count",
    "img_shape",
    "input_size",
    "input_center",
    "input_scale",
    "flip",
)


def training_config(
    settings: EstimatorSettings, grouping: Grouping, annotations: Path, images: Path
) -> Config:
    """The recipe with settings, grouping and data put in: what `hemline.training.fit` runs."""
    quiet()
    import hemline.estimation.dataset  # noqa: F401 (registers GarmentDataset)

    config = recipe(settings.network, grouping.size)
    training = settings.training
    config.optim_wrapper.optimizer = optimizer(training)
    config.param_scheduler = schedule(training)
    dataset = {
        "_scope_": "mmpose",
        "type": "GarmentDataset",
        **to_plain(grouping),
        "occluded": training.occluded,
        "ann_file": str(annotations),
        "data_prefix": {"img": str(images)},
        "pipeline": pipeline(settings.network, training),
    }
    config.train_dataloader = loader(dataset, training)
    config.channels_last = ""
    return config


def optimizer(training: EstimatorTraining) -> dict[str, Any]:
    """torch's optimiser; `fused` is the same update in one kernel."""
    kind = {"type": "SGD", "momentum": 0.9} if training.optimizer == "SGD" else {"type": "Adam"}
    return {**kind, "lr": training.lr, "weight_decay": training.weight_decay, "fused": True}


def schedule(training: EstimatorTraining) -> list[dict[str, Any]]:
    """The rate drops at each milestone; without milestones it falls to zero as a cosine, step by step.

    The cosine and the linear warm-up before it, if any, are ours: they get the most out of the few epochs of a small
    training.
    """
    warmup = {"type": "LinearLR", "start_factor": 0.05, "by_epoch": False, "end": training.warmup_steps}
    first = [warmup] if training.warmup_steps else []
    return [*first, *(drops(training) if training.milestones else [cosine(training.epochs)])]


def pipeline(network: NetworkSettings, training: EstimatorTraining) -> list[dict[str, Any]]:
    """mmpose's transforms from a picture and a box to a crop and its target heatmaps.

    The authors draw a Gaussian x factor, cut at twice the factor for rotation and once for scale; mmpose draws a
    Gaussian cut at 1 and multiplies by its factor. The nearest is twice the rotation factor, the same scale factor, and
    no shift (mmpose's defaults are far stronger). Authors' code: lib/dataset/JointsDataset.py.
    """
    augmentation = training.augmentation
    widen = {
        "boxes": [],
        "between": [{"type": "WidenBox", "least": 0.0}],
        "whole": [{"type": "WidenBox", "least": 1.0}],
    }[training.crops]
    crop = {
        "type": "RandomBBoxTransform",
        "shift_prob": 0.0,
        "scale_factor": (1 - augmentation.scale, 1 + augmentation.scale),
        "scale_prob": 1.0,
        "rotate_factor": 2 * augmentation.rotation,
        "rotate_prob": augmentation.probability,
    }
    flip = [{"type": "QuickRandomFlip", "direction": "horizontal", "prob": 0.5}] if augmentation.flip else []
    return [
        {"type": "LoadImage"},
        *widen,
        {"type": "GetBBoxCenterScale", "padding": network.box_padding},
        *flip,
        crop,
        {"type": "TopdownAffine", "input_size": tuple(network.input_size)},
        {"type": "GenerateTarget", "encoder": codec(network)},
        {"type": "PackPoseInputs", "meta_keys": META_KEYS},
    ]
