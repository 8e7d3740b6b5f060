"""A data set's zip files, password-protected as DeepFashion2's or not, unpacked safely.

Nothing is written before every member's name has been checked. Each file appears whole or not at all, and a
marker stands in the folder until the last one is there, so that an interrupted unpacking is never taken for
the data set: reading it is refused, and running it again goes on where it stopped.
"""

import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path, PurePosixPath
from time import monotonic

from hemline.datasets.files import UNPACKING
from hemline.errors import HemlineError
from hemline.files import read_json, write_json
from hemline.progress import progress

_BLOCK = 1 << 20
_ENCRYPTED = 0x1
# Compression method of WinZip's AES, which neither zipfile nor the tools of 2019 share (APPNOTE.TXT, app. E).
_AES = 99


class Secret:
    """A password that no log, traceback or error message shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> bytes:
        return self._value.encode()

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__


@dataclass
class Unpacked:
    """What was done: files written, files that were there already, bytes written, seconds."""

    written: int = 0
    skipped: int = 0
    size: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        rate = self.size / 1e6 / self.seconds if self.seconds else 0.0
        there = f", {self.skipped} were there already" if self.skipped else ""
        return f"{self.written} files, {self.size / 1e6:.1f} MB, {rate:.1f} MB/s{there}"


@dataclass(frozen=True)
class _Member:
    """One file to unpack; `target` is relative to the folder."""

    archive: Path
    zip: zipfile.ZipFile = field(repr=False)
    info: zipfile.ZipInfo
    target: PurePosixPath

    @property
    def encrypted(self) -> bool:
        return bool(self.info.flag_bits & _ENCRYPTED)


def unpack(archives: Sequence[Path], out: Path, ask: Callable[[], Secret]) -> Unpacked:
    """Unpack zip files into the folder `out`.

    `ask` gives the password and is called only when a member is encrypted. Files that are there already with
    the same size and checksum are skipped. HemlineError, naming the archive: not a zip, a member that leaves
    the folder, too little space, a wrong password, damage.
    """
    with ExitStack() as stack:
        members = [member for path in archives for member in _members(path, stack.enter_context(_open(path)))]
        _check_targets(members, out)
        _check_space(members, out)
        password = _password(members, ask)
        out.mkdir(parents=True, exist_ok=True)
        _mark(out, archives)
        done = _extract_all(members, out, password)
    # Before the marker goes: a power cut must not leave empty files in a folder that counts as whole.
    os.sync()
    _unmark(out, archives)
    return done


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise HemlineError(f"{path}: no such file") from None
    # zipfile raises NotImplementedError for a version of the format that it can't read, as damaged bytes may claim.
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise HemlineError(f"{path}: not a whole zip file ({error}): download it again") from None


def _members(path: Path, archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        target = _target(path, info)
        if info.compress_type == _AES:
            raise HemlineError(
                f"{path}: {info.filename!r} is encrypted by AES, which Python cannot read: unpack it with 7z"
                " and use the folder"
            )
        if not info.is_dir():
            yield _Member(path, archive, info, target)


def _target(path: Path, info: zipfile.ZipInfo) -> PurePosixPath:
    """The member's place; HemlineError when it would leave the folder or is no plain file."""
    # A backslash separates folders in archives made by some Windows programs.
    name = info.orig_filename.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    leaves = (
        name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in parts or "\0" in name or not parts
    )
    if leaves:
        raise HemlineError(f"{path}: member {info.orig_filename!r} leaves the folder: nothing was unpacked")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise HemlineError(
            f"{path}: member {info.orig_filename!r} is a link or a special file: nothing was unpacked"
        )
    return PurePosixPath(*parts)


def _check_targets(members: list[_Member], out: Path) -> None:
    """HemlineError when two members meet in one place, or a link in `out` leads a member elsewhere."""
    targets: set[PurePosixPath] = set()
    for member in members:
        if member.target in targets:
            raise HemlineError(f"{member.archive}: {member.target} is there twice: nothing was unpacked")
        targets.add(member.target)
    base = os.path.realpath(out)
    for folder in {parent for target in targets for parent in target.parents}:
        if folder in targets:
            raise HemlineError(f"{folder} is a file and a folder in the archives: nothing was unpacked")
        real = os.path.realpath(out / folder)
        if os.path.commonpath([base, real]) != base:
            raise HemlineError(f"{out / folder} is a link out of {out}: nothing was unpacked")


