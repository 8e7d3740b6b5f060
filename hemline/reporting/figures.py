"""One figure for each research question, and the learning curves: SVG without any script."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hemline.errors import HemlineError
from hemline.reporting import paper
from hemline.reporting.evidence import Estimate, Evidence, Row
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
    vertical_grid,
)

LEGEND = (("ours", "ours, with its 95 % interval"), ("theirs", "paper, on DeepFashion2"))


@dataclass(frozen=True)
class Curve:
    """The mean loss of each epoch of one training."""

    name: str
    losses: tuple[float, ...]


def rows_figure(evidence: Evidence) -> str:
    """RQ1: the AP of every row."""
    theirs = [row.paper_ap for row in evidence.rows]
    ours = [value for row in evidence.rows for value in (row.ap.low, row.ap.high)]
    across = axis([*ours, *(value for value in theirs if value is not None)], 12, WIDTH - 12)
    bottom = 30 + 34 * len(evidence.rows)
    parts = [*legend(14, LEGEND), *vertical_grid(across, 24, bottom)]
    for place, (row, reference) in enumerate(zip(evidence.rows, theirs, strict=True)):
        y = 38 + 34 * place
        parts += [text(4, y, row.title, kind="name"), *_measured(across, y + 13, row.ap)]
        if reference is not None:
            parts.append(dot(across(reference), y + 13, "theirs"))
    parts.append(text(WIDTH / 2, bottom + 30, "landmark AP", "middle", "tick"))
    return figure(parts, bottom + 36, "Landmark AP of each row, ours with intervals and the paper's")


def _measured(across: Axis, y: float, estimate: Estimate) -> list[str]:
    span = line(across(estimate.low), y, across(estimate.high), y, "span")
    return [span, dot(across(estimate.value), y, "ours")]


def boxes_figure(evidence: Evidence) -> str | None:
    """RQ2: landmark AP against box AP, with one estimator; None with fewer than two of the rows."""
    settings = (paper.AGGREGATED, paper.HTC, paper.GROUND_TRUTH)
    rows = [row for row in map(evidence.find, settings) if row is not None]
    if len(rows) < 2:
        return None
    theirs = [(one.box_ap, one.ap) for one in paper.ABLATION if one.setting in settings]
    across = axis([*(row.box_ap.value for row in rows), *(x for x, _ in theirs)], 40, WIDTH - 14)
    heights = [value for row in rows for value in (row.ap.low, row.ap.high)]
    up = axis([*heights, *(y for _, y in theirs)], 250, 30)
    parts = [*legend(14, LEGEND), *vertical_grid(across, 26, 256), *horizontal_grid(up, 40, WIDTH - 10)]
    parts.append(path([(across(x), up(y)) for x, y in theirs], "theirs-line"))
    parts += [dot(across(x), up(y), "theirs") for x, y in theirs]
    parts.append(path([(across(row.box_ap.value), up(row.ap.value)) for row in rows], "ours-line"))
    for row in rows:
        parts += _risen(across(row.box_ap.value), up, row)
    parts.append(text(WIDTH / 2, 288, "box AP: Cascade R-CNN, HTC, annotated boxes", "middle", "tick"))
    return figure(parts, 294, "Landmark AP against box AP, for each source of boxes")


def _risen(x: float, up: Axis, row: Row) -> list[str]:
    span = line(x, up(row.ap.low), x, up(row.ap.high), "span")
    return [span, dot(x, up(row.ap.value), "ours")]


def finetuning_figure(evidence: Evidence) -> str | None:
    """RQ3: each category's AP before and after finetuning, fewest training garments first."""
    before, after = evidence.find(paper.FLIP_TEST), evidence.find(paper.FINETUNED)
    if before is None or after is None:
        return None
    across = Axis(0.0, 1.0, 12, WIDTH - 12)
    names = sorted(evidence.train.categories, key=lambda name: (evidence.train.categories[name], name))
    bottom = 28 + 36 * len(names)
    meaning = (("before", "without"), ("ours", "with finetuning"), ("theirs", "the same in the paper"))
    parts = [*legend(14, meaning), *vertical_grid(across, 24, bottom)]
    for place, name in enumerate(names):
        parts += _dumbbells(evidence, name, before, after, across, 38 + 36 * place)
    parts.append(text(WIDTH / 2, bottom + 30, "landmark AP", "middle", "tick"))
    return figure(parts, bottom + 36, "AP of each category without and with finetuning, rarest first")


