"""From a painted scene to a JPEG file: the picture's format, its light, its grain, its compression."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hemline.datasets.synthetic.canvas import Canvas
from hemline.datasets.synthetic.plan import Picture
from hemline.errors import HemlineError

FORMATS = {  # (width, height) over the given size: share
    (1.0, 1.0): 0.62,
    (1.0, 1.125): 0.12,
    (1.0, 0.75): 0.12,
    (1.0, 1.3333): 0.06,
    (1.3333, 0.75): 0.08,
}


def chance(picture: Picture) -> np.random.Generator:
    """The random numbers of a picture's photograph."""
    return np.random.default_rng([picture.seed, picture.number, 11])


def draw_format(rng: np.random.Generator, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels of a picture: mostly `size`, sometimes higher, lower or wide."""
    shares = np.array(list(FORMATS.values()))
    across, down = list(FORMATS)[rng.choice(len(shares), p=shares / shares.sum())]
    return max(64, round(size[0] * across)), max(64, round(size[1] * down))


def draw_long_side(rng: np.random.Generator, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels of a picture that may have another shape than `size`, but has its long side."""
    width, height = draw_format(rng, size)
    scale = max(size) / max(width, height)
    return max(64, round(scale * width)), max(64, round(scale * height))


def photograph(canvas: Canvas, rng: np.random.Generator, source: str) -> bytes:
    """The JPEG file; a shop's pictures are better than a user's. HemlineError when it can't be encoded."""
    quality = int(rng.integers(80, 96) if source == "shop" else rng.integers(55, 93))
    image = _develop(canvas, rng, source)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise HemlineError(f"a picture of {canvas.size[0]}x{canvas.size[1]} pixels could not be encoded")
    return data.tobytes()


def _develop(canvas: Canvas, rng: np.random.Generator, source: str) -> NDArray[np.uint8]:
    """Light, colour cast, softness and grain of a photograph: (h, w, 3) uint8."""
    strength = 1.0 if source == "user" else 0.4
    width, height = canvas.size
    cast = np.exp(rng.normal(0, 0.05 * strength, 3)) * np.exp(rng.normal(0.0, 0.13 * strength))
    gain = np.exp(rng.normal(0, 0.12 * strength, (2, 2))).astype(np.float32)
    gain = cv2.resize(gain, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    tile = rng.normal(0, rng.uniform(0.5, 5.0) * strength, (96, 96, 3)).astype(np.float32)
    soft_focus = rng.uniform(0.5, 1.3) * width / 468 if rng.random() < 0.35 * strength else 0.0
    image = cv2.GaussianBlur(canvas.image, (0, 0), soft_focus) if soft_focus else canvas.image
    light = image * (gain * cast.astype(np.float32))
    light += cv2.repeat(tile, height // 96 + 1, width // 96 + 1)[:height, :width]
    return cv2.convertScaleAbs(np.maximum(light, 0.0, out=light))
