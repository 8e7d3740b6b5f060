"""The person: skin, head, hair, shoes; and what a person holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from hemline.datasets.synthetic.body import CROTCH, HIP, SHOULDER, SIDES, WAIST, Body, Limb
from hemline.datasets.synthetic.camera import Camera
from hemline.datasets.synthetic.canvas import Canvas
from hemline.datasets.synthetic.curves import Points, ellipse, join, mirror, points, spline
from hemline.datasets.synthetic.fabric import Colour, draw_colour, hsv

Layer = tuple[float, Callable[[Canvas], None]]  # height in the stack, and what paints it


@dataclass(frozen=True)
class Looks:
    """Colours and hair of a person, and what they carry."""

    skin: Colour
    hair: Colour
    hair_length: float  # heads below the neck; under -0.5 short
    hair_front: tuple[bool, bool]
    shoes: Colour
    bag: str
    bag_colour: Colour
    bag_side: str
    glasses: bool
    hat: bool


def draw_looks(rng: np.random.Generator, woman: bool) -> Looks:
    """A person's looks."""
    long = woman and rng.random() < 0.75
    length = rng.uniform(0.2, 1.5) if long else rng.uniform(-0.75, -0.3)
    front = (bool(long and rng.random() < 0.5), bool(long and rng.random() < 0.5))
    hair = hsv(rng.uniform(5, 20), rng.uniform(40, 170), rng.uniform(18, 70 if rng.random() < 0.7 else 190))
    bag = str(rng.choice(["", "shoulder", "hand", "cross"], p=(0.66, 0.10, 0.12, 0.12)))
    return Looks(
        skin=_skin(rng),
        hair=hair,
        hair_length=length,
        hair_front=front,
        shoes=draw_colour(rng),
        bag=bag,
        bag_colour=draw_colour(rng),
        bag_side=str(rng.choice(list(SIDES))),
        glasses=bool(rng.random() < 0.12),
        hat=bool(rng.random() < 0.08),
    )


def _skin(rng: np.random.Generator) -> Colour:
    light, dark = np.array([188, 212, 242.0]), np.array([58, 84, 124.0])
    share = rng.beta(1.2, 2.6)
    return (light + (dark - light) * share + rng.normal(0, 3, 3)).astype(np.float32)


def limb_outline(limb: Limb, widths: Points, start: float = 0.0) -> Points:
    """Outline (n, 2) of a bare limb from `start` (0 to 1) on; `widths` (m, 2): place 0 to 1 and half width."""
    at = np.linspace(start, 1.0, 15)
    half = np.interp(at, widths[:, 0], widths[:, 1])
    outer, inner = limb.edge(at, half), limb.edge(at, -half)
    cap = spline(np.array([inner[0], limb.edge(start - 0.07, 0.0), outer[0]]))
    return join(cap, outer, inner[::-1])


ARM_WIDTHS = points((0.0, 0.17), (0.25, 0.165), (0.52, 0.13), (0.7, 0.125), (1.0, 0.085))
BARE_FROM = 0.27  # of the arm: what lies above the armpit is under the garments
LEG_WIDTHS = points((0.0, 0.36), (0.2, 0.33), (0.55, 0.19), (0.72, 0.19), (1.0, 0.10))


def person_layers(
    body: Body, looks: Looks, camera: Camera, arm_height: dict[str, float], sleeve: float
) -> Iterator[Layer]:
    """The layers of the person without garments.

    `arm_height` says how high in the stack each arm lies, `sleeve` how much of it (0 to 1) sleeves cover.
    """
    start = max(BARE_FROM, min(sleeve, 0.95) - 0.06)
    yield -1.0, lambda canvas: _legs(canvas, body, looks, camera)
    yield -0.9, lambda canvas: _torso(canvas, body, looks, camera)
    for side in SIDES:  # the shoulder under the garments, the rest of the arm before them
        height = arm_height[side]
        yield min(-0.8, height), partial(_arm, body=body, looks=looks, camera=camera, side=side, start=0.0)
        yield height, partial(_arm, body=body, looks=looks, camera=camera, side=side, start=start)
    if not camera.back:
        yield -3.0, lambda canvas: _back_hair(canvas, looks, camera)
        yield 3.0, lambda canvas: _head(canvas, looks, camera)
        yield 3.2, lambda canvas: _front_hair(canvas, looks, camera)
    else:
        yield 3.0, lambda canvas: _head_from_behind(canvas, looks, camera)
    if looks.bag:
        yield 3.5, lambda canvas: _bag(canvas, body, looks, camera)


