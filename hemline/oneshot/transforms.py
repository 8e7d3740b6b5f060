"""From a picture of `LandmarkPictures` to a sample: mmdet's transforms know no landmarks, these move them along.

Between `LoadGarments` and `PackGarments` a sample has, beside what mmdet's has: `gt_bboxes` HorizontalBoxes (N, 4),
`gt_bboxes_labels` (N,) int64, `gt_landmarks` (N, K, 3) float32 as x, y, v on a grouping's channels, zeros where a
landmark isn't labelled, and, if asked for, `gt_masks` PolygonMasks. Coordinates are pixels of `img`, the origin is the
top-left corner of the top-left pixel. Random numbers are NumPy's global ones, which `SamplePasses` seeds.
"""

from typing import Any

import cv2
import mmcv
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.structures import InstanceData

from hemline.estimation.garments import read_picture
from hemline.oneshot.placing import Fit
from hemline.wardrobe import grouping as grouping_of
from hemline.wardrobe import wardrobe as wardrobe_of

Results = dict[str, Any]


@TRANSFORMS.register_module()
class LoadGarments(BaseTransform):
    """Read the picture, and lay its garments' landmarks on the channels of a wardrobe's grouping, both by name.

    With `masks` a garment's polygons come along.
    """

    def __init__(self, wardrobe: str, grouping: str, masks: bool = False) -> None:
        self.grouping, self.masks = grouping_of(wardrobe_of(wardrobe), grouping), masks

    def transform(self, results: Results) -> Results:
        """Add `img` (H, W, 3) uint8, BGR, and the garments; HemlineError when the picture can't be read."""
        results["img"] = read_picture(results["img_path"])
        results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        garments = results["instances"]
        boxes = np.array([one["bbox"] for one in garments], dtype=np.float32)
        results["gt_bboxes"] = HorizontalBoxes(boxes.reshape(-1, 4))
        results["gt_bboxes_labels"] = np.array([one["bbox_label"] for one in garments], dtype=np.int64)
        results["gt_landmarks"] = np.zeros((len(garments), self.grouping.size, 3), dtype=np.float32)
        for landmarks, one in zip(results["gt_landmarks"], garments, strict=True):
            landmarks[self.grouping.channels(one["bbox_label"] + 1)] = one["landmarks"]
        if self.masks:
            polygons = [[np.array(each) for each in one["mask"]] for one in garments]
            results["gt_masks"] = PolygonMasks(polygons, *results["img_shape"])
        return results


@TRANSFORMS.register_module()
class ResizePicture(BaseTransform):
    """Fit the picture into `size` (its long side, its short side; pixels), its shape kept, as mmdet's Resize does.

    Areas are averaged where it shrinks, as for the detectors: prints would alias.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def transform(self, results: Results) -> Results:
        """Replace `img` and move the garments; `fit` says how."""
        pixels, fitted = resized(results["img"], self.size)
        if "gt_masks" in results:
            results["gt_masks"] = results["gt_masks"].resize(pixels.shape[:2])
        return place(results, pixels, fitted)


def resized(picture: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, Fit]:
    """A picture (H, W, 3) as large as it fits into `size` (long side, short side), and where its pixels have gone."""
    height, width = picture.shape[:2]
    sides, scale = mmcv.rescale_size((width, height), size, return_scale=True)
    target = max(1, sides[0]), max(1, sides[1])  # a sliver's are rounded to 0
    smooth = cv2.INTER_AREA if scale <= 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(picture, target, interpolation=smooth)
    return pixels, Fit(target[0] / width, target[1] / height, 0.0, 0.0)


def place(results: Results, pixels: np.ndarray, fitted: Fit) -> Results:
    """Move the garments into an input; clip boxes, leave out those without area, and landmarks outside of the input."""
    results.update(img=pixels, img_shape=pixels.shape[:2], fit=fitted)
    boxes, landmarks = results["gt_bboxes"], results["gt_landmarks"]
    boxes.rescale_(fitted[:2])
    boxes.translate_(fitted[2:])
    boxes.clip_(pixels.shape[:2])
    landmarks[..., :2] = fitted.to_input(landmarks[..., :2])
    landmarks[~_shown(landmarks, pixels.shape[1::-1])] = 0
    kept = boxes.areas.numpy() > 0
    if "gt_masks" in results:
        results["gt_masks"] = results["gt_masks"][np.flatnonzero(kept)]
    results.update(gt_bboxes=boxes[kept], gt_landmarks=landmarks[kept])
    results["gt_bboxes_labels"] = results["gt_bboxes_labels"][kept]
    return results


def _shown(landmarks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(N, K) bool: which of landmarks (N, K, 3) are labelled and in a picture of `size` (width, height)."""
    points = landmarks[..., :2]
    return (landmarks[..., 2] > 0) & (points >= 0).all(-1) & (points < size).all(-1)


@TRANSFORMS.register_module()
class FlipGarments(BaseTransform):
    """Mirror picture, boxes and landmarks with the probability `prob`; left and right change their channels."""

    def __init__(self, wardrobe: str, grouping: str, prob: float) -> None:
        self.flip_index, self.prob = grouping_of(wardrobe_of(wardrobe), grouping).flip_index, prob

    def transform(self, results: Results) -> Results:
        """Mirror or not; `flip` says which."""
        results["flip"] = bool(np.random.random() < self.prob)
        if results["flip"]:
            results["img"] = cv2.flip(results["img"], 1)
            results["gt_bboxes"].flip_(results["img_shape"])
            if "gt_masks" in results:
                results["gt_masks"] = results["gt_masks"].flip()
            landmarks = results["gt_landmarks"][:, self.flip_index]
            labelled = landmarks[..., 2] > 0
            landmarks[labelled, 0] = results["img_shape"][1] - landmarks[labelled, 0]
            results["gt_landmarks"] = landmarks
        return results


@TRANSFORMS.register_module()
class PackGarments(BaseTransform):
    """What the network gets: `inputs` (3, H, W) uint8, BGR, and `data_samples`, a DetDataSample.

    Its gt_instances have bboxes (N, 4) float32 x1, y1, x2, y2, labels (N,) int64, landmarks (N, K, 3) float32,
    and masks, if there are polygons, BitmapMasks; `fit` of
    its meta information is of the picture before it was mirrored.
    """

    META = ("img_id", "img_path", "ori_shape", "img_shape", "flip", "fit")

    def transform(self, results: Results) -> Results:
        """Replace the sample."""
        sample = DetDataSample(metainfo={key: results[key] for key in self.META if key in results})
        sample.gt_instances = InstanceData(
            bboxes=results["gt_bboxes"].tensor,
            labels=torch.from_numpy(results["gt_bboxes_labels"]),
            landmarks=torch.from_numpy(results["gt_landmarks"]),
        )
        if "gt_masks" in results:
            sample.gt_instances.masks = _drawn(results["gt_masks"])
        picture = torch.from_numpy(results["img"]).permute(2, 0, 1).contiguous()
        return {"inputs": picture, "data_samples": sample}


def _drawn(polygons: PolygonMasks) -> BitmapMasks:
    return BitmapMasks(polygons.to_ndarray().astype(np.uint8), polygons.height, polygons.width)
