"""Garments as training samples, in mmpose's registry.

Importing this module imports mmpose; `training_config` does so after mmpose has been silenced.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.datasets.transforms import RandomFlip
from mmpose.registry import DATASETS, TRANSFORMS

from hemline.errors import HemlineError
from hemline.estimation.channels import from_plain
from hemline.estimation.garments import PictureCache, read_garments
from hemline.wardrobe import Grouping
from hemline.wardrobe import wardrobe as wardrobe_of


def metainfo(grouping: Grouping) -> dict[str, Any]:
    """A grouping in the words of mmpose's data set meta information: one keypoint for each channel.

    Of mmpose's own meta information, DeepFashion2's has a vest flip that is no involution, FLD's no sigmas.
    """
    names = grouping.group_names
    keypoints = {
        channel: {"id": channel, "name": names[channel], "type": "", "swap": names[partner]}
        for channel, partner in enumerate(grouping.flip_index)
    }
    return {
        "dataset_name": f"hemline-{grouping.wardrobe.name}-{grouping.name}",
        "keypoint_info": keypoints,
        "skeleton_info": {},
        "joint_weights": [1.0] * grouping.size,
        "sigmas": grouping.sigmas.tolist(),
    }


@TRANSFORMS.register_module()
class QuickRandomFlip(RandomFlip):
    """mmpose's RandomFlip, the picture mirrored by OpenCV; `visibility` is swapped as keypoints are.

    NumPy's mirrored picture is a view that runs backwards; what crops it next copies it pixel by pixel, which takes
    longer than to read and crop a picture that isn't mirrored.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror `img` (height, width, 3), box and landmarks with the probability `prob`, left and right swapped."""
        picture = results["img"]
        results = super().transform({**results, "img": []})  # no pictures to mirror; the rest is mmpose's
        results["img"] = picture
        if results["flip"]:
            results["img"] = cv2.flip(picture, 1)
            results["visibility"] = results["visibility"][:, results["flip_indices"]]
        return results


@TRANSFORMS.register_module()
class WidenBox(BaseTransform):
    """A garment's box on its way to the whole picture: each side a share of its own, `least` to 1, drawn anew."""

    def __init__(self, least: float) -> None:
        self.least = least

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Widen `bbox` (1, 4), x1, y1, x2, y2."""
        height, width = results["img"].shape[:2]
        shares = np.random.uniform(self.least, 1, size=4)
        picture = np.array([0, 0, width, height])
        results["bbox"] = ((1 - shares) * results["bbox"] + shares * picture).astype(np.float32)
        return results


@DATASETS.register_module()
class GarmentDataset(BaseCocoStyleDataset):
    """One sample a garment, whatever its category; its `category_id` and `landmark_count` travel with it.

    Channels of other categories, and landmarks that aren't labelled (v = 0), are invisible, so that mmpose's
    codec gives them target weight 0 and they carry no loss. Garments without a labelled landmark are skipped.

    Args:
        wardrobe: its name.
        grouping: `name`, for messages, and `group_of`, each landmark's channel from 0.
        occluded: whether occluded landmarks (v = 1) carry loss as visible ones do.
        ann_file, data_prefix, pipeline, ...: as in mmpose.
    """

    def __init__(
        self,
        wardrobe: str,
        grouping: Mapping[str, Any],
        occluded: bool = True,
        **options: Any,
    ) -> None:
        self.least = 1 if occluded else 2
        self.grouping = from_plain(wardrobe_of(wardrobe), grouping)
        self.cache = PictureCache()
        super().__init__(metainfo=metainfo(self.grouping), **options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the annotations; HemlineError when no garment has a landmark."""
        garments = read_garments(self.ann_file, self.data_prefix["img"], self.grouping)
        if not garments:
            raise HemlineError(f"{self.ann_file}: no garment with a labelled landmark to train on")
        return garments

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """A sample with `keypoints` (1, channels, 2), `keypoints_visible` (1, channels) and the decoded picture.

        `keypoints_visible` says which carry loss. `visibility` (1, channels) is the annotation's v, -1 in channels of
        other categories.
        """
        # mmpose's base would add deep copies of flip pairs, skeleton and colours: a millisecond for 294 channels.
        info = super(BaseCocoStyleDataset, self).get_data_info(idx)
        info["flip_indices"] = self._metainfo["flip_indices"]
        own = info.pop("landmarks")
        info["landmark_count"] = len(own)
        landmarks = np.zeros((self.grouping.size, 3), dtype=np.float32)
        landmarks[:, 2] = -1
        landmarks[self.grouping.channels(info["category_id"])] = own
        info["keypoints"] = landmarks[None, :, :2]
        info["keypoints_visible"] = (landmarks[None, :, 2] >= self.least).astype(np.float32)
        info["visibility"] = landmarks[None, :, 2].astype(np.int64)
        info["img"] = self.cache.read(info["img_path"])
        return info

    def categories(self, index: int) -> tuple[int]:
        """The category of the sample: an estimator's has one garment."""
        return (super(BaseCocoStyleDataset, self).get_data_info(index)["category_id"],)
