"""One figure for each research question: SVG without any script."""

from collections.abc import Sequence
from dataclasses import dataclass

from hemline.params import Boxes
from hemline.reporting import paper
from hemline.reporting.evidence import DETECTORS, Estimate, Evidence, Row, describe, whose
from hemline.reporting.svg import (
    WIDTH,
    Axis,
    axis,
    bar,
    dot,
    figure,
    horizontal_grid,
    legend,
    line,
    path,
    text,
    titled,
    vertical_grid,
)

LEGEND = (("ours", "ours, with its 95 % interval"), ("theirs", "paper, on DeepFashion2"))
OTHERS = (("before", "ours, rows that differ in more than the boxes"), ("theirs-before", "the same, paper"))
BARS = (
    ("bar-before", paper.FLIP_TEST, "without"),
    ("bar-after", paper.FINETUNED, "finetuned"),
    ("bar-hflip", paper.HFLIP, "finetuned with flips"),
)
BAR = 7  # user units a bar, one of them the gap


def rows_figure(evidence: Evidence) -> str:
    """RQ1: the AP of every row."""
    theirs = [row.paper_ap for row in evidence.rows]
    ours = [value for row in evidence.rows for value in (row.ap.low, row.ap.high)]
    across = axis([*ours, *(value for value in theirs if value is not None)], 12, WIDTH - 12)
    bottom = 30 + 34 * len(evidence.rows)
    parts = [*legend(14, _legend(evidence, LEGEND)), *vertical_grid(across, 24, bottom)]
    for place, (row, reference) in enumerate(zip(evidence.rows, theirs, strict=True)):
        y = 38 + 34 * place
        parts += [text(4, y, row.title, kind="name"), *_measured(across, y + 13, row.ap)]
        if reference is not None:
            parts.append(dot(across(reference), y + 13, "theirs"))
    parts.append(text(WIDTH / 2, bottom + 30, "landmark AP", "middle", "tick"))
    whose = "ours with intervals and the paper's" if evidence.paper_wardrobe else "with intervals"
    return figure(parts, bottom + 36, f"Landmark AP of each row, {whose}")


