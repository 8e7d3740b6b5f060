"""The locked packages: what requirements/ says, and the key under which a finished set-up is remembered."""

import hashlib
import re
from pathlib import Path

# Installed in this order: what builds, what runs, what tests; source.txt comes last, out of the wheel cache.
FROM_REGISTRY = ("build", "runtime", "dev")
FROM_SOURCE = "source"
PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+]+)")


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what mends it."""


def normal(name: str) -> str:
    """A distribution's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(path: Path) -> dict[str, str]:
    """Name to version of one locked file. SetupError names the line that is not a plain `name==version`."""
    pins: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        match = PIN.fullmatch(text)
        if match is None:
            raise SetupError(f"{path}, line {number}: {text!r} is not of the form name==version")
        name = normal(match["name"])
        if name in pins:
            raise SetupError(f"{path}, line {number}: {name} is locked a second time")
        pins[name] = match["version"]
    return pins


def read_lock(folder: Path) -> dict[str, dict[str, str]]:
    """All locked files of `folder`: file stem to its pins. SetupError if two files lock the same package."""
    lock = {stem: read_pins(folder / f"{stem}.txt") for stem in (*FROM_REGISTRY, FROM_SOURCE)}
    owners: dict[str, str] = {}
    for stem, pins in lock.items():
        for name in pins:
            if name in owners:
                raise SetupError(f"{name} is locked in both {owners[name]}.txt and {stem}.txt of {folder}")
            owners[name] = stem
    return lock


def every_pin(lock: dict[str, dict[str, str]]) -> dict[str, str]:
    """Name to version over all locked files."""
    return {name: version for pins in lock.values() for name, version in pins.items()}


def cuda_version(lock: dict[str, dict[str, str]]) -> str:
    """The CUDA version that the locked torch is made for, such as "13.0"."""
    return ".".join(lock["runtime"]["cuda-toolkit"].split(".")[:2])


def lock_key(root: Path, python: str, variant: str) -> str:
    """What a finished set-up depends on, as one hash.

    Locked files, package metadata, Python's version, the operators' variant, and the place.
    """
    digest = hashlib.sha256()
    for path in [*sorted((root / "requirements").glob("*.txt")), root / "pyproject.toml"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update("\0".join([python, variant, str(root.resolve())]).encode())
    return digest.hexdigest()
