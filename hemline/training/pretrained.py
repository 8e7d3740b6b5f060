"""Published weights, fetched by name: a catalogue, a cache of the user's, every file checked at every use."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from filelock import FileLock, Timeout

from hemline.errors import HemlineError
from hemline.files import atomic_write
from hemline.training.download import download

# How files of torch.save begin: archives, and pickles of the time before them.
TORCH = (b"PK", b"\x80")


@dataclass(frozen=True)
class Pretrained:
    """One published file.

    `sha256` is what its publisher tells of the digest: all 64 hex digits, or the first ones. OpenMMLab puts eight into
    a file's name (`publish_model.py` of mmdet and mmpose) and nowhere else says more; CenterNet's author says nothing.
    `file` is the file's name where `url` does not end in it.
    """

    name: str
    what: str
    url: str
    sha256: str
    source: str
    file: str = ""

    @property
    def bits(self) -> int:
        """How many bits of the digest the publisher vouches for; by chance one file in 2^bits has the same."""
        return 4 * len(self.sha256)

    @property
    def path(self) -> Path:
        """Where this user's copy lies, or will."""
        return folder() / (self.file or self.url.rpartition("/")[2])

    @property
    def record(self) -> Path:
        """Where the whole digest is kept that the copy had at its first use."""
        return self.path.with_name(f"{self.path.name}.sha256")

    @property
    def address(self) -> str:
        """Where it is fetched from: `url`, or a file of that name in the mirror `HEMLINE_WEIGHTS_URL`."""
        mirror = os.environ.get("HEMLINE_WEIGHTS_URL")
        return f"{mirror.rstrip('/')}/{self.path.name}" if mirror else self.url


@cache
def catalogue() -> dict[str, Pretrained]:
    """All published weights that have a name here (pretrained.json)."""
    entries = json.loads(files("hemline.training").joinpath("pretrained.json").read_text(encoding="utf-8"))
    return {name: Pretrained(name, **entry) for name, entry in entries.items()}


def folder() -> Path:
    """The cache: `HEMLINE_WEIGHTS`, else `hemline/weights` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HEMLINE_WEIGHTS") or Path(base) / "hemline" / "weights")


def resolve(init: str) -> Path:
    """The file that a params' `init` means: a path (has a "/" or ends in .pth or .pt), else a name of the catalogue."""
    if "://" not in init and ("/" in init or init.endswith((".pth", ".pt"))):
        if not Path(init).is_file():
            raise HemlineError(f"{init}: no such weights file")
        return Path(init)
    return fetch(init)


def fetch(name: str) -> Path:
    """The user's copy of a published file: downloaded if it isn't there, its sha256 checked in any case.

    HemlineError for an unknown name, when it can't be had, and when its digest isn't the published one or not that of
    the first time.
    """
    if name not in catalogue():
        raise HemlineError(
            f"{name}: no weights of this name; there are {', '.join(catalogue())}, or give a file's path"
        )
    entry = catalogue()[name]
    with _alone(entry):
        if not entry.path.is_file():
            _download(entry)
        _check_unchanged(entry)
    return entry.path


@contextmanager
def _alone(entry: Pretrained) -> Iterator[None]:
    """One process at a time fetches a file; others wait for it, and say so."""
    entry.path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{entry.path}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"{entry.name}: waiting for another process that fetches it", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(entry: Pretrained) -> None:
    part = entry.path.with_name(f"{entry.path.name}.part")
    try:
        download(entry.address, part, entry.name)
    except HemlineError as error:
        raise HemlineError(
            f"{entry.name}: can't be fetched: {error}. Try again: it goes on where it was. Without a network, get "
            f"{entry.url} elsewhere, put it at {entry.path} and keep the name; or set HEMLINE_WEIGHTS_URL to "
            "a mirror's folder"
        ) from None
    if fault := _fault(entry, part):
        part.unlink()
        raise HemlineError(f"{entry.name}: {entry.address} gave {fault}. It was thrown away")
    entry.record.unlink(missing_ok=True)
    part.replace(entry.path)


def _fault(entry: Pretrained, part: Path) -> str | None:
    """Why what came is not the published file, as far as that can be known: without a digest, by how it begins."""
    digest = sha256(part)
    if not digest.startswith(entry.sha256):
        return (
            f"a file with sha256 {digest}, which should begin with {entry.sha256}: damaged, or not the "
            "published one"
        )
    with open(part, "rb") as handle:
        begins = handle.read(40)
    if not entry.sha256 and not begins.startswith(TORCH):
        return (
            f"no weights, but what begins with {begins!r}, perhaps a page that says why: open it in a browser"
        )
    return None


def _check_unchanged(entry: Pretrained) -> None:
    """Compare with what is published and with the record of the first use, a file as sha256sum writes it."""
    digest, record = sha256(entry.path), entry.record
    first = record.read_text(encoding="utf-8").split()[0] if record.is_file() else None
    if not digest.startswith(entry.sha256) or digest != (first or digest):
        raise HemlineError(
            f"{entry.name}: {entry.path} has sha256 {digest}, not {first or entry.sha256 + '...'}: remove it, and "
            "it is fetched anew"
        )
    if first is None:
        with atomic_write(record) as handle:
            handle.write(f"{digest}  {entry.path.name}\n")
        print(f"{entry.name}: sha256 {digest}; {entry.bits} bits of it are published", file=sys.stderr)


def sha256(path: Path) -> str:
    """The file's digest, 64 hex digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
