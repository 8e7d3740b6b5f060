"""Tops, outwear and dresses: what hangs from the shoulders."""

import numpy as np

from hemline.datasets.synthetic.body import ARMPIT, HIP, SHOULDER, SIDES, WAIST, Body
from hemline.datasets.synthetic.curves import Points, join, mirror, points, ramp, spline
from hemline.datasets.synthetic.garment import BACK, FRONT, INNER, Design, Part, Shape, sided
from hemline.datasets.synthetic.trimming import trim_sleeve, trim_upper

DOWN = points((0.0, 0.0), (0.0, 1.0))


def upper(design: Design, body: Body) -> Shape:
    """The shape of a garment that hangs from the shoulders, worn by `body`."""
    shape = Shape(design)
    neck, frame = _neck(design, body), _frame(design, body)
    _mark_neck(shape, design, neck)
    _mark_sides(shape, design, frame)
    _add_back(shape, design, neck, frame)
    if design.is_outwear:
        _add_panels(shape, design, neck, frame)
    else:
        _add_front(shape, design, neck, frame)
    if design.sleeves:
        for side in SIDES:
            _add_sleeve(shape, design, body, frame, side)
    return shape


def shoulder_line(body: Body, x: float) -> float:
    """Height of the shoulder seam at `x` heads off the middle."""
    return -0.02 + (SHOULDER + 0.02) * (x / body.shoulder) ** 1.2


# The neck -----------------------------------------------------------------------------------------


def _neck(design: Design, body: Body) -> dict[str, Points]:
    """Half a neckline, described outward: points side, mid, centre (2,), and the curve from centre to side."""
    w, d = design.neck_width, design.neck_depth
    top = shoulder_line(body, w) + 0.03
    if design.neckline == "turtle":
        side, centre, mid = (0.25, -0.20), (0.0, -0.10), (0.14, -0.125)
    elif design.category.name.startswith("sling"):
        return _sling_neck(design, body)
    else:
        side, centre = (w, top), (0.0, max(d, top + 0.06))
        mid = _middle(design.neckline, w, top, centre[1])
    knots = points(centre, mid, side)
    if design.neckline in ("v", "square"):
        curve = knots if design.neckline == "v" else points(centre, (mid[0], mid[1]), side)
    else:
        curve = spline(np.vstack([mirror(knots[1]), knots]))[7:]
    return {"centre": knots[0], "mid": knots[1], "side": knots[2], "curve": curve}


def _middle(kind: str, width: float, top: float, bottom: float) -> tuple[float, float]:
    if kind == "v":
        return 0.5 * width, 0.5 * (top + bottom)
    if kind == "square":
        return 0.86 * width, bottom - 0.02
    if kind == "sweetheart":
        return 0.55 * width, bottom - 0.12
    return 0.74 * width, top + 0.70 * (bottom - top)


def _sling_neck(design: Design, body: Body) -> dict[str, Points]:
    x = design.neck_width
    side = points((x, shoulder_line(body, x)))[0]
    mid = points((0.92 * x, design.neck_depth - 0.16 * (design.neckline != "square")))[0]
    centre = points((0.0, design.neck_depth))[0]
    bow = points((0.45 * x, design.neck_depth - (0.02 if design.neckline == "v" else 0.10)))[0]
    edge = (
        points(centre, mid) if design.neckline in ("v", "square") else spline(np.vstack([centre, bow, mid]))
    )
    return {"centre": centre, "mid": mid, "side": side, "curve": join(edge, side)}


def _mark_neck(shape: Shape, design: Design, neck: dict[str, Points]) -> None:
    shape.mark("back neckline centre", _back_centre(design, neck), "back", faces=BACK)
    for name, key in (("neck shoulder point", "side"), ("front neckline", "mid")):
        shown = ("front {}",) if design.is_outwear else ("front",)
        shape.mark_both(name, neck[key], *shown, *(("back",) if key == "side" else ()))
    if not design.is_outwear:
        shape.mark("front neckline centre", neck["centre"], "front")


def _back_centre(design: Design, neck: dict[str, Points]) -> Points:
    if design.category.name.startswith("sling"):
        return points((0.0, design.back_depth + 0.75))[0]
    return points((0.0, neck["side"][1] + design.back_depth))[0]


# Sides and hem ------------------------------------------------------------------------------------


