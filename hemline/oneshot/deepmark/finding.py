"""DeepMark run on pictures: at every scale, mirrored or not, suppressed softly or not."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from hemline.oneshot.deepmark.decoding import Maps, decode, fuse, suppress
from hemline.oneshot.deepmark.fitting import fit
from hemline.oneshot.deepmark.targets import STRIDE
from hemline.oneshot.found import Found, in_picture, joined
from hemline.params import DeepMarkFind, DeepMarkSettings, OneShotRow
from hemline.wardrobe import Wardrobe, grouping


class DeepMarkFinder:
    """A DeepMark network ready to run in the way of a row."""

    def __init__(
        self,
        model: nn.Module,
        settings: DeepMarkSettings,
        wardrobe: Wardrobe,
        row: OneShotRow,
        find: DeepMarkFind,
    ) -> None:
        self.settings, self.row, self.find_settings = settings, row, find
        self.grouping = grouping(wardrobe, settings.grouping)
        self.model = model.eval().to(memory_format=torch.channels_last)
        self.device = next(model.parameters()).device

    def __call__(self, pictures: list[np.ndarray]) -> list[Found]:
        """Every scale of every picture (height, width, 3) through the network, then merged picture by picture."""
        by_scale = [self._look(pictures, scale) for scale in self.row.scales]
        return [self._best(joined(views)) for views in zip(*by_scale, strict=True)]

    def _best(self, found: Found) -> Found:
        if self.row.suppression == "soft-nms":
            found = suppress(found, self.find_settings)
        found = found.take(found.scores > self.find_settings.score_threshold)
        return found.best(self.find_settings.max_per_image)

    def _look(self, pictures: list[np.ndarray], scale: float) -> list[Found]:
        """What is found in each picture at one scale, in the pictures' own coordinates."""
        fitted = [fit(picture, self.settings.image_size, scale) for picture in pictures]
        maps = self._maps(np.stack([pixels for pixels, _ in fitted]))
        found = decode(maps, self.grouping, self.find_settings)
        return [in_picture(_in_pixels(one), placed) for one, (_, placed) in zip(found, fitted, strict=True)]

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


def _in_pixels(found: Found) -> Found:
    """From cells to the input's pixels."""
    landmarks = found.landmarks
    if landmarks is not None:
        landmarks = torch.cat([landmarks[..., :2] * STRIDE, landmarks[..., 2:]], dim=-1)
    return replace(found, boxes=found.boxes * STRIDE, landmarks=landmarks)
