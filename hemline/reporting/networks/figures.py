"""Errors as bars: of each landmark as in paper 004's Table 1, of each category as in paper 002's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hemline.reporting.differences import estimated
from hemline.reporting.evidence import Estimate
from hemline.reporting.networks import paper
from hemline.reporting.networks.errors import Measure
from hemline.reporting.networks.evidence import Evidence
from hemline.reporting.networks.numbers import percent
from hemline.reporting.networks.rows import PICTURE, comparable
from hemline.reporting.networks.tables import (
    categories_of,
    error_name,
    landmark_title,
    landmarks_of,
    network_rows,
)
from hemline.reporting.svg import WIDTH, Axis, bar, figure, legend, line, text, titled, vertical_grid

BAR = 8  # user units a bar, one of them the gap
KINDS = {  # of the bars, by type: the papers' own networks in full colour
    "fashionnet": "bar-before",
    "fpm": "bar-after",
    "cpm": "bar-before",
    "hourglass": "bar-hflip",
    "cpn": "bar-after",
}


@dataclass(frozen=True)
class Bars:
    """A row's errors by name; `marks` are the paper's."""

    kind: str
    title: str
    values: Mapping[str, Estimate | None]
    marks: Mapping[str, float]


def error_figures(evidence: Evidence, measure: Measure) -> list[tuple[str, str]]:
    """Titles and drawings: of each type of network a row (`comparable`). None without its networks."""
    drawn = [
        (
            f"{error_name(evidence)}, by category (paper 002)",
            _category_bars(evidence, measure),
            categories_of(evidence),
        ),
        (
            "NE over the picture's width and height, by landmark (paper 004)",
            _landmark_bars(evidence, measure),
            landmarks_of(evidence),
        ),
    ]
    return [(title, bars_figure(bars, names, title)) for title, bars, names in drawn if bars and names]


def _category_bars(evidence: Evidence, measure: Measure) -> list[Bars]:
    bars = []
    for row in comparable(network_rows(evidence)):
        errors = measure(row, evidence.error)
        values = {name: _percent(estimated(errors.category(name))) for name in categories_of(evidence)}
        bars.append(Bars(KINDS[row.type], row.title, values, {}))
    return bars


def _percent(value: Estimate | None) -> Estimate | None:
    return None if value is None else percent(value)


def _landmark_bars(evidence: Evidence, measure: Measure) -> list[Bars]:
    bars = []
    for row in comparable(evidence.of_types(paper.FPM_TYPES)):
        errors = measure(row, PICTURE)
        values = {name: estimated(errors.landmark(name)) for name in landmarks_of(evidence)}
        marks = paper.FPM_ERRORS[row.type].landmarks if evidence.papers_wardrobe else {}
        bars.append(Bars(KINDS[row.type], row.title, values, marks))
    return bars


def bars_figure(bars: Sequence[Bars], names: Sequence[str], label: str) -> str:
    """For each name a bar of each row, with its interval, and the paper's number as a mark."""
    across = _axis(bars)
    top = 14 + 16 * (len(bars) + any(one.marks for one in bars))
    step = 22 + BAR * len(bars)
    bottom = top + step * len(names)
    parts = [*_legend(bars), *vertical_grid(across, top - 6, bottom)]
    for place, name in enumerate(names):
        parts += _name_bars(bars, name, across, top + 10 + step * place)
    return figure(parts, bottom + 22, label)


def _axis(bars: Sequence[Bars]) -> Axis:
    highs = [value.high for one in bars for value in one.values.values() if value is not None]
    marks = [mark for one in bars for mark in one.marks.values()]
    return Axis(0.0, 1.04 * max([*highs, *marks, 1e-3]), 4, WIDTH - 12)


def _legend(bars: Sequence[Bars]) -> list[str]:
    """One line a row: titles are long."""
    names = [(one.kind, one.title) for one in bars]
    if any(one.marks for one in bars):
        names.append(("theirs", "paper, the bar of the same network"))
    return [part for place, one in enumerate(names) for part in legend(14 + 16 * place, [one])]


def _name_bars(bars: Sequence[Bars], name: str, across: Axis, y: float) -> list[str]:
    parts = [text(4, y, landmark_title(name), kind="name")]
    for place, one in enumerate(bars):
        top, value = y + 4 + BAR * place, one.values[name]
        if value is not None:
            words = f"{landmark_title(name)}, {one.title}: {value.value:.3g}"
            drawn = bar(across(0), across(value.value), top, BAR - 1, one.kind)
            middle = top + (BAR - 1) / 2
            parts.append(
                titled(words, drawn, line(across(value.low), middle, across(value.high), middle, "whisker"))
            )
        if name in one.marks:
            x = across(one.marks[name])
            parts.append(line(x, top - 1, x, top + BAR, "theirs-mark"))
    return parts
