"""A csv file of FashionAI's contest, read back by a reader that knows nothing of the writer.

It uses the standard library and the wardrobe's table alone, so that no error of the result files' code can hide itself
here; the columns stand here as in the contest's annotations.
"""

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hemline.errors import HemlineError
from hemline.submission.report import Finding, Report
from hemline.submission.sizes import Size, size_of
from hemline.wardrobe import Category, Wardrobe

LANDMARKS = (
    "neckline_left", "neckline_right", "center_front", "shoulder_left", "shoulder_right", "armpit_left",
    "armpit_right", "waistline_left", "waistline_right", "cuff_left_in", "cuff_left_out", "cuff_right_in",
    "cuff_right_out", "top_hem_left", "top_hem_right", "waistband_left", "waistband_right", "hemline_left",
    "hemline_right", "crotch", "bottom_left_in", "bottom_left_out", "bottom_right_in", "bottom_right_out",
)  # fmt: skip
COLUMNS = ("image_id", "image_category", *LANDMARKS)
PLACE = re.compile(r"(-?[0-9]{1,9})_(-?[0-9]{1,9})_(-1|0|1)")
NOWHERE = (-1, -1, -1)

File = str | os.PathLike[str]
Place = tuple[int, int, int]
# Key and problem.
Problem = tuple[str, str]


@dataclass(frozen=True)
class Picture:
    """What is known of a picture: its width and height, and the name of its category."""

    size: Size | None = None
    category: str | None = None


@dataclass
class CsvReport(Report):
    """`records` are rows with landmarks, `images` all rows, `not_found` those without a landmark."""

    not_found: int = 0

    def facts(self) -> dict[str, str]:
        """With the pictures in which nothing was found."""
        facts = super().facts()
        return {**facts, "images": f"{facts['images']}, without a garment: {self.not_found}"}


@dataclass
class _Check:
    """What has been seen so far: the line of each picture."""

    report: CsvReport
    pictures: Mapping[str, Picture] | None
    categories: Mapping[str, Category]
    lines: dict[str, int] = field(default_factory=dict)


def check(path: File, wardrobe: Wardrobe, images: File | None = None, boxes: File | None = None) -> CsvReport:
    """Read a submission back and check it.

    `images` is a COCO-style file of the split's pictures, `boxes` one that says the category of each; without them
    pictures, sizes and categories can't be checked, which the report says. HemlineError only when a file can't be read
    at all; what is wrong inside the submission is a violation, with its line.
    """
    if not Path(path).is_file():
        raise HemlineError(f"{path}: no such file")
    report = CsvReport(str(path), size=Path(path).stat().st_size)
    report.per_category = dict.fromkeys((entry.name for entry in wardrobe.categories), 0)
    pictures = None if images is None else _pictures(images, boxes, wardrobe)
    report.images_listed = None if pictures is None else len(pictures)
    for key, given, unchecked in (("images", images, "rows"), ("boxes", boxes, "categories")):
        if given is None:
            report.warnings.append(
                Finding(None, key, f"none were given: {unchecked} are not checked by them")
            )
    seen = _Check(report, pictures, {entry.coco_name: entry for entry in wardrobe.categories})
    _read(path, seen)
    _sum_up(seen)
    return report


