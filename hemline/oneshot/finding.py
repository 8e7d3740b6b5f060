"""A trained one-shot network: pictures in, garments with landmarks out."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hemline.estimation.garments import read_images, read_picture
from hemline.files import read_json
from hemline.inference.garments import Garment
from hemline.inference.tables import GarmentTable
from hemline.oneshot.decoding import Found, Maps, best, decode, fuse, joined, suppress
from hemline.oneshot.fitting import Fit, fit
from hemline.oneshot.network import build_oneshot
from hemline.oneshot.targets import STRIDE
from hemline.params import FindSettings, OneShotRow, OneShotSettings
from hemline.progress import progress
from hemline.training import device as default_device
from hemline.training import load_weights
from hemline.wardrobe import grouping


class OneShot:
    """A one-shot network ready to run, in the way of a row: with flip test or without, at its scales, suppressed or
    not."""

    def __init__(
        self, model: nn.Module, settings: OneShotSettings, row: OneShotRow, find: FindSettings
    ) -> None:
        self.settings, self.row, self.find_settings = settings, row, find
        self.grouping = grouping(settings.grouping)
        self.model = model.eval().to(memory_format=torch.channels_last)
        self.device = next(model.parameters()).device

    @classmethod
    def load(
        cls, folder: Path, row: OneShotRow, find: FindSettings, device: torch.device | None = None
    ) -> "OneShot":
        """Load what `train_oneshot` wrote to `folder`. HemlineError when a file is missing or doesn't fit."""
        settings = OneShotSettings.model_validate_json(json.dumps(read_json(folder / "settings.json")))
        model = build_oneshot(settings)
        load_weights(model, folder / "weights.pt")
        return cls(model.to(device or default_device()), settings, row, find)

    def find(self, pictures: Iterable[np.ndarray | Path]) -> Iterator[list[Garment]]:
        """Yield the garments of each picture, in order; best score first, with image id 0.

        A picture is a path or (height, width, 3) uint8, BGR. HemlineError names a file that can't be read.
        """
        pictures = iter(pictures)
        while batch := list(islice(pictures, self.find_settings.batch_size)):
            yield from self._find_batch([_read(picture) for picture in batch])

    def __call__(self, picture: np.ndarray) -> list[Garment]:
        """The garments of one picture, (height, width, 3) uint8 BGR; best score first, with image id 0."""
        return self._find_batch([picture])[0]

    @torch.inference_mode()
    def _find_batch(self, pictures: list[np.ndarray]) -> list[list[Garment]]:
        """Every scale of every picture through the network, then merged picture by picture."""
        by_scale = [self._look(pictures, scale) for scale in self.row.scales]
        return [
            self._garments(joined(views), picture)
            for picture, *views in zip(pictures, *by_scale, strict=True)
        ]

    def _look(self, pictures: list[np.ndarray], scale: float) -> list[Found]:
        """What is found in each picture at one scale, in the pictures' own coordinates."""
        fitted = [fit(picture, self.settings.image_size, scale) for picture in pictures]
        maps = self._maps(np.stack([pixels for pixels, _ in fitted]))
        found = decode(maps, self.grouping, self.find_settings)
        return [_to_picture(one, placed) for one, (_, placed) in zip(found, fitted, strict=True)]

    def _maps(self, pixels: np.ndarray) -> Maps:
        """Maps of a batch of inputs (B, height, width, 3), those of the mirrored ones put to them in a flip test."""
        inputs = torch.from_numpy(pixels.transpose(0, 3, 1, 2)).to(self.device)
        maps = self._forward(inputs)
        if not self.row.flip_test:
            return maps
        return fuse(maps, self._forward(inputs.flip(3)), self.grouping)

    def _forward(self, inputs: torch.Tensor) -> Maps:
        batch = self.model.data_preprocessor({"inputs": list(inputs)}, False)["inputs"]
        features = self.model.extract_feat(batch.contiguous(memory_format=torch.channels_last))
        maps: Maps = self.model.bbox_head.maps(features[-1])
        return maps

    def _garments(self, found: Found, picture: np.ndarray) -> list[Garment]:
        """The picture's garments: suppressed, the best of them, boxes cut off at its edges."""
        if self.row.suppression == "soft-nms":
            found = suppress(found, self.find_settings)
        found = best(found, self.find_settings)
        height, width = picture.shape[:2]
        corners = found.boxes.double().cpu().numpy().reshape(-1, 2, 2).clip(0, [width, height]).reshape(-1, 4)
        inside = (corners[:, 2:] > corners[:, :2]).all(axis=1)
        scores = found.scores.double().cpu().numpy()
        table = GarmentTable(
            image_id=np.zeros(len(scores), dtype=np.int64),
            category_id=found.labels.cpu().numpy() + 1,
            box=np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1),
            box_score=scores,
            landmarks=found.landmarks.double().cpu().numpy(),
            score=scores,
        )
        return table.take(inside).garments()


def find_images(
    oneshot: OneShot, images: Path, folder: Path, title: str, boxes: list[dict[str, Any]] | None = None
) -> Iterator[Garment]:
    """Yield the garments of all pictures of a COCO-style file, whose files lie in `folder`, by image id.

    Their boxes are put to `boxes` as COCO-style results: image_id, category_id, bbox (x, y, width, height; pixels),
    score.
    """
    files = sorted(read_images(images).items())
    found = oneshot.find(folder / file for _, file in files)
    shown = progress(found, title, total=len(files), unit="pictures")
    for (image_id, _), garments in zip(files, shown, strict=True):
        own = [replace(garment, image_id=image_id) for garment in garments]
        if boxes is not None:
            boxes.extend(map(_box_record, own))
        yield from own


def _box_record(garment: Garment) -> dict[str, Any]:
    return {
        "image_id": garment.image_id,
        "category_id": garment.category_id,
        "bbox": [round(value, 3) for value in garment.box],
        "score": round(garment.box_score, 6),
    }


def _to_picture(found: Found, placed: Fit) -> Found:
    """From cells to the picture: boxes as edges, landmarks as pixel centres."""
    boxes = placed.to_picture(found.boxes.double().cpu().numpy().reshape(-1, 2, 2) * STRIDE).reshape(-1, 4)
    landmarks = found.landmarks.double().cpu().numpy()
    landmarks[..., :2] = placed.to_picture(landmarks[..., :2] * STRIDE) - 0.5
    device = found.boxes.device
    return replace(
        found,
        boxes=torch.from_numpy(boxes).float().to(device),
        landmarks=torch.from_numpy(landmarks).float().to(device),
    )


def _read(picture: np.ndarray | Path) -> np.ndarray:
    return picture if isinstance(picture, np.ndarray) else read_picture(picture)
