"""Seams, collars, buttons, pockets, pleats: what is drawn on a garment's parts."""

import numpy as np

from hemline.datasets.synthetic.body import SIDES, WAIST
from hemline.datasets.synthetic.curves import Points, ellipse, join, mirror, points, shift, spline
from hemline.datasets.synthetic.garment import BACK, FRONT, INNER, Design, Detail

Frame = dict[str, Points]


def trim_upper(
    design: Design, part: str, neck: Frame, frame: Frame, side: str = "right"
) -> tuple[Detail, ...]:
    """Details of a part of a top, an outwear or a dress: "back", "front", or "panel" on `side`."""
    if part == "panel":
        return _panel(design, neck, frame, SIDES[side])
    details = [_hem_line(frame, BACK if part == "back" else FRONT)]
    if design.is_dress or "belt" in design.extras:
        details.append(_waist_line(design, frame, BACK if part == "back" else FRONT))
    if part == "front":
        details += _front(design, neck, frame)
    return tuple(details)


def _hem_line(frame: Frame, faces: int) -> Detail:
    corner, centre = frame["hem"], frame["centre"]
    line = spline(np.array([mirror(corner), centre, corner])) - (0.0, 0.07)
    return Detail(line, 0.82, faces=faces)


def _waist_line(design: Design, frame: Frame, faces: int) -> Detail:
    x, y = frame["waist"]
    line = spline(points((-x, y), (0.0, y + 0.05), (x, y)))
    return Detail(line, 0.6, width=0.1 if "belt" in design.extras else 0.02, faces=faces)


def _front(design: Design, neck: Frame, frame: Frame) -> list[Detail]:
    curve = join(mirror(neck["curve"][::-1]), neck["curve"])
    details = [Detail(shift(curve, 0.0, 0.03), 0.75, width=0.045)]
    if "buttons" in design.extras:
        top, bottom = neck["centre"][1], frame["centre"][1] - 0.06
        if design.collar and bottom - top > 1.2 and "polo" in design.extras:
            bottom = top + 0.6
        details.append(Detail(points((0.05, top), (0.05, bottom)), 0.7))
        count = max(2, int((bottom - top) / 0.32))
        details += [
            Detail(ellipse((0.0, y), (0.028, 0.028)), 1.5, True)
            for y in np.linspace(top + 0.08, bottom - 0.1, count)
        ]
    if design.collar:
        details += _collar(neck, design)
    if "pocket" in design.extras:
        box = points((0.22, 1.0), (0.55, 1.0), (0.55, 1.35), (0.385, 1.43), (0.22, 1.35), (0.22, 1.0))
        details.append(Detail(box, 0.72))
    if "kangaroo" in design.extras and not design.is_dress:
        y = frame["hem"][1]
        details.append(
            Detail(
                points(
                    (-0.3, y - 0.75), (0.3, y - 0.75), (0.48, y - 0.2), (-0.48, y - 0.2), (-0.3, y - 0.75)
                ),
                0.72,
            )
        )
    if "pleats" in design.extras and design.is_dress:
        details += _pleats(frame["waist"], frame["hem"], frame["centre"][1], 7)
    return details


def _collar(neck: Frame, design: Design) -> list[Detail]:
    """Two flaps that meet at the neckline's centre."""
    side, centre = neck["side"], neck["centre"]
    flap = points(
        shift(side, -0.06, -0.06),
        shift(side, 0.1, 0.1),
        shift(centre, 0.3, 0.12),
        centre,
        shift(side, -0.06, -0.06),
    )
    flaps = []
    for one in (flap, mirror(flap)):
        flaps += [Detail(one, 1.12, True), Detail(one, 0.55, free=True)]
    return flaps


