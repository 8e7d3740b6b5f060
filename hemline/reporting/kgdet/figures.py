"""Figure 5 of paper 003: AP of boxes against AP of landmarks, a dot a model of Table 4."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from hemline.reporting.evidence import Estimate
from hemline.reporting.kgdet import paper
from hemline.reporting.kgdet.evidence import Evidence, Row
from hemline.reporting.kgdet.steps import models
from hemline.reporting.labels import label, places
from hemline.reporting.svg import (
    WIDTH,
    axis,
    dot,
    figure,
    horizontal_grid,
    line,
    text,
    titled,
    vertical_grid,
)

LEFT, RIGHT, TOP, BOTTOM = 44, WIDTH - 14, 26, 250  # the axes' ends, user units
SMALLEST = 3.0  # user units: the radius of a dot of 9 points; a dot's area goes with its points


@dataclass(frozen=True)
class Mark:
    """A dot: its short name, what is said of it, its number of points, both APs, of ours with intervals."""

    name: str
    title: str
    kind: str
    points: int
    landmark_ap: float
    box_ap: float
    spans: tuple[Estimate, Estimate] | None = None  # of landmarks, of boxes

    @property
    def radius(self) -> float:
        """User units."""
        return round(SMALLEST * sqrt(self.points / 9), 1)


def correlation_figures(evidence: Evidence) -> list[tuple[str, str]]:
    """Titles and drawings, ours and the paper's, each with axes of its own; none without two models with landmarks.

    On one pair of axes ours would be pressed together, and invite a comparison.
    """
    ours = [mark for row in models(evidence) for mark in _mark(row)]
    if len(ours) < 2:
        return []
    drawn = [("Ours", _drawing(ours))]
    if evidence.paper_wardrobe:
        drawn.append(("The paper's, on DeepFashion2", _drawing([_printed(one) for one in paper.MODELS])))
    return drawn


def note() -> str:
    """What the dots are."""
    return (
        "A dot a model of Table 4, by its ID there or, where it has none, by its row's name. Its area goes with the"
        " number of informative points."
    )


def key(evidence: Evidence) -> list[tuple[str, str]]:
    """What our dots' names stand for."""
    return [(_name(row), row.title) for row in models(evidence) if row.ap is not None]


def _mark(row: Row) -> list[Mark]:
    """None of a model without landmarks."""
    if row.ap is None:
        return []
    words = f"{row.title}: landmark AP {row.ap.value:.3f}, box AP {row.box_ap.value:.3f}"
    place = (row.ap.value, row.box_ap.value)
    return [Mark(_name(row), words, "ours", row.setting.points, *place, (row.ap, row.box_ap))]


def _name(row: Row) -> str:
    found = paper.model_of(row.setting)
    return found.key if found is not None and found.key.startswith("#") else row.name


def _printed(model: paper.Model) -> Mark:
    landmarks, boxes = model.landmarks["AP"], model.boxes["AP"]
    words = f"paper, {model.key}: landmark AP {landmarks:.3f}, box AP {boxes:.3f}"
    return Mark(model.key, words, "theirs-before", model.setting.points, landmarks, boxes)


def _drawing(marks: Sequence[Mark]) -> str:
    """Large dots first, so that small ones lie on top."""
    spans = [mark.spans for mark in marks if mark.spans]
    across = axis([*(mark.landmark_ap for mark in marks), *_ends([one for one, _ in spans])], LEFT, RIGHT)
    up = axis([*(mark.box_ap for mark in marks), *_ends([one for _, one in spans])], BOTTOM - 6, TOP + 4)
    at = [(across(mark.landmark_ap), up(mark.box_ap)) for mark in marks]
    lines = []
    for mark, (x, y) in zip(marks, at, strict=True):
        if mark.spans is not None:
            landmarks, boxes = mark.spans
            lines += [
                (across(landmarks.low), y, across(landmarks.high), y),
                (x, up(boxes.low), x, up(boxes.high)),
            ]
    parts = [*vertical_grid(across, TOP, BOTTOM), *horizontal_grid(up, LEFT, RIGHT)]
    parts += [line(*ends, "span") for ends in lines]
    for mark, place in sorted(zip(marks, at, strict=True), key=lambda pair: -pair[0].points):
        parts.append(titled(mark.title, dot(*place, mark.kind, mark.radius)))
    parts += _labels(marks, np.array(at), lines)
    parts += [
        text((LEFT + RIGHT) / 2, BOTTOM + 30, "landmark AP", "middle", "tick"),
        text(4, TOP - 10, "box AP", kind="tick"),
    ]
    return figure(parts, BOTTOM + 36, "Landmark AP against box AP of each model")


def _ends(estimates: Sequence[Estimate]) -> list[float]:
    return [value for one in estimates for value in (one.low, one.high)]


def _labels(
    marks: Sequence[Mark], points: np.ndarray, lines: Sequence[tuple[float, float, float, float]]
) -> list[str]:
    ends = [(np.array(one[:2]), np.array(one[2:])) for one in lines]
    radii = {number: mark.radius for number, mark in enumerate(marks)}
    names = {number: mark.name for number, mark in enumerate(marks)}
    return [
        part
        for number, place in places(points, ends, radii, names)
        for part in label(names[number], points[number], place, radii[number])
    ]
