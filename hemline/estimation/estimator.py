"""An estimator at work: crops in, heatmaps and landmarks out; a folder on disk."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from hemline.errors import HemlineError
from hemline.estimation.channels import from_plain, to_plain
from hemline.estimation.codecs import codec
from hemline.estimation.network import build_estimator
from hemline.files import read_json, write_json
from hemline.params import EstimatorSettings, FashionNetSettings, NetworkSettings, estimator_network
from hemline.training import device as default_device
from hemline.training import load_weights, quiet
from hemline.training.folders import wardrobe_of
from hemline.wardrobe import Grouping


@dataclass(frozen=True)
class Crop:
    """A garment's surroundings at the network's input size.

    `pixels` is (height, width, 3), uint8, BGR. `to_picture` (2, 3) maps crop pixels to picture pixels.
    """

    pixels: np.ndarray
    to_picture: np.ndarray


@dataclass(frozen=True)
class Found:
    """What an estimator sees in one crop.

    `landmarks` (n, 3): x, y in crop pixels and the heatmap's maximum, for the category's n landmarks in order.
    `maxima` (channels,): the maximum of every heatmap, those of other categories included. Of a network without
    heatmaps both are probabilities (coordinates.py).
    """

    landmarks: np.ndarray
    maxima: np.ndarray


class Estimator:
    """Landmarks in crops, by one network; `grouping` says what its channels are."""

    def __init__(self, model: nn.Module, network: NetworkSettings, grouping: Grouping) -> None:
        self.model = model.eval()
        self.network, self.grouping = network, grouping

    @staticmethod
    def load(folder: str | Path, device: torch.device | str | None = None) -> "Estimator":
        """Load a model folder. HemlineError when it is missing, not an estimator's, or its weights don't fit."""
        settings = read_settings(Path(folder))
        if "reason" in settings:
            raise HemlineError(f"{folder}: there is no expert here: {settings['reason']}")
        network, grouping = rebuild(settings, Path(folder))
        model = build_estimator(network, grouping.size)
        load_weights(model, Path(folder) / "weights.pt")
        model.to(device or default_device(), memory_format=torch.channels_last)
        return estimator_of(model, network, grouping)

    @cached_property
    def _transforms(self) -> list[Any]:
        # The same two transforms as in training, so that a crop is the same crop.
        quiet()
        from mmpose.datasets.transforms import GetBBoxCenterScale, TopdownAffine

        size = tuple(self.network.input_size)
        return [GetBBoxCenterScale(padding=self.network.box_padding), TopdownAffine(input_size=size)]

    @cached_property
    def _codec(self) -> Any:
        quiet()
        import mmpose.codecs  # noqa: F401 (registers them)
        from mmpose.registry import KEYPOINT_CODECS

        return KEYPOINT_CODECS.build(codec(self.network))

    def crop(self, picture: np.ndarray, box: tuple[float, float, float, float] | list[float]) -> Crop:
        """Cut a box (x, y, width, height) with its padding out of a picture (height, width, 3), uint8, BGR."""
        from mmpose.structures.bbox import get_warp_matrix

        x, y, width, height = box
        sample = {"img": picture, "bbox": np.array([[x, y, x + width, y + height]], dtype=np.float32)}
        for transform in self._transforms:
            sample = transform(sample)
        size = self.network.input_size
        inverse = get_warp_matrix(
            sample["input_center"], sample["input_scale"], 0.0, output_size=size, inv=True
        )
        return Crop(sample["img"], inverse)

    @torch.inference_mode()
    def outputs(self, crops: np.ndarray, flip_test: bool = False, shift_heatmap: bool = True) -> torch.Tensor:
        """Heatmaps (n, channels, their height and width) of crops (n, height, width, 3), on the model's device.

        With `flip_test` they are averaged with those of the mirrored crops, mirrored back with channels swapped and,
        with `shift_heatmap`, moved right by one pixel: of heatmaps a quarter as wide as the crop, crop pixel x belongs
        to heatmap pixel x / 4, but mirrored there and back to x / 4 - 3 / 4 (authors' code, lib/core/function.py); of
        those an eighth as wide to x / 8 and x / 8 - 7 / 8. Either way the average is half a crop's pixel off.
        """
        from mmpose.models.utils.tta import flip_heatmaps

        inputs = self._inputs(crops)
        heatmaps = self._last(inputs)
        if not flip_test:
            return heatmaps
        mirrored = self._last(inputs.flip(-1))
        partners = self.grouping.flip_index.tolist()
        return (heatmaps + flip_heatmaps(mirrored, partners, shift_heatmap=shift_heatmap)) / 2

    def _inputs(self, crops: np.ndarray) -> torch.Tensor:
        """Crops (n, height, width, 3) as the network wants them, on its device."""
        from mmpose.structures import PoseDataSample

        pixels = torch.from_numpy(crops).permute(0, 3, 1, 2)
        batch = {"inputs": list(pixels), "data_samples": [PoseDataSample() for _ in crops]}
        inputs: torch.Tensor = self.model.data_preprocessor(batch, training=False)["inputs"]
        return inputs

    def _last(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the last of a network's stages says."""
        said = self.model(inputs, None, mode="tensor")
        last: torch.Tensor = said[-1] if isinstance(said, list | tuple) else said
        return last

    def decode(self, heatmaps: torch.Tensor, category_id: int) -> Found:
        """Landmarks of one crop's heatmaps (channels, height, width), the codec's way: see `codecs.codec`."""
        channels = self.grouping.channels(category_id)
        own = heatmaps[torch.from_numpy(channels).to(heatmaps.device)].float().cpu().numpy()
        maxima = heatmaps.amax(dim=(1, 2)).float().cpu().numpy()
        # Where a heatmap is nowhere positive, mmpose puts the landmark outside of the crop. Raised by a constant it
        # has the same highest pixel, and so a place like any other.
        lowest = own.min(axis=(1, 2), keepdims=True)
        points, _ = self._codec.decode(np.where(maxima[channels][:, None, None] > 0, own, own - lowest + 1))
        return Found(np.concatenate([points[0], maxima[channels][:, None]], axis=1), maxima)


def estimator_of(model: nn.Module, network: NetworkSettings, grouping: Grouping) -> Estimator:
    """The Estimator that reads what such a network says: heatmaps or coordinates."""
    from hemline.estimation.coordinates import CoordinateEstimator  # an Estimator itself

    kind = CoordinateEstimator if isinstance(network, FashionNetSettings) else Estimator
    return kind(model, network, grouping)


def to_picture(landmarks: np.ndarray, crop: Crop) -> np.ndarray:
    """Landmarks (n, 3) in crop pixels as (n, 3) in picture pixels; the scores stay."""
    points = cv2.transform(landmarks[None, :, :2].astype(np.float64), crop.to_picture.astype(np.float64))[0]
    return np.concatenate([points, landmarks[:, 2:]], axis=1)


def write_settings(
    folder: Path, settings: EstimatorSettings, grouping: Grouping, *, category: str | None, start: str | None
) -> None:
    """Write settings.json: what `Estimator.load` needs beside the weights, and how they were made."""
    content = {
        "category": category,
        **to_plain(grouping),
        **settings.model_dump(mode="json"),
        "start": start,
    }
    write_json(folder / "settings.json", content, indent=None)


def write_no_expert(folder: Path, category: str, reason: str) -> None:
    """Write the settings.json of a category without an expert; the start's estimator serves it."""
    write_json(folder / "settings.json", {"category": category, "reason": reason})


def read_settings(folder: Path) -> dict[str, Any]:
    """Read a model folder's settings.json; HemlineError when there is none."""
    if not (folder / "settings.json").is_file():
        raise HemlineError(f"{folder}: no estimator there (no settings.json); run the stage that trains it")
    settings = read_json(folder / "settings.json")
    if not isinstance(settings, dict) or not (
        {"reason"} <= settings.keys() or {"grouping", "network"} <= settings.keys()
    ):
        raise HemlineError(
            f"{folder}/settings.json: not an estimator's settings (no network and grouping in it)"
        )
    return settings


def rebuild(settings: dict[str, Any], folder: Path) -> tuple[NetworkSettings, Grouping]:
    """Network and grouping of a model folder's settings; HemlineError when they are not what they should be."""
    wardrobe = wardrobe_of(settings, folder)
    try:
        network = estimator_network(settings["network"])
    except ValidationError as error:
        raise HemlineError(f"{folder}/settings.json: network: {error.errors()[0]['msg']}") from None
    try:
        return network, from_plain(wardrobe, settings["grouping"])
    except HemlineError as error:
        raise HemlineError(f"{folder}/settings.json: {error}") from None
