"""What would run, why, and for how long. Nothing is run, and the project stays as it is."""

import heapq
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from dvc.dependency import ParamsDependency
from dvc.lock import LockError

from hemline.errors import HemlineError
from hemline.provenance import params_set
from hemline.tracking import records_folder
from hemline.tracking.records import read_start, tail
from pipelines.graph import Stage, downstream, dvc_stages, group, locked_repo, stages_of

GUESS_SECONDS = (
    10.0  # for a stage when neither it nor its siblings have a record: python and imports, little else
)
RECORDS = 3  # of the latest: the machine, the params and the code change
LAST_BYTES = 16384  # of a record, in which its end is looked for, and DVC's hashes behind it
NAMED = 3  # reasons shown for a stage, and stages named in a reason
ABSENT = object()  # None is a param's value


@dataclass(frozen=True)
class Planned:
    """One stage of a plan. Times are in seconds."""

    stage: Stage
    cached: bool  # it and all that it depends on are up to date
    why: tuple[str, ...]  # empty when cached
    seconds: float | None  # the median of its latest successful runs; None: it has no record
    cost: float  # what the plan counts with: `seconds`, or a guess; 0 when cached
    depth: float  # the longest path of costs from here to the pipeline's end, its own included: its priority

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; the stage's own fields lie beside the plan's."""
        return {
            "upstream": list(self.stage.upstream),
            "device": self.stage.device,
            "gpus": self.stage.gpus,
            "timeout_minutes": self.stage.minutes,
            "cached": self.cached,
            "why": list(self.why),
            "seconds": self.seconds,
            "cost": self.cost,
            "depth": self.depth,
        }


@dataclass(frozen=True)
class Plan:
    """The stages of a pipeline, by name, in an order in which they can run.

    `missing` are the paths that they need, that are not there, and that no stage makes.
    """

    planned: dict[str, Planned]
    missing: tuple[str, ...] = ()

    @property
    def to_run(self) -> list[str]:
        """The names of the stages that would run. Those that only wait for others ("after ...") are among them:
        when the others write the same bytes as before, DVC finds them up to date after all."""
        return [name for name, planned in self.planned.items() if not planned.cached]

    @property
    def cached(self) -> list[str]:
        """The names of the stages that are up to date."""
        return [name for name, planned in self.planned.items() if planned.cached]

    def seconds(self, slots: int) -> float:
        """The estimated wall time on `slots` parallel slots: whenever one is free, the deepest ready stage starts."""
        if slots < 1:
            raise HemlineError(f"slots: {slots}: must be 1 or more")
        waiting = self._waiting()
        running: list[tuple[float, str]] = []  # a heap of (end, name)
        now = 0.0
        while waiting or running:
            for name in self._ready(waiting)[: slots - len(running)]:
                del waiting[name]
                heapq.heappush(running, (now + self.planned[name].cost, name))
            now, done = heapq.heappop(running)
            for needed in waiting.values():
                needed.discard(done)
        return now

    def _waiting(self) -> dict[str, set[str]]:
        """What each stage that would run still waits for."""
        names = self.to_run
        return {name: set(names).intersection(self.planned[name].stage.upstream) for name in names}

    def _ready(self, waiting: Mapping[str, set[str]]) -> list[str]:
        ready = [name for name, needed in waiting.items() if not needed]
        return sorted(ready, key=lambda name: -self.planned[name].depth)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values: the stages by name, in the plan's order, the names of both kinds, and what is missing."""
        stages = {name: planned.to_dict() for name, planned in self.planned.items()}
        return {
            "stages": stages,
            "to_run": self.to_run,
            "cached": self.cached,
            "missing": list(self.missing),
        }

    def text(self, slots: int) -> str:
        """A table for a terminal, a line a stage, and a line that sums up. Guessed minutes have a `~`."""
        rows = [("stage", "", "minutes", "why")]
        for name, planned in self.planned.items():
            rows.extend(_rows(name, planned))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {why}".rstrip() for a, b, c, why in rows
        ]
        gone = [f"not there, and made by no stage: {', '.join(self.missing)}"] if self.missing else []
        return "\n".join([*lines, "", self._summary(slots), *gone])

    def _summary(self, slots: int) -> str:
        run, cached = len(self.to_run), len(self.cached)
        verb = "is" if cached == 1 else "are"
        counts = f"{run} of {_count(run + cached, 'stage')} would run, {cached} {verb} up to date"
        if not run:
            return counts
        known = sum(self.planned[name].seconds is not None for name in self.to_run)
        basis = f"{_count(known, 'estimate')} from earlier runs, {run - known} guessed"
        return f"{counts}; about {_minutes(self.seconds(slots))} min on {_count(slots, 'slot')} ({basis})"


