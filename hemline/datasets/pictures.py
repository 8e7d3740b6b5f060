"""One picture with its annotation, inspected: what can be used of it, and what is wrong with the rest."""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from PIL import Image

from hemline.datasets.checks import (
    Problem,
    Rules,
    Size,
    check_item,
    item_attributes,
    picture_attributes,
    slightly_outside,
)
from hemline.datasets.raw import (
    BadData,
    Entry,
    Split,
    item_number,
    items,
    read_annotation,
    read_file,
    regular_file,
)

_ORIENTATION = 0x0112
# So many zeros at a file's end are no coded picture.
_ZEROS = 64
_IMAGE_REASONS = {
    "missing-file": "missing-image",
    "unreadable-file": "image-unreadable",
    "empty-file": "image-empty",
}


@dataclass(frozen=True)
class Picture:
    """A picture's facts. `size` is width, height in pixels, as stored (EXIF's turn is not applied).

    `digest` identifies the file's bytes; None when only the header was read.
    """

    size: Size
    turned: bool
    digest: bytes | None = None


@dataclass(frozen=True)
class Garment:
    """One usable garment: its raw item, and of its attributes the known ones."""

    key: str
    item: dict[str, Any]
    attributes: dict[str, Any]


@dataclass
class Inspection:
    """One picture's result.

    `problems` and `notes` are pairs of an item's key, or None for the whole picture, and what was found.
    """

    entry: Entry
    picture: Picture | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    garments: list[Garment] = field(default_factory=list)
    problems: list[tuple[str | None, Problem]] = field(default_factory=list)
    notes: list[tuple[str | None, Problem]] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether the picture can be used, perhaps without some of its garments."""
        return all(key is not None for key, _ in self.problems)


def inspect(split: Split, entry: Entry, rules: Rules, decode: bool) -> Inspection:
    """Look at one picture and its annotation; raises nothing for bad data.

    `decode` reads and decodes the whole picture, which alone shows a truncated one; else its header is read.
    """
    found = Inspection(entry)
    if entry.duplicate_of is not None:
        _fault(found, "duplicate-id", f"number {entry.id} is also that of {entry.duplicate_of}")
        return found
    if entry.id is None:
        escapes = ".." in entry.stem or "\\" in entry.stem
        _fault(found, "leaves-folder" if escapes else "bad-file-name", f"{entry.file}: expected six digits")
        return found
    _inspect_picture(found, split, rules, decode)
    if split.annotations is not None:
        _inspect_annotation(found, split, rules)
    return found


def _fault(found: Inspection, reason: str, detail: str, key: str | None = None) -> None:
    found.problems.append((key, Problem(reason, detail)))


def _inspect_picture(found: Inspection, split: Split, rules: Rules, decode: bool) -> None:
    read = read_picture if decode else read_header
    try:
        found.picture = read(split.images, found.entry.image, rules.follow_links)
    except BadData as error:
        _fault(found, _IMAGE_REASONS.get(error.reason, error.reason), error.detail)
        return
    if found.picture.turned:
        found.notes.append((None, Problem("exif-orientation", found.entry.image)))


def _inspect_annotation(found: Inspection, split: Split, rules: Rules) -> None:
    if not found.entry.has_annotation:
        found.notes.append((None, Problem("image-without-annotation", found.entry.image)))
        return
    try:
        annotation = read_annotation(split, found.entry.annotation, rules.follow_links)
    except BadData as error:
        _fault(found, error.reason, error.detail)
        return
    found.attributes, notes = picture_attributes(annotation)
    found.notes += [(None, note) for note in notes]
    _inspect_items(found, annotation, rules)


def _inspect_items(found: Inspection, annotation: dict[str, Any], rules: Rules) -> None:
    size = found.picture.size if found.picture else None
    numbers: set[int] = set()
    for key, item in items(annotation):
        problems = check_item(key, item, size, rules)
        number = item_number(key)
        if number in numbers:
            problems.append(Problem("duplicate-id", f"{key}: number {number} is there already"))
        if number is not None:
            numbers.add(number)
        found.problems += [(key, problem) for problem in problems]
        if not problems:
            _accept(found, key, item, size)


def _accept(found: Inspection, key: str, item: dict[str, Any], size: Size | None) -> None:
    attributes, notes = item_attributes(item)
    if size and slightly_outside(item["landmarks"], size):
        notes.append(Problem("landmark-outside", f"a picture of {size[0]}x{size[1]}"))
    found.notes += [(key, note) for note in notes]
    found.garments.append(Garment(key, item, attributes))


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

    BadData: those of raw.read_file, image-is-png, image-not-jpeg, image-unreadable, image-truncated.
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
