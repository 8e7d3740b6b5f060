"""What tests of networks of several stages share."""

import json

import numpy as np
import torch

from hemline.estimation import train_estimator
from hemline.params import CPMSettings, EstimatorSettings, FPMSettings, StackedHourglassSettings
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.wardrobes import (
    DEEPFASHION2,
    batch_of,
    landmarks,
    settings,
    training_set,
    write_dataset,
)

AGGREGATED = grouping(DEEPFASHION2, "aggregated")
GROUPINGS = [grouping(wardrobe("fashionai"), "aggregated"), AGGREGATED, grouping(DEEPFASHION2, "independent")]
BOX = (30.0, 40.0, 80.0, 110.0)

CROP = {"sigma": 1.0, "unbiased": False, "box_padding": 1.25}
SMALL = {"stages": 3, "features": 8, "middle": 6, "width": 16, "input_size": (64, 96), **CROP}
CPM = CPMSettings(type="cpm", target_scale=1.0, **SMALL)
FPM = FPMSettings(type="fpm", shared_from=2, normalised=False, **SMALL)
HOURGLASS = StackedHourglassSettings(
    type="hourglass", stacks=2, stem=8, channels=(12, 12, 16), blocks=(1, 1, 1), features=10, target_scale=1.0,
    input_size=(64, 96), **CROP,
)  # fmt: skip


def skirts(labelled: int = 5) -> list:
    """Two skirts; of the second one only the first `labelled` landmarks."""
    made = [(number, 9, BOX, landmarks(9, BOX, number)) for number in (1, 2)]
    made[1][3][labelled:] = 0
    return made


def with_network(network, epochs=1, lr=1e-3, **changes) -> EstimatorSettings:
    """How a test trains this network."""
    chosen = settings(augment=False, epochs=epochs, lr=lr)
    training = chosen.training.model_copy(update=changes)
    return chosen.model_copy(update={"network": network, "training": training})


def garments_as_batch(folder, network, garments, model):
    """Garments as a batch of the training of this network."""
    return batch_of(model, training_set(with_network(network), AGGREGATED, garments, folder))


def targets_and_weights(batch):
    """(B, K, h, w) and (B, K) of a batch."""
    samples = batch["data_samples"]
    targets = np.stack([sample.gt_fields.heatmaps.numpy() for sample in samples])
    return targets, np.concatenate([sample.gt_instance_labels.keypoint_weights.numpy() for sample in samples])


def trained(folder, network, epochs=30, lr=3e-3, **changes):
    """Train on two skirts; returns the model folder and the record's lines."""
    annotations = write_dataset(folder, AGGREGATED, skirts())
    train_estimator(
        with_network(network, epochs, lr, **changes), AGGREGATED, annotations, folder / "image",
        out=folder / "out", state=folder / "state", title="tiny",
    )  # fmt: skip
    lines = (folder / "out" / "training.jsonl").read_text().splitlines()
    return folder / "out", [json.loads(line) for line in lines]


def idle(model, outputs) -> list[str]:
    """The weights that no gradient of what `model` gives reaches."""
    model.zero_grad()
    sum((one * torch.randn_like(one)).sum() for one in outputs).backward()
    return [
        name for name, one in model.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0
    ]
