"""Small detectors, and pictures with garments to feed them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hemline.params import DetectorSettings
from hemline.wardrobe import Wardrobe, wardrobe

DEEPFASHION2 = wardrobe("deepfashion2")


def settings_of(kind: str, **changes) -> DetectorSettings:
    """A detector that a CPU trains at a glance, of the architecture of the large ones."""
    values = {
        "type": kind,
        "masks": kind == "htc",
        "epochs": 1,
        "milestones": (),
        "lr": 0.001,
        "batch_size": 2,
        "seed": 0,
        "backbone": {"type": "ResNet", "depth": 18, "base_channels": 8, "init": None},
        "fpn_channels": 16,
        "box_channels": 32,
        "mask_convs": 1,
        "mask_size": 14,
        "finest_stride": 8,
        "anchor_scale": 4,
        "finest_box": 28,
        "pool_samples": 1,
        "image_size": (128, 128),
        "flip": 0.5,
        "proposals": 50,
        "rpn_samples": 32,
        "roi_samples": 16,
        "optimizer": "AdamW",
        "weight_decay": 0.05,
        "warmup_steps": 10,
        "clip_gradient": 10.0,
    }
    return DetectorSettings.model_validate(values | changes)


@pytest.fixture(scope="session")
def small():
    """`small("htc", **changes)` gives settings of a small detector."""
    return settings_of


class Shop:
    """A folder of pictures and its annotations: coloured boxes, each one garment with its outline."""

    def __init__(self, folder: Path, wardrobe: Wardrobe = DEEPFASHION2) -> None:
        self.folder, self.wardrobe = folder, wardrobe
        self.categories = [{"id": entry.id, "name": entry.coco_name} for entry in wardrobe.categories]
        self.images: list[dict] = []
        self.garments: list[dict] = []

    def add(self, size: tuple[int, int], *garments: tuple[int, tuple[int, int, int, int]]) -> Path:
        """Paint a picture of `size` (width, height) with a box for each (category id, (x, y, width, height))."""
        number = len(self.images) + 1
        picture = np.full((size[1], size[0], 3), 200, np.uint8)
        for category_id, (x, y, width, height) in garments:
            picture[y : y + height, x : x + width] = (20 * category_id, 255 - 20 * category_id, 60)
            self._annotate(number, category_id, (x, y, width, height))
        path = self.folder / f"{number:06d}.png"
        cv2.imwrite(str(path), picture)
        self.images.append({"id": number, "file_name": path.name, "width": size[0], "height": size[1]})
        return path

    def _annotate(self, image_id: int, category_id: int, box: tuple[int, int, int, int]) -> None:
        x, y, width, height = box
        outline = [x, y, x + width, y, x + width, y + height, x, y + height]
        self.garments.append(
            {
                "id": len(self.garments) + 1,
                "image_id": image_id,
                "category_id": category_id,
                "bbox": list(box),
                "area": width * height,
                "iscrowd": 0,
                "segmentation": [outline],
            }
        )

    def write(self) -> Path:
        """Write the COCO-style file."""
        path = self.folder / "garments.json"
        content = {"images": self.images, "annotations": self.garments, "categories": self.categories}
        path.write_text(json.dumps(content))
        return path


@pytest.fixture
def shop(tmp_path) -> Shop:
    """An empty shop."""
    folder = tmp_path / "image"
    folder.mkdir()
    return Shop(folder)


@pytest.fixture
def stocked(shop) -> Shop:
    """Four pictures, upright and wide, of three categories."""
    shop.add((96, 128), (1, (20, 10, 50, 40)), (8, (25, 55, 40, 65)))
    shop.add((96, 128), (9, (30, 40, 45, 50)))
    shop.add((128, 96), (1, (10, 10, 60, 50)))
    shop.add((128, 96), (8, (40, 20, 40, 70)), (9, (90, 30, 30, 40)))
    return shop
