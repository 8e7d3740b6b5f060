"""A models folder as a run leaves it, of small networks that have learnt nothing."""

from pathlib import Path

import torch

from hemline.detection import build_detector
from hemline.estimation.estimator import write_no_expert, write_settings
from hemline.files import write_json
from hemline.params import DetectorSettings, DetectSettings
from hemline.training import save_weights
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.wardrobes import lively, settings

DEEPFASHION2 = wardrobe("deepfashion2")
DETECT = DetectSettings(score_threshold=0.0, max_per_image=5)
DETECTOR = {
    "type": "cascade", "masks": False, "epochs": 1, "milestones": (), "lr": 0.001, "batch_size": 2, "seed": 0,
    "backbone": {"type": "ResNet", "depth": 18, "base_channels": 8, "init": None},
    "fpn_channels": 16, "box_channels": 32, "mask_convs": 1, "mask_size": 14, "finest_stride": 8, "anchor_scale": 4,
    "finest_box": 28, "pool_samples": 1, "image_size": (128, 128), "flip": 0.5, "proposals": 50, "rpn_samples": 32,
    "roi_samples": 16, "optimizer": "AdamW", "weight_decay": 0.05, "warmup_steps": 10, "clip_gradient": 10.0,
}  # fmt: skip


def write_models(root: Path) -> Path:
    """A Cascade R-CNN, the aggregated estimator; a skirt expert in each variant, and a reason for having no sling's."""
    torch.manual_seed(0)
    detector = DetectorSettings.model_validate(DETECTOR)
    save_weights(build_detector(detector, 13), root / "detectors" / "cascade" / "weights.pt")
    write_json(root / "detectors" / "cascade" / "settings.json", detector.model_dump(mode="json"))
    aggregated = grouping(DEEPFASHION2, "aggregated")
    folders = (root / "estimators/aggregated", root / "experts/plain/skirt", root / "experts/hflip/skirt")
    for seed, folder in zip((0, 0, 1), folders, strict=True):
        save_weights(lively(seed, aggregated), folder / "weights.pt")
        write_settings(folder, settings(), aggregated, category=None, start=None)
    reason = "no sling with a labelled landmark to train on"
    write_no_expert(root / "experts" / "plain" / "sling", "sling", reason)
    return root