def _pictures(images: File, boxes: File | None, wardrobe: Wardrobe) -> dict[str, Picture]:
    """By their paths in the csv, which begin with "Images/"."""
    try:
        with open(images, encoding="utf-8") as handle:
            entries = json.load(handle)["images"]
        given = [] if boxes is None else json.loads(Path(boxes).read_text(encoding="utf-8"))
        categories = {box["image_id"]: wardrobe.category(box["category_id"]).coco_name for box in given}
        return {
            _path(entry["file_name"]): Picture(
                size_of(entry, f"{images}: image {number}"), categories.get(entry["id"])
            )
            for number, entry in enumerate(entries, start=1)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        read = f"{images}" if boxes is None else f"{images}, {boxes}"
        raise HemlineError(f"{read}: no COCO-style files of a split's images and boxes ({error!r})") from None


def _path(file_name: str) -> str:
    return file_name if file_name.startswith("Images/") else f"Images/{file_name}"


def _read(path: File, seen: _Check) -> None:
    violations = seen.report.violations
    try:
        with open(path, encoding="utf-8", newline="") as handle:
            rows = csv.reader(handle, strict=True)
            header = next(rows, [])
            if tuple(header) != COLUMNS:
                violations.append(Finding(1, "header", _header_problem(header), "line"))
                return
            for row in rows:
                violations += [
                    Finding(rows.line_num, key, problem, "line")
                    for key, problem in _row(row, rows.line_num, seen)
                ]
    except UnicodeDecodeError as error:
        violations.append(Finding(None, "csv", f"not UTF-8 ({error})"))
    except csv.Error as error:
        violations.append(Finding(None, "csv", f"no comma-separated values ({error})"))


def _header_problem(header: Sequence[str]) -> str:
    if len(header) != len(COLUMNS):
        return f"{len(header)} columns instead of {len(COLUMNS)}: image_id, image_category and 24 landmarks"
    place = next(place for place, name in enumerate(COLUMNS) if header[place] != name)
    return f"column {place + 1} is {header[place]!r:.60}; it must be {COLUMNS[place]!r}"


def _row(row: list[str], line: int, seen: _Check) -> Iterator[Problem]:
    """Check and count one row."""
    if len(row) != len(COLUMNS):
        yield "row", f"{len(row)} values instead of {len(COLUMNS)}"
        return
    image_id, name, *values = row
    seen.report.images += 1
    if (first := seen.lines.setdefault(image_id, line)) != line:
        yield "image_id", f"{image_id!r:.80} stands in line {first} already"
    picture = Picture() if seen.pictures is None else seen.pictures.get(image_id)
    if picture is None:
        yield "image_id", f"{image_id!r:.80} is not in the list of images"
    yield from _category(name, picture, seen)
    places, problems = _places(values)
    yield from problems
    if name in seen.categories and not problems:
        yield from _landmarks(places, seen.categories[name], picture or Picture(), seen.report)


def _category(name: str, picture: Picture | None, seen: _Check) -> Iterator[Problem]:
    if name not in seen.categories:
        yield "image_category", f"{name!r:.60} is not one of {', '.join(seen.categories)}"
    elif picture is not None and picture.category not in (None, name):
        yield "image_category", f"{name!r}; the picture is of {picture.category!r}"


def _places(values: Sequence[str]) -> tuple[dict[str, Place], list[Problem]]:
    """x, y, v by the landmark's name."""
    places: dict[str, Place] = {}
    problems = []
    for key, value in zip(LANDMARKS, values, strict=True):
        found = PLACE.fullmatch(value)
        if found is None:
            problems.append((key, f"{value!r:.60} is not x_y_v in whole numbers, v -1, 0 or 1"))
        else:
            x, y, v = (int(number) for number in found.groups())
            places[key] = x, y, v
    return places, problems


def _landmarks(
    places: Mapping[str, Place], category: Category, picture: Picture, report: CsvReport
) -> Iterator[Problem]:
    """The category's landmarks lie in the picture, all or none of them; the others are nowhere."""
    own = [landmark.name for landmark in category.landmarks]
    for key in (key for key, place in places.items() if place != NOWHERE and key not in own):
        yield key, f"{_text(places[key])}, but {category.name} has no such landmark: it must be -1_-1_-1"
    there = [key for key in own if places[key] != NOWHERE]
    report.points += len(there)
    if not there:
        report.not_found += 1
        return
    report.records += 1
    report.per_category[category.name] += 1
    for key in own:
        problem = _problem(places[key], picture.size)
        if problem:
            yield key, f"{_text(places[key])}: {problem}"


def _problem(place: Place, size: Size | None) -> str:
    x, y, v = place
    if place == NOWHERE:
        return "missing; other landmarks of the picture are there"
    if v != 1:
        return "v must be 1 for a landmark that was found"
    width, height = size or (float("inf"), float("inf"))
    if not (0 <= x < width and 0 <= y < height):
        return "outside of the picture" + (f", which is {width} x {height}" if size else "")
    return ""


def _text(place: Place) -> str:
    return "_".join(map(str, place))


def _sum_up(seen: _Check) -> None:
    """What rows don't show: the pictures that have none."""
    report = seen.report
    missing = [image_id for image_id in seen.pictures or () if image_id not in seen.lines]
    if missing:
        problem = f"{len(missing)} of {report.images_listed} pictures have no row, the first: {missing[0]}"
        report.violations.append(Finding(None, "image_id", problem))
    if report.not_found:
        problem = f"{report.not_found} pictures have no garment: -1_-1_-1 throughout"
        report.warnings.append(Finding(None, "landmarks", problem))
    if not report.images:
        report.warnings.append(Finding(None, "rows", "file without a picture"))
