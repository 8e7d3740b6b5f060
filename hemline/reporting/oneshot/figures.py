"""Figure 1 of paper 001: what a picture costs against what comes of it, for both systems on the same axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hemline.reporting.evidence import Estimate
from hemline.reporting.labels import label, places
from hemline.reporting.oneshot import paper
from hemline.reporting.oneshot.evidence import Evidence
from hemline.reporting.oneshot.systems import Contender, System
from hemline.reporting.oneshot.tables import milliseconds
from hemline.reporting.svg import (
    WIDTH,
    Axis,
    axis,
    dot,
    figure,
    horizontal_grid,
    legend,
    line,
    path,
    text,
    titled,
)

LEFT, RIGHT, TOP, BOTTOM = 40, WIDTH - 12, 48, 300  # the axes' ends, user units
RADIUS = 3.5
KINDS: dict[System, str] = {"one-shot": "ours", "two-stage": "before"}  # of the style sheet
LEGEND = (("ours", "one-shot"), ("before", "two-stage"), ("theirs", "paper, on DeepFashion2"))
LETTERS = dict(zip(paper.BACKBONES, "abcd", strict=True))
DECADES = range(-1, 7)  # 0.1 ms to ten minutes


@dataclass(frozen=True)
class Mark:
    """A dot: what is said of it, the short name beside it, milliseconds and AP, of ours with the interval."""

    name: str
    title: str
    kind: str
    milliseconds: float
    ap: float
    span: Estimate | None = None


def speed_figures(evidence: Evidence, found: Sequence[Contender]) -> list[tuple[str, str]]:
    """A title and a drawing: landmark AP, and box AP; none where no row's speed is known."""
    if not any(one.speed for one in found):
        return []
    return [
        ("Landmark AP against speed", _drawing(evidence, found, "landmark")),
        ("Box AP against speed", _drawing(evidence, found, "box")),
    ]


def key(found: Sequence[Contender]) -> list[tuple[str, str]]:
    """What the dots' names stand for."""
    ours = [(str(one.number), f"{one.title}{_origin(one)}") for one in found if one.speed is not None]
    return [*ours, *((letter, f"{paper.describe(one)} (paper)") for one, letter in LETTERS.items())]


def _origin(one: Contender) -> str:
    return "" if one.system == "one-shot" else " (two-stage)"


def note() -> str:
    """What the paper's dots are, and what they are not."""
    return (
        "The filled dots of one network at several input sizes are joined. The paper's dots are of Tables 5 and 6, at"
        f" 512 × 512, measured on {paper.MACHINE}; of its Figure 1's other dots (DLA-34 at 128 × 128 and at 256 × 256)"
        " it prints no numbers. Milliseconds of different machines cannot be compared."
    )


def _drawing(evidence: Evidence, found: Sequence[Contender], what: str) -> str:
    marks = [*_ours(found, what), *_theirs(what)]
    across = _across([mark.milliseconds for mark in marks])
    spans = [value for mark in marks if mark.span for value in (mark.span.low, mark.span.high)]
    up = axis([*spans, *(mark.ap for mark in marks)], BOTTOM - 6, TOP + 4)
    at = {mark.name: (across(math.log10(mark.milliseconds)), up(mark.ap)) for mark in marks}
    lines = [[at[name] for name in names] for names in _sizes(evidence, found)]
    parts = [*legend(14, LEGEND), *_vertical_grid(across), *horizontal_grid(up, LEFT, RIGHT)]
    parts += [path(points, "ours-line") for points in lines]
    parts += [_dot(mark, at[mark.name], up) for mark in marks]
    parts += _labels(marks, at, lines)
    parts.append(text((LEFT + RIGHT) / 2, BOTTOM + 30, "milliseconds a picture", "middle", "tick"))
    parts.append(text(4, TOP - 14, f"{what} AP", kind="tick"))
    return figure(parts, BOTTOM + 36, f"Speed against {what} AP, both systems and the paper's rows")


def _ours(found: Sequence[Contender], what: str) -> list[Mark]:
    marks = []
    for one in found:
        if one.speed is not None:
            ap = one.ap if what == "landmark" else one.box_ap
            words = f"{one.title}{_origin(one)}: AP {ap.value:.3f}, {milliseconds(one.speed.milliseconds)} ms"
            marks.append(
                Mark(str(one.number), words, KINDS[one.system], one.speed.milliseconds, ap.value, ap)
            )
    return marks


def _theirs(what: str) -> list[Mark]:
    marks = []
    for setting, letter in LETTERS.items():
        result = paper.result_of(setting)
        assert result is not None
        ap = (result.landmarks if what == "landmark" else result.boxes)["AP"]
        words = f"paper, {paper.describe(setting)}: AP {ap:.3f}, {milliseconds(result.milliseconds)} ms"
        marks.append(Mark(letter, words, "theirs", result.milliseconds, ap))
    return marks


def _across(values: Sequence[float]) -> Axis:
    """Powers of ten: the axis has their exponents."""
    return axis([math.log10(value) for value in values], LEFT, RIGHT, least=0.5)


def _vertical_grid(across: Axis) -> list[str]:
    """At 1, 2 and 5 times the powers of ten; at the powers alone where these would be too many."""
    steps = (1, 2, 5) if across.high - across.low < 2.6 else (1,)
    parts = []
    for value in (step * 10.0**decade for decade in DECADES for step in steps):
        if across.low <= math.log10(value) <= across.high:
            x = across(math.log10(value))
            parts += [line(x, TOP, x, BOTTOM, "grid"), text(x, BOTTOM + 14, f"{value:,g}", "middle", "tick")]
    return parts


def _sizes(evidence: Evidence, found: Sequence[Contender]) -> list[list[str]]:
    """The marks to join: rows of one network that differ in its input's size alone, the smallest first."""
    measured = {one.name: str(one.number) for one in found if one.speed is not None}
    oneshot = evidence.params.oneshot
    groups: dict[object, list[tuple[int, str]]] = {}
    for row in evidence.rows:
        if row.name in measured:
            finetuned = oneshot.finetuned.get(row.network)
            base = row.network if finetuned is None else finetuned.base
            width, height = oneshot.settings(row.network).image_size
            groups.setdefault((base, row.setting), []).append((width * height, measured[row.name]))
    return [[name for _, name in sorted(group)] for group in groups.values() if len(group) > 1]


def _dot(mark: Mark, at: tuple[float, float], up: Axis) -> str:
    span = [] if mark.span is None else [line(at[0], up(mark.span.low), at[0], up(mark.span.high), "span")]
    return titled(mark.title, *span, dot(*at, mark.kind, RADIUS))


def _labels(
    marks: Sequence[Mark], at: dict[str, tuple[float, float]], lines: Sequence[Sequence[tuple[float, float]]]
) -> list[str]:
    points = np.array([at[mark.name] for mark in marks])
    pairs = [(np.array(a), np.array(b)) for points_of in lines for a, b in pairwise(points_of)]
    names = {number: mark.name for number, mark in enumerate(marks)}
    radii = dict.fromkeys(names, RADIUS)
    found = places(points, pairs, radii, names)
    return [part for number, place in found for part in label(names[number], points[number], place, RADIUS)]
