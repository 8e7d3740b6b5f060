"""One picture: garments on a person, a hanger or a bed, seen by a camera, painted back to front.

Layers have a height in the stack. Every part of a garment paints its number into the canvas' ids, everything
else paints 0; a landmark is visible where a part that carries it still shows, occluded where it was painted over.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hemline.datasets.synthetic.backdrop import draw_backdrop
from hemline.datasets.synthetic.body import Body, draw_body
from hemline.datasets.synthetic.camera import Camera
from hemline.datasets.synthetic.canvas import Canvas
from hemline.datasets.synthetic.curves import Points, points, shift
from hemline.datasets.synthetic.designs import draw_design
from hemline.datasets.synthetic.fabric import Colour, Fabric, folds, texture, thread
from hemline.datasets.synthetic.garment import BACK, FRONT, INNER, Design, Part, Shape
from hemline.datasets.synthetic.graphics import draw_graphic
from hemline.datasets.synthetic.lowers import lower
from hemline.datasets.synthetic.plan import Picture
from hemline.datasets.synthetic.uppers import upper
from hemline.datasets.synthetic.wearer import Layer, draw_looks, person_layers, soft

BACK_VIEWS = 0.06  # share among worn garments


@dataclass(frozen=True)
class Worn:
    """A garment in a scene: its shape, and the numbers of its parts in the canvas' ids."""

    shape: Shape
    numbers: dict[str, int]


@dataclass(frozen=True)
class Scene:
    """A painted picture and what it shows."""

    canvas: Canvas
    camera: Camera
    garments: tuple[Worn, ...]
    viewpoint: int


def draw_scene(picture: Picture, size: tuple[int, int], subject: int | None = None) -> Scene:
    """Paint the planned picture. The same arguments give the same pixels.

    The camera frames all garments, or the one that is `subject`, the place of its item in the plan.
    """
    rng = np.random.default_rng([picture.seed, picture.number, 7])
    designs = [_design(item.category_id, item.design_seed) for item in picture.items]
    tucked = bool(rng.random() < 0.25)
    worn = bool(rng.random() < (0.62 if len(designs) == 1 else 0.97))
    if any(d.is_outwear for d in designs) and len(designs) == 1:
        worn = False
    body = draw_body(rng, worn)
    shapes = [_shape(design, body) for design in _fit_together(designs, tucked)]
    numbers = iter(range(1, 100))
    garments = tuple(Worn(shape, {part.name: next(numbers) for part in shape.parts}) for shape in shapes)
    lone = worn and len(shapes) == 1 and not designs[0].is_dress
    camera = _aim(rng, shapes if subject is None else [shapes[subject]], size, worn, lone)
    canvas = draw_backdrop(rng, *size, picture.source, worn)
    layers = _garment_layers(garments, camera, body, worn, tucked)
    if worn:
        sleeve = max([shape.design.sleeve for shape in shapes if shape.design.sleeves], default=0.0)
        layers += person_layers(body, draw_looks(rng, body.woman), camera, _arm_heights(body, camera), sleeve)
    else:
        layers += _hanger(rng, shapes[0], camera)
    for _, paint in sorted(layers, key=lambda layer: layer[0]):
        paint(canvas)
    return Scene(canvas, camera, garments, 1 if not worn else 3 if camera.back else 2)


def _design(category_id: int, seed: int) -> Design:
    return draw_design(category_id, np.random.default_rng(seed), seed)


def _shape(design: Design, body: Body) -> Shape:
    return lower(design, body) if design.is_bottom else upper(design, body)


def _fit_together(designs: list[Design], tucked: bool) -> list[Design]:
    """What is worn under an outwear is narrower; a top that is tucked in ends soon below the waistband."""
    coat = next((design for design in designs if design.is_outwear), None)
    band = next((design.waist for design in designs if design.is_bottom), None) if tucked else None
    return [_fitted(design, coat, band) for design in designs]


def _fitted(design: Design, coat: Design | None, band: float | None) -> Design:
    if design.is_outwear or design.is_bottom:
        return design
    if coat:
        design = _under(design, coat)
    if band and design.hem > band:
        hem = min(design.hem, band + 0.35)
        design = replace(
            design, hem=hem, flare=min(design.flare, 0.0), ease=min(design.ease, 0.1), hem_curve=0.0
        )
    return design


