"""From a picture of `LandmarkPictures` to a sample: mmdet's transforms know no landmarks, these move them along.

Between `LoadGarments` and `PackGarments` a sample has, beside what mmdet's has: `gt_bboxes` HorizontalBoxes (N, 4),
`gt_bboxes_labels` (N,) int64, `gt_landmarks` (N, K, 3) float32 as x, y, v on a grouping's channels, zeros where a
landmark isn't labelled. Coordinates are pixels of `img`, the origin is the top-left corner of the top-left pixel.
Random numbers are NumPy's global ones, which `SamplePasses` seeds.
"""

from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData

from hemline.estimation.garments import read_picture
from hemline.oneshot.fitting import Fit, cut, fit, window
from hemline.params import OneShotSettings
from hemline.wardrobe import grouping as grouping_of

Results = dict[str, Any]


def train_pipeline(settings: OneShotSettings) -> list[dict[str, Any]]:
    """The transforms of a training, in CenterNet's order but for the flip: a mirrored crop is a crop of a mirrored one.

    Without scales to crop by, pictures are fitted in whole.
    """
    size, augmentation = settings.image_size, settings.augmentation
    place: dict[str, Any] = {"type": "FitPicture", "size": size}
    if augmentation.scales:
        place = {"type": "CropPicture", "size": size, "scales": augmentation.scales}
    return [
        {"type": "LoadGarments", "grouping": settings.grouping},
        place,
        {"type": "FlipGarments", "grouping": settings.grouping, "prob": augmentation.flip},
        {"type": "JitterColours", "colour": augmentation.colour},
        {"type": "PackGarments"},
    ]


@TRANSFORMS.register_module()
class LoadGarments(BaseTransform):
    """Read the picture, and lay its garments' landmarks on the channels of a grouping (a name or a file)."""

    def __init__(self, grouping: str) -> None:
        self.grouping = grouping_of(grouping)

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
        return results


@TRANSFORMS.register_module()
class FitPicture(BaseTransform):
    """The picture, its shape kept, in the middle of an input `size` (width, height), of which it fills `scale`."""

    def __init__(self, size: tuple[int, int], scale: float = 1.0) -> None:
        self.size, self.scale = size, scale

    def transform(self, results: Results) -> Results:
        """Replace `img` by the input and move the garments; `fit` says how."""
        return _place(results, *fit(results["img"], self.size, self.scale))


@TRANSFORMS.register_module()
class CropPicture(BaseTransform):
    """A random window of the picture as an input `size` (width, height): CenterNet, datasets/sample/multi_pose.py.

    One of `scales` is the window's side over that of the window that just holds the picture: at 0.6 garments are large,
    at 1.3 small. The window's centre is a pixel of the picture, at least a border away from its edges: 128 pixels, or
    half, a quarter, ... where the picture isn't larger than twice the border. CenterNet warps the picture with linear
    interpolation, which aliases where it shrinks, as in the demo to a quarter; `cut` moves the window by less than a
    pixel to whole ones, and averages areas.
    """

    BORDER = 128

    def __init__(self, size: tuple[int, int], scales: tuple[float, ...]) -> None:
        self.size, self.scales = size, scales

    def transform(self, results: Results) -> Results:
        """Replace `img` by the input and move the garments; `fit` says how."""
        picture = results["img"]
        scale = np.random.choice(self.scales)
        x, y = (self._draw(side) for side in picture.shape[1::-1])
        return _place(results, *cut(picture, window(picture, self.size, 1 / scale, (x, y)), self.size))

    def _draw(self, side: int) -> float:
        """The middle of a pixel between the borders of a side."""
        border = self.BORDER
        while side <= 2 * border:
            border //= 2
        return np.random.randint(border, side - border) + 0.5


def _place(results: Results, pixels: np.ndarray, fitted: Fit) -> Results:
    """Move the garments into an input; clip boxes, leave out those without area, and landmarks outside of the input."""
    results.update(img=pixels, img_shape=pixels.shape[:2], fit=fitted)
    boxes, landmarks = results["gt_bboxes"], results["gt_landmarks"]
    boxes.rescale_(fitted[:2])
    boxes.translate_(fitted[2:])
    boxes.clip_(pixels.shape[:2])
    landmarks[..., :2] = fitted.to_input(landmarks[..., :2])
    landmarks[~_shown(landmarks, pixels.shape[1::-1])] = 0
    kept = boxes.areas.numpy() > 0
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

    def __init__(self, grouping: str, prob: float) -> None:
        self.flip_index, self.prob = grouping_of(grouping).flip_index, prob

    def transform(self, results: Results) -> Results:
        """Mirror or not; `flip` says which."""
        results["flip"] = bool(np.random.random() < self.prob)
        if results["flip"]:
            results["img"] = cv2.flip(results["img"], 1)
            results["gt_bboxes"].flip_(results["img_shape"])
            landmarks = results["gt_landmarks"][:, self.flip_index]
            labelled = landmarks[..., 2] > 0
            landmarks[labelled, 0] = results["img_shape"][1] - landmarks[labelled, 0]
            results["gt_landmarks"] = landmarks
        return results


# Principal components of pictures' colours (BGR, from 0 to 1): CenterNet, datasets/dataset/coco_hp.py.
COLOUR_VALUES = np.array([0.2141788, 0.01817699, 0.00341571])
COLOUR_VECTORS = np.array(
    [
        [-0.58752847, -0.69563484, 0.41340352],
        [-0.5832747, 0.00994535, -0.81221408],
        [-0.56089297, 0.71832671, 0.41158938],
    ]
)


@TRANSFORMS.register_module()
class JitterColours(BaseTransform):
    """Brightness, contrast and saturation by factors from 1 - colour to 1 + colour, in random order, then a tint.

    CenterNet, utils/image.py `color_aug`: the picture is blended with black, its mean grey and its greys; the tint goes
    along the principal components, with its deviation of 0.1. Here values are then rounded and cut to 0 to 255, so
    that samples travel as bytes. torchvision's and mmcv's blend with the greys of the picture as changed before, cut
    after each step, and have no tint. With `colour` 0 the picture stays as it is.
    """

    TINT = 0.1

    def __init__(self, colour: float) -> None:
        self.colour = colour

    def transform(self, results: Results) -> Results:
        """Change `img`."""
        if self.colour:
            picture = results["img"].astype(np.float32)
            greys = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None]
            own, grey, mean = self._draw()
            tint = COLOUR_VECTORS @ (COLOUR_VALUES * np.random.normal(scale=self.TINT, size=3))
            picture = own * picture + grey * greys + (mean * greys.mean() + 255 * tint).astype(np.float32)
            results["img"] = picture.round().clip(0, 255).astype(np.uint8)
        return results

    def _draw(self) -> list[float]:
        """How much there is of the picture, its greys and their mean, when it was blended with all, one by one."""
        amounts = np.array([1.0, 0.0, 0.0])
        for kind in np.random.permutation(3):
            factor = np.random.uniform(1 - self.colour, 1 + self.colour)
            amounts *= factor
            if kind:  # 0 is brightness: blended with black
                amounts[kind] += 1 - factor
        return amounts.tolist()


@TRANSFORMS.register_module()
class PackGarments(BaseTransform):
    """What the network gets: `inputs` (3, H, W) uint8, BGR, and `data_samples`, a DetDataSample.

    Its gt_instances have bboxes (N, 4) float32 x1, y1, x2, y2, labels (N,) int64, landmarks (N, K, 3) float32; `fit` of
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
        picture = torch.from_numpy(results["img"]).permute(2, 0, 1).contiguous()
        return {"inputs": picture, "data_samples": sample}
