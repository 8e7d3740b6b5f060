"""A result file becomes a submission."""

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from hemline.errors import HemlineError
from hemline.files import atomic_write, read_json
from hemline.inference.records import Record, read_records
from hemline.progress import progress
from hemline.wardrobe import Wardrobe

NAME = "keypoints_val_results.json"
DECIMALS = 2
# The same results make the same bytes, whenever they are packed: the zip format's own first day.
EPOCH = (1980, 1, 1, 0, 0, 0)
# From here on the zip file needs 64-bit sizes, which must be known before the first byte is written.
LARGE = 1 << 30


def package(
    results: str | os.PathLike[str],
    out: str | os.PathLike[str],
    wardrobe: Wardrobe,
    name: str | None = None,
    images: str | os.PathLike[str] | None = None,
    boxes: str | os.PathLike[str] | None = None,
) -> int:
    """Write the submission `out`, a zip file with the one JSON file `name` (`NAME`). Returns the number of records.

    Coordinates are rounded to two decimals, v is 1 for the category's landmarks, all else is 0; keys of ours
    are left out and scores keep every digit. With `images`, a COCO-style file, records of images that it
    lacks are refused; `boxes` are not looked at. Raises HemlineError naming the file, the record, the key and the
    value; `out` is then as it was before.
    """
    name = NAME if name is None else name
    check_name(name)
    known = None if images is None else _image_ids(images)
    found = _known(read_records(results, wardrobe), known, results, images)
    records = progress(found, "packing", unit="garments")
    large = Path(results).is_file() and Path(results).stat().st_size > LARGE
    with atomic_write(out, "wb") as handle, zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(name, EPOCH)
        member.compress_type, member.create_system, member.external_attr = (
            zipfile.ZIP_DEFLATED,
            3,
            0o644 << 16,
        )
        with archive.open(member, "w", force_zip64=large) as stream:
            return _write(stream, records)


def check_name(name: str) -> None:
    """HemlineError unless the JSON file in the zip file can have this name."""
    if "/" in name or "\\" in name or not name.endswith(".json") or len(name) <= len(".json"):
        raise HemlineError(f"name {name!r}: the file inside the zip needs a plain name that ends in .json")


def _write(stream: IO[bytes], records: Iterator[Record]) -> int:
    count = 0
    stream.write(b"[")
    for count, record in enumerate(records, start=1):
        text = json.dumps(_official(record), separators=(",", ":"), allow_nan=False)
        stream.write((",\n" if count > 1 else "\n").encode() + text.encode())
    stream.write(b"\n]\n")
    return count


def _official(record: Record) -> dict[str, Any]:
    own = record.category
    rounded = record.keypoints[own.slice].round(DECIMALS)
    rounded[:, 2] = 1
    keypoints: list[float] = [0] * record.keypoints.size
    keypoints[3 * own.start : 3 * own.stop] = [_short(value) for value in rounded.ravel().tolist()]
    return {
        "image_id": record.image_id,
        "category_id": record.category_id,
        "keypoints": keypoints,
        "score": record.score,
    }


def _short(value: float) -> float:
    # 12.0 is written 12, and -0.0 is 0
    return int(value) if value.is_integer() else value


def _known(records: Iterator[Record], ids: set[int] | None, results: Any, images: Any) -> Iterator[Record]:
    for record in records:
        if ids is not None and record.image_id not in ids:
            raise HemlineError(
                f"{results}: record {record.number}: image_id is {record.image_id}; {images} has no such image"
            )
        yield record


def _image_ids(path: str | os.PathLike[str]) -> set[int]:
    value = read_json(path)
    if not isinstance(value, dict) or not isinstance(value.get("images"), list):
        raise HemlineError(f"{path}: no list 'images'; a COCO-style file of the split is needed")
    return {entry["id"] for entry in value["images"] if isinstance(entry, dict) and "id" in entry}
