"""Pictures and garments as mmdet wants them."""

import contextlib
import io
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS, TRANSFORMS
from mmdet.structures.mask import BitmapMasks

from hemline.errors import HemlineError
from hemline.wardrobe import wardrobe as wardrobe_of


@DATASETS.register_module()
class GarmentPictures(CocoDataset):
    """A COCO-style annotation file of a wardrobe's categories (ids from 1 on; labels are ids less 1).

    In training, pictures without garments are left out: they may be pictures whose garments were quarantined, so
    that they aren't known to be empty.

    Args:
        wardrobe: its name.
        ann_file, data_prefix, pipeline, ...: as in mmdet.
    """

    def __init__(self, *arguments: Any, wardrobe: str, **options: Any) -> None:
        self.wardrobe = wardrobe_of(wardrobe)
        classes = tuple(entry.coco_name for entry in self.wardrobe.categories)
        super().__init__(*arguments, metainfo={"classes": classes}, **options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the file; refuse one whose categories aren't the wardrobe's, in order.

        mmdet numbers labels in the file's own order, and drops garments of a category that the file doesn't list.
        """
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
            data = super().load_data_list()
        wanted = [entry.id for entry in self.wardrobe.categories]
        if self.cat_ids != wanted:
            raise HemlineError(
                f"{self.ann_file}: categories {self.cat_ids}, wanted {wanted} with the names of {self.wardrobe.name}; "
                "write it with `hemline convert`"
            )
        return data

    def filter_data(self) -> list[dict[str, Any]]:
        """Leave pictures without garments out; HemlineError when nothing is left.

        mmdet's filter keeps a picture all of whose garments it has dropped: those without area in the picture.
        """
        data = super().filter_data()
        if not self.test_mode:
            data = [picture for picture in data if picture["instances"]]
        if not data:
            raise HemlineError(f"{self.ann_file}: no picture with a garment to train on")
        return data

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any]:
        """One picture. A garment without polygons keeps an empty mask, which mmdet's loader ignores in training."""
        data = super().parse_data_info(raw_data_info)
        for instance in data["instances"]:
            instance.setdefault("mask", [])
        return data

    def categories(self, index: int) -> list[int]:
        """The category ids of a picture's garments."""
        return [instance["bbox_label"] + 1 for instance in self.get_data_info(index)["instances"]]


@TRANSFORMS.register_module()
class DrawMasks(BaseTransform):
    """Turn polygons into bitmaps.

    After resizing: drawn at the picture's own size, as mmdet's loader does, they cost several times as much.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace `gt_masks`."""
        polygons = results["gt_masks"]
        results["gt_masks"] = BitmapMasks(
            polygons.to_ndarray().astype(np.uint8), polygons.height, polygons.width
        )
        return results
