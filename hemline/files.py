"""Durable files: written whole or not at all."""

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from hemline.errors import HemlineError


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Yield a handle whose content takes `path`'s place when the block ends without an error.

    The temporary file lies in the same folder (a rename is atomic only inside one file system), is flushed
    to disk before the rename, and is removed on failure. `mode` is "w" (UTF-8) or "wb". HemlineError names a place
    where no file can be written.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder of this name is there")
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise HemlineError(f"{target}: cannot be written ({error.strerror})") from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, mode, encoding=None if "b" in mode else "utf-8") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HemlineError(f"{target}: cannot be written ({error.strerror}): make room") from None
        raise


def check_writable(folder: Path) -> None:
    """Make the folder if it is missing. HemlineError if that can't be done, or no file be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise HemlineError(f"{folder}: must be a folder that can be written in ({error.strerror})") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | os.PathLike[str], value: Any, indent: int | None = 2) -> None:
    """Write `value` as JSON, atomically. NaN and infinity are refused (ValueError): they are not JSON."""
    with atomic_write(path) as handle:
        json.dump(value, handle, indent=indent, allow_nan=False)
        handle.write("\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read one JSON file. HemlineError names the file when it is missing, cannot be read or is not JSON."""
    try:
        with open(path, encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        raise HemlineError(f"{path}: no such file") from None
    except OSError as error:
        raise HemlineError(f"{path}: cannot be read ({error.strerror})") from None
    # ValueError: no JSON, no UTF-8, or a number of thousands of digits; RecursionError: thousands of brackets.
    except (ValueError, RecursionError) as error:
        raise HemlineError(f"{path}: not JSON ({error})") from None
