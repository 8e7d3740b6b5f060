"""Shorts, trousers and skirts: what hangs from the waist."""

import numpy as np

from hemline.datasets.synthetic.body import CROTCH, HIP, SIDES, Body
from hemline.datasets.synthetic.curves import Points, join, mirror, points, spline
from hemline.datasets.synthetic.garment import FRONT, INNER, Design, Part, Shape, sided
from hemline.datasets.synthetic.trimming import trim_lower

DOWN = points((0.0, 0.0), (0.0, 1.0))


def lower(design: Design, body: Body) -> Shape:
    """The shape of a garment that hangs from the waist, worn by `body`."""
    shape = Shape(design)
    waist = points((body.half_width(design.waist) + 0.03 + 0.3 * design.ease, design.waist))[0]
    shape.mark_both("waistband", waist, "front", faces=INNER)
    shape.mark("waistband centre", (0.0, design.waist + 0.05), "front")
    if design.category.name == "skirt":
        _add_skirt(shape, design, body, waist)
    else:
        _add_legs(shape, design, body, waist)
    return shape


def _band(waist: Points) -> Points:
    """The top edge, from left to right."""
    return spline(np.array([mirror(waist), (0.0, waist[1] + 0.05), waist]))


def _add_skirt(shape: Shape, design: Design, body: Body, waist: Points) -> None:
    hip_y = min(HIP, design.waist + 0.45 * (design.hem - design.waist))
    side = points((body.half_width(hip_y) + design.ease + design.flare * (hip_y - design.waist), hip_y))[0]
    reach = body.hip + design.ease + design.flare * (design.hem - design.waist)
    corner, centre = points((reach, design.hem), (0.0, design.hem + design.hem_curve))
    shape.mark_both("skirt side", side, "front", faces=INNER)
    shape.mark_both("hem corner", corner, "front", faces=INNER)
    shape.mark("hem centre", centre, "front")
    edge = spline(np.array([waist, side, corner]))
    outline = join(_band(waist), edge, spline(np.array([corner, centre, mirror(corner)])), mirror(edge[::-1]))
    frame = {"waist": waist, "side": side, "hem": corner, "centre": centre}
    shape.parts.append(Part("front", outline, FRONT, DOWN, details=trim_lower(design, frame)))


def _add_legs(shape: Shape, design: Design, body: Body, waist: Points) -> None:
    crotch = points((0.0, CROTCH + 0.12 + 0.3 * (design.ease - 0.1)))[0]
    seam_y = 0.5 * (design.waist + crotch[1]) + 0.15
    seam = points((body.half_width(seam_y) + 0.05 + 0.7 * design.ease, seam_y))[0]
    shape.mark_both("outer seam", seam, "front", faces=INNER)
    shape.mark("crotch", crotch, "front")
    edges = {side: _leg(shape, design, body, side, waist, seam, crotch) for side in SIDES}
    right, left = edges["right"], edges["left"]
    outline = join(_band(waist), right[0], right[1], left[1][::-1], left[0][::-1])
    frame = {"waist": waist, "seam": seam, "crotch": crotch, "right": right[0][-1], "left": left[0][-1]}
    ends = {side: (edges[side][0][-1], edges[side][1][0]) for side in SIDES}
    shape.parts.append(Part("front", outline, INNER, DOWN, details=trim_lower(design, frame, ends)))


def _leg(
    shape: Shape, design: Design, body: Body, side: str, waist: Points, seam: Points, crotch: Points
) -> tuple[Points, Points]:
    """Outer edge from waist to hem, and inner edge from hem to crotch, of one leg, on its side."""
    leg = body.legs[side]
    stations = {"leg bottom": (design.leg, design.bottom)}
    if design.category.name == "trousers":
        stations = {"knee": (leg.bend, 0.5 * (design.thigh + design.bottom)), **stations}
    outer = np.array([leg.edge(at, half) for at, half in stations.values()])
    inner = np.array([leg.edge(at, -half) for at, half in stations.values()])
    inner = np.maximum(inner, (0.02, crotch[1] + 0.06))  # legs do not cross, nor rise above the crotch
    for name, out, into in zip(stations, outer, inner, strict=True):
        shape.mark(f"{side} {name} outer", out * (SIDES[side], 1.0), "front", faces=INNER)
        shape.mark(f"{side} {name} inner", into * (SIDES[side], 1.0), "front", faces=INNER)
    down = spline(np.vstack([waist, seam, outer]))
    up = spline(np.vstack([inner[::-1], crotch]))
    return sided(side, down), sided(side, up)
