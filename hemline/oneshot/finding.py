"""A trained one-shot network: pictures in, garments with landmarks out."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from hemline.errors import HemlineError
from hemline.estimation.garments import read_images, read_picture
from hemline.files import read_json
from hemline.inference.garments import Garment
from hemline.oneshot.deepmark.finding import DeepMarkFinder
from hemline.oneshot.dense import DenseFinder
from hemline.oneshot.found import Found
from hemline.oneshot.network import build_oneshot
from hemline.params import DeepMarkSettings, FindSection, OneShotRow, OneShotSettings, network_settings
from hemline.progress import progress
from hemline.training import device as default_device
from hemline.training import load_weights
from hemline.training.folders import wardrobe_of
from hemline.wardrobe import Wardrobe


class Finder(Protocol):
    """A network ready to run: pictures (height, width, 3) uint8 BGR in, what it finds in each out, best first."""

    def __call__(self, pictures: list[np.ndarray]) -> list[Found]: ...


class OneShot:
    """A one-shot network ready to run, in the way of a row: with flip test or without, at its scales, suppressed or
    not."""

    def __init__(
        self,
        model: nn.Module,
        settings: OneShotSettings,
        wardrobe: Wardrobe,
        row: OneShotRow,
        find: FindSection,
    ) -> None:
        self.model, self.settings, self.wardrobe = model, settings, wardrobe
        self.finder: Finder
        if isinstance(settings, DeepMarkSettings):
            self.batch_size = find.deepmark.batch_size
            self.finder = DeepMarkFinder(model, settings, wardrobe, row, find.deepmark)
        else:
            self.batch_size = find.dense.batch_size
            self.finder = DenseFinder(model, settings, wardrobe, row, find.dense)

    @classmethod
    def load(
        cls, folder: Path, row: OneShotRow, find: FindSection, device: torch.device | None = None
    ) -> "OneShot":
        """Load what `train_oneshot` wrote to `folder`. HemlineError when a file is missing or doesn't fit."""
        settings, wardrobe = read_network(folder)
        model = build_oneshot(settings, wardrobe)
        load_weights(model, folder / "weights.pt")
        return cls(model.to(device or default_device()), settings, wardrobe, row, find)

    def find(self, pictures: Iterable[np.ndarray | Path]) -> Iterator[Found]:
        """Yield what is found in each picture, in order; best score first.

        A picture is a path or (height, width, 3) uint8, BGR. HemlineError names a file that can't be read.
        """
        pictures = iter(pictures)
        while batch := list(islice(pictures, self.batch_size)):
            yield from self._find_batch([_read(picture) for picture in batch])

    def __call__(self, picture: np.ndarray) -> list[Garment]:
        """The garments of one picture, (height, width, 3) uint8 BGR; best score first, with image id 0."""
        return self._find_batch([picture])[0].garments(self.wardrobe)

    @torch.inference_mode()
    def _find_batch(self, pictures: list[np.ndarray]) -> list[Found]:
        return [
            found.inside(*picture.shape[:2])
            for found, picture in zip(self.finder(pictures), pictures, strict=True)
        ]


def read_network(folder: Path) -> tuple[OneShotSettings, Wardrobe]:
    """What network `train_oneshot` wrote to `folder`, and for which wardrobe.

    HemlineError when settings.json is missing, or not a one-shot network's.
    """
    path = folder / "settings.json"
    values = read_json(path)
    own = {key: value for key, value in values.items() if key != "wardrobe"}
    try:
        settings = network_settings(own)
    except ValidationError as error:
        key, said = ".".join(map(str, error.errors()[0]["loc"])), error.errors()[0]["msg"]
        raise HemlineError(f"{path}: not a one-shot network's settings ({key}: {said})") from None
    return settings, wardrobe_of(values, folder)


def find_images(
    oneshot: OneShot, images: Path, folder: Path, title: str, boxes: list[dict[str, Any]] | None = None
) -> Iterator[Garment]:
    """Yield the garments of all pictures of a COCO-style file, whose files lie in `folder`, by image id.

    Their boxes are put to `boxes` as COCO-style results: image_id, category_id, bbox (x, y, width, height; pixels),
    score. A network without landmarks has boxes alone.
    """
    files = sorted(read_images(images).items())
    found = oneshot.find(folder / file for _, file in files)
    shown = progress(found, title, total=len(files), unit="pictures")
    for (image_id, _), one in zip(files, shown, strict=True):
        if boxes is not None:
            boxes.extend(one.box_records(image_id))
        yield from (replace(garment, image_id=image_id) for garment in one.garments(oneshot.wardrobe))


def _read(picture: np.ndarray | Path) -> np.ndarray:
    return picture if isinstance(picture, np.ndarray) else read_picture(picture)