def _under(design: Design, coat: Design) -> Design:
    return replace(
        design,
        ease=min(design.ease, 0.4 * coat.ease),
        sleeve=min(design.sleeve, coat.sleeve) if design.sleeves == coat.sleeves else design.sleeve,
        sleeve_width=min(design.sleeve_width, coat.sleeve_width - 0.03),
        cuff=min(design.cuff, coat.cuff - 0.02),
    )


# The camera ---------------------------------------------------------------------------------------


def _aim(
    rng: np.random.Generator, shapes: list[Shape], size: tuple[int, int], worn: bool, lone: bool
) -> Camera:
    """Frame the shapes: as a whole, from near (cut off by the frame) or from far; what is `lone` with little else."""
    outline = np.vstack([part.outline for shape in shapes for part in shape.parts])
    low, high = outline.min(axis=0), outline.max(axis=0)
    width, height = size
    bottoms = [shape.design.is_bottom for shape in shapes]
    if lone:
        top, bottom = _lone_window(rng, bottoms[0], low[1], high[1])
        unit = min(height / (bottom - top), 1.35 * width / (high[0] - low[0]))
        middle = (
            0.5 * (top + bottom)
            if unit == height / (bottom - top)
            else (top + 0.5 * height / unit if bottoms[0] else bottom - 0.5 * height / unit)
        )
    else:
        zoom = _zoom(rng, worn)
        unit = zoom * min(width / (high[0] - low[0] + 0.2), height / (high[1] - low[1] + 0.2))
        middle = 0.5 * (low[1] + high[1]) + rng.uniform(-0.5, 0.35) * abs(height / unit - (high[1] - low[1]))
    room = max(0.0, width / unit - (high[0] - low[0]))
    across = 0.5 * (low[0] + high[0]) + rng.uniform(-0.4, 0.4) * room + rng.normal(0, 0.08)
    return Camera(
        unit=unit,
        aim=(across, middle),
        centre=(0.5 * (width - 1), 0.5 * (height - 1)),
        roll=float(rng.normal(0, 0.05 if worn else 0.12)),
        turn=float(np.clip(rng.normal(0, 0.28), -0.6, 0.6)) if worn else 0.0,
        lean=float(rng.normal(0, 0.035)) if worn else 0.0,
        sway=float(rng.normal(0, 0.06)) if worn else 0.0,
        tilt=float(rng.normal(0, 0.015)),
        ripple=tuple(rng.uniform(0, 2 * np.pi, 4)),
        back=bool(rng.random() < BACK_VIEWS) and worn,
    )


def _lone_window(rng: np.random.Generator, bottom: bool, low: float, high: float) -> tuple[float, float]:
    """From where to where the frame goes, so that what is not annotated stays outside."""
    if bottom:
        return low - rng.uniform(0.0, 0.35), high + rng.uniform(-0.5, 1.2)
    return rng.uniform(-1.8, 0.1), high + rng.uniform(-0.35, 0.12)


def _zoom(rng: np.random.Generator, worn: bool) -> float:
    kind = rng.choice(3, p=(0.55, 0.27, 0.18) if worn else (0.75, 0.2, 0.05))
    return float(rng.uniform(*((0.68, 0.96), (0.96, 1.4), (0.38, 0.66))[kind]))


# Layers -------------------------------------------------------------------------------------------


def _arm_heights(body: Body, camera: Camera) -> dict[str, float]:
    """Where each arm lies in the stack: in front, but behind when a bent arm is seen from behind."""
    return {
        side: -1.6 if camera.back and arm.joints[2][0] < arm.joints[1][0] - 0.5 else 2.0
        for side, arm in body.arms.items()
    }


def _garment_layers(
    garments: tuple[Worn, ...], camera: Camera, body: Body, worn: bool, tucked: bool
) -> list[Layer]:
    arms = _arm_heights(body, camera)
    layers: list[Layer] = []
    for garment in garments:
        for part in garment.shape.parts:
            height = _height(garment.shape.design, part, camera, worn, tucked, arms)
            layers.append((height, _painter(part, garment.shape.design, camera, garment.numbers[part.name])))
    return layers


def _height(
    design: Design, part: Part, camera: Camera, worn: bool, tucked: bool, arms: dict[str, float]
) -> float:
    outer = 0.5 if design.is_outwear else 0.0
    if design.is_bottom:
        return 0.6 if tucked else 0.3
    if part.name.startswith("sleeve"):
        return (arms[part.name.split()[1]] if worn else 1.5) + 0.1 + 0.2 * outer
    if turned_away(part, design, camera):
        return -2.0 - 0.2 * outer
    return 0.5 + outer


