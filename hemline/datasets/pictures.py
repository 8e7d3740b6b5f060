"""One picture with its annotation, inspected: what can be used of it, and what is wrong with the rest."""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from PIL import Image

from hemline.datasets.files import BadData, read_file, regular_file
from hemline.datasets.splits import Entry, Inspection, Picture, Rules, Split

_ORIENTATION = 0x0112
# So many zeros at a file's end are no coded picture.
_ZEROS = 64
_IMAGE_REASONS = {
    "missing-file": "missing-image",
    "unreadable-file": "image-unreadable",
    "empty-file": "image-empty",
}


def inspect(split: Split, entry: Entry, rules: Rules, decode: bool) -> Inspection:
    """Look at one picture and its annotation; raises nothing for bad data.

    `decode` reads and decodes the whole picture, which alone shows a truncated one; else its header is read.
    """
    found = Inspection(entry)
    if entry.problems:
        found.problems += [(None, problem) for problem in entry.problems]
        return found
    _inspect_picture(found, split, rules, decode)
    if split.annotated and entry.annotated:
        split.annotate(found, rules)
    elif split.annotated:
        found.note("image-without-annotation", entry.image)
    return found


def _inspect_picture(found: Inspection, split: Split, rules: Rules, decode: bool) -> None:
    read = read_picture if decode else read_header
    try:
        found.picture = read(split.images, found.entry.image, rules.follow_links)
    except BadData as error:
        found.fault(_IMAGE_REASONS.get(error.reason, error.reason), error.detail)
        return
    if found.picture.turned:
        found.note("exif-orientation", found.entry.image)


def read_header(folder: Path, name: str, follow_links: bool = False) -> Picture:
    """A picture's size from its header, without decoding it.

    BadData: those of read_picture, but a truncated picture stays unseen.
    """
    path = regular_file(folder, name, follow_links)
    try:
        with open(path, "rb") as file:
            start = file.read(16)
            if not start:
                raise BadData("empty-file", f"{name}: no bytes")
            _check_format(name, start)
            file.seek(0)
            with _opened(name, file) as image:
                return Picture(image.size, _turned(image))
    except OSError as error:
        raise BadData("unreadable-file", f"{name}: {error.strerror}") from None


def read_picture(folder: Path, name: str, follow_links: bool = False) -> Picture:
    """A picture read and decoded to its last line.

    BadData: those of files.read_file, image-is-png, image-not-jpeg, image-unreadable, image-truncated.
    """
    data = read_file(folder, name, follow_links)
    _check_format(name, data)
    with _opened(name, io.BytesIO(data)) as image:
        picture = Picture(image.size, _turned(image), hashlib.sha256(data).digest()[:16])
        # At an eighth of the size every coefficient is still read, but far fewer pixels are computed.
        image.draft(None, (1, 1))
        image.load()
    _check_tail(name, data)
    return picture


def _check_format(name: str, start: bytes) -> None:
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        raise BadData("image-is-png", f"{name}: a PNG; save it as JPEG")
    known = {b"GIF8": "GIF", b"BM": "BMP", b"RIFF": "WebP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
    for magic, title in known.items():
        if start.startswith(magic):
            raise BadData("image-not-jpeg", f"{name}: a {title}; save it as JPEG")


def _check_tail(name: str, data: bytes) -> None:
    """BadData for a copy that was cut off in a file of the full length: its zeros decode as plain grey."""
    rest = data.rstrip(b"\0")
    zeros = len(data) - len(rest)
    if zeros >= _ZEROS and not rest.endswith(b"\xff\xd9"):
        raise BadData("image-truncated", f"{name}: zeros in place of the last {zeros} bytes")


@contextmanager
def _opened(name: str, file: IO[bytes]) -> Iterator[Image.Image]:
    """The opened picture; whatever Pillow raises for it becomes BadData."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on EXIF and size: what matters becomes a reason
            with Image.open(file, formats=("JPEG",)) as image:
                yield image
    except BadData:
        raise
    except Exception as error:  # Pillow raises a dozen types for broken files, and none may stop the rest
        text = str(error)
        truncated = "truncated" in text.lower() or "broken data stream" in text
        detail = f"{name}: {'cannot identify' if 'cannot identify' in text else text[:80]}"
        raise BadData("image-truncated" if truncated else "image-unreadable", detail) from None


def _turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except Exception:  # broken EXIF: no reader turns such a picture
        return False