def _legend(evidence: Evidence, meaning: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the paper's dots where there are none."""
    return [(kind, words) for kind, words in meaning if evidence.paper_wardrobe or "theirs" not in kind]


def _measured(across: Axis, y: float, estimate: Estimate) -> list[str]:
    span = line(across(estimate.low), y, across(estimate.high), y, "span")
    return [span, dot(across(estimate.value), y, "ours")]


def boxes_figure(evidence: Evidence) -> str | None:
    """RQ2: landmark AP against box AP. A line joins the rows that differ in their boxes alone; None without it."""
    ours = _our_marks(evidence)
    theirs = _paper_marks() if evidence.paper_wardrobe else []
    if sum(mark.joined for mark in ours) < 2:
        return None
    across = axis([mark.box_ap for mark in (*ours, *theirs)], 40, WIDTH - 14)
    spans = [value for row in evidence.rows for value in (row.ap.low, row.ap.high)]
    up = axis([*spans, *(mark.ap for mark in theirs)], 270, 46)
    parts = [*legend(14, _legend(evidence, LEGEND)), *legend(30, _legend(evidence, OTHERS))]
    parts += [*vertical_grid(across, 42, 276), *horizontal_grid(up, 40, WIDTH - 10)]
    if theirs:
        parts += _marks("paper", theirs, across, up, ("theirs", "theirs-before", "theirs-line"))
    parts += _marks("ours", ours, across, up, ("ours", "before", "ours-line"))
    shown = {mark.boxes for mark in (*ours, *theirs)}
    names = ", ".join(name for boxes, name in DETECTORS.items() if boxes in shown)
    parts.append(text(WIDTH / 2, 308, f"box AP: {names}", "middle", "tick"))
    whose = ", ours and the paper's" if theirs else ""
    return figure(parts, 314, f"Landmark AP against box AP, all rows{whose}")


@dataclass(frozen=True)
class Mark:
    """A row's place in the figure of RQ2; `joined` ones differ from each other in their boxes alone."""

    title: str
    boxes: Boxes
    box_ap: float
    ap: float
    joined: bool
    span: Estimate | None = None


JOINED = (paper.AGGREGATED, paper.HTC, paper.GROUND_TRUTH)


def _our_marks(evidence: Evidence) -> list[Mark]:
    joined = [evidence.ours(setting) for setting in JOINED]
    return [
        Mark(row.title, row.boxes, row.box_ap.value, row.ap.value, row.setting in joined, row.ap)
        for row in evidence.rows
    ]


def _paper_marks() -> list[Mark]:
    marks = [
        Mark(describe(one.setting), one.setting.boxes, one.box_ap, one.ap, one.setting in JOINED)
        for one in paper.ABLATION
    ]
    htc = next(mark.box_ap for mark in marks if mark.boxes == "htc")
    return [*marks, Mark("ensemble", "htc", htc, paper.ENSEMBLE_AP, joined=False)]


def _marks(
    whose: str, marks: Sequence[Mark], across: Axis, up: Axis, kinds: tuple[str, str, str]
) -> list[str]:
    parts = [path([(across(one.box_ap), up(one.ap)) for one in marks if one.joined], kinds[2])]
    for mark in sorted(marks, key=lambda one: one.joined):  # the joined ones on top
        x, parts_of_it = across(mark.box_ap), []
        if mark.span is not None:
            parts_of_it.append(line(x, up(mark.span.low), x, up(mark.span.high), "span"))
        parts_of_it.append(dot(x, up(mark.ap), kinds[0 if mark.joined else 1], 3.5))
        parts.append(titled(f"{whose}, {mark.title}: {mark.ap:.3f}", *parts_of_it))
    return parts


def finetuning_figure(evidence: Evidence) -> str | None:
    """RQ3: each category's AP without finetuning and with it, as bars, fewest training garments first."""
    rows = [(kind, evidence.find(setting)) for kind, setting, _ in BARS]
    bars = [(kind, row) for kind, row in rows if row is not None]
    if len(bars) < 2 or bars[0][0] != BARS[0][0]:
        return None
    across = Axis(0.0, 1.0, 4, WIDTH - 12)
    names = sorted(evidence.train.categories, key=lambda name: (evidence.train.categories[name], name))
    step = 24 + BAR * len(bars)
    bottom = 30 + step * len(names)
    meaning = [(kind, words) for kind, _, words in BARS if kind in dict(bars)]
    same = evidence.main_boxes == paper.HTC.boxes
    theirs = "paper" if same else f"paper, {whose(paper.HTC.boxes)} boxes"
    parts = [
        *legend(14, _legend(evidence, [*meaning, ("theirs", theirs)])),
        *vertical_grid(across, 24, bottom),
    ]
    for place, name in enumerate(names):
        parts += _category_bars(evidence, name, bars, across, 40 + step * place)
    parts.append(text(WIDTH / 2, bottom + 30, "landmark AP", "middle", "tick"))
    return figure(parts, bottom + 36, "AP of each category without and with finetuning, rarest first")


def _category_bars(
    evidence: Evidence, name: str, bars: Sequence[tuple[str, Row]], across: Axis, y: float
) -> list[str]:
    count = evidence.train.categories[name]
    expert = ", no expert" if name in evidence.without_expert else ""
    parts = [text(4, y, f"{name} · {count:,} in training{expert}", kind="name")]
    theirs = paper.category_of(name) if evidence.paper_wardrobe else None
    # Table 3 has no column for flips.
    known = {} if theirs is None else {"bar-before": theirs.before, "bar-after": theirs.after}
    for place, (kind, row) in enumerate(bars):
        top, value = y + 5 + BAR * place, row.categories[name]
        if value is not None:
            parts.append(bar(across(0), across(value.value), top, BAR - 1, kind))
            parts.append(line(across(value.low), top + 3, across(value.high), top + 3, "whisker"))
        if kind in known:
            parts.append(line(across(known[kind]), top - 1, across(known[kind]), top + BAR, "theirs-mark"))
    return parts