def _rows(name: str, planned: Planned) -> Iterator[tuple[str, str, str, str]]:
    if planned.cached:
        yield name, "cached", "", ""
        return
    minutes = ("~" if planned.seconds is None else "") + _minutes(planned.cost)
    first, *others = _few(planned.why, "more")
    yield name, "run", minutes, first
    for reason in others:
        yield "", "", "", reason


def _few(texts: Sequence[str], rest: str) -> list[str]:
    """At most NAMED of the texts, and how many there are besides."""
    more = len(texts) - NAMED
    return [*texts[:NAMED], f"and {more} {rest}"] if more > 0 else list(texts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _minutes(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.1f}"


def make_plan(root: Path, targets: Sequence[str] = (), records: Path | None = None) -> Plan:
    """Ask DVC once what has changed, and the records in `records` (None: the project's) how long it takes.

    `targets` as in `read_graph`, which says what is refused. While another DVC process reads or writes the
    project's state, this waits; data that is missing, as that which an earlier stage will make, is a reason.
    """
    root = Path(root)
    with locked_repo(root) as repo:
        graph = stages_of(repo, targets)
        changed = _changes(dvc_stages(repo), graph)
        missing = _missing(repo, graph)
    known = estimates(
        root / records_folder() if records is None else records, params_set(root / "params.yaml")
    )
    return Plan(_plan(graph, changed, known), missing)


def _missing(repo: Any, names: Iterable[str]) -> tuple[str, ...]:
    """The topmost paths that the stages need, that are not there, and that are neither made nor tracked."""
    root = Path(repo.root_dir)
    stages = dvc_stages(repo)
    made = [Path(out.fs_path) for out in repo.index.outs]
    needed = {Path(dep.fs_path) for name in names for dep in stages[name].deps if dep.is_in_repo}
    gone = {
        path
        for path in needed
        if not path.exists() and not any(path.is_relative_to(out) or out.is_relative_to(path) for out in made)
    }
    return tuple(str(path.relative_to(root)) for path in sorted(gone) if gone.isdisjoint(path.parents))


def _plan(
    graph: Mapping[str, Stage], changed: Mapping[str, tuple[str, ...]], known: Mapping[str, float]
) -> dict[str, Planned]:
    why: dict[str, tuple[str, ...]] = {}
    for name, stage in graph.items():
        stale = any(why[needed] for needed in stage.upstream)
        why[name] = changed[name] or ((_after(name, graph, changed),) if stale else ())
    costs = {name: _cost(stage, known) if why[name] else 0.0 for name, stage in graph.items()}
    depths = _depths(graph, costs)
    return {
        name: Planned(stage, not why[name], why[name], known.get(name), costs[name], depths[name])
        for name, stage in graph.items()
    }


def _after(name: str, graph: Mapping[str, Stage], changed: Mapping[str, tuple[str, ...]]) -> str:
    """The nearest changed stages upstream of a clean one: no path is followed beyond its first."""
    found: dict[str, None] = {}
    level = [name]
    while level:
        above = dict.fromkeys(needed for below in level for needed in graph[below].upstream)
        found.update(dict.fromkeys(needed for needed in above if changed[needed]))
        level = [needed for needed in above if not changed[needed]]
    return "after " + ", ".join(_few(list(found), "more")).replace(", and ", " and ")


def _cost(stage: Stage, known: Mapping[str, float]) -> float:
    siblings = [seconds for other, seconds in known.items() if group(other) == group(stage.name)]
    guess = GUESS_SECONDS if stage.guess is None else 60 * stage.guess
    return known.get(stage.name, median(siblings) if siblings else guess)


def _depths(graph: Mapping[str, Stage], costs: Mapping[str, float]) -> dict[str, float]:
    below = downstream(graph)
    depths: dict[str, float] = {}
    for name in reversed(list(graph)):
        depths[name] = costs[name] + max((depths[child] for child in below[name]), default=0.0)
    return depths


# ---- what has changed --------------------------------------------------------------------------------------


def _changes(stages: Mapping[str, Any], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Why each stage would run, by what DVC says of it alone. `stages` are DVC's; its lock is held."""
    seen: dict[tuple[Any, ...], Any] = {}
    for stage in stages.values():
        _look_once(stage, seen)
    return {name: _reasons(stages[name]) for name in names}


def _look_once(stage: Any, seen: dict[tuple[Any, ...], Any]) -> None:
    """Let stages share what DVC finds at a path, which it would look at again for each that depends on it.

    With thirty stages that depend on a folder of 2,000 pictures that's most of a plan's time.
    """
    for item in stage.deps:
        if isinstance(item, ParamsDependency):
            key = (item.fs_path, *item.params)
            item.read_params = _shared(item.read_params, key, seen)
        else:
            item.get_hash = _shared(item.get_hash, (item.fs_path, item.hash_name), seen)


def _shared(
    look: Callable[[], Any], key: tuple[Any, ...], seen: dict[tuple[Any, ...], Any]
) -> Callable[[], Any]:
    def result() -> Any:
        if key not in seen:
            seen[key] = look()
        return seen[key]

    return result


def _reasons(stage: Any) -> tuple[str, ...]:
    """Why DVC would run this stage, in words; empty when it itself is unchanged."""
    try:
        status = stage.status()
    except LockError:  # paths are locked while their stage's command runs, for as long as that takes
        return ("in use: another DVC process is running it, or what it needs",)
    entries: list[Any] = next(iter(status.values()), [])
    items = [*stage.deps, *stage.outs]
    if entries and items and not any(item.hash_info for item in items):
        return ("never run",)  # dvc.lock has no entry, which would hold the hashes
    return tuple(reason for entry in entries for reason in _words(stage, entry))


def _words(stage: Any, entry: str | Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One entry of DVC's status in words: "changed command", or {"changed deps": {path: state}}, also outs."""
    if isinstance(entry, str):
        yield {"changed command": "command changed", "always changed": "always runs"}.get(entry, entry)
        return
    items = {"changed deps": stage.deps, "changed outs": stage.outs}
    for kind, states in entry.items():
        for item in items[kind]:
            if str(item) in states:
                yield from _item_words(item, states[str(item)], "output " if kind == "changed outs" else "")


def _item_words(item: Any, state: Any, prefix: str) -> Iterator[str]:
    """`state` is a word, or each changed key's word when the item is a file of params."""
    path = os.path.relpath(item.fs_path, item.repo.root_dir) if item.is_in_repo else item.def_path
    if isinstance(item, ParamsDependency) and not isinstance(state, str):
        yield from (f"{path}: {words}" for words in _param_words(item, state))
    else:
        state = (
            "new" if state == "modified" and not item.hash_info else state
        )  # nothing in dvc.lock: "modified" to DVC
        words = {"deleted": "missing", "modified": "changed", "new": "added in dvc.yaml"}.get(state, state)
        yield f"{prefix}{path} {words}"


def _param_words(item: Any, keys: Iterable[str]) -> Iterator[str]:
    """Each changed param with its value in dvc.lock and its value now."""
    before, after = item.hash_info.value, item.read_params()
    for key in keys:
        for path, old, new in _differences(key, before.get(key, ABSENT), after.get(key, ABSENT)):
            if old is ABSENT:
                yield f"{path} added ({_short(new)})"
            elif new is ABSENT:
                yield f"{path} removed (was {_short(old)})"
            else:
                yield f"{path} changed ({_short(old)} → {_short(new)})"


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The keys below `path` whose values differ: (full key, old, new). A stage may depend on a whole section."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in {**old, **new}:
            yield from _differences(f"{path}.{key}", old.get(key, ABSENT), new.get(key, ABSENT))
    elif old != new:
        yield path, old, new


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:39]}…"


# ---- how long it takes -------------------------------------------------------------------------------------


def estimates(folder: Path, used: str = "none") -> dict[str, float]:
    """Seconds by stage: the median of its last three successful records in `folder`, which need not exist.

    Only records of the params set `used` count: the paper's training says nothing about the demo's.
    """
    runs: dict[str, list[tuple[float, float]]] = {}
    for path in folder.glob("*.jsonl"):
        if run := _finished(path, used):
            name, start, end = run
            runs.setdefault(name, []).append((start, end - start))
    return {name: median(seconds for _, seconds in sorted(ran)[-RECORDS:]) for name, ran in runs.items()}


def _finished(path: Path, used: str) -> tuple[str, float, float] | None:
    """A record's stage, start and end; None for a run that failed, still goes on, or had another params set.

    The end is the start and the seconds that it ran: a run that was interrupted may have gone on days later.
    """
    start = read_start(path)
    ends = [
        event for event in tail(path, LAST_BYTES) if event["event"] != "dvc"
    ]  # which DVC's hashes come after
    if start is None or start.get("kind") == "pipeline" or not ends or ends[-1].get("status") != "finished":
        return None
    if start.get("tags", {}).get("params_set", "none") != used:
        return None
    begun = float(start["time"])
    return start["name"], begun, begun + float(ends[-1].get("seconds", ends[-1]["time"] - begun))
