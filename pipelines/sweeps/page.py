"""What came of a sweep: in words, and as a page with figures that needs nothing else."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import optuna
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from optuna.trial import FrozenTrial, TrialState

from hemline.files import atomic_write
from hemline.reporting.svg import (
    WIDTH,
    Axis,
    axis,
    dot,
    figure,
    horizontal_grid,
    line,
    path,
    text,
    vertical_grid,
)
from pipelines.sweeps.study import Study, as_text, labels, short_names

SHOWN = 10  # trials of the table


def summary(study: Study, shares: Mapping[str, float]) -> str:
    """Markdown: the best trials, and how much each key matters (`importances`)."""
    keys = list(study.sweep.space)
    head = ["trial", *study.sweep.objectives, *short_names(keys).values()]
    rows = [
        [str(trial.number + 1), *map(as_text, trial.values), *_drawn(trial, keys)] for trial in ranked(study)
    ]
    lines = [_row(head), _row(["---:"] * len(head)), *map(_row, rows[:SHOWN])]
    names = short_names(keys)
    matters = [f"{names[key]} {share:.0%}" for key, share in shares.items()]
    if matters:
        lines += [
            "",
            f"How much of {study.sweep.objectives[0]}'s variance each key explains: {', '.join(matters)}.",
        ]
    return "\n".join(lines) + "\n"


def _drawn(trial: FrozenTrial, keys: Sequence[str]) -> list[str]:
    return [as_text(trial.params[key]) for key in keys]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def ranked(study: Study) -> list[FrozenTrial]:
    """The trials with a result, best first; of two objectives first those that none beats in both."""
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    best = {trial.number for trial in study.best}
    sign = 1 if study.sweep.objectives[0] == "milliseconds" else -1
    return sorted(
        complete, key=lambda trial: (trial.number not in best, sign * trial.values[0], trial.number)
    )


def importances(study: Study) -> dict[str, float]:
    """The share of the first objective's variance that each key explains (fANOVA, Hutter et al., ICML 2014).

    Empty with fewer than four results, or if all are the same.
    """
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    if len(complete) < 4 or len({trial.values[0] for trial in complete}) == 1:
        return {}
    # Optuna's 64 trees of 64 levels take minutes for a thousand trials; these take seconds, and say the same.
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=32, max_depth=8, seed=0)
    found = optuna.importance.get_param_importances(
        study.study, evaluator=evaluator, target=lambda trial: trial.values[0]
    )
    return {key: float(share) for key, share in found.items()}


def write_page(study: Study, shares: Mapping[str, float]) -> Path:
    """Write `index.html` beside the study's trials; returns where."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = (files("pipelines.sweeps") / "page.html").read_text(encoding="utf-8")
    keys = list(study.sweep.space)
    rows = [
        (str(trial.number + 1), [*map(as_text, trial.values), *_drawn(trial, keys)], trial in study.best)
        for trial in ranked(study)
    ]
    states = {state.name.lower(): 0 for state in TrialState}
    for trial in study.trials:
        states[trial.state.name.lower()] += 1
    page = environment.from_string(source).render(
        name=study.name,
        sweep=study.sweep,
        head=["trial", *study.sweep.objectives, *short_names(keys).values()],
        rows=rows,
        states=[(state, count) for state, count in states.items() if count],
        figures=[(title, Markup(drawing)) for title, drawing in figures(study, shares)],
    )
    with atomic_write(study.folder / "index.html") as handle:
        handle.write(page)
    return study.folder / "index.html"


