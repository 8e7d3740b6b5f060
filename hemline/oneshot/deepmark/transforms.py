"""DeepMark's own transforms, as CenterNet's: windows of pictures brought to one input, and colours."""

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from hemline.oneshot.deepmark.fitting import cut, fit, window
from hemline.oneshot.transforms import Results, place
from hemline.params import DeepMarkSettings


def deepmark_pipeline(settings: DeepMarkSettings, wardrobe: str) -> list[dict[str, Any]]:
    """The transforms of a training, in CenterNet's order but for the flip: a mirrored crop is a crop of a mirrored one.

    Without scales to crop by, pictures are fitted in whole.
    """
    size, augmentation = settings.image_size, settings.augmentation
    placed: dict[str, Any] = {"type": "FitPicture", "size": size}
    if augmentation.scales:
        placed = {"type": "CropPicture", "size": size, "scales": augmentation.scales}
    return [
        {"type": "LoadGarments", "wardrobe": wardrobe, "grouping": settings.grouping},
        placed,
        {
            "type": "FlipGarments",
            "wardrobe": wardrobe,
            "grouping": settings.grouping,
            "prob": augmentation.flip,
        },
        {"type": "JitterColours", "colour": augmentation.colour},
        {"type": "PackGarments"},
    ]


@TRANSFORMS.register_module()
class FitPicture(BaseTransform):
    """The picture, its shape kept, in the middle of an input `size` (width, height), of which it fills `scale`."""

    def __init__(self, size: tuple[int, int], scale: float = 1.0) -> None:
        self.size, self.scale = size, scale

    def transform(self, results: Results) -> Results:
        """Replace `img` by the input and move the garments; `fit` says how."""
        return place(results, *fit(results["img"], self.size, self.scale))


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
        return place(results, *cut(picture, window(picture, self.size, 1 / scale, (x, y)), self.size))

    def _draw(self, side: int) -> float:
        """The middle of a pixel between the borders of a side."""
        border = self.BORDER
        while side <= 2 * border:
            border //= 2
        return np.random.randint(border, side - border) + 0.5


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
