"""Pictures in, garments out, by a one-shot network of the last run."""

from pathlib import Path

import numpy as np
import torch

from hemline.errors import HemlineError
from hemline.inference.predictor import Prediction
from hemline.oneshot.finding import OneShot
from hemline.params import FindSettings, OneShotRow

# As CenterNet tests one picture.
MODELS = Path("oneshot/models")
ROW = OneShotRow(network="", suppression="soft-nms", flip_test=False, scales=(1.0,), splits=())
FIND = FindSettings(
    candidates=100,
    peak_threshold=0.1,
    reach=0.3,
    nms_sigma=0.5,
    score_threshold=0.01,
    max_per_image=100,
    batch_size=8,
)


class OneShotPredictor:
    """A one-shot network in the place of detector and estimators."""

    def __init__(self, oneshot: OneShot) -> None:
        self.oneshot = oneshot

    @classmethod
    def load(cls, network: str, device: torch.device | None = None) -> "OneShotPredictor":
        """Load a network of the last run, such as `dla`, or of a folder (has a "/"); with soft-NMS, and a flip test
        if it was trained with flips.

        HemlineError, with what to run, when it isn't there.
        """
        folder = Path(network) if "/" in network else MODELS / network
        if not folder.is_dir():
            raise HemlineError(
                f"{folder}: no such model; `hemline run train_oneshot finetune_oneshot` trains those of params.yaml"
            )
        oneshot = OneShot.load(folder, ROW, FIND, device)
        flip_test = oneshot.settings.augmentation.flip > 0  # of mirrored pictures others know nothing
        oneshot.row = ROW.model_copy(update={"flip_test": flip_test})
        return cls(oneshot)

    def predict(self, picture: np.ndarray, threshold: float = 0.3) -> Prediction:
        """Find the garments of a picture, (height, width, 3) uint8 BGR, that score `threshold` or more."""
        return Prediction(picture, [one for one in self.oneshot(picture) if one.score >= threshold])
