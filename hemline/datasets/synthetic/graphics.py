"""Graphics on a chest: words, badges, shapes."""

import cv2
import numpy as np

from hemline.datasets.synthetic.camera import Camera
from hemline.datasets.synthetic.canvas import Canvas
from hemline.datasets.synthetic.curves import Points, ellipse, join, points
from hemline.datasets.synthetic.garment import FRONT, Design

WORDS = ("HEM", "LINE", "SEAM", "1987", "COTTON", "WEAR", "NO. 5", "BLUE", "HELLO", "YES")


def draw_graphic(canvas: Canvas, camera: Camera, design: Design, number: int) -> None:
    """Paint the design's graphic on its chest, as far as the garment itself reaches."""
    rng = np.random.default_rng(design.seed)
    middle = max(design.neck_depth + 0.45, 0.95)
    centre = np.array([0.0, middle])
    size = rng.uniform(0.22, 0.42)
    draw = (_badge, _word, _triangle, _band)[design.fabric.logo - 1]
    draw(canvas, camera, centre, size, design, rng, number)


def _badge(
    canvas: Canvas,
    camera: Camera,
    centre: Points,
    size: float,
    design: Design,
    rng: np.random.Generator,
    number: int,
) -> None:
    canvas.fill(camera(ellipse(centre, (size, size)), FRONT), design.fabric.second, number)
    canvas.fill(camera(ellipse(centre, (0.7 * size, 0.7 * size)), FRONT), design.fabric.base, number)
    star = ellipse(centre, (0.55 * size, 0.55 * size), count=11)[:-1]
    star[::2] = centre + 0.4 * (star[::2] - centre)
    canvas.fill(camera(star, FRONT), design.fabric.second, number)


def _word(
    canvas: Canvas,
    camera: Camera,
    centre: Points,
    size: float,
    design: Design,
    rng: np.random.Generator,
    number: int,
) -> None:
    word = str(rng.choice(WORDS))
    scale = 2.2 * size * camera.unit / (20.0 * len(word))
    x, y = camera(centre, FRONT)[0] - (size * camera.unit * 1.05, -0.3 * scale * 30)
    thickness = max(1, round(3 * scale))
    colour = [float(c) for c in design.fabric.second]
    cv2.putText(
        canvas.image,
        word,
        (round(x), round(y)),
        cv2.FONT_HERSHEY_DUPLEX,
        scale,
        colour,
        thickness,
        cv2.LINE_AA,
    )


def _triangle(
    canvas: Canvas,
    camera: Camera,
    centre: Points,
    size: float,
    design: Design,
    rng: np.random.Generator,
    number: int,
) -> None:
    corners = points((-size, -0.7 * size), (size, -0.7 * size), (0.0, size))
    canvas.line(
        camera(join(centre + corners, centre + corners[0]), FRONT), design.fabric.second, 0.07 * camera.unit
    )
    canvas.fill(camera(centre + 0.5 * corners, FRONT), design.fabric.second, number)


def _band(
    canvas: Canvas,
    camera: Camera,
    centre: Points,
    size: float,
    design: Design,
    rng: np.random.Generator,
    number: int,
) -> None:
    for shift in (-0.09, 0.05):
        line = points((-0.6, shift), (0.6, shift)) + centre
        canvas.line(camera(line, FRONT), design.fabric.second, 0.08 * camera.unit)
