"""Figure 1 of paper 001: what a picture costs against what comes of it, for both systems on the same axes."""

import math
from collections.abc import Mapping, Sequence
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

LEFT, RIGHT, TOP, BOTTOM, LOW = 40, WIDTH - 12, 48, 300, 180  # the axes' ends, user units; of a low drawing
Point = tuple[float, float]
WHAT = ("landmark", "box")
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
    """Titles and drawings, landmark AP and box AP; none where no row's speed is known.

    The paper's rows stand among ours where the data are the paper's, else in drawings of their own: on one axis they
    would invite a comparison, and press ours together. On a data set with other landmarks they aren't drawn.
    """
    if not any(one.speed for one in found):
        return []
    joined = _sizes(evidence, found)
    ours = {what: _ours(found, what) for what in WHAT}
    theirs = {what: _theirs(what) for what in WHAT}
    if evidence.paper_data:
        together = {what: [*ours[what], *theirs[what]] for what in WHAT}
        return [
            (f"{what.capitalize()} AP, ours and the paper's", _drawing(together[what], joined, what))
            for what in WHAT
        ]
    whose = ", ours" if evidence.paper_wardrobe else ""
    drawn = [(f"{what.capitalize()} AP{whose}", _drawing(ours[what], joined, what)) for what in WHAT]
    if not evidence.paper_wardrobe:
        return drawn
    return [
        *drawn,
        *((f"{what.capitalize()} AP, the paper's", _drawing(theirs[what], [], what, LOW)) for what in WHAT),
    ]


def key(evidence: Evidence, found: Sequence[Contender]) -> list[tuple[str, str]]:
    """What the dots' names stand for."""
    ours = [(str(one.number), f"{one.title}{_origin(one)}") for one in found if one.speed is not None]
    theirs = [(letter, f"{paper.describe(one)} (paper)") for one, letter in LETTERS.items()]
    return [*ours, *(theirs if evidence.paper_wardrobe else [])]


def _origin(one: Contender) -> str:
    return "" if one.system == "one-shot" else " (two-stage)"


def note(evidence: Evidence) -> str:
    """What is joined, what the paper's dots are, and what they are not."""
    joined = "Joined are the rows of one network at several input sizes."
    if not evidence.paper_wardrobe:
        return joined
    return (
        f"{joined} The paper's dots are of its Tables 5 and 6, at"
        f" 512 × 512, on {paper.MACHINE}; of the other dots of its Figure 1 (DLA-34 at 128 × 128 and at"
        " 256 × 256) it prints no numbers."
    )


def _drawing(
    marks: Sequence[Mark], joined: Sequence[Sequence[str]], what: str, bottom: float = BOTTOM
) -> str:
    """Dots with their names; `joined` are the names to join."""
    across = axis([math.log10(mark.milliseconds) for mark in marks], LEFT, RIGHT, least=0.5)
    spans = [value for mark in marks if mark.span for value in (mark.span.low, mark.span.high)]
    up = axis([*spans, *(mark.ap for mark in marks)], bottom - 6, TOP + 4)
    at = {mark.name: (across(math.log10(mark.milliseconds)), up(mark.ap)) for mark in marks}
    lines = [[at[name] for name in names] for names in joined]
    present = {mark.kind for mark in marks}
    parts = legend(14, [(kind, words) for kind, words in LEGEND if kind in present])
    parts += [*_vertical_grid(across, bottom), *horizontal_grid(up, LEFT, RIGHT)]
    parts += [path(points, "ours-line") for points in lines]
    parts += [titled(mark.title, *_dot(mark, at[mark.name], up)) for mark in marks]
    parts += _labels(marks, at, lines, up)
    parts.append(text((LEFT + RIGHT) / 2, bottom + 30, "milliseconds a picture", "middle", "tick"))
    parts.append(text(4, TOP - 14, f"{what} AP", kind="tick"))
    return figure(parts, bottom + 36, f"Milliseconds a picture against {what} AP")


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


def _vertical_grid(across: Axis, bottom: float) -> list[str]:
    """At 1, 2 and 5 times the powers of ten, whose exponents the axis has; where these are too many, at the powers."""
    steps = (1, 2, 5) if across.high - across.low < 2.6 else (1,)
    parts = []
    for value in (step * 10.0**decade for decade in DECADES for step in steps):
        if across.low <= math.log10(value) <= across.high:
            x = across(math.log10(value))
            parts += [line(x, TOP, x, bottom, "grid"), text(x, bottom + 14, f"{value:,g}", "middle", "tick")]
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


def _dot(mark: Mark, at: tuple[float, float], up: Axis) -> list[str]:
    span = [line(*start, *stop, "span") for start, stop in _span(mark, at, up)]
    return [*span, dot(*at, mark.kind, RADIUS)]


def _span(mark: Mark, at: tuple[float, float], up: Axis) -> list[tuple[Point, Point]]:
    return [] if mark.span is None else [((at[0], up(mark.span.low)), (at[0], up(mark.span.high)))]


def _labels(
    marks: Sequence[Mark], at: Mapping[str, Point], lines: Sequence[Sequence[Point]], up: Axis
) -> list[str]:
    points = np.array([at[mark.name] for mark in marks])
    drawn = [pair for way in lines for pair in pairwise(way)]
    drawn += [span for mark in marks for span in _span(mark, at[mark.name], up)]
    ends = [(np.array(start), np.array(stop)) for start, stop in drawn]
    names = {number: mark.name for number, mark in enumerate(marks)}
    found = places(points, ends, dict.fromkeys(names, RADIUS), names)
    return [part for number, place in found for part in label(names[number], points[number], place, RADIUS)]