def turned_away(part: Part, design: Design, camera: Camera) -> bool:
    """Whether the camera sees the part's inside. A bottom is one piece, which front and back have in common."""
    return not design.is_bottom and part.faces == (FRONT if camera.back else BACK)


def _painter(part: Part, design: Design, camera: Camera, number: int) -> Callable[[Canvas], None]:
    inside_out = turned_away(part, design, camera)

    def paint(canvas: Canvas) -> None:
        outline = camera(part.outline, part.faces)
        if inside_out:
            canvas.fill(outline, _lining(design.fabric), number)
            return
        rng = np.random.default_rng([design.fabric.seed, number, int(camera.unit)])
        cloth = _cloth(
            design.fabric, camera(part.grain), camera.unit, rng, 0.12 if part.faces == INNER else 0.28
        )
        canvas.fill(outline, cloth, number)
        if part.faces == FRONT and design.fabric.logo and not (design.is_outwear or design.is_bottom):
            draw_graphic(canvas, camera, design, number)
        _trim(canvas, part, design.fabric, camera, number)

    return paint


def _trim(canvas: Canvas, part: Part, fabric: Fabric, camera: Camera, number: int) -> None:
    for detail in part.details:
        colour = thread(fabric, detail.tone)
        curve = camera(detail.line, detail.faces)
        if detail.filled:
            canvas.fill(curve, colour, number)
        elif detail.free:
            canvas.line(curve, colour, detail.width * camera.unit)
        else:
            canvas.seam(curve, colour, detail.width * camera.unit, number)


def _lining(fabric: Fabric) -> Colour:
    return np.asarray(fabric.base * 0.6)


def _cloth(fabric: Fabric, grain: Points, unit: float, rng: np.random.Generator, rounding: float) -> Callable:
    """Paint of a piece of cloth whose downward thread runs along `grain` (2, 2), in pixels."""
    way = (grain[1] - grain[0]) / np.hypot(*(grain[1] - grain[0]))
    cos, sin = np.cos(fabric.angle), np.sin(fabric.angle)
    down = np.array([way[0] * cos - way[1] * sin, way[0] * sin + way[1] * cos]) / unit
    light = rng.uniform(-0.07, 0.07)

    def paint(left: int, top: int, mask: NDArray[np.uint8]) -> NDArray[np.floating]:
        height, width = mask.shape
        x = (np.arange(width) + (left - grain[0][0])).astype(np.float32)[None, :]
        y = (np.arange(height) + (top - grain[0][1])).astype(np.float32)[:, None]
        u = x * np.float32(down[1]) - y * np.float32(down[0])
        v = x * np.float32(down[0]) + y * np.float32(down[1])
        tone = folds(fabric, rng, height, width, unit) * (1 - rounding + rounding * soft(mask, 0.3 * unit))
        tone *= 1.0 + np.float32(light / unit) * x
        tone = tone[..., None]
        return texture(fabric, u, v) * tone + np.float32(4.0) * (tone - np.float32(0.7))

    return paint


def _hanger(rng: np.random.Generator, shape: Shape, camera: Camera) -> list[Layer]:
    """A hanger behind what hangs from the shoulders, a bar above what hangs from the waist, or nothing."""
    if rng.random() < 0.45:
        return []
    colour = np.array(rng.choice([[60, 90, 140], [40, 40, 40], [200, 200, 205]]), dtype=np.float32)
    hook = points((0.0, 0.0), (0.0, -0.3), (0.1, -0.4), (0.06, -0.52), (-0.06, -0.5))
    if shape.design.is_bottom:
        y = shape.design.waist
        bar = points((-0.7, y - 0.15), (0.7, y - 0.15))
        return [(-0.5, lambda canvas: _wire(canvas, camera, (shift(hook, 0, y - 0.15), bar), colour))]
    arms = points((-0.85, 0.3), (-0.1, 0.02), (0.1, 0.02), (0.85, 0.3))
    return [(-0.5, lambda canvas: _wire(canvas, camera, (hook, arms), colour))]


def _wire(canvas: Canvas, camera: Camera, curves: tuple[Points, ...], colour: NDArray[np.float32]) -> None:
    for curve in curves:
        canvas.line(camera(curve), colour, 0.07 * camera.unit, 0)