def _frame(design: Design, body: Body) -> dict[str, Points]:
    """The outer points (2,) of one side: tip, armpit, upper, waist, (hip, skirt,) hem; and the hem's centre."""
    armpit_y = ARMPIT + 0.45 * design.ease - (0.0 if design.sleeves else 0.02)
    tip_x = body.shoulder + 0.22 * design.ease
    frame = {
        "tip": points((tip_x, shoulder_line(body, body.shoulder)))[0],
        "armpit": points((_width(design, body, armpit_y), armpit_y))[0],
        "centre": points((0.0, design.hem + design.hem_curve))[0],
    }
    if not design.sleeves:
        x = min(design.neck_width + design.strap, body.shoulder - 0.02)
        frame["tip"] = points((x, shoulder_line(body, x)))[0]
    heights = _heights(design, armpit_y)
    frame |= {name: points((_width(design, body, y), y))[0] for name, y in heights.items()}
    return frame


def _heights(design: Design, armpit: float) -> dict[str, float]:
    below = design.hem - armpit
    if design.is_dress:
        return {
            "upper": armpit + 0.42 * (WAIST - armpit),
            "waist": WAIST,
            "hip": min(HIP, WAIST + 0.45 * (design.hem - WAIST)),
            "skirt": 0.5 * (min(HIP, WAIST + 0.45 * (design.hem - WAIST)) + design.hem),
            "hem": design.hem,
        }
    waist = WAIST if design.hem > 2.5 else armpit + 0.62 * below
    return {"upper": armpit + 0.42 * (waist - armpit), "waist": waist, "hem": design.hem}


def _width(design: Design, body: Body, y: float) -> float:
    ease = design.ease * (0.55 + 0.45 * float(ramp(y, 0.9, 2.2)))
    if "belt" in design.extras:  # gathered in at the waist
        ease *= 1 - 0.8 * float(np.exp(-(((y - WAIST) / 0.3) ** 2)))
    start = WAIST if design.is_dress else ARMPIT
    return body.half_width(y) + ease + design.flare * max(0.0, y - start)


def _mark_sides(shape: Shape, design: Design, frame: dict[str, Points]) -> None:
    front = "front {}" if design.is_outwear else "front"
    sleeve = ("sleeve {}",) if design.sleeves else ()
    names = {"upper": "side upper", "waist": "side waist", "hem": "hem corner"}
    if design.is_dress:
        names |= {"hip": "side hip", "skirt": "skirt side"}
    for key, name in names.items():
        shape.mark_both(name, frame[key], front, "back", faces=INNER)
    if not design.is_outwear:
        shape.mark("hem centre", frame["centre"], front, "back")
    if design.sleeves:
        for key, name in (("tip", "shoulder tip"), ("armpit", "armpit")):
            shape.mark_both(
                f"{design.sleeves} sleeve {name}", frame[key], front, "back", *sleeve, faces=INNER
            )
    elif design.category.name.startswith("sling"):
        shape.mark_both("strap top", frame["tip"], front, "back", faces=INNER)
    else:
        shape.mark_both("outer shoulder", frame["tip"], front, "back", faces=INNER)
    if not design.sleeves:  # no landmark of DeepFashion2's
        shape.mark_both("armhole bottom", frame["armpit"], front, "back", faces=INNER)


def _side_curve(design: Design, frame: dict[str, Points]) -> Points:
    """From the shoulder's outer point by the armpit down to the hem corner."""
    knots = [frame[key] for key in ("armpit", "upper", "waist", "hip", "skirt", "hem") if key in frame]
    return join(_armhole(design, frame), spline(np.array(knots)))


def _armhole(design: Design, frame: dict[str, Points]) -> Points:
    tip, armpit = frame["tip"], frame["armpit"]
    if design.category.name.startswith("sling"):
        corner = points((tip[0] + 0.04, design.neck_depth - 0.14))[0]
        return join(tip, corner, points((armpit[0] - 0.02, armpit[1] - 0.04)))
    inward = 0.16 if not design.sleeves else 0.06
    middle = points((min(tip[0], armpit[0]) - inward * 0.6, 0.35 * tip[1] + 0.65 * armpit[1]))[0]
    return spline(np.array([tip, middle, armpit]))


def _hem(design: Design, frame: dict[str, Points]) -> Points:
    """From the right hem corner over the centre to the left one."""
    corner = frame["hem"]
    return spline(np.array([corner, frame["centre"], mirror(corner)]))


# Parts --------------------------------------------------------------------------------------------


def _add_back(shape: Shape, design: Design, neck: dict[str, Points], frame: dict[str, Points]) -> None:
    side = _side_curve(design, frame)
    dip = _back_centre(design, neck)
    if design.category.name.startswith("sling"):
        inner = points((neck["side"][0] * 0.95, dip[1] - 0.05))
        half = join(neck["side"], inner, dip)
    else:
        bow = points((0.72 * neck["side"][0], neck["side"][1] + 0.72 * (dip[1] - neck["side"][1])))
        half = spline(np.vstack([neck["side"], bow, dip]))
    outline = join(side, _hem(design, frame), mirror(side[::-1]), mirror(half), half[::-1])
    shape.parts.append(Part("back", outline, BACK, DOWN, details=trim_upper(design, "back", neck, frame)))


