"""Pictures in, garments out, by a one-shot network of the last run."""

from pathlib import Path

import numpy as np
import torch

from hemline.errors import HemlineError
from hemline.inference.predictor import Prediction
from hemline.oneshot.finding import OneShot, read_network
from hemline.params import DeepMarkFind, DenseFind, FindSection, OneShotRow, OneShotSettings

# As CenterNet and mmdet test one picture, whatever the settings of a row are.
MODELS = Path("oneshot/models")
FIND = FindSection(
    deepmark=DeepMarkFind(
        candidates=100,
        peak_threshold=0.1,
        reach=0.3,
        nms_sigma=0.5,
        score_threshold=0.01,
        max_per_image=100,
        batch_size=8,
    ),
    dense=DenseFind(
        candidates=1000, score_threshold=0.05, nms_threshold=0.5, max_per_image=100, batch_size=8
    ),
)


def plain_row(settings: OneShotSettings) -> OneShotRow:
    """The row of a network that is no row of params.yaml: as its authors test one picture.

    KGDet that fuses mirror images in its training does so here.
    """
    deepmark = settings.type == "deepmark"
    return OneShotRow(
        page="deepmark" if deepmark else "kgdet",
        network="",
        suppression="soft-nms" if deepmark else "nms",
        flip_test=settings.type == "kgdet" and settings.flip_fusion != "none",
        scales=(1.0,),
        splits=(),
    )


class OneShotPredictor:
    """A one-shot network in the place of detector and estimators."""

    def __init__(self, oneshot: OneShot) -> None:
        self.oneshot = oneshot

    @classmethod
    def load(cls, network: str, device: torch.device | None = None) -> "OneShotPredictor":
        """Load a network of the last run, such as `dla`, or of a folder (has a "/"); DeepMark with soft-NMS, and a flip
        test if it was trained with flips.

        HemlineError, with what to run, when it isn't there or finds boxes alone.
        """
        folder = Path(network) if "/" in network else _folder(network)
        if not folder.is_dir():
            raise HemlineError(
                f"{folder}: no such model; `hemline run train_oneshot finetune_oneshot` trains those of params.yaml"
            )
        settings, _ = read_network(folder)
        if settings.grouping is None:
            raise HemlineError(
                f"{folder}: {settings.type} finds boxes without landmarks; choose another network"
            )
        row = plain_row(settings)
        if settings.type == "deepmark":  # of mirrored pictures others know nothing
            row = row.model_copy(update={"flip_test": settings.mirrored})
        return cls(OneShot.load(folder, row, FIND, device))

    def predict(self, picture: np.ndarray, threshold: float = 0.3) -> Prediction:
        """Find the garments of a picture, (height, width, 3) uint8 BGR, that score `threshold` or more."""
        return Prediction(picture, [one for one in self.oneshot(picture) if one.score >= threshold])


def _folder(network: str) -> Path:
    """A page's folder with the network; with none, what was looked for."""
    return next(MODELS.glob(f"*/{network}"), MODELS / "*" / network)
