"""A picture as the data set stores it, and draws that are the same each time."""

import cv2
import numpy as np
import pytest

from tests.oneshot.drawn import noise
from tests.oneshot.garments import DEEPFASHION2


@pytest.fixture(autouse=True)
def _seeded():
    np.random.seed(0)


@pytest.fixture
def stored(tmp_path):
    """A picture of `LandmarkPictures` with two garments, the second without labelled landmarks."""
    path = tmp_path / "000001.png"
    cv2.imwrite(str(path), noise((150, 120)))
    shirt, skirt = (np.zeros((DEEPFASHION2.category(number).count, 3), np.float32) for number in (1, 9))
    shirt[:] = 60.5, 70.5, 2
    garments = [
        {"bbox": [20, 30, 100, 90], "bbox_label": 0, "landmarks": shirt},
        {"bbox": [30, 80, 90, 140], "bbox_label": 8, "landmarks": skirt},
    ]
    return {"img_path": str(path), "img_id": 1, "width": 120, "height": 150, "instances": garments}
