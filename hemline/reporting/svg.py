"""A little SVG: text with its units, coloured by the page's style sheet so that it follows light and dark."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 420  # user units; a phone shows them at nearly their size


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` on user units from `start` to `stop`."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)

    def ticks(self) -> list[float]:
        """Four to eight round values."""
        span = self.high - self.low
        step = next((step for step in STEPS if span / step <= 7), STEPS[-1])
        first = -int(-self.low // step)
        return [round(number * step, 6) for number in range(first, int(self.high / step + 1e-9) + 1)]


# an error in percent of a distance that is almost nothing has no upper end
STEPS = (0.005, *(step * 10.0**power for power in range(-2, 7) for step in (1, 2, 5)))


def axis(values: Iterable[float], start: float, stop: float, least: float = 0.04) -> Axis:
    """An axis that holds all values with a margin, and spans at least `least`."""
    known = list(values)
    low, high = min(known), max(known)
    margin = max(0.06 * (high - low), (least - (high - low)) / 2, least / 4)
    return Axis(low - margin, high + margin, start, stop)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def dot(x: float, y: float, kind: str, radius: float = 4) -> str:
    """A dot."""
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}"/>'


def bar(x1: float, x2: float, y: float, height: float, kind: str) -> str:
    """A bar from x1 to x2, its upper edge at y."""
    return f'<rect class="{kind}" x="{x1}" y="{y}" width="{round(x2 - x1, 1)}" height="{height}"/>'


def titled(words: str, *parts: str) -> str:
    """Parts that say `words` to who points at them, or has the page read out."""
    return f"<g><title>{escape(words)}</title>{''.join(parts)}</g>"


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    joined = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline class="{kind}" points="{joined}"/>'


def text(x: float, y: float, content: str, anchor: str = "start", kind: str = "") -> str:
    """Words at (x, y); `anchor` is start, middle or end."""
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x}" y="{y}" text-anchor="{anchor}">{escape(content)}</text>'


def figure(parts: Iterable[str], height: float, label: str, width: float = WIDTH) -> str:
    """The whole picture; `label` says in words what it shows."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )


def vertical_grid(across: Axis, top: float, bottom: float) -> list[str]:
    """Grid lines with their values beneath."""
    parts = []
    for value in across.ticks():
        parts.append(line(across(value), top, across(value), bottom, "grid"))
        parts.append(text(across(value), bottom + 14, f"{value:g}".replace("-", "−"), "middle", "tick"))
    return parts


def horizontal_grid(up: Axis, left: float, right: float) -> list[str]:
    """Grid lines with their values at the left."""
    parts = []
    for value in up.ticks():
        parts.append(line(left, up(value), right, up(value), "grid"))
        parts.append(text(left - 5, up(value) + 4, f"{value:g}".replace("-", "−"), "end", "tick"))
    return parts


def legend(y: float, names: Sequence[tuple[str, str]], x: float = 4) -> list[str]:
    """Dots with their meaning, side by side: pairs of kind and words."""
    parts = []
    for kind, words in names:
        parts += [dot(x + 4, y - 4, kind), text(x + 12, y, words, kind="tick")]
        x += 24 + 6.1 * len(words)
    return parts