def _panel(design: Design, neck: Frame, frame: Frame, sign: float) -> tuple[Detail, ...]:
    """Details of one half of an open front: edge, collar or lapel, hem, pocket."""
    flip = np.array([sign, 1.0])
    details = [Detail(spline(neck["edge"]) * flip, 0.55, width=0.05)]
    details.append(Detail(points(frame["hem"] - (0.0, 0.07), neck["edge"][-1] - (0.0, 0.07)) * flip, 0.8))
    if design.collar == "lapel":
        end = neck["end"]
        flap = join(
            neck["side"],
            neck["mid"],
            end,
            shift(end, 0.26, -0.18),
            shift(neck["side"], 0.14, 0.14),
            neck["side"],
        )
        details += [Detail(flap * flip, 1.12, True), Detail(flap * flip, 0.5, free=True)]
    elif design.collar == "band":
        line = np.vstack([neck["side"], neck["mid"], neck["end"]])
        details.append(Detail(shift(line, 0.05, 0.0) * flip, 0.65, width=0.09))
    if "pocket" in design.extras:
        y = min(WAIST + 0.45, frame["hem"][1] - 0.5)
        details.append(Detail(points((0.34, y), (0.66, y - 0.10)) * flip, 0.5, width=0.04))
    return tuple(details)


def trim_sleeve(outer: Points, inner: Points, armhole: Points, flip: Points) -> tuple[Detail, ...]:
    """Details of a sleeve of which `outer` and `inner` (n, 2) are the landmarks' edges, shoulder to cuff."""
    cuff = points(outer[-1] + 0.12 * (outer[-2] - outer[-1]), inner[-1] + 0.12 * (inner[-2] - inner[-1]))
    return (
        Detail(spline(outer) * flip, 0.66, faces=INNER),
        Detail(spline(inner) * flip, 0.6, width=0.03, faces=INNER),
        Detail(cuff * flip, 0.75, faces=INNER),
        Detail(armhole * flip, 0.8, faces=INNER),
    )


def trim_lower(
    design: Design, frame: Frame, ends: dict[str, tuple[Points, Points]] | None = None
) -> tuple[Detail, ...]:
    """Details of trousers, shorts (with the `ends` of the legs) or a skirt."""
    x, y = frame["waist"]
    faces = INNER if ends else FRONT
    band = shift(spline(points((-x, y), (0.0, y + 0.05), (x, y))), 0.0, 0.14)
    details = [Detail(band, 0.65, faces=faces)]
    if "belt" in design.extras:
        details.append(Detail(band - (0.0, 0.07), 0.35, width=0.12, faces=faces))
    if ends:
        details += _fly_and_pockets(frame)
        for side, (outer, inner) in ends.items():
            lift = points((0.0, -0.08))
            details.append(Detail(join(outer + lift, inner + lift), 0.75, faces=INNER))
            if "crease" in design.extras:
                middle = 0.5 * (outer + inner)
                details.append(Detail(points((SIDES[side] * 0.4, y + 0.6), middle), 0.8, faces=INNER))
        return tuple(details)
    details.append(_hem_line(frame, FRONT))
    if "pleats" in design.extras:
        details += _pleats(frame["waist"] + (0.0, 0.16), frame["hem"], frame["centre"][1], 9)
    if "buttons" in design.extras:
        details += [
            Detail(ellipse((0.0, v), (0.035, 0.035)), 1.5, True)
            for v in np.arange(y + 0.25, frame["hem"][1], 0.3)
        ]
    return tuple(details)


def _fly_and_pockets(frame: Frame) -> list[Detail]:
    x, y = frame["waist"]
    low = frame["crotch"]
    details = [
        Detail(spline(points((0.0, y + 0.06), (0.02, 0.5 * (y + low[1])), low)), 0.6, faces=INNER),
        Detail(spline(points((0.12, y + 0.2), (0.12, y + 0.6), (0.0, y + 0.85))), 0.75, faces=INNER),
    ]
    pocket = spline(points((0.55 * x, y + 0.18), (0.7 * x, y + 0.5), (1.2 * frame["seam"][0], y + 0.58)))
    return [*details, Detail(pocket, 0.65, faces=INNER), Detail(mirror(pocket), 0.65, faces=INNER)]


def _pleats(top: Points, hem: Points, centre: float, count: int) -> list[Detail]:
    at = np.linspace(-0.86, 0.86, count)
    return [
        Detail(
            points((a * top[0], top[1] + 0.03), (a * hem[0], centre - 0.02 - abs(a) * (centre - hem[1]))),
            0.72,
            width=0.025,
        )
        for a in at
    ]