def _add_front(shape: Shape, design: Design, neck: dict[str, Points], frame: dict[str, Points]) -> None:
    side, curve = _side_curve(design, frame), neck["curve"]
    outline = join(side, _hem(design, frame), mirror(side[::-1]), mirror(curve[::-1]), curve)
    shape.parts.append(Part("front", outline, FRONT, DOWN, details=trim_upper(design, "front", neck, frame)))


def _add_panels(shape: Shape, design: Design, neck: dict[str, Points], frame: dict[str, Points]) -> None:
    """The two halves of an open front, each with its edge from the collar's end down to the hem."""
    end_y = max(design.neck_depth, neck["side"][1] + 0.3)
    corner = points((design.gap_hem, design.hem + 0.6 * design.hem_curve))[0]
    at = np.linspace(0.0, 1.0, 4)
    sag = 0.10 * np.sin(np.pi * at) * (design.seed % 3 - 1)
    edge = np.stack(
        [design.gap + (corner[0] - design.gap) * at + sag, end_y + (corner[1] - end_y) * at], axis=-1
    )
    mid = points((0.5 * (neck["side"][0] + design.gap) + 0.02, 0.5 * (neck["side"][1] + end_y)))[0]
    shape.mark_both("front neckline", mid, "front {}")
    for name, place in zip(
        ("collar end", "front edge upper", "front edge lower", "front edge hem corner"), edge, strict=True
    ):
        shape.mark_both(name, place, "front {}")
    hem = spline(
        np.array([frame["hem"], 0.5 * (frame["hem"] + corner) + (0.0, 0.3 * design.hem_curve), corner])
    )
    outline = join(_side_curve(design, frame), hem, spline(edge)[::-1], mid, neck["side"])
    lapel = {**neck, "mid": mid, "end": edge[0], "edge": edge}
    for side in SIDES:
        details = tuple(d for d in trim_upper(design, "panel", lapel, frame, side))
        shape.parts.append(Part(f"front {side}", sided(side, outline), FRONT, DOWN, details=details))


# Sleeves ------------------------------------------------------------------------------------------


def _add_sleeve(shape: Shape, design: Design, body: Body, frame: dict[str, Points], side: str) -> None:
    arm, sign = body.arms[side], np.array([SIDES[side], 1.0])
    outer_at, inner_at, names = _sleeve_stations(design, arm.bend)
    outer = [arm.edge(t, _sleeve_half(design, t)) for t in outer_at]
    inner = [arm.edge(t, -_sleeve_half(design, t)) for t in inner_at]
    lead = [frame["tip"], *outer]
    trail = [*inner[::-1], frame["armpit"]]
    seam = _armhole(design, frame)[::-1] - (0.03, 0.0)  # a little over the body: no gap shows at the seam
    outline = join(spline(np.array(lead)), spline(np.array(trail)), seam)
    grain = points(arm.joints[0], arm.joints[1]) * sign
    details = trim_sleeve(np.array(lead), np.array(trail[::-1]), _armhole(design, frame), sign)
    shape.parts.append(Part(f"sleeve {side}", outline * sign, INNER, grain, details=details))
    for edge, places in (("outer", outer), ("inner", inner)):
        for name, place in zip(names, places, strict=True):
            label = f"cuff {edge}" if name == "cuff" else f"{edge} edge {name}".strip()
            shape.mark(f"{side} {design.sleeves} sleeve {label}", place * sign, f"sleeve {side}", faces=INNER)


def _sleeve_stations(design: Design, elbow: float) -> tuple[list[float], list[float], list[str]]:
    """Where on the arm (0 shoulder, 1 wrist) the outer and the inner edge's landmarks lie, and their names."""
    end = design.sleeve
    if design.sleeves == "long":
        stations = [0.5 * elbow, elbow, 0.5 * (elbow + end), end]
        return stations, [0.62 * elbow, *stations[1:]], ["upper arm", "elbow", "forearm", "cuff"]
    inner_end = max(end, 0.34)  # a sleeve ends below the armpit on its inner side
    return [0.5 * end, end], [0.5 * (0.25 + inner_end), inner_end], ["", "cuff"]


def _sleeve_half(design: Design, at: float) -> float:
    return float(np.interp(at, [0.15, max(design.sleeve, 0.3)], [design.sleeve_width, design.cuff]))
