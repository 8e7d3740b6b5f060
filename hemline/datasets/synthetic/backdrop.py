"""What is behind: walls, rooms, streets, studio paper, beds."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hemline.datasets.synthetic.canvas import Canvas
from hemline.datasets.synthetic.curves import ellipse, points, spline
from hemline.datasets.synthetic.fabric import Colour, draw_colour, hsv

KINDS = {  # share in shop pictures, in user pictures
    "plain": (0.45, 0.12),
    "gradient": (0.25, 0.13),
    "room": (0.20, 0.40),
    "street": (0.10, 0.35),
}


def draw_backdrop(rng: np.random.Generator, width: int, height: int, source: str, worn: bool) -> Canvas:
    """A canvas with a background for a "shop" or "user" picture; garments not `worn` may lie on a surface."""
    shares = np.array([pair[source == "user"] for pair in KINDS.values()])
    kind = str(rng.choice(list(KINDS), p=shares / shares.sum()))
    if not worn and kind == "street":
        kind = "room"
    image = _gradient(rng, width, height, 4 if kind == "plain" else 40)
    canvas = Canvas(image)
    if kind == "room":
        (_room if worn else _surface)(canvas, rng)
    elif kind == "street":
        _street(canvas, rng)
    return canvas


def _wall(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.7:
        return hsv(rng.uniform(0, 180), rng.uniform(0, 50), rng.uniform(130, 250))
    return draw_colour(rng)


def _gradient(rng: np.random.Generator, width: int, height: int, strength: float) -> NDArray[np.uint8]:
    corners = _wall(rng) + rng.normal(0, strength, (2, 2, 1)) + rng.normal(0, 0.25 * strength, (2, 2, 3))
    image = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(image, 0, 255).astype(np.uint8)


def _box(
    canvas: Canvas,
    rng: np.random.Generator,
    left: float,
    top: float,
    right: float,
    bottom: float,
    colour: Colour,
) -> None:
    canvas.fill(points((left, top), (right, top), (right, bottom), (left, bottom)), colour)


def _room(canvas: Canvas, rng: np.random.Generator) -> None:
    """Floor, skirting board, a door or mirror or window, furniture, pictures."""
    width, height = canvas.size
    floor = rng.uniform(0.68, 0.95) * height
    _box(canvas, rng, 0, floor, width, height, _wall(rng) * 0.8)
    _planks(canvas, rng, floor)
    canvas.line(points((0, floor), (width, floor)), _wall(rng) * 0.7, rng.uniform(2, 8))
    for _ in range(int(rng.integers(1, 5))):
        x, w = rng.uniform(-0.2, 1.0) * width, rng.uniform(0.12, 0.45) * width
        h = rng.uniform(0.15, 0.8) * height
        top = floor - h if rng.random() < 0.6 else rng.uniform(0.0, 0.4) * height
        colour = draw_colour(rng)
        _box(canvas, rng, x, top, x + w, top + h, colour)
        edge = 0.06 * w
        _box(
            canvas,
            rng,
            x + edge,
            top + edge,
            x + w - edge,
            top + h - edge,
            colour * rng.uniform(0.7, 1.2) + 12,
        )
    for _ in range(int(rng.integers(0, 4))):
        centre, size = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0.02, 0.10) * width
        canvas.fill(ellipse(centre, (size, size * rng.uniform(0.6, 1.6))), draw_colour(rng))


def _planks(canvas: Canvas, rng: np.random.Generator, floor: float) -> None:
    width, height = canvas.size
    vanish = rng.uniform(0.2, 0.8) * width
    for at in np.linspace(-1.5, 2.5, int(rng.integers(6, 22))):
        canvas.line(
            points((vanish + 0.4 * (at * width - vanish), floor), (at * width, height)), (90, 95, 100), 1
        )


def _surface(canvas: Canvas, rng: np.random.Generator) -> None:
    """A bed, a carpet or boards seen from above."""
    width, height = canvas.size
    kind = int(rng.integers(3))
    if kind == 0:
        gap = rng.uniform(0.05, 0.2) * width
        for x in np.arange(rng.uniform(0, gap), width, gap).tolist():
            board = points((x, 0), (x + rng.uniform(-6, 6), height))
            canvas.line(board, _wall(rng) * 0.6, rng.uniform(1, 3))
    elif kind == 1:
        coarse = rng.normal(0, 14, (14, 11)).astype(np.float32)
        waves = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
        canvas.image[:] = np.clip(canvas.image + waves, 0, 255).astype(np.uint8)
    else:
        left = rng.uniform(0.0, 0.4) * width
        _box(canvas, rng, left, -5, width + 5, rng.uniform(0.2, 0.6) * height, draw_colour(rng))


def _street(canvas: Canvas, rng: np.random.Generator) -> None:
    """Houses with windows, a road, trees, passers-by; out of focus."""
    width, height = canvas.size
    road = rng.uniform(0.6, 0.9) * height
    x = -rng.uniform(0, 0.2) * width
    while x < width:
        w, top = rng.uniform(0.15, 0.5) * width, rng.uniform(-0.2, 0.4) * height
        colour = _wall(rng) * rng.uniform(0.5, 1.0)
        _box(canvas, rng, x, top, x + w, road, colour)
        _windows(canvas, rng, x, top, w, road, colour)
        x += w
    _box(canvas, rng, -2, road, width + 2, height + 2, hsv(15, rng.uniform(0, 40), rng.uniform(90, 190)))
    for _ in range(int(rng.integers(0, 6))):
        centre = np.array([rng.uniform(0, width), road - rng.uniform(0.0, 0.5) * height])
        size = rng.uniform(0.05, 0.2) * width
        green = hsv(rng.uniform(30, 75), rng.uniform(60, 160), rng.uniform(60, 170))
        canvas.fill(ellipse(centre, (size, size * rng.uniform(0.7, 1.6)), count=9), green)
    for _ in range(int(rng.integers(0, 4))):
        _passer(canvas, rng, rng.uniform(0, width), road)
    size = int(rng.choice([3, 5, 9, 13])) * max(1, width // 300)
    canvas.image[:] = cv2.blur(canvas.image, (size, size))


def _windows(
    canvas: Canvas, rng: np.random.Generator, x: float, top: float, w: float, road: float, colour: Colour
) -> None:
    rows, columns = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    glass = colour * 0.55 + 20
    for row in range(rows):
        for column in range(columns):
            left, up = x + (column + 0.25) * w / columns, top + (row + 0.2) * (road - top) / rows
            _box(canvas, rng, left, up, left + 0.5 * w / columns, up + 0.5 * (road - top) / rows, glass)


def _passer(canvas: Canvas, rng: np.random.Generator, x: float, road: float) -> None:
    h = rng.uniform(0.10, 0.3) * canvas.size[1]
    body = spline(
        points(
            (x - 0.1 * h, road - 0.7 * h),
            (x + 0.1 * h, road - 0.7 * h),
            (x + 0.08 * h, road),
            (x - 0.08 * h, road),
        )
    )
    canvas.fill(body, draw_colour(rng))
    canvas.fill(ellipse((x, road - 0.8 * h), (0.06 * h, 0.08 * h)), (120, 140, 175))