def _dumbbells(evidence: Evidence, name: str, before: Row, after: Row, across: Axis, y: float) -> list[str]:
    count = evidence.train.categories[name]
    expert = ", no expert" if name in evidence.without_expert else ""
    parts = [text(4, y, f"{name} · {count:,} in training{expert}", kind="name")]
    first, last = before.categories[name], after.categories[name]
    if first is not None and last is not None:
        ends = across(first.value), across(last.value)
        parts += [line(across(first.low), y + 8, across(first.high), y + 8, "span-before")]
        parts += [line(across(last.low), y + 12, across(last.high), y + 12, "span")]
        parts += [line(ends[0], y + 10, ends[1], y + 10, "ours-line")]
        parts += [dot(ends[0], y + 10, "before"), dot(ends[1], y + 10, "ours")]
    theirs = next(entry for entry in paper.CATEGORIES if entry.name == name)
    parts += [line(across(theirs.before), y + 19, across(theirs.after), y + 19, "theirs-line")]
    parts += [dot(across(theirs.before), y + 19, "theirs-before", 2.5)]
    return [*parts, dot(across(theirs.after), y + 19, "theirs", 2.5)]


def read_curves(models: Path) -> dict[str, list[Curve]]:
    """Learning curves by what was trained: "detectors cascade", ..., "experts plain" (one curve a category)."""
    curves: dict[str, list[Curve]] = {}
    for log in sorted(models.glob("**/training.jsonl")):
        parts = log.parent.relative_to(models).parts
        losses = _losses(log)
        if losses and parts:
            curves.setdefault(" ".join(parts[:2]), []).append(Curve(parts[-1], losses))
    return curves


def _losses(log: Path) -> tuple[float, ...]:
    """The losses of a training's log; an epoch that was run again after an interruption counts once."""
    epochs: dict[int, float] = {}
    for number, record in enumerate(log.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            values = json.loads(record)
            epochs[int(values["epoch"])] = float(values["loss"])
        except (ValueError, KeyError, TypeError) as error:
            raise HemlineError(f"{log}:{number}: not a record of an epoch ({error}); train again") from None
    return tuple(epochs[epoch] for epoch in sorted(epochs))


def curves_figures(curves: Mapping[str, Sequence[Curve]]) -> list[tuple[str, str]]:
    """A title and a small chart for each group of curves, loss over epochs, on a logarithmic scale."""
    return [(title, _curves_figure(title, group)) for title, group in curves.items()]


def _curves_figure(title: str, group: Sequence[Curve]) -> str:
    drawn = [curve for curve in group if all(loss > 0 for loss in curve.losses)]
    logs = [math.log10(loss) for curve in drawn for loss in curve.losses] or [0.0]
    up = axis(logs, 108, 12, least=0.2)
    longest = max((len(curve.losses) for curve in drawn), default=1)
    across = Axis(1, max(longest, 2), 44, 202)
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = up.low + share * (up.high - up.low)
        parts += [line(44, up(value), 202, up(value), "grid")]
        parts += [text(40, up(value) + 4, f"{10**value:.2g}", "end", "tick")]
    for curve in drawn:
        points = [(across(epoch), up(math.log10(loss))) for epoch, loss in enumerate(curve.losses, start=1)]
        parts += [path(points, "ours-line"), dot(*points[-1], "ours", 2.5)]
    parts += [text(44, 124, "epoch 1", kind="tick"), text(202, 124, str(longest), "end", "tick")]
    return figure(parts, 130, f"Loss of {title} over epochs", width=210)