def _shaded(camera: Camera, colour: Colour, depth: float = 0.22) -> Callable:
    """Paint that darkens toward the outline."""

    def paint(left: int, top: int, mask: np.ndarray) -> np.ndarray:
        return colour * (1 - depth + depth * soft(mask, 0.25 * camera.unit))[..., None]

    return paint


def soft(mask: np.ndarray, radius: float) -> np.ndarray:
    """Coverage (h, w) blurred and scaled to 0..1."""
    size = max(3, int(radius) | 1)
    return cv2.blur(mask, (size, size), borderType=cv2.BORDER_REPLICATE).astype(np.float32) / 255.0


def _legs(canvas: Canvas, body: Body, looks: Looks, camera: Camera) -> None:
    for side, sign in SIDES.items():
        flip = np.array([sign, 1.0])
        canvas.fill(camera(limb_outline(body.legs[side], LEG_WIDTHS) * flip), _shaded(camera, looks.skin))
        ankle = body.legs[side].joints[2]
        shoe = spline(
            np.array(
                [
                    ankle + o
                    for o in (
                        (-0.13, -0.05),
                        (0.13, -0.05),
                        (0.2, 0.32),
                        (0.0, 0.42),
                        (-0.14, 0.3),
                        (-0.13, -0.05),
                    )
                ]
            )
        )
        canvas.fill(camera(shoe * flip), _shaded(camera, looks.shoes))


def _torso(canvas: Canvas, body: Body, looks: Looks, camera: Camera) -> None:
    heights = np.array([SHOULDER + 0.1, 0.7, 1.0, 1.5, WAIST, 2.4, HIP, CROTCH - 0.1])
    side = points(*((body.half_width(y) - 0.03, y) for y in heights))
    neck = points((0.16, -0.6), (0.17, -0.1), (0.3, 0.02), (body.shoulder - 0.12, SHOULDER - 0.03))
    half = np.vstack([neck, side, (0.1, CROTCH + 0.05)])
    canvas.fill(camera(join(half, mirror(half[::-1]))), _shaded(camera, looks.skin))


def _arm(canvas: Canvas, body: Body, looks: Looks, camera: Camera, side: str, start: float) -> None:
    flip, arm = np.array([SIDES[side], 1.0]), body.arms[side]
    whole = canvas.cover(camera(limb_outline(arm, ARM_WIDTHS) * flip))
    if whole is None:
        return
    left, top, mask = whole
    shade = 0.7 + 0.3 * soft(mask, 0.25 * camera.unit)

    def paint(x: int, y: int, part: np.ndarray) -> np.ndarray:  # shaded as a whole, so that no cap shows
        height, width = part.shape
        near = np.clip(np.arange(y, y + height) - top, 0, shade.shape[0] - 1)
        across = np.clip(np.arange(x, x + width) - left, 0, shade.shape[1] - 1)
        return looks.skin * shade[near[:, None], across[None, :]][..., None]

    canvas.fill(camera(limb_outline(arm, ARM_WIDTHS, start) * flip), paint)
    if start:
        _hand(canvas, arm, looks, camera, flip)


def _hand(canvas: Canvas, arm: Limb, looks: Looks, camera: Camera, flip: Points) -> None:
    wrist, way = arm.joints[2], arm.joints[2] - arm.joints[1]
    way /= np.hypot(*way)
    across = np.array([way[1], -way[0]])
    hand = [
        wrist + a * way + b * across
        for a, b in ((-0.03, 0.085), (0.18, 0.13), (0.42, 0.07), (0.42, -0.05), (0.2, -0.12), (-0.03, -0.085))
    ]
    canvas.fill(camera(spline(np.array(hand)) * flip), _shaded(camera, looks.skin, 0.3))


