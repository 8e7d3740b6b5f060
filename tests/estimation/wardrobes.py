"""Small estimators and data sets to test with."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch import nn

from hemline.estimation import build_estimator
from hemline.estimation.config import training_config
from hemline.params import AugmentationSettings, EstimatorSettings, EstimatorTraining, HRNetSettings
from hemline.wardrobe import Grouping, Wardrobe, wardrobe

DEEPFASHION2 = wardrobe("deepfashion2")

NETWORK = HRNetSettings(
    type="hrnet",
    width=8,
    stem_width=8,
    head_width=0,
    blocks=1,
    modules=(1, 1, 1),
    input_size=(64, 96),
    unbiased=False,
    sigma=1.0,
    box_padding=1.25,
)


def settings(
    flip: bool = False, epochs: int = 1, lr: float = 1e-3, augment: bool = True
) -> EstimatorSettings:
    """A network that a test can train."""
    amount = 1.0 if augment else 0.0
    augmentation = AugmentationSettings(
        rotation=30 * amount, scale=0.25 * amount, probability=0.6 * amount, flip=flip
    )
    training = EstimatorTraining(
        epochs=epochs, milestones=(), lr=lr, batch_size=4, seed=0, workers=0, augmentation=augmentation
    )
    return EstimatorSettings(network=NETWORK, training=training)


def lively(seed: int, grouping: Grouping) -> nn.Module:
    """A network of random weights whose heatmaps go from about 0 to 1, as if it had learnt something."""
    torch.manual_seed(seed)
    model = build_estimator(NETWORK, grouping.size)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train().backbone(torch.randn(8, 3, *reversed(NETWORK.input_size)))
    nn.init.normal_(model.head.final_layer.weight, std=0.2)
    return model.eval()


def picture(seed: int = 0, width: int = 160, height: int = 200) -> np.ndarray:
    """Smooth noise, so that a crop of it can be told from any other."""
    noise = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def landmarks(
    category_id: int, box: tuple[float, float, float, float], seed: int = 0, wardrobe: Wardrobe = DEEPFASHION2
) -> np.ndarray:
    """(n, 3): all of a category's landmarks somewhere in a box, visible."""
    x, y, width, height = box
    places = np.random.default_rng(seed).uniform(0.05, 0.95, (wardrobe.category(category_id).count, 2))
    points = places * (width, height) + (x, y)
    return np.concatenate([points.round(), np.full((len(points), 1), 2.0)], axis=1)


def write_dataset(
    folder: Path, grouping: Grouping, garments: list[tuple[int, int, tuple, np.ndarray]]
) -> Path:
    """Write pictures and a COCO-style file of (image_id, category_id, box, landmarks (n, 3)); returns the file."""
    (folder / "image").mkdir(parents=True, exist_ok=True)
    images, annotations = {}, []
    for number, (image_id, category_id, box, points) in enumerate(garments, start=1):
        name = f"{image_id:06d}.jpg"
        images[image_id] = {"id": image_id, "file_name": name, "width": 160, "height": 200}
        cv2.imwrite(str(folder / "image" / name), picture(image_id))
        keypoints = np.zeros((grouping.size, 3))
        keypoints[grouping.channels(category_id)] = points
        annotations.append(
            {
                "id": number,
                "image_id": image_id,
                "category_id": category_id,
                "bbox": list(box),
                "area": box[2] * box[3],
                "iscrowd": 0,
                "keypoints": keypoints.ravel().tolist(),
                "num_keypoints": int((keypoints[:, 2] > 0).sum()),
            }
        )
    path = folder / f"train-{grouping.name}.json"
    path.write_text(
        json.dumps({"images": list(images.values()), "annotations": annotations, "categories": []})
    )
    return path


def training_set(
    chosen: EstimatorSettings,
    grouping: Grouping,
    garments: list[tuple[int, int, tuple, np.ndarray]],
    folder: Path,
):
    """The data set of a training on these garments, written to `folder`."""
    config = training_config(chosen, grouping, write_dataset(folder, grouping, garments), folder / "image")
    from mmpose.registry import DATASETS

    with DefaultScope.overwrite_default_scope("mmpose"):
        return DATASETS.build(config.train_dataloader.dataset.dataset)


def batch_of(model: nn.Module, samples):
    """Samples of a data set as a training gives them to the network."""
    found = [samples[place] for place in range(len(samples))]
    return model.data_preprocessor(pseudo_collate(found), training=True)
