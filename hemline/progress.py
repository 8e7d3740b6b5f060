"""Progress of long jobs: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

# A log line every ten seconds shows life without drowning what matters.
LOG_SECONDS = 10.0


def progress(
    iterable: Iterable[T], title: str, total: int | None = None, unit: str = "it", quiet_under: float = 2.0
) -> Iterator[T]:
    """Yield the items of `iterable` while stderr shows how many are done, the rate and the time left.

    On a terminal that is a bar; elsewhere one line every ten seconds and one at the end (none for a job
    shorter than `quiet_under` seconds).
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    if sys.stderr.isatty():
        yield from tqdm(iterable, desc=title, total=total, unit=unit, dynamic_ncols=True)
    else:
        yield from _lines(iterable, title, total, unit, quiet_under)


def _lines(
    iterable: Iterable[T], title: str, total: int | None, unit: str, quiet_under: float
) -> Iterator[T]:
    started = shown = time.monotonic()
    done = 0
    for item in iterable:
        yield item
        done += 1
        now = time.monotonic()
        if now - shown >= LOG_SECONDS:
            shown = now
            print(progress_line(title, done, total, now - started, unit), file=sys.stderr, flush=True)
    elapsed = time.monotonic() - started
    if elapsed >= quiet_under:
        print(progress_line(title, done, done, elapsed, unit), file=sys.stderr, flush=True)


def progress_line(title: str, done: int, total: int | None, seconds: float, unit: str) -> str:
    """One line: title, done of total, rate, elapsed and remaining time."""
    rate = done / seconds if seconds > 0 else 0.0
    of = f"/{total}" if total else ""
    left = f", {clock((total - done) / rate)} left" if total and rate and total > done else ""
    return f"{title}: {done}{of} {unit}, {rate:.1f} {unit}/s, {clock(seconds)}{left}"


def clock(seconds: float) -> str:
    """`75` -> `1:15`, `3700` -> `1:01:40`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