def _check_space(members: list[_Member], out: Path) -> None:
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    missing = (m.info.file_size for m in members if not (out / m.target).exists())
    needed, free = sum(missing), shutil.disk_usage(there).free
    if needed > free:
        raise HemlineError(
            f"{out}: unpacking needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free: make room or"
            " choose another folder"
        )


def _password(members: list[_Member], ask: Callable[[], Secret]) -> Secret | None:
    """The password, tried on a small encrypted file of each archive; None when nothing is encrypted."""
    encrypted = [member for member in members if member.encrypted]
    if not encrypted:
        return None
    _speed_up_decryption()
    password = ask()
    for archive in dict.fromkeys(member.archive for member in encrypted):
        mine = (member for member in encrypted if member.archive == archive)
        _try(min(mine, key=_probe_order), password)
    return password


def _probe_order(member: _Member) -> tuple[bool, int]:
    """Small files first, but those of a few bytes last: their checksums prove little."""
    return member.info.file_size < 16, member.info.compress_size


def _try(member: _Member, password: Secret) -> None:
    # zipfile's own check lets one wrong password in 256 pass; then the checksum or the unpacking fails.
    try:
        with member.zip.open(member.info, pwd=password.reveal()) as file:
            while file.read(_BLOCK):
                pass
    except (RuntimeError, zipfile.BadZipFile, zlib.error, EOFError):
        raise HemlineError(f"{member.archive}: the password does not open it") from None


def _speed_up_decryption() -> None:
    """Decrypt in C where the library is installed: 80 MB/s instead of about 1 MB/s in pure Python.

    Importing it replaces zipfile's decrypter, after a check of its own that it works.
    """
    try:
        import_module("fast_zip_decryption")
    except ImportError:
        return


def _mark(out: Path, archives: Sequence[Path]) -> None:
    write_json(out / UNPACKING, sorted({*_marked(out), *(path.name for path in archives)}))


def _unmark(out: Path, archives: Sequence[Path]) -> None:
    """Take the archives off the marker; those of another interrupted run stay on it."""
    rest = sorted(set(_marked(out)) - {path.name for path in archives})
    if rest:
        write_json(out / UNPACKING, rest)
    else:
        (out / UNPACKING).unlink()


def _marked(out: Path) -> list[str]:
    marker = out / UNPACKING
    return read_json(marker) if marker.exists() else []


def _extract_all(members: list[_Member], out: Path, password: Secret | None) -> Unpacked:
    done, started = Unpacked(), monotonic()
    for member in progress(members, "unpack", unit="files"):
        target = out / member.target
        if _is_there(target, member.info):
            done.skipped += 1
            continue
        _extract(member, target, password)
        done.written += 1
        done.size += member.info.file_size
    done.seconds = monotonic() - started
    return done


def _is_there(target: Path, info: zipfile.ZipInfo) -> bool:
    """Whether the file is unpacked already: a plain file of the same size and checksum."""
    if target.is_symlink() or not target.is_file() or target.stat().st_size != info.file_size:
        return False
    checksum = 0
    with open(target, "rb") as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum == info.CRC


def _extract(member: _Member, target: Path, password: Secret | None) -> None:
    """Write one file beside its place and rename it; zipfile checks the checksum at its end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    pwd = password.reveal() if password and member.encrypted else None
    try:
        with member.zip.open(member.info, pwd=pwd) as source, open(part, "xb") as sink:
            shutil.copyfileobj(source, sink, _BLOCK)
        part.replace(target)
    except RuntimeError:
        raise HemlineError(f"{member.archive}: {member.target} has another password than the rest") from None
    # NotImplementedError is zipfile's, for a compression that it can't read, as damaged bytes may claim.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise HemlineError(
            f"{member.archive}: {member.target} is damaged: download the archive again, then run this again"
        ) from None
    finally:
        part.unlink(missing_ok=True)
