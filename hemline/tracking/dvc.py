"""What dvc.lock says of a stage: the hash of all that its result depends on, and its outs' hashes."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hemline.errors import HemlineError
from hemline.tracking.records import append, flatten, newest, records_of, tail


def read_lock(root: Path) -> dict[str, Any]:
    """dvc.lock's entries by stage; none where there is no such file. HemlineError while DVC is writing it."""
    path = root / "dvc.lock"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), loader) if path.is_file() else None
    except yaml.YAMLError as error:
        raise HemlineError(f"{path}: not YAML ({error}); is DVC writing it?") from None
    return dict((content or {}).get("stages") or {})


def stage_entry(locked: Mapping[str, Any]) -> dict[str, Any]:
    """{"stage_hash", "outs": {path: hash}} of a stage's entry in dvc.lock.

    The hash is of its command, its deps' paths and hashes and its params: equal hashes, equal results.
    """
    deps = [[item["path"], _hash(item)] for item in locked.get("deps", [])]
    content = {"cmd": locked.get("cmd"), "deps": deps, "params": locked.get("params", {})}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
    return {
        "stage_hash": digest[:16],
        "outs": {item["path"]: _hash(item) for item in locked.get("outs", [])},
    }


def _hash(item: Mapping[str, Any]) -> str:
    return str(item.get("md5") or item.get(item.get("hash", ""), ""))


def params_of(locked: Mapping[str, Any]) -> dict[str, Any]:
    """A stage's params as they stand in dvc.lock, by their flat names."""
    flat: dict[str, Any] = {}
    for values in (locked.get("params") or {}).values():
        flat.update(flatten(values or {}))
    return flat


def note_dvc(folder: Path, stage: str, locked: Mapping[str, Any]) -> None:
    """Add DVC's hashes to the newest record of a stage that DVC has just run; none there: nothing to do."""
    found = records_of(folder, stage)
    if found and _ended_well(found[-1][1]):
        append(found[-1][1], "dvc", **stage_entry(locked))


def note_lock(folder: Path, lock: Mapping[str, Any], params_hash: str) -> None:
    """Add DVC's hashes to records that lack them, of stages that plain `dvc repro` ran.

    A stage's newest record is taken to be what dvc.lock speaks of if it ended well and either was made with the
    present params.yaml (`params_hash`) or has the same values under the keys that both name.
    """
    for start, path in newest(folder):
        locked = lock.get(start["name"])
        if locked is None or not _ended_well(path):  # such as when it has been added already
            continue
        if start.get("tags", {}).get("params_hash") == params_hash or _agree(start.get("params", {}), locked):
            append(path, "dvc", **stage_entry(locked))


def _ended_well(path: Path) -> bool:
    events = tail(path)
    return bool(events) and events[-1].get("status") == "finished"


def _agree(params: Mapping[str, Any], locked: Mapping[str, Any]) -> bool:
    known = params_of(locked)
    shared = params.keys() & known.keys()
    return bool(shared) and all(params[key] == known[key] for key in shared)
