"""Garments drawn on pictures: box, name, landmarks and the outline that joins them."""

import colorsys
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hemline.errors import HemlineError
from hemline.wardrobe import Category, Wardrobe

# RGB, one a category of DeepFashion2: told apart from each other and from skin, light on a dark casing.
COLOURS = (
    (240, 62, 62),
    (255, 146, 43),
    (196, 138, 74),
    (255, 221, 51),
    (176, 224, 56),
    (43, 168, 74),
    (32, 201, 171),
    (64, 196, 255),
    (66, 99, 235),
    (151, 92, 246),
    (240, 70, 220),
    (255, 163, 190),
    (208, 204, 255),
)
CASING = (24, 24, 28)
TRUTH = (255, 255, 255)
SURE = 0.2  # a landmark under this heatmap score is drawn hollow: the threshold of paper 000's code
GAP = 4  # pixels of white between two panels
_SHIFT = 4  # cv2 takes sub-pixel coordinates as integers with this many binary places
RGB = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom
# FashionAI's points on the way round a garment, against the clock.
_ROUND = (
    *("neckline_left", "shoulder_left", "cuff_left_out", "cuff_left_in", "armpit_left", "waistline_left"),
    *("waistband_left", "top_hem_left", "hemline_left", "bottom_left_out", "bottom_left_in", "crotch"),
    *("bottom_right_in", "bottom_right_out", "hemline_right", "top_hem_right", "waistband_right"),
    *("waistline_right", "armpit_right", "cuff_right_in", "cuff_right_out", "shoulder_right", "neckline_right"),
    "center_front",
)  # fmt: skip
_FAR = 1e6  # pixels; cv2's integers overflow beyond 2**31 / 2**_SHIFT


class Drawable(Protocol):
    """What a garment needs to be drawn; hemline.inference's Garment has it.

    `category` is one of the wardrobe's; `box` is x, y, width, height; `landmarks` (n, 3) holds x, y and a score, for
    the category's own n landmarks.
    """

    @property
    def wardrobe(self) -> Wardrobe: ...
    @property
    def category(self) -> Category: ...
    @property
    def box(self) -> Any: ...
    @property
    def landmarks(self) -> Any: ...
    @property
    def score(self) -> float: ...


@dataclass(frozen=True)
class TruthGarment:
    """An annotated garment. `landmarks` (n, 3): x, y, visibility (0 not labelled, 1 occluded, 2 visible)."""

    category_id: int
    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    wardrobe: Wardrobe
    score: float = 1.0

    @property
    def category(self) -> Category:
        """One of the wardrobe's."""
        return self.wardrobe.category(self.category_id)


