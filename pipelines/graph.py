"""DVC's graph as plain values: the stages of dvc.yaml in an order in which they can run."""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.stage import PipelineStage

from hemline.errors import HemlineError
from hemline.params import read_values

Device = Literal["gpu", "share", "cpu"]
DEVICES: tuple[Device, ...] = get_args(Device)


@dataclass(frozen=True)
class Stage:
    """One stage: its name as DVC addresses it, what it needs, and where and how long it may run."""

    name: str  # finetune@skirt-plain
    upstream: tuple[str, ...]  # what it depends on directly, in dvc.yaml's order
    device: Device = "cpu"  # dvc.yaml: meta.device
    minutes: float | None = None  # dvc.yaml: meta.timeout_minutes; a limit, None: without
    guess: float | None = (
        None  # dvc.yaml: meta.guess_minutes; what a plan counts with until there are records
    )
    gpus: int = 1  # with device gpu: how many; params: `gpus` of a section that it reads
    gpus_key: str = ""  # where they are set, for people: params.yaml: detector.htc.gpus


def read_graph(root: Path, targets: Sequence[str] = ()) -> dict[str, Stage]:
    """The stages with a command, by name, upstream first and otherwise in dvc.yaml's order.

    All of them, or `targets` with all that they need. A target is a stage (`evaluate@ensemble`) or a
    matrix or foreach (`finetune`: all its items). HemlineError: an unknown target or one without items, a dvc.yaml
    that DVC refuses, a `meta` that isn't understood.
    """
    with locked_repo(root) as repo:
        return stages_of(repo, targets)


@contextmanager
def locked_repo(root: Path) -> Iterator[Any]:
    """DVC's own view of the project at `root`. What DVC refuses inside of the block becomes a HemlineError.

    DVC's lock is held, and waited for when another process has it, for seconds: DVC writes dvc.lock in place, and
    who reads it at that moment finds half of it.
    """
    try:
        with Repo(str(root), _wait_for_lock=True) as repo, lock_repo(repo):
            yield repo
    except DvcException as error:
        raise HemlineError(f"{root}: DVC says: {_message(error)}") from None


def _message(error: DvcException) -> str:
    """One line. DVC keeps where in the file it was (line, key) in the cause."""
    cause = error.__cause__
    return " ".join((f"{error}: {cause}" if cause else str(error)).split())


def stages_of(repo: Any, targets: Sequence[str] = ()) -> dict[str, Stage]:
    """`read_graph`, of a repository that is already open."""
    found = dvc_stages(repo)
    if targets and (bare := _without_items(repo, found).intersection(targets)):
        raise HemlineError(f"dvc.yaml: params.yaml, as it stands, has no items for {', '.join(sorted(bare))}")
    upstream = {name: _upstream(repo, stage, found) for name, stage in found.items()}
    wanted = _reach(select(upstream, targets), upstream) if targets else upstream.keys()
    read = cache(read_values)  # thirty stages read the same file
    return {name: _stage(name, upstream[name], found[name], read) for name in _ordered(upstream, wanted)}


def with_items(root: Path, targets: Sequence[str]) -> list[str]:
    """The targets without each matrix or foreach that has no item with these params; all, if that leaves none."""
    with locked_repo(root) as repo:
        bare = _without_items(repo, dvc_stages(repo))
    return [target for target in targets if target not in bare] or list(targets)


def _without_items(repo: Any, found: Collection[str]) -> set[str]:
    path = Path(repo.root_dir) / "dvc.yaml"
    content = read_values(path) if path.is_file() else None
    return set((content or {}).get("stages") or ()).difference(map(group, found))


def dvc_stages(repo: Any) -> dict[str, Any]:
    """DVC's stage objects by name, in dvc.yaml's order. Data that is only tracked (.dvc files) is none."""
    return {_name(stage): stage for stage in repo.index.stages if isinstance(stage, PipelineStage)}


def tracked_data(root: Path, name: str) -> list[str]:
    """The .dvc files of data that a stage depends on and no stage makes, as `dvc pull` takes them."""
    with locked_repo(root) as repo:
        stage = dvc_stages(repo)[name]
        needed = repo.index.graph.successors(stage)
        return sorted(other.path_in_repo for other in needed if not isinstance(other, PipelineStage))


def _name(stage: Any) -> str:
    """The stage's name as seen from the root; DVC's `addressing` is relative to the working directory."""
    file = stage.path_in_repo
    return stage.name if file == "dvc.yaml" else f"{file}:{stage.name}"


def _upstream(repo: Any, stage: Any, found: Mapping[str, Any]) -> tuple[str, ...]:
    needed = set(repo.index.graph.successors(stage))  # DVC's edges point to what a stage depends on
    return tuple(name for name, other in found.items() if other in needed)


