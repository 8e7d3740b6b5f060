"""A trained detector: pictures in, boxes of garments out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch import nn

from hemline.detection.folder import read_settings
from hemline.detection.network import boxes_only, build_detector, nms
from hemline.detection.training import resize
from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.params import DetectorSettings, DetectSettings
from hemline.progress import progress
from hemline.training import device as default_device
from hemline.training import load_weights
from hemline.wardrobe import Wardrobe


@dataclass(frozen=True)
class Boxes:
    """The garments found in one picture, best score first.

    `category_ids` (n,) from 1 on; `boxes` (n, 4) x, y, width, height in the picture's own pixels, inside the
    picture; `scores` (n,) from 0 to 1.
    """

    category_ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


class Detector:
    """A detector ready to run: `detect` gives the boxes of each picture, of the categories of `wardrobe`."""

    def __init__(
        self, model: nn.Module, settings: DetectorSettings, wardrobe: Wardrobe, test: DetectSettings
    ) -> None:
        self.settings, self.wardrobe, self.test = settings, wardrobe, test
        self.model = boxes_only(model).eval()
        init_default_scope("mmdet")
        self.views = Compose(_views(settings, test))
        self.merger = _merger(self.model, test)

    @classmethod
    def load(
        cls, folder: Path, test: DetectSettings | None = None, device: torch.device | None = None
    ) -> "Detector":
        """Load what `train_detector` wrote to `folder`. HemlineError when a file is missing or doesn't fit."""
        settings, wardrobe = read_settings(folder)
        test = test or DetectSettings()
        model = build_detector(settings, len(wardrobe.categories), test)
        load_weights(model, folder / "weights.pt")
        return cls(model.to(device or default_device()), settings, wardrobe, test)

    def detect(self, pictures: Iterable[np.ndarray | Path]) -> Iterator[Boxes]:
        """Yield the boxes of each picture, in order.

        A picture is a path or (height, width, 3) uint8, BGR. HemlineError names a file that can't be read.
        """
        pictures = iter(pictures)
        while batch := list(islice(pictures, self.test.batch_size)):
            yield from self._detect_batch([_read(picture) for picture in batch])

    @torch.inference_mode()
    def _detect_batch(self, pictures: list[np.ndarray]) -> list[Boxes]:
        """Every view of every picture through the network, then merged picture by picture."""
        init_default_scope("mmdet")
        samples = self.merger.test_step(
            pseudo_collate([self.views({"img": picture}) for picture in pictures])
        )
        return [_boxes(sample.pred_instances) for sample in samples]


def detect_images(detector: Detector, images: Path, folder: Path, title: str) -> list[dict[str, Any]]:
    """Detect on all pictures of a COCO-style file; their files lie in `folder`.

    Returns COCO-style results: image_id, category_id, bbox (x, y, width, height; pixels), score.
    """
    entries = read_json(images)["images"]
    found = detector.detect(folder / entry["file_name"] for entry in entries)
    records: list[dict[str, Any]] = []
    for entry, boxes in zip(
        entries, progress(found, title, total=len(entries), unit="pictures"), strict=True
    ):
        records.extend(_records(entry["id"], boxes))
    return records


def _records(image_id: int, boxes: Boxes) -> list[dict[str, Any]]:
    return [
        {
            "image_id": image_id,
            "category_id": int(category_id),
            "bbox": [round(float(value), 3) for value in box],
            "score": round(float(score), 6),
        }
        for category_id, box, score in zip(boxes.category_ids, boxes.boxes, boxes.scores, strict=True)
    ]


def _boxes(instances: Any) -> Boxes:
    corners = instances.bboxes.cpu().numpy().astype(np.float64)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return Boxes(instances.labels.cpu().numpy() + 1, boxes, instances.scores.cpu().numpy().astype(np.float64))


def _read(picture: np.ndarray | Path) -> np.ndarray:
    if isinstance(picture, np.ndarray):
        return picture
    try:
        data = np.fromfile(picture, dtype=np.uint8)
    except OSError as error:
        raise HemlineError(f"{picture}: {error.strerror}") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    if image is None:
        raise HemlineError(f"{picture}: cannot be read as a picture")
    return image


def _views(settings: DetectorSettings, test: DetectSettings) -> list[dict[str, Any]]:
    """mmdet's transforms that turn one picture into its views, scale by scale, plain then mirrored."""
    flips = (0.0, 1.0) if test.flip else (0.0,)
    keys = ("ori_shape", "img_shape", "scale_factor", "flip", "flip_direction")
    return [
        {"type": "LoadImageFromNDArray"},
        {
            "type": "TestTimeAug",
            "transforms": [
                [resize(size) for size in test.scales or (settings.image_size,)],
                [{"type": "RandomFlip", "prob": probability} for probability in flips],
                [{"type": "PackDetInputs", "meta_keys": keys}],
            ],
        },
    ]


def _merger(model: nn.Module, test: DetectSettings) -> nn.Module:
    """mmdet's merging of views: boxes brought back to the picture, then one suppression over all of them."""
    from mmdet.models import DetTTAModel

    return DetTTAModel(module=model, tta_cfg=ConfigDict(nms=nms(test), max_per_img=test.max_per_image))
