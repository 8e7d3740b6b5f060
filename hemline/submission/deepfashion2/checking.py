"""A submission, read back by a reader that knows nothing of the writer.

It uses the standard library and the wardrobe's table alone, so that no error of the result files' code can hide itself
here. The JSON text is held in memory while it is read, the records are not.
"""

import json
import lzma
import os
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.submission.deepfashion2.inspection import Inspected, inspect
from hemline.submission.report import Finding, Report
from hemline.submission.sizes import Size, size_of
from hemline.wardrobe import Wardrobe

# DeepFashion2's evaluation looks at the 20 best of a category and image (cocoeval.py, maxDets).
LIMIT = 20
# A hundred thousand garments are some 220 MB: 882 zeros and commas, and 6 characters more for each coordinate.
MOST_BYTES = 4 << 30
# zipfile raises NotImplementedError for a compression that it can't read, RuntimeError for an encrypted member; errors
# of damaged bytes are those of their compression.
UNZIPPING = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


@dataclass
class ZipReport(Report):
    """`inner_name` is the JSON file's, `over_limit` counts garments that the evaluation doesn't look at."""

    inner_name: str = ""
    inner_size: int = 0
    points_outside: int | None = None
    over_limit: int = 0
    lowest_score: float | None = None
    highest_score: float | None = None

    def facts(self) -> dict[str, str]:
        """With what the zip file holds, and the range of the scores."""
        facts = super().facts()
        outside = "not known" if self.points_outside is None else f"{self.points_outside}"
        scores = (
            "none" if self.lowest_score is None else f"{self.lowest_score:.6g} to {self.highest_score:.6g}"
        )
        inside = {"inside": f"{self.inner_name or 'nothing readable'}, {self.inner_size:,} bytes"}
        landmarks = f"{facts['landmarks']}, outside their picture: {outside}"
        return {**inside, **facts, "landmarks": landmarks, "scores": scores}


def check(
    path: str | os.PathLike[str],
    wardrobe: Wardrobe,
    images: str | os.PathLike[str] | None = None,
    boxes: str | os.PathLike[str] | None = None,
) -> ZipReport:
    """Read a submission back and check it.

    `images` is a COCO-style file whose images are those of the split; without it ids and sizes of pictures
    can't be checked, which the report says. `boxes` are not looked at: a picture may show anything. Raises HemlineError
    only when a file can't be read at all; what is wrong inside the submission is a violation.
    """
    if not Path(path).is_file():
        raise HemlineError(f"{path}: no such file")
    report = ZipReport(str(path), size=Path(path).stat().st_size)
    sizes = None if images is None else _sizes(images)
    if sizes is None:
        report.warnings.append(Finding(None, "images", "no list of images was given: ids are not checked"))
    else:
        report.images_listed = len(sizes)
    text = _unzip(path, report)
    if text is not None:
        _read(text, report, sizes, wardrobe)
    return report