def figures(study: Study, shares: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Titles and SVGs, as far as there are results to draw."""
    complete = sorted(ranked(study), key=lambda trial: trial.number)
    if not complete:
        return
    if len(study.sweep.objectives) > 1:
        yield "The trade-off: what none beats in both is filled", tradeoff(study, complete)
    pruned = "; hollow: pruned" if study.sweep.pruner != "none" else ""
    yield (
        f"{study.sweep.objectives[0]}, trial by trial, and the best so far{pruned}",
        history(study, complete),
    )
    if shares:
        yield f"How much of {study.sweep.objectives[0]}'s variance each key explains", bars(shares)
    for key in study.sweep.space:
        yield f"{study.sweep.objectives[0]} against {key}", slices(study, complete, key)


def history(study: Study, complete: Sequence[FrozenTrial]) -> str:
    """The first objective of each trial, of a pruned one where it was left, and the best until then."""
    values = [trial.values[0] for trial in complete]
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    left = [(trial.number + 1, list(trial.intermediate_values.values())[-1:]) for trial in pruned]
    better = min if study.sweep.objectives[0] == "milliseconds" else max
    across = Axis(0, study.trials[-1].number + 2, 44, WIDTH - 20)
    up = axis([*values, *(value for _, last in left for value in last)], 214, 14, least=1e-6)
    bests = [better(values[: place + 1]) for place in range(len(values))]
    places = [across(trial.number + 1) for trial in complete]
    parts = [*horizontal_grid(up, 44, WIDTH - 10), *_whole_grid(across, 14, 220)]
    parts += [dot(x, up(value), "ours", 3) for x, value in zip(places, values, strict=True)]
    parts += [dot(across(trial), up(value), "pruned", 3) for trial, last in left for value in last]
    parts.append(path(_steps(list(zip(places, map(up, bests), strict=True))), "ours-line"))
    parts.append(text(WIDTH / 2, 252, "trial", "middle", "tick"))
    return figure(parts, 258, f"{study.sweep.objectives[0]} of each trial")


def _whole_grid(across: Axis, top: float, bottom: float) -> list[str]:
    return vertical_grid(Axis(across.low, max(across.high, 2), across.start, across.stop), top, bottom)


def _steps(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    corners = [(after[0], before[1]) for before, after in pairwise(points)]
    joined = [point for pair in zip(points, corners, strict=False) for point in pair]
    return [*joined, points[-1]]


def bars(shares: Mapping[str, float]) -> str:
    """A bar a key."""
    across = Axis(0, 1, 12, WIDTH - 60)
    parts = []
    for place, (key, share) in enumerate(shares.items()):
        y = 34 * place
        parts += [text(12, y + 13, key, kind="name"), _bar(across, y + 18, share)]
        parts.append(text(across(share) + 6, y + 28, f"{share:.0%}", kind="tick"))
    return figure(parts, 34 * len(shares) + 6, "How much each key matters")


def _bar(across: Axis, y: float, share: float) -> str:
    width = max(1.0, across(share) - across(0))
    return f'<rect class="ours" x="{across(0)}" y="{y}" width="{width}" height="12" rx="2"/>'


def slices(study: Study, complete: Sequence[FrozenTrial], key: str) -> str:
    """The first objective against one key."""
    space = study.sweep.space[key]
    drawn = [trial.params[key] for trial in complete]
    up = axis([trial.values[0] for trial in complete], 214, 14, least=1e-6)
    if space.choices is not None:
        places, marks = _choices(drawn, labels(space))
    elif space.log:
        places, marks = _powers(drawn)
    else:
        across = axis(drawn, 50, WIDTH - 16, least=1e-6)
        places, marks = [across(value) for value in drawn], vertical_grid(across, 14, 220)
    grid = horizontal_grid(up, 44, WIDTH - 10)
    dots = [dot(x, up(trial.values[0]), "ours", 3) for x, trial in zip(places, complete, strict=True)]
    return figure([*grid, *marks, *dots], 242, f"{study.sweep.objectives[0]} against {key}")


def _powers(drawn: Sequence[float]) -> tuple[list[float], list[str]]:
    """Places on a logarithmic axis, and its grid at 1, 2 and 5 of each power of ten."""
    powers = [math.log10(value) for value in drawn]
    across = Axis(min(powers) - 0.1, max(powers) + 0.1, 50, WIDTH - 16)
    low, high = math.floor(across.low), math.ceil(across.high)
    ticks = {as_text(f * 10.0**p): math.log10(f * 10.0**p) for p in range(low, high + 1) for f in (1, 2, 5)}
    inside = {name: value for name, value in ticks.items() if across.low <= value <= across.high}
    return [across(power) for power in powers], _marks(across, inside)


def _choices(drawn: Sequence[Any], choices: Sequence[Any]) -> tuple[list[float], list[str]]:
    """Places at equal distances, in params.yaml's order."""
    across = Axis(-0.5, len(choices) - 0.5, 50, WIDTH - 16)
    order = {str(choice): float(place) for place, choice in enumerate(choices)}
    return [across(order[str(value)]) for value in drawn], _marks(across, order)


def _marks(across: Axis, ticks: dict[str, float]) -> list[str]:
    return [
        part
        for name, value in ticks.items()
        for part in (
            line(across(value), 14, across(value), 220, "grid"),
            text(across(value), 234, name, "middle", "tick"),
        )
    ]


def tradeoff(study: Study, complete: Sequence[FrozenTrial]) -> str:
    """The second objective against the first."""
    best = {trial.number for trial in study.best}
    across = axis([trial.values[1] for trial in complete], 50, WIDTH - 16, least=1e-6)
    up = axis([trial.values[0] for trial in complete], 214, 14, least=1e-6)
    parts = [*horizontal_grid(up, 44, WIDTH - 10), *vertical_grid(across, 14, 220)]
    front = sorted((across(t.values[1]), up(t.values[0])) for t in complete if t.number in best)
    parts.append(path(front, "ours-line"))
    for trial in complete:
        kind = "ours" if trial.number in best else "theirs"
        parts.append(dot(across(trial.values[1]), up(trial.values[0]), kind))
    label = escape(f"{study.sweep.objectives[0]} against {study.sweep.objectives[1]}")
    return figure([*parts, text(WIDTH / 2, 252, study.sweep.objectives[1], "middle", "tick")], 258, label)
