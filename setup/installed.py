"""What is installed in an environment, whether it is whole, and the record of a finished set-up."""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from setup.lock import normal


@dataclass
class Record:
    """The file that a set-up leaves in the environment. `key` is set last, when all was tried."""

    key: str = ""
    variant: str = ""
    names: list[str] = field(default_factory=list)

    @staticmethod
    def read(path: Path) -> "Record":
        """The record at `path`; an empty one if there is none that can be read, so that the set-up runs."""
        try:
            return Record(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Record()

    def write(self, path: Path) -> None:
        """Replace the file at `path` in one step."""
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        os.replace(temporary, path)


def _information(site: Path) -> Iterator[tuple[str, str, Path]]:
    """Name, version and .dist-info folder of each distribution in a site-packages folder."""
    for folder in site.glob("*.dist-info"):
        name, _, version = folder.name.removesuffix(".dist-info").partition("-")
        yield normal(name), version, folder


def names(site: Path) -> set[str]:
    """Normal names of all distributions installed."""
    return {name for name, _, _ in _information(site)}


def has(site: Path, name: str) -> bool:
    """Whether a distribution is installed and whole, whatever its version."""
    return any(found == name and _whole(folder) for found, _, folder in _information(site))


def _whole(folder: Path) -> bool:
    """Whether every file of a distribution's RECORD is there with its size; bytecode comes and goes."""
    try:
        with open(folder / "RECORD", newline="", encoding="utf-8") as handle:
            for path, _, size in csv.reader(handle):
                if path.endswith(".pyc"):
                    continue
                if size and os.stat(folder.parent / path).st_size != int(size):
                    return False
    except (OSError, ValueError):
        return False
    return True


def faulty(site: Path, pins: dict[str, str]) -> list[str]:
    """The packages of `pins` that are missing, of another version, installed twice, or not whole, sorted."""
    found: dict[str, list[tuple[str, Path]]] = {}
    for name, version, folder in _information(site):
        found.setdefault(name, []).append((version, folder))
    return sorted(name for name, version in pins.items() if not _is_right(found.get(name, []), version))


def _is_right(copies: list[tuple[str, Path]], version: str) -> bool:
    return len(copies) == 1 and copies[0][0] == version and _whole(copies[0][1])


def remove_ruins(site: Path, pins: dict[str, str]) -> None:
    """Take away what a killed pip leaves of the packages of `pins` and cannot handle itself.

    These are renamed copies ("~orch"), and .dist-info folders without a RECORD or twice of one package. The
    package counts as missing then and is installed anew over its files.
    """
    for leftover in site.glob("~*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folders: dict[str, list[Path]] = {}
    for name, _, folder in _information(site):
        if name in pins:  # what people added themselves is theirs
            folders.setdefault(name, []).append(folder)
    for copies in folders.values():
        for folder in copies:
            if len(copies) > 1 or not (folder / "RECORD").is_file():
                shutil.rmtree(folder)