def _stage(name: str, upstream: tuple[str, ...], stage: Any, read: Callable[[str], Any]) -> Stage:
    meta = stage.meta
    if meta is not None and not isinstance(meta, Mapping):
        raise HemlineError(f"dvc.yaml: stage {name}: meta: {meta!r}: must be keys and values")
    meta = meta or {}
    limit, guess = (_minutes(name, meta, key) for key in ("timeout_minutes", "guess_minutes"))
    device = _device(name, meta.get("device", "cpu"))
    if device == "cpu":
        return Stage(name, upstream, device, limit, guess)
    gpus, key = max(_gpus(stage, read), default=(1, ""))
    return Stage(name, upstream, "gpu" if gpus > 1 else device, limit, guess, gpus, key)


def _device(name: str, value: Any) -> Device:
    for device in DEVICES:
        if value == device:
            return device
    raise HemlineError(f"dvc.yaml: stage {name}: meta.device: {value!r}: must be one of {', '.join(DEVICES)}")


def _gpus(stage: Any, read: Callable[[str], Any]) -> Iterator[tuple[int, str]]:
    """`gpus` of each section of params that a stage reads, and where it stands.

    So a stage gets what its training was told to use; in `meta`, DVC could not look it up for an item of a matrix.
    """
    for item in stage.deps:
        for key in item.params if isinstance(item, ParamsDependency) and item.exists else ():
            section = _at(read(item.fs_path), key)
            if isinstance(section, Mapping) and "gpus" in section:
                yield _whole_number(section["gpus"], f"{item.def_path}: {key}.gpus")


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _whole_number(value: Any, key: str) -> tuple[int, str]:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise HemlineError(f"{key} is {value!r}: must be a whole number from 1")
    return value, key


def check_gpus(stages: Iterable[Stage], gpus: Sequence[str]) -> None:
    """Refuse stages that want more GPUs than these, which are a machine's. With none at all they share a CPU slot."""
    for stage in stages:
        if 0 < len(gpus) < stage.gpus:
            raise HemlineError(
                f"{stage.gpus_key} is {stage.gpus}, but {stage.name} finds {len(gpus)} here ({', '.join(gpus)}): "
                f"set it to {len(gpus)} or less; with the same batch_size and micro_batch (if it has none: this "
                "GPU's share) the batches stay the same, in more passes"
            )


def _minutes(name: str, meta: Mapping[str, Any], key: str) -> float | None:
    value = meta.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise HemlineError(f"dvc.yaml: stage {name}: meta.{key}: {value!r}: must be a number above 0")
    return float(value)


def _ordered(upstream: Mapping[str, tuple[str, ...]], wanted: Collection[str]) -> list[str]:
    """The wanted names in dvc.yaml's order, but each after what it needs."""
    placed: dict[str, None] = {}

    def place(name: str) -> None:
        for needed in upstream[name]:
            if needed not in placed:
                place(needed)
        placed[name] = None

    for name in upstream:
        if name in wanted and name not in placed:
            place(name)
    return list(placed)


def group(name: str) -> str:
    """The name in dvc.yaml of the matrix or foreach that a stage is an item of; a plain stage's own."""
    return name.split("@")[0]


def select(names: Collection[str], targets: Iterable[str]) -> list[str]:
    """The stages among `names` that the targets mean. HemlineError: a target that is none of them."""
    return [name for target in targets for name in _meant(names, target)]


def _meant(names: Collection[str], target: str) -> list[str]:
    if target in names:
        return [target]
    items = [name for name in names if group(name) == target]
    if not items:
        raise HemlineError(f"dvc.yaml: no stage {target!r}; {_hint(names, target)}")
    return items


def _hint(names: Collection[str], target: str) -> str:
    known = dict.fromkeys([*names, *map(group, names)])
    close = difflib.get_close_matches(target, known, n=5)
    return (
        f"did you mean {', '.join(close)}?" if close else "`dvc stage list --name-only` shows what there is"
    )


def downstream(graph: Mapping[str, Stage]) -> dict[str, list[str]]:
    """The stages that depend on each directly, in the graph's order."""
    below: dict[str, list[str]] = {name: [] for name in graph}
    for name, stage in graph.items():
        for needed in stage.upstream:
            below[needed].append(name)
    return below


def descendants(graph: Mapping[str, Stage], names: Iterable[str]) -> set[str]:
    """All stages that depend on one of `names` (stages, matrices), directly or not; not the names themselves.

    A name that depends on another of the names is among them. HemlineError: an unknown name.
    """
    below = downstream(graph)
    return _reach([child for name in select(graph, names) for child in below[name]], below)


def _reach(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """`start`, and all that the edges lead to from there."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(edges[name])
    return found