def _head(canvas: Canvas, looks: Looks, camera: Camera) -> None:
    canvas.fill(
        camera(points((-0.16, -0.5), (0.16, -0.5), (0.165, -0.14), (-0.165, -0.14))), looks.skin * 0.86
    )
    canvas.fill(camera(ellipse((0, -0.82), (0.37, 0.46))), looks.hair)
    canvas.fill(camera(ellipse((0, -0.72), (0.31, 0.43)), 1), _shaded(camera, looks.skin, 0.15))
    unit = camera.unit
    for x in (-0.12, 0.12):
        canvas.fill(camera(ellipse((x, -0.74), (0.05, 0.026)), 1), looks.hair * 0.4)
        canvas.line(camera(points((x - 0.07, -0.83), (x + 0.07, -0.84)), 1), looks.hair * 0.6, 0.03 * unit)
        if looks.glasses:
            canvas.fill(camera(ellipse((x, -0.73), (0.11, 0.09)), 1), (30, 28, 26))
    canvas.line(camera(points((0.0, -0.72), (0.02, -0.62)), 1), looks.skin * 0.8, 0.02 * unit)
    canvas.fill(camera(ellipse((0, -0.52), (0.085, 0.032)), 1), looks.skin * (0.62, 0.6, 0.86))
    fringe = spline(
        points(
            (-0.33, -0.72),
            (-0.3, -1.05),
            (0.0, -1.3),
            (0.3, -1.05),
            (0.33, -0.72),
            (0.2, -1.0),
            (-0.1, -1.04),
            (-0.33, -0.72),
        )
    )
    canvas.fill(camera(fringe), looks.hair)
    if looks.hat:
        canvas.fill(camera(ellipse((0, -1.05), (0.62, 0.12))), looks.shoes)
        canvas.fill(
            camera(points((-0.34, -1.06), (-0.3, -1.42), (0.3, -1.42), (0.34, -1.06))), looks.shoes * 0.9
        )


def _back_hair(canvas: Canvas, looks: Looks, camera: Camera) -> None:
    if looks.hair_length < -0.5:
        return
    low = looks.hair_length
    half = spline(
        points((0.0, -1.28), (0.34, -1.08), (0.42, -0.6), (0.46, min(low, -0.1)), (0.40, low), (0.0, low))
    )
    canvas.fill(camera(join(half, mirror(half[::-1]))), _shaded(camera, looks.hair, 0.3))


def _front_hair(canvas: Canvas, looks: Looks, camera: Camera) -> None:
    for sign, shown in zip(SIDES.values(), looks.hair_front, strict=True):
        if not shown:
            continue
        low = looks.hair_length
        lock = points(
            (0.27, -0.95),
            (0.40, -0.7),
            (0.44, -0.2),
            (0.50, 0.45 * low + 0.1),
            (0.42, low),
            (0.28, low - 0.02),
            (0.22, 0.4 * low),
            (0.27, -0.3),
            (0.27, -0.95),
        )
        outline = camera(spline(lock) * (sign, 1.0), 1)
        canvas.fill(outline, _shaded(camera, looks.hair, 0.35))


def _head_from_behind(canvas: Canvas, looks: Looks, camera: Camera) -> None:
    canvas.fill(camera(points((-0.16, -0.5), (0.16, -0.5), (0.165, 0.0), (-0.165, 0.0))), looks.skin * 0.86)
    canvas.fill(camera(ellipse((0, -0.78), (0.36, 0.48))), _shaded(camera, looks.hair, 0.3))
    _back_hair(canvas, looks, camera)


def _bag(canvas: Canvas, body: Body, looks: Looks, camera: Camera) -> None:
    sign, unit = SIDES[looks.bag_side], camera.unit
    flip = np.array([sign, 1.0])
    if looks.bag == "hand" and body.arms[looks.bag_side].joints[2][1] > 1.2:
        hand = body.arms[looks.bag_side].joints[2]
        x, y = hand[0], hand[1] + 0.35
        canvas.line(
            camera(points((x - 0.2, y + 0.3), (x, y - 0.1), (x + 0.2, y + 0.3)) * flip),
            looks.bag_colour * 0.7,
            0.05 * unit,
            0,
        )
    else:
        x, y = (body.hip + 0.05, 2.3)
        start = (-0.5, 0.12) if looks.bag != "shoulder" else (0.55, 0.12)
        canvas.line(
            camera(points(start, (x - 0.1, y + 0.1)) * flip, 1), looks.bag_colour * 0.7, 0.06 * unit, 0
        )
    box = spline(
        points(
            (x - 0.32, y + 0.3),
            (x, y + 0.27),
            (x + 0.32, y + 0.3),
            (x + 0.36, y + 0.85),
            (x, y + 0.9),
            (x - 0.36, y + 0.85),
            (x - 0.32, y + 0.3),
        )
    )
    canvas.fill(camera(box * flip), _shaded(camera, looks.bag_colour, 0.3))
    canvas.line(
        camera(points((x - 0.33, y + 0.5), (x + 0.33, y + 0.5)) * flip), looks.bag_colour * 0.6, 0.03 * unit
    )