@cache
def colours(wardrobe: Wardrobe) -> tuple[RGB, ...]:
    """A colour for each category, as unlike each other as their number allows."""
    count = len(wardrobe.categories)
    if count <= len(COLOURS):
        return tuple(COLOURS[place * len(COLOURS) // count] for place in range(count))
    hues = (colorsys.hsv_to_rgb(place / count, 0.5 + 0.35 * (place % 2), 1.0) for place in range(count))
    return tuple((round(255 * red), round(255 * green), round(255 * blue)) for red, green, blue in hues)


@cache
def outline(category: Category) -> tuple[tuple[int, ...], ...]:
    """The lines that join a category's landmarks: paths of landmark numbers, from 0.

    Every landmark stands on a path. The order of DeepFashion2's landmarks goes round the garment against the
    clock, from the picture's left shoulder (or waistband) to the right one; the necklines and an outwear's
    two front edges are paths of their own. FLD's go round the trunk, with the sleeves beside it, FashionAI's round
    the whole garment. Of any other wardrobe it is known only that the landmarks have an order.
    """
    names = [landmark.name for landmark in category.landmarks]
    last = len(names) - 1
    if set(names) <= set(_ROUND):
        path = [names.index(name) for name in _ROUND if name in names]
        return ((*path, path[0]),)
    if all(name.startswith(("left ", "right ")) for name in names):
        return _sided(names)
    if not {"waistband", "neckline"} & set(re.split("[ -]", names[0])):
        return (tuple(range(len(names))),)
    if "waistband" in names[0]:
        return (0, 1, 2), (0, *range(3, last + 1), 2)
    back = (1, 0, 5)
    if any("front edge" in name for name in names):
        return _outwear(names, back)
    front = (1, 2, 3, 4, 5)
    if "strap" in names[6]:  # the straps stand on the top edge, the side begins beside them
        return back, front, (1, 6), (5, last), (1, *range(7, last), 5)
    return back, front, (1, *range(6, last + 1), 5)


def _sided(names: list[str]) -> tuple[tuple[int, ...], ...]:
    """Round the trunk: down on the left, up on the right; each sleeve hangs on the first landmark of its side."""
    sides = [[n for n, name in enumerate(names) if name.startswith(side)] for side in ("left ", "right ")]
    sleeves = [n for n, name in enumerate(names) if name.endswith("sleeve")]
    left, right = ([n for n in side if n not in sleeves] for side in sides)
    arms = (
        (trunk[0], n) for trunk, side in zip((left, right), sides, strict=True) for n in side if n in sleeves
    )
    return ((*left, *right[::-1], left[0]), *arms)


def _outwear(names: list[str], back: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    at = names.index
    left = [at(f"left {part}") for part in ("collar end", "front edge upper", "front edge lower")]
    right = [at(f"right {part}") for part in ("collar end", "front edge upper", "front edge lower")]
    left_hem, right_hem = at("left front edge hem corner"), at("right front edge hem corner")
    right_tip = right[0] - 1  # the right shoulder's tip comes last on the way round
    return (
        back,
        (1, 2, *left, left_hem),
        (5, 4, *right, right_hem),
        (1, *range(6, left_hem + 1)),
        (right_hem, *range(left_hem + 1, right_tip + 1), 5),
    )


def draw_garments(
    picture: np.ndarray,
    garments: Sequence[Drawable],
    *,
    truth: Sequence[Drawable] = (),
    boxes: bool = True,
    labels: bool = True,
    sure: float = SURE,
) -> np.ndarray:
    """Draw garments on a copy of a BGR picture (h, w, 3) uint8.

    A landmark whose third number is under `sure` is a hollow dot on a thin line; one of 0 or less is left out.
    `truth` is drawn in white beneath. Lines and letters grow with the picture. Raises HemlineError for any other
    kind of picture, or landmarks that are not the category's own.
    """
    canvas = _checked(picture).copy()
    unit = _unit(canvas)
    for garment in truth:
        _draw_garment(canvas, garment, unit, TRUTH, boxes=False, sure=2.0)
    ordered = sorted(garments, key=lambda garment: -float(garment.box[2]) * float(garment.box[3]))
    for garment in ordered:  # small garments last, so that they lie on top
        _draw_garment(canvas, garment, unit, _colour(garment), boxes=boxes, sure=sure)
    if labels:
        texts = [(garment, f"{garment.category.name} {garment.score:.2f}") for garment in ordered]
        canvas = _label(canvas, texts, unit)
    return canvas


def draw_comparison(
    picture: np.ndarray,
    truth: Drawable | None,
    prediction: Drawable | None,
    *,
    size: tuple[int, int] = (360, 320),
    captions: tuple[str, str] = ("annotated", "predicted"),
) -> np.ndarray:
    """One garment twice, side by side: annotated on the left, predicted on the right, BGR.

    Both panels show the same crop round both boxes, enlarged or reduced to fit into `size` (width, height)
    before anything is drawn, so that lines stay fine. A panel without a garment shows the bare crop. Raises
    HemlineError without any garment.
    """
    return draw_panels(picture, [(truth, captions[0], 2.0), (prediction, captions[1], SURE)], size=size)


def draw_panels(
    picture: np.ndarray,
    panels: Sequence[tuple[Drawable | None, str, float]],
    *,
    size: tuple[int, int] = (360, 320),
    columns: int = 2,
) -> np.ndarray:
    """One garment several times, `columns` side by side, BGR. A panel: garment, caption, `draw_garments`' `sure`.

    The panels are as in `draw_comparison`; `size` is each one's.
    """
    given = [garment for garment, _, _ in panels if garment is not None]
    if not given:
        raise HemlineError("nothing to draw: neither an annotated nor a predicted garment was given")
    crop, shift, factor = _crop(_checked(picture), [garment.box for garment in given], size)
    step = np.array(crop.shape[:2]) + GAP
    rows = -(-len(panels) // columns)
    sheet = np.full((*(step * (rows, min(columns, len(panels))) - GAP), 3), 255, np.uint8)
    for place, (garment, caption, sure) in enumerate(panels):
        moved = [] if garment is None else [_moved(garment, shift, factor)]
        panel = draw_garments(crop, moved, boxes=True, labels=False, sure=sure)
        top, left = step * divmod(place, columns)
        sheet[top : top + panel.shape[0], left : left + panel.shape[1]] = _caption(panel, caption)
    return sheet


def _colour(garment: Drawable) -> RGB:
    return colours(garment.wardrobe)[garment.category.id - 1]


def _checked(picture: np.ndarray) -> np.ndarray:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise HemlineError(
            f"a picture to draw on must be (h, w, 3) uint8; this one is {picture.shape} {picture.dtype}"
        )
    return picture


def _unit(picture: np.ndarray) -> float:
    """What lines, dots and letters are measured in: 1 for a picture of 400 x 400 pixels, never under 0.6."""
    return max(0.6, float(np.sqrt(picture.shape[0] * picture.shape[1])) / 400)


def _draw_garment(
    canvas: np.ndarray, garment: Drawable, unit: float, rgb: RGB, *, boxes: bool, sure: float
) -> None:
    points = np.asarray(garment.landmarks, dtype=float)
    category, count = garment.category, garment.category.count
    if points.shape != (count, 3):
        raise HemlineError(f"{category.name} has {count} landmarks of x, y, score; got {points.shape}")
    colour, thin = rgb[::-1], max(1, round(unit))
    shown = (points[:, 2] > 0) & np.isfinite(points[:, :2]).all(axis=1)
    if boxes:
        _box(canvas, garment.box, colour, thin)
    line = max(1, round(1.8 * unit))
    _lines(canvas, category, points, shown, thin, colour)
    trusted = shown & (points[:, 2] >= sure)
    for width, ink in ((line + 2 * max(1, thin // 2), CASING), (line, colour)):
        _lines(canvas, category, points, trusted, width, ink)
    for x, y, score in points[shown]:
        _dot(canvas, _fixed([x, y]), unit, colour, filled=score >= sure)


def _lines(
    canvas: np.ndarray,
    category: Category,
    points: np.ndarray,
    shown: np.ndarray,
    width: int,
    colour: tuple[int, ...],
) -> None:
    for path in outline(category):
        for run in _runs(path, shown):
            cv2.polylines(canvas, [_fixed(points[list(run), :2])], False, colour, width, cv2.LINE_AA, _SHIFT)


def _runs(path: tuple[int, ...], shown: np.ndarray) -> list[tuple[int, ...]]:
    """The stretches of a path whose landmarks are all shown: a missing landmark is never bridged."""
    pairs = [(a, b) for a, b in pairwise(path) if shown[a] and shown[b]]
    runs: list[tuple[int, ...]] = []
    for a, b in pairs:
        if runs and runs[-1][-1] == a:
            runs[-1] = (*runs[-1], b)
        else:
            runs.append((a, b))
    return runs


def _fixed(points: Any) -> np.ndarray:
    """Coordinates as cv2's fixed-point integers."""
    return np.round(np.clip(np.asarray(points, dtype=float), -_FAR, _FAR) * 2**_SHIFT).astype(np.int32)


def _box(canvas: np.ndarray, box: Any, colour: tuple[int, ...], thin: int) -> None:
    x, y, width, height = (float(value) for value in box)
    corners = _fixed([[x, y], [x + width, y + height]])
    cv2.rectangle(canvas, corners[0].tolist(), corners[1].tolist(), colour, thin, cv2.LINE_8, _SHIFT)


def _dot(
    canvas: np.ndarray, centre: np.ndarray, unit: float, colour: tuple[int, ...], *, filled: bool
) -> None:
    scale, x, y = 2**_SHIFT, int(centre[0]), int(centre[1])
    cv2.circle(canvas, (x, y), round(3.0 * unit * scale), CASING, -1, cv2.LINE_AA, _SHIFT)
    cv2.circle(canvas, (x, y), round(2.2 * unit * scale), colour, -1, cv2.LINE_AA, _SHIFT)
    if not filled:
        cv2.circle(canvas, (x, y), round(1.2 * unit * scale), CASING, -1, cv2.LINE_AA, _SHIFT)


def _label(canvas: np.ndarray, texts: Sequence[tuple[Drawable, str]], unit: float) -> np.ndarray:
    image = Image.fromarray(canvas[:, :, ::-1])
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=max(10, round(11 * unit)))
    taken: list[Rectangle] = []
    for garment, text in texts:
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        pad = round(2 * unit)
        size = (right - left + 2 * pad, bottom - top + 2 * pad)
        x, y = _place(garment.box, size, image.size, taken)
        taken.append((x, y, x + size[0], y + size[1]))
        pen.rectangle(taken[-1], fill=_colour(garment))
        pen.text((x + pad - left, y + pad - top), text, fill=_ink(_colour(garment)), font=font)
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _place(
    box: Any,
    size: tuple[float, float],
    picture: tuple[int, int],
    taken: list[Rectangle],
) -> tuple[float, float]:
    """The label's top-left corner: above the box, else inside it, else below, where nothing is covered."""
    x, y, _, height = (float(value) for value in box)
    places = [y - size[1], y, y + height, y + height - size[1], *(y + step * size[1] for step in range(1, 6))]
    x = min(max(x, 0), max(picture[0] - size[0] - 1, 0))
    inside = [place for place in places if 0 <= place <= picture[1] - size[1] - 1] or [0]
    free = [place for place in inside if not any(_touch((x, place, *size), other) for other in taken)]
    return x, (free or inside)[0]


def _touch(label: tuple[float, float, float, float], other: Rectangle) -> bool:
    x, y, width, height = label
    return x < other[2] and other[0] < x + width and y < other[3] and other[1] < y + height


def _ink(rgb: RGB) -> RGB:
    """Black or white, whichever is read more easily on the colour (luma of ITU-R BT.601)."""
    return (16, 16, 20) if 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 130 else (255, 255, 255)


def _crop(
    picture: np.ndarray, boxes: Sequence[Any], fit: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, float]:
    """The part of the picture round the boxes, resized; what to subtract from a point; the factor then."""
    sides = np.array([[box[0], box[1], box[0] + box[2], box[1] + box[3]] for box in boxes], dtype=float)
    low, high = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
    margin = 0.12 * float((high - low).max()) + 4
    limit = np.array(picture.shape[1::-1])
    x0, y0 = np.clip(np.floor(low - margin), 0, np.maximum(limit - 2, 0)).astype(int)
    x1, y1 = np.clip(np.ceil(high + margin), [x0 + 2, y0 + 2], limit).astype(int)
    factor = min(fit[0] / (x1 - x0), fit[1] / (y1 - y0))
    size = (max(1, round((x1 - x0) * factor)), max(1, round((y1 - y0) * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture[y0:y1, x0:x1], size, interpolation=method), np.array([x0, y0]), factor


def _moved(garment: Drawable, shift: np.ndarray, factor: float) -> TruthGarment:
    """The garment in a crop's coordinates. Resizing keeps the outer edges of pixels, not their centres."""
    landmarks = np.array(garment.landmarks, dtype=float)
    landmarks[:, :2] = (landmarks[:, :2] - shift + 0.5) * factor - 0.5
    x, y, width, height = (float(value) for value in garment.box)
    box = ((x - shift[0]) * factor, (y - shift[1]) * factor, width * factor, height * factor)
    return TruthGarment(garment.category.id, box, landmarks, garment.wardrobe, float(garment.score))


def _caption(panel: np.ndarray, text: str) -> np.ndarray:
    if not text:
        return panel
    image = Image.fromarray(panel[:, :, ::-1])
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=max(11, panel.shape[0] // 20))
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pen.rectangle((0, 0, right - left + 8, bottom - top + 8), fill=CASING)
    pen.text((4 - left, 4 - top), text, fill=(255, 255, 255), font=font)
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
