"""Learning curves: the loss of every training, and AP on validation where a training looked at it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from hemline.reporting.svg import Axis, axis, dot, figure, line, path, text
from hemline.reporting.trainings import Training

LEFT, RIGHT, TOP, BOTTOM = 44, 196, 12, 108
Values = Mapping[str, Sequence[float]]  # by the training's name


def curves_figures(trainings: Iterable[Training]) -> list[tuple[str, str]]:
    """A title and a small chart for each group of trainings: its losses, and its validation AP if it has any."""
    groups: dict[str, list[Training]] = {}
    for training in trainings:
        groups.setdefault(training.group, []).append(training)
    charts = []
    for name, group in groups.items():
        losses = {one.place[-1]: one.losses for one in group if min(one.losses) > 0}
        charts.append((f"{name}: loss", _chart(f"Loss of {name} over epochs", losses, logarithmic=True)))
        judged = {one.place[-1]: one.judged for one in group if one.judged}
        if judged:
            charts.append((f"{name}: AP on validation", _chart(f"AP of {name} over epochs", judged)))
    return charts


def _chart(label: str, curves: Values, logarithmic: bool = False) -> str:
    show: Callable[[float], float] = math.log10 if logarithmic else float
    shown = [show(value) for values in curves.values() for value in values] or [0.0]
    up = axis(shown, BOTTOM, TOP, least=0.2 if logarithmic else 0.04)
    if logarithmic:
        parts = [part for share in (0.0, 0.5, 1.0) for part in _level(up, share, lambda at: short(10**at))]
    else:
        parts = [part for share in (0.0, 0.5, 1.0) for part in _level(up, share, lambda at: f"{at:.2f}")]
    longest = max(map(len, curves.values()), default=1)
    draw = _single if longest == 1 else _lines
    parts += draw({name: [up(show(value)) for value in values] for name, values in curves.items()}, longest)
    return figure(parts, BOTTOM + 22, label, width=210)


def short(value: float) -> str:
    """Two digits that count, without an exponent where there is room: "0.039", "1.2", "120"."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:.0f}" if 100 <= rounded < 1e5 else f"{rounded:.2g}"


def _level(up: Axis, share: float, say: Callable[[float], str]) -> list[str]:
    value = up.low + share * (up.high - up.low)
    return [
        line(LEFT, up(value), RIGHT, up(value), "grid"),
        text(LEFT - 4, up(value) + 4, say(value), "end", "tick"),
    ]


def _lines(heights: Values, longest: int) -> list[str]:
    across = Axis(1, longest, LEFT, RIGHT)
    parts = []
    for curve in heights.values():
        points = [(across(epoch), height) for epoch, height in enumerate(curve, start=1)]
        parts += [path(points, "ours-line"), dot(*points[-1], "ours", 2.5)]
    ends = [text(LEFT, BOTTOM + 16, "epoch 1", kind="tick")]
    return [*parts, *ends, text(RIGHT, BOTTOM + 16, str(longest), "end", "tick")]


def _single(heights: Values, _: int) -> list[str]:
    """Trainings of one epoch have no curve: a dot each, side by side."""
    across = Axis(-0.5, len(heights) - 0.5, LEFT, RIGHT)
    parts = [dot(across(place), curve[0], "ours", 2.5) for place, curve in enumerate(heights.values())]
    words = "one epoch" if len(heights) == 1 else f"one epoch, {len(heights)} by name"
    return [*parts, text(LEFT, BOTTOM + 16, words, kind="tick")]
