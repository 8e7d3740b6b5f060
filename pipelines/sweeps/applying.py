"""A trial's values written into params.yaml: at their places in the text, so that all else stays as it is.

Values that YAML shares (`aggregated: *training`) are changed for the one key alone: `{<<: *training, lr: 0.001}`.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from hemline.errors import HemlineError
from hemline.params import check_params, value_at, with_values
from pipelines.sweeps.study import Study, drawn_values

ALIAS = re.compile(r"\*[\w-]+")
SAFE = re.compile(r"[A-Za-z][\w./-]*")  # strings that need no quotes


def winner(study: Study, trial: int | None) -> tuple[int, dict[str, Any], str]:
    """A trial (None: the best), from 1; its values by key; what to say of it. HemlineError if it has no result."""
    ended = {one.number + 1: one for one in study.trials if one.values}
    if trial is None and len(study.best) > 1:
        raise HemlineError(
            f"{study.folder}: {len(study.best)} trials are best, each in its way: choose one with --trial "
            f"({', '.join(str(one.number + 1) for one in study.best)})"
        )
    chosen = trial if trial is not None else next((one.number + 1 for one in study.best), None)
    if chosen is None or chosen not in ended:
        raise HemlineError(
            f"{study.folder}: {'no trial' if chosen is None else f'trial {chosen}'} has a result"
        )
    numbers = zip(study.sweep.objectives, ended[chosen].values, strict=True)
    said = (
        f"sweep {study.name}, trial {chosen}: {', '.join(f'{name} {value:.4g}' for name, value in numbers)}"
    )
    return chosen, drawn_values(study.sweep, ended[chosen]), said


def changed_text(text: str, values: Mapping[str, Any], said: str) -> str:
    """The text of params.yaml with these values, each with its reason. HemlineError if the text can't take them."""
    before = yaml.safe_load(text)
    wanted = {key: value for key, value in values.items() if value_at(before, key) != value}
    after = text
    for key, value in wanted.items():
        after = _set(after, key.split("."), value, said)
    check_params(yaml.safe_load(after), "params.yaml")
    if yaml.safe_load(after) != with_values(before, wanted):
        raise HemlineError(
            f"params.yaml: can't be changed at {', '.join(wanted)} without changing more; do it by hand"
        )
    return after


def difference(before: str, after: str) -> str:
    """What changes, as a diff."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "params.yaml", "params.yaml", lineterm="", n=1
    )
    return "\n".join(lines)


def _set(text: str, path: list[str], value: Any, said: str = "") -> str:
    """Put a value at a path. Others that share what is changed keep what they have."""
    places = list(_walk(yaml.compose(text), path))
    for place in places[:-1]:
        for other in _sharers(text, place):
            shared = [*other, *path[place.depth :]]
            text = _set(text, shared, value_at(yaml.safe_load(text), ".".join(shared)))
    return _write(text, list(_walk(yaml.compose(text), path)), path, value, said)


class _Place:
    """A node on the way to a value: `depth` keys down, written there or, with `alias`, elsewhere."""

    def __init__(self, node: yaml.Node, depth: int, after: int, alias: bool) -> None:
        self.node, self.depth, self.after, self.alias = node, depth, after, alias


def _walk(root: yaml.Node, path: list[str]) -> Iterator[_Place]:
    """The nodes from the root's child on, as far as the text has them; the last one may be short of the path's end."""
    node = root
    for depth, word in enumerate(path, start=1):
        found = next((pair for pair in _children(node) if pair[0] == word), None)
        if found is None:
            return
        _, after, node = found
        alias = node.start_mark.index < after
        yield _Place(node, depth, after, alias)
        if alias:
            return


def _children(node: yaml.Node) -> Iterator[tuple[str, int, yaml.Node]]:
    """Key, where the value may start, and value."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, key.end_mark.index, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((str(place), node.start_mark.index, value) for place, value in enumerate(node.value))


def _sharers(text: str, place: _Place) -> list[list[str]]:
    """The paths at which a node that is written here is an alias."""
    return (
        []
        if place.alias
        else [path for path, node in _aliases(text) if node.start_mark.index == place.node.start_mark.index]
    )


def _aliases(text: str) -> Iterator[tuple[list[str], yaml.Node]]:
    def look(node: yaml.Node, path: list[str]) -> Iterator[tuple[list[str], yaml.Node]]:
        for word, after, child in _children(node):
            if child.start_mark.index < after:
                yield path if word == "<<" else [*path, word], child
            else:
                yield from look(child, [*path, word])

    yield from look(yaml.compose(text), [])


def _write(text: str, places: list[_Place], path: list[str], value: Any, said: str) -> str:
    place = places[-1]
    if place.alias:
        alias = ALIAS.search(text, place.after)
        assert alias is not None
        own = _own(text, path, place.depth, value)
        return _replace(text, alias.start(), alias.end(), f"{{<<: {alias.group()}, {own}}}", said)
    if place.depth < len(path):  # a mapping that has the rest from what it merges
        end = place.node.end_mark.index - 1
        return _replace(text, end, end, f", {_own(text, path, place.depth, value)}", said)
    return _replace(text, place.node.start_mark.index, place.node.end_mark.index, _text(value), said)


def _own(text: str, path: list[str], depth: int, value: Any) -> str:
    """`key: value` for the mapping at `depth`, whatever lies between it and the path's end."""
    if len(path) > depth + 1:
        section = value_at(yaml.safe_load(text), ".".join(path[: depth + 1]))
        value = with_values(section, {".".join(path[depth + 1 :]): value})
    return f"{path[depth]}: {_text(value)}"


def _replace(text: str, start: int, end: int, new: str, said: str) -> str:
    """Put `new` in, and the reason before the line's comment, which spoke of the old value."""
    old, rest = text[start:end], text[end:]
    line, newline, below = rest.partition("\n")
    code, mark, comment = line.partition(" #")
    if said and said not in comment:
        before = f"; before {old}" + (f":{comment}" if mark else "") if old else ""
        line = f"{code} # {said}{before}"
    return text[:start] + new + line + newline + below


def _text(value: Any) -> str:
    """A value as YAML, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, str) and SAFE.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    text = json.dumps(value)
    # YAML 1.1 takes 1e-05 for a string
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if isinstance(value, float) else text
