"""Cloth: colour, print, folds. Colours are BGR, 0 to 255."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.floating]
PRINTS = (
    "plain",
    "stripes",
    "bars",
    "checks",
    "plaid",
    "dots",
    "flowers",
    "heather",
    "blocks",
    "denim",
    "zigzag",
)
FREE = (0.36, 0.12, 0.05, 0.07, 0.06, 0.07, 0.08, 0.08, 0.05, 0.03, 0.03)
TROUSERS = (0.46, 0.03, 0.03, 0.03, 0.04, 0.01, 0.02, 0.08, 0.0, 0.30, 0.0)


@dataclass(frozen=True)
class Fabric:
    """A cloth: its print, two colours (3,), the print's size in heads and angle in radians, depth of folds."""

    print: str
    base: Colour
    second: Colour
    size: float
    angle: float
    folds: float
    seed: int
    logo: int = 0  # 0 none; else which graphic is on the chest


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """BGR colour (3,) of hue 0..180, saturation and value 0..255."""
    pixel = np.array([[[hue % 180, np.clip(saturation, 0, 255), np.clip(value, 0, 255)]]], dtype=np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def draw_colour(rng: np.random.Generator) -> Colour:
    """A colour that clothes have: black, white, grey, muted or strong."""
    kind = rng.choice(5, p=(0.17, 0.17, 0.10, 0.30, 0.26))
    if kind == 0:
        return hsv(rng.uniform(0, 180), rng.uniform(0, 60), rng.uniform(22, 60))
    if kind == 1:
        return hsv(rng.uniform(5, 30), rng.uniform(0, 28), rng.uniform(215, 250))
    if kind == 2:
        return hsv(rng.uniform(0, 180), rng.uniform(0, 25), rng.uniform(90, 190))
    low, high = ((40, 130), (150, 230))[kind == 4]
    return hsv(rng.uniform(0, 180), rng.uniform(low, high), rng.uniform(80, 235))


def draw_fabric(rng: np.random.Generator, trousers: bool = False) -> Fabric:
    """A cloth for a garment; `trousers`: what trousers and shorts are made of (more denim)."""
    name = str(rng.choice(PRINTS, p=np.array(TROUSERS if trousers else FREE)))
    base, second = draw_colour(rng), draw_colour(rng)
    if np.abs(base - second).sum() < 120:  # a print that nobody sees is no print
        second = np.clip(255.0 - second, 0, 255).astype(np.float32)
    if name == "denim":
        base = hsv(rng.uniform(103, 115), rng.uniform(50, 170), rng.uniform(60, 215))
    logo = (
        int(rng.integers(1, 5))
        if name in ("plain", "heather") and not trousers and rng.random() < 0.45
        else 0
    )
    size = float(rng.uniform(0.07, 0.30))
    return Fabric(
        name,
        base,
        second,
        size,
        float(rng.normal(0, 0.08)),
        float(rng.uniform(0.05, 0.17)),
        int(rng.integers(2**31)),
        logo,
    )


def texture(fabric: Fabric, u: NDArray[np.float32], v: NDArray[np.float32]) -> Colour:
    """Colours (h, w, 3), (1, 1, 3) of a plain cloth, at coordinates (h, w) u across and v along, in heads."""
    if fabric.print in ("plain", "heather", "denim"):
        return fabric.base[None, None]
    amount = _amount(fabric, u, v)[..., None]
    return fabric.base + (fabric.second - fabric.base) * amount


def _amount(fabric: Fabric, u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the second colour, 0 to 1, (h, w)."""
    s = fabric.size
    name = fabric.print
    if name == "stripes":
        return _wave(v, s)
    if name == "bars":
        return _wave(u, 0.7 * s)
    if name == "checks":
        return 0.5 * (_wave(u, s) + _wave(v, s))
    if name == "plaid":
        return 0.4 * _wave(u, 2 * s) + 0.4 * _wave(v, 2 * s) + 0.2 * _wave(u + 0.3 * s, 0.7 * s)
    if name == "zigzag":
        return _wave(v + np.abs(np.mod(u, s) - 0.5 * s), s)
    if name == "blocks":
        return (v > 0.7 + 4 * s).astype(np.float32)
    return _spots(fabric, u, v)


def _wave(x: NDArray[np.float32], period: float) -> NDArray[np.float32]:
    return np.clip(3.0 * np.sin((2 * np.pi / period) * x) + 0.5, 0.0, 1.0)


def _spots(fabric: Fabric, u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    s = fabric.size * (1.0 if fabric.print == "dots" else 1.6)
    row = np.floor(v / s)
    x = np.mod(u + 0.5 * s * np.mod(row, 2), s) / s - 0.5
    y = np.mod(v, s) / s - 0.5
    radius = np.hypot(x, y)
    if fabric.print == "flowers":
        radius = radius - 0.10 * np.cos(5 * np.arctan2(y, x) + row)
    return np.clip((0.28 - radius) * 14, 0.0, 1.0)


def thread(fabric: Fabric, tone: float) -> Colour:
    """Colour (3,) of a seam, a button or a collar: the cloth's times `tone`, lighter on black cloth."""
    colour = fabric.base
    if fabric.print not in ("plain", "heather", "denim", "blocks"):
        colour = 0.5 * (colour + fabric.second)
    lift = 38 if tone < 1 and colour.mean() < 60 else 0
    return np.clip(colour * tone + lift, 0, 255).astype(np.float32)


def folds(
    fabric: Fabric, rng: np.random.Generator, height: int, width: int, unit: float
) -> NDArray[np.float32]:
    """Light and shade (height, width) around 1, of soft folds; `unit` is the pixels of a head."""
    rows, columns = max(2, int(height / unit / 0.55) + 2), max(2, int(width / unit / 0.28) + 2)
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    light = 1.0 + fabric.folds * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    if fabric.print in ("heather", "denim"):
        fine = rng.standard_normal((height // 2 + 1, width // 2 + 1)).astype(np.float32)
        light += (0.09 if fabric.print == "heather" else 0.06) * cv2.resize(fine, (width, height))
    return light
