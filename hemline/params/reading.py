"""params.yaml read, checked, and changed at single keys."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from hemline.errors import HemlineError
from hemline.params.schema import Params
from hemline.params.sweeps import SweepSettings

EXPONENT = re.compile(r"[-+]?[\d.]+[eE][-+]?\d+")  # that YAML 1.1 doesn't take for a number
SECTION = ("model_type", "dict_type", "model_attributes_type")  # pydantic's, of what should be one and is not
MERGE = "tag:yaml.org,2002:merge"  # the key `<<`, which may come twice


def load_params(path: str | Path = "params.yaml") -> Params:
    """Read and check params.yaml.

    Raises HemlineError with the file, each offending key's full path, its value and what is allowed.
    """
    return check_params(read_values(path), str(path))


def read_values(path: str | Path = "params.yaml") -> Any:
    """The file's values as they stand there, unchecked. HemlineError when it is missing, unreadable or not YAML."""
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise HemlineError(f"{path}: no such file; run from the project's folder") from None
    except OSError as error:
        raise HemlineError(f"{path}: can't be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise HemlineError(f"{path}: not YAML ({error})") from None


class _Loader(yaml.SafeLoader):
    """PyYAML's, which of a key that is given twice would take the last value without a word."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        """A section as it is written: the keys of a merge are not in it yet."""
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            line = key.start_mark.line + 1
            if first := lines.get((key.tag, key.value)):
                raise yaml.YAMLError(f"line {line}: {key.value} is given twice, first in line {first}")
            lines[key.tag, key.value] = line
        return node


def check_params(values: Any, source: str) -> Params:
    """Check values as they come from YAML (lists where the schema has tuples)."""
    try:
        return Params.model_validate(tuples(values))
    except ValidationError as error:
        lines = [_explain(item, values) for item in error.errors()]
        raise HemlineError("\n".join(f"{source}: {line}" for line in lines)) from None


def check_sweeps(values: Any, names: Iterable[str], source: str) -> None:
    """Check that the schema allows all keys and values that these sweeps try, `values` standing at all others.

    Apart from `check_params`, because no stage depends on a sweep: a network of another type in the place of the one
    whose width is searched is no error but that sweep's (`of_other_types`).
    """
    sweeps = check_params(values, source).sweeps
    lines = [
        f"{source}: sweeps.{name}.{line}"
        for name in names
        for line in _sweep_errors(values, sweeps[name], source)
    ]
    if lines:
        raise HemlineError("\n".join(lines))


def of_other_types(values: Any, sweeps: Mapping[str, SweepSettings]) -> dict[str, str]:
    """The sweeps that can't be run with these `values`, though nothing is wrong with them, and why: by name.

    A `type` in `fixed` binds a sweep to networks of that type; others lack its keys, or mean another thing by them.
    """
    found = {name: _other_type(values, sweep) for name, sweep in sweeps.items()}
    return {name: f"sweeps.{name}.{said}" for name, said in found.items() if said}


def _other_type(values: Any, sweep: SweepSettings) -> str:
    for key, wanted in sweep.fixed.items():
        with suppress(HemlineError):  # a key that there isn't is wrong with any type
            if key.endswith(".type") and (here := value_at(values, key)) != wanted:
                return f"fixed: {key} is {here!r} here; the sweep is for {wanted!r} alone, write one for {here!r}"
    return ""


def with_values(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `values` with others at the keys of `changes`, such as `estimator.network.sigma`.

    A place in a list is a number (`ensemble.weights.1`). HemlineError when there is no such key.
    """
    changed: dict[str, Any] = _copy(values)
    for key, value in changes.items():
        *folders, last = _parts(changed, key)
        place: Any = changed
        for folder in folders:
            place = place[folder]
        place[last] = _copy(value)
    return changed


def value_at(values: Any, key: str) -> Any:
    """The value at a key such as `estimator.network.sigma`. HemlineError when there is none."""
    for part in _parts(values, key):
        values = values[part]
    return values


def _parts(values: Any, key: str) -> list[str | int]:
    parts: list[str | int] = []
    for word in key.split("."):
        part: str | int = int(word) if isinstance(values, list | tuple) and word.isdigit() else word
        known = part in values if isinstance(values, Mapping) else _is_place(values, part)
        if not known:
            raise HemlineError(
                f"{key}: no such key; {'.'.join(map(str, parts)) or 'the file'} has no {word!r}"
            )
        parts.append(part)
        values = values[part]
    return parts


def _copy(value: Any) -> Any:
    """A copy that shares nothing: not even what YAML's aliases share, which would change together."""
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value


def _is_place(values: Any, part: str | int) -> bool:
    return isinstance(values, list | tuple) and isinstance(part, int) and part < len(values)


def _sweep_errors(values: Any, sweep: SweepSettings, source: str) -> Iterator[str]:
    """What is wrong with the keys and the values of a sweep: each must be one that the schema allows."""
    probes = [("fixed", key, value) for key, value in sweep.fixed.items()]
    probes += [("space", key, value) for key, space in sweep.space.items() for value in space.probes()]
    if said := _other_type(values, sweep):
        yield said
        return
    bare = {**values, "sweeps": {}}
    for section, key, value in probes:
        try:
            check_params(with_values(bare, {key: value}), source)
        except HemlineError as error:
            first = str(error).splitlines()[0].removeprefix(f"{source}: ")
            yield f"{section}: {first}"
            return


def tuples(value: Any) -> Any:
    """Values as the schema wants them: tuples in the place of lists."""
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(tuples(item) for item in value) if isinstance(value, list) else value


def _explain(item: Any, values: Any) -> str:
    path = ".".join(_keys(item, values))  # empty: the whole file
    if item["type"] in SECTION:
        fault = "is empty" if item["input"] is None else "has no keys"
        return f"{path or 'the file'} {fault}; params/demo.yaml shows every key"
    if item["type"] == "extra_forbidden":
        return f"{path}: unknown key; remove it or mend its spelling"
    if item["type"] == "missing":
        return f"{path}: missing; params/demo.yaml shows every key"
    said = item["msg"].removeprefix("Value error, ")
    if isinstance(item["input"], Mapping):  # of a section as a whole the message names what is wrong in it
        return f"{path}: {said}" if path else said
    if item["type"] == "float_type" and EXPONENT.fullmatch(str(item["input"])):
        said += (
            "; YAML takes an exponent without a point and a sign (1e-4, 1.0e3) for text: write 1.0e-4, 1.0e+3"
        )
    return f"{path} is {item['input']!r}: {said}"


def _keys(item: Any, values: Any) -> Iterator[str]:
    """The keys to what is wrong; between them pydantic names the `type` of a section of several, which is no key."""
    *_, last = item["loc"] or (None,)
    for part in item["loc"]:
        known = part in values if isinstance(values, Mapping) else _is_place(values, part)
        if known or (part == last and item["type"] in ("missing", "extra_forbidden")):
            yield str(part)
        values = values[part] if known else values
