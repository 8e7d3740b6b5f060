"""What DVC would call a stage with other params than those of params.yaml: command, dependencies' hashes, params."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException

from hemline.errors import HemlineError
from hemline.params import value_at
from pipelines.graph import dvc_stages, group, locked_repo


@dataclass(frozen=True)
class Identity:
    """A stage as its entry in dvc.lock has it, without values: `deps` are paths with md5, `keys` those of params."""

    cmd: str
    deps: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]

    def entry(self, values: Mapping[str, Any], without: Sequence[str] = ()) -> dict[str, Any]:
        """The entry in dvc.lock with these values of params.yaml, without the keys at or under `without`."""
        params = {key: value_at(values, key) for key in self.keys}
        for searched in without:
            params = {key: _without(value, key, searched) for key, value in params.items() if key != searched}
        deps = [{"path": path, "md5": md5} for path, md5 in self.deps]
        return {"cmd": self.cmd, "deps": deps, "params": {"params.yaml": params}}

    def reads(self, key: str) -> bool:
        """Whether the stage depends on a key, by itself or by the section that it is in."""
        return any(key == own or key.startswith(f"{own}.") or own.startswith(f"{key}.") for own in self.keys)


def identities(root: Path, stages: Sequence[str]) -> dict[str, Identity]:
    """The stages' identities; what one of them makes for another is no dependency, since trials make it anew.

    HemlineError: an unknown stage, or data that is not there yet.
    """
    with locked_repo(root) as repo:
        found = dvc_stages(repo)
        for name in stages:
            _check_known(name, found)
        made = {out.fs_path for name in stages for out in found[name].outs}
        return {name: _identity(found[name], made) for name in stages}


def _check_known(name: str, known: Iterable[str]) -> None:
    if name not in known:
        alike = [other for other in known if group(other) == group(name)]
        raise HemlineError(
            f"params.yaml: no stage {name!r}, which is a sweep's target or a row of the ensemble; with these params"
            f" dvc.yaml has {', '.join(alike) or 'none like it'}"
        )


def digest(*entries: Any) -> str:
    """Sixteen hex digits of JSON-able values."""
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()[:16]


def _identity(stage: Any, made: set[str]) -> Identity:
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    others = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency) and dep.fs_path not in made]
    keys = tuple(sorted(key for dep in params for key in dep.params))
    return Identity(stage.cmd, tuple(sorted((dep.def_path, _md5(dep)) for dep in others)), keys)


def _md5(dep: Any) -> str:
    try:
        return str(dep.get_hash().value)
    except (OSError, DvcException):
        raise HemlineError(f"{dep.def_path}: not there; `hemline run` makes it") from None


def _without(value: Any, key: str, searched: str) -> Any:
    """A section's value without a key that lies in it. A list is a section whose keys are its places."""
    if isinstance(value, list):
        value = {str(place): item for place, item in enumerate(value)}
    if not searched.startswith(f"{key}.") or not isinstance(value, Mapping):
        return value
    below = searched.removeprefix(f"{key}.")
    kept = {name: item for name, item in value.items() if name != below}
    return {name: _without(item, name, below) for name, item in kept.items()}
