"""A data set's files, read with care: nothing outside of its folders, no pipes, no half-unpacked folder."""

import os
import stat
from collections.abc import Callable
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from hemline.datasets.splits import SPLITS
from hemline.errors import HemlineError

# Stands in a folder while archives are being unpacked into it: what lies beside it is not whole.
UNPACKING = ".unpacking"


class BadData(Exception):
    """One picture or annotation that cannot be used: `reason` (a code of checks.REASONS) and `detail`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def require_whole(root: Path) -> None:
    """HemlineError when there is no folder `root`, or an interrupted `hemline unpack` left it incomplete."""
    if not root.is_dir():
        raise HemlineError(f"{root}: no such folder")
    for folder in (root, root.parent):
        if (folder / UNPACKING).exists():
            raise HemlineError(
                f"{folder}: unpacking did not finish here ({folder / UNPACKING} names the archives):"
                " run the same `hemline unpack` again, it goes on where it stopped"
            )


def split_folders(root: Path, is_split: Callable[[Path], bool]) -> dict[str, Path]:
    """Each split's folder: `root`, called "data" unless by its own name, if it is one; else train/, validation/, test/.

    Empty when there is none. HemlineError when an interrupted `hemline unpack` left `root` incomplete.
    """
    require_whole(root)
    if is_split(root):
        return {root.name if root.name in SPLITS else "data": root}
    return {name: root / name for name in SPLITS if (root / name).is_dir()}


def read_file(folder: Path, name: str, follow_links: bool = False) -> bytes:
    """The bytes of `folder`/`name`. BadData: leaves-folder, missing-file, unreadable-file, empty-file.

    A link that ends outside its folder is not followed unless `follow_links`; a pipe or a device is not opened.
    """
    path = regular_file(folder, name, follow_links)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadData("unreadable-file", f"{name}: {error.strerror}") from None
    if not data:
        raise BadData("empty-file", f"{name}: no bytes")
    return data


def regular_file(folder: Path, name: str, follow_links: bool = False) -> Path:
    """The path of `folder`/`name` after the checks that `read_file` names, without reading it."""
    path = folder / name
    try:
        if not follow_links and leaves(folder, name):
            raise BadData("leaves-folder", f"{name}: its name or link leads out of {folder.name}/")
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise BadData("missing-file", f"{name}: no such file") from None
    except OSError as error:
        raise BadData("unreadable-file", f"{name}: {error.strerror}") from None
    except ValueError:  # a NUL byte, which no file's name has
        raise BadData("unreadable-file", f"{name}: no name of a file") from None
    if not stat.S_ISREG(mode):
        raise BadData("unreadable-file", f"{name}: not a regular file")
    return path


def leaves(folder: Path, name: str) -> bool:
    """Whether `name` leads out of `folder`: by its parts (.., a backslash, a first slash) or by a link among them."""
    if ".." in name or "\\" in name or name.startswith("/"):
        return True
    path = folder / name
    # os.path's islink: pathlib's own raises for names that are too long.
    if not os.path.islink(path) and not _linked(folder, path.parent):
        return False
    base = os.path.realpath(folder)
    return os.path.commonpath([base, os.path.realpath(path)]) != base


@lru_cache(maxsize=1024)  # a folder holds thousands of pictures
def _linked(folder: Path, below: Path) -> bool:
    """Whether `below`, or a folder between it and `folder`, is a link."""
    return any(map(os.path.islink, takewhile(lambda path: path != folder, (below, *below.parents))))
