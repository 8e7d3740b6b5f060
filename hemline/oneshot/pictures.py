"""Pictures with garments and their landmarks, which mmdet's own data sets don't read."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from mmdet.datasets import BaseDetDataset
from mmdet.registry import DATASETS

from hemline.errors import HemlineError
from hemline.estimation.garments import load_annotations, own_landmarks
from hemline.wardrobe import grouping as grouping_of
from hemline.wardrobe import wardrobe as wardrobe_of


@DATASETS.register_module()
class LandmarkPictures(BaseDetDataset):
    """A COCO-style file of a wardrobe's categories (labels are ids less 1) with a grouping's keypoints.

    A picture is a dict: img_id, img_path, width and height (pixels), and instances, the garments: each a dict of bbox
    [x1, y1, x2, y2], bbox_label, ignore_flag (0), mask (polygons, each x, y, x, y...) and landmarks, the category's
    own ones (n, 3) as x, y, v, float32, zeros where unlabelled. Coordinates are mmdet's: the origin is the top-left
    corner of the top-left pixel, half a pixel from that of the file's landmarks, its centre; boxes have the corners
    that detectors learn, the file's own. A garment without a labelled landmark stays; those are left out that mmdet's
    CocoDataset leaves out or doesn't train on: ignored ones, crowds, boxes without area in the picture and, where masks
    are wanted, garments without a polygon.

    In training (without `test_mode`), pictures without garments are left out: they may be pictures whose garments were
    quarantined, so that they aren't known to be empty.

    Args:
        wardrobe: its name, such as `deepfashion2`.
        grouping: its name, `independent` or `aggregated`.
        masks: whether garments come with their polygons.
        ann_file, data_prefix ({"img": folder}), pipeline, ...: as in mmdet.
    """

    def __init__(
        self, *arguments: Any, wardrobe: str, grouping: str, masks: bool = False, **options: Any
    ) -> None:
        self.masks = masks
        self.grouping = grouping_of(wardrobe_of(wardrobe), grouping)
        classes = tuple(entry.coco_name for entry in self.grouping.wardrobe.categories)
        super().__init__(*arguments, metainfo={"classes": classes}, **options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the file; HemlineError when it is missing, not JSON, of other categories or of another grouping."""
        content = load_annotations(self.ann_file, self.masks)
        self._check(content["categories"])
        garments: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for entry in content["annotations"]:
            garments[entry["image_id"]].append(entry)
        return [self._picture(image, garments[image["id"]]) for image in content["images"]]

    def _check(self, categories: list[dict[str, Any]]) -> None:
        found, wanted = (
            [one["id"] for one in categories],
            [entry.id for entry in self.grouping.wardrobe.categories],
        )
        if found != wanted:
            raise HemlineError(
                f"{self.ann_file}: categories {found}, wanted {wanted} of {self.grouping.wardrobe.name}; "
                "write it with `hemline convert`"
            )

    def _picture(self, image: dict[str, Any], garments: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "img_id": image["id"],
            "img_path": str(Path(self.data_prefix["img"]) / image["file_name"]),
            "width": image["width"],
            "height": image["height"],
            "instances": [self._garment(entry) for entry in garments if self._learnt(entry, image)],
        }

    def _learnt(self, entry: dict[str, Any], image: dict[str, Any]) -> bool:
        return _trains(entry, image) and (not self.masks or bool(_polygons(entry)))

    def _garment(self, entry: dict[str, Any]) -> dict[str, Any]:
        x, y, width, height = entry["bbox"]
        landmarks = own_landmarks(entry, self.grouping, self.ann_file)
        landmarks[:, :2] += 0.5  # from the pixel's centre to its corner
        landmarks[landmarks[:, 2] == 0] = 0
        return {
            "bbox": [x, y, x + width, y + height],
            "bbox_label": entry["category_id"] - 1,
            "ignore_flag": 0,
            "landmarks": landmarks,
            "mask": _polygons(entry),
        }

    def filter_data(self) -> list[dict[str, Any]]:
        """Leave pictures without garments out; HemlineError when nothing is left."""
        if self.test_mode:
            return self.data_list
        data = [picture for picture in self.data_list if picture["instances"]]
        if not data:
            raise HemlineError(f"{self.ann_file}: no picture with a garment to train on")
        return data

    def categories(self, index: int) -> list[int]:
        """The category ids of a picture's garments."""
        return [label + 1 for label in self.get_cat_ids(index)]


def _polygons(entry: dict[str, Any]) -> list[Any]:
    """An annotation's polygons, without those that mmdet's loader takes for none: of fewer than three points."""
    return [one for one in entry.get("segmentation", []) if len(one) >= 6 and len(one) % 2 == 0]


def _trains(entry: dict[str, Any], image: dict[str, Any]) -> bool:
    """Whether mmdet's CocoDataset would train on a garment."""
    x, y, width, height = entry["bbox"]
    across = min(x + width, image["width"]) - max(x, 0)
    down = min(y + height, image["height"]) - max(y, 0)
    visible = across > 0 and down > 0 and width >= 1 and height >= 1 and entry["area"] > 0
    return visible and not entry.get("ignore") and not entry.get("iscrowd")