def _sizes(path: str | os.PathLike[str]) -> dict[int, Size | None]:
    """Width and height by image id, None where the file doesn't say."""
    try:
        with open(path, encoding="utf-8") as handle:
            entries = json.load(handle)["images"]
        return {
            entry["id"]: size_of(entry, f"{path}: image {number}")
            for number, entry in enumerate(entries, start=1)
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HemlineError(f"{path}: no COCO-style file with a list of images ({error!r})") from None


def _unzip(path: str | os.PathLike[str], report: ZipReport) -> str | None:
    """The text of the one JSON file at the root; None when the zip file is not as it must be."""
    problem: tuple[str, str] | None = None
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            problem = _member_problem(members)
            if problem is None:
                report.inner_name, report.inner_size = members[0].filename, members[0].file_size
                return archive.read(members[0]).decode("utf-8")
    except UNZIPPING as error:
        problem = "zip", f"cannot be unpacked ({error})"
    except UnicodeDecodeError as error:
        problem = "json", f"not UTF-8 ({error})"
    report.violations.append(Finding(None, *problem))
    return None


def _member_problem(members: list[zipfile.ZipInfo]) -> tuple[str, str] | None:
    names = [member.filename for member in members]
    if len(members) != 1:
        return "zip", f"{len(members)} members {names[:5]}; there must be one JSON file and nothing else"
    if "/" in names[0] or "\\" in names[0] or not names[0].endswith(".json"):
        return (
            "zip",
            f"its member is {names[0]!r}; it must be a .json file that lies at the root, in no folder",
        )
    if members[0].flag_bits & 1:
        return "zip", "it is encrypted; the server has no password"
    if members[0].file_size > MOST_BYTES:
        return "zip", f"{members[0].file_size} bytes unpacked; more than {MOST_BYTES} are not read"
    return None


def _read(text: str, report: ZipReport, sizes: dict[int, Size | None] | None, wardrobe: Wardrobe) -> None:
    try:
        value = json.loads(text, object_pairs_hook=lambda pairs: inspect(pairs, sizes, wardrobe))
    except (ValueError, RecursionError) as error:
        report.violations.append(Finding(None, "json", f"not JSON ({error})"))
        return
    if not isinstance(value, list):
        report.violations.append(Finding(None, "json", "not a list; a submission is a list of records"))
        return
    _sum_up(value, report, wardrobe, sized=sizes is not None and all(sizes.values()))


def _sum_up(entries: list[Any], report: ZipReport, wardrobe: Wardrobe, sized: bool) -> None:
    good = []
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, Inspected):
            report.violations += [Finding(number, key, problem) for key, problem in entry.problems]
            good.append(entry)
        else:
            report.violations.append(Finding(number, "record", "not a JSON object"))
    report.records = len(entries)
    report.violations += _duplicates(entries)
    _count(good, report, wardrobe, sized)
    _warn(good, report)


def _duplicates(entries: list[Any]) -> list[Finding]:
    first: dict[Any, int] = {}
    found = []
    for number, entry in enumerate(entries, start=1):
        key = (entry.image_id, entry.category_id, entry.digest) if isinstance(entry, Inspected) else None
        if key and entry.digest and first.setdefault(key, number) != number:
            found.append(Finding(number, "keypoints", f"the same garment as record {first[key]}"))
    return found


def _count(entries: list[Inspected], report: ZipReport, wardrobe: Wardrobe, sized: bool) -> None:
    numbers = Counter(entry.category_id for entry in entries)
    crowds = Counter((entry.image_id, entry.category_id) for entry in entries)
    scores = [entry.score for entry in entries if entry.score is not None]
    report.images = len({entry.image_id for entry in entries if entry.image_id is not None})
    report.points = sum(entry.points for entry in entries)
    report.points_outside = sum(entry.outside for entry in entries) if sized else None
    report.over_limit = sum(max(0, number - LIMIT) for number in crowds.values())
    report.lowest_score, report.highest_score = (min(scores), max(scores)) if scores else (None, None)
    report.per_category = {entry.name: numbers[entry.id] for entry in wardrobe.categories}


def _warn(entries: list[Inspected], report: ZipReport) -> None:
    unit = sum(entry.score is not None and not 0 <= entry.score <= 1 for entry in entries)
    extra = sorted({key for entry in entries for key in entry.extra})
    texts = {
        "records": (not report.records, "file without a record: AP will be 0"),
        "over 20": (
            report.over_limit,
            "records past the 20 best of an image and category; the evaluation ignores them",
        ),
        "points": (report.points_outside, "landmarks lie outside their picture"),
        "score": (unit, "scores are not within 0 and 1"),
        "v": (
            sum(entry.not_one for entry in entries),
            "landmarks have a v other than 1; the evaluation ignores v",
        ),
        "decimals": (
            sum(entry.long for entry in entries),
            "records have more than 2 decimals: a needlessly large file",
        ),
        "keys": (len(extra), f"keys that the challenge doesn't know: {', '.join(map(repr, extra[:8]))}"),
    }
    found = {key: f"{int(count)} {text}" for key, (count, text) in texts.items() if count}
    report.warnings += [Finding(None, key, text) for key, text in found.items()]
