"""A layout's annotations to COCO-style files, in one pass and in bounded memory.

The conventions, for every layout, are those of DeepFashion2's evaluation/deepfashion2_to_coco.py: ids of pictures are
their numbers, annotation ids count from 1, `bbox` is x, y, width, height, `area` is the box's, categories carry
that script's names. Its faults are mended: items come in the order of their numbers, not of the file's keys,
and source, scale, occlusion, zoom_in and viewpoint are kept where they are known.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from hemline.datasets.checks import triplets
from hemline.datasets.layouts import DEEPFASHION2, Layout
from hemline.datasets.pictures import inspect
from hemline.datasets.report import Finding, Quarantine, finding, finding_lines, listing_findings
from hemline.datasets.splits import Garment, Inspection, Listing, Rules, Split
from hemline.files import atomic_write
from hemline.progress import progress
from hemline.wardrobe import Grouping, grouping

_ANNOTATIONS = b'],"annotations":['  # on the line of the last image


@dataclass(frozen=True)
class View:
    """One file to write: which channels, whether occluded landmarks count, and of one category or of all.

    `category_id` None: all categories. The pictures of a category's view are those that show it; its
    annotations keep their ids of the whole.
    """

    path: Path
    grouping: Grouping
    visible_only: bool = False
    category_id: int | None = None


@dataclass
class Conversion:
    """What was converted.

    `dropped` items and pictures stood in the quarantine; `left_out` are found anew. `written` has each file's
    numbers of pictures and garments.
    """

    split: str
    pictures: int = 0
    garments: int = 0
    dropped: int = 0
    left_out: list[Finding] = field(default_factory=list)
    written: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """The numbers: pictures, garments, dropped, left_out (pictures and items)."""
        bad = {(one.file, one.item) for one in self.left_out}
        return {
            "pictures": self.pictures,
            "garments": self.garments,
            "dropped": self.dropped,
            "left_out": len(bad),
        }

    def tell(self) -> None:
        """Say on stderr what was left out and why."""
        if not self.left_out:
            return
        reasons = Counter(one.reason for one in self.left_out)
        counted = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
        print(
            f"left out of {self.split}: {counted}", *finding_lines(self.left_out), sep="\n", file=sys.stderr
        )


def convert_split(
    folder: Path,
    out: Path,
    split: str,
    quarantine: Path | Quarantine | None = None,
    boxes: Path | None = None,
    rules: Rules | None = None,
    layout: Layout = DEEPFASHION2,
    whole: Path | None = None,
) -> dict[str, int]:
    """Write every COCO-style file of one split into the folder `out`, reading the annotations once.

    Train and validation give {split}-independent.json, {split}-aggregated.json and
    categories/{split}-{slug}.json (aggregated; also where a category is empty); validation gives
    validation-visible.json too. A test split gives test.json, pictures alone: annotations beside them are not
    used. `quarantine` is a validation report or its file. `boxes` is a folder: {split}.json in it lists the
    ground-truth boxes; so is `whole`, of boxes as large as the picture, where the data set says its category.

    Returns the counts pictures, garments, dropped (by the quarantine) and left_out (bad, and not in it; told
    on stderr). HemlineError: a missing folder, or a report of other splits.
    """
    opened = layout.open_split(split, folder)
    if split == "test":
        opened = replace(opened, annotated=False)
    if isinstance(quarantine, Path):
        quarantine = Quarantine.read(quarantine)
    boxes, whole = (folder and folder / f"{split}.json" for folder in (boxes, whole))
    done = convert(opened, split_views(opened, out), quarantine, rules, boxes, whole)
    done.tell()
    return done.counts()


def split_views(split: Split, out: Path) -> list[View]:
    """The files that a split is converted to in the folder `out`."""
    independent, aggregated = (grouping(split.wardrobe, name) for name in ("independent", "aggregated"))
    if not split.annotated:
        return [View(out / f"{split.name}.json", independent)]
    views = [View(out / f"{split.name}-{each.name}.json", each) for each in (independent, aggregated)]
    if split.name == "validation":
        views.append(View(out / "validation-visible.json", independent, visible_only=True))
    for entry in split.wardrobe.categories:
        path = out / "categories" / f"{split.name}-{entry.slug}.json"
        views.append(View(path, aggregated, category_id=entry.id))
    return views


def convert(
    split: Split,
    views: Sequence[View],
    quarantine: Quarantine | None = None,
    rules: Rules | None = None,
    boxes: Path | None = None,
    whole: Path | None = None,
) -> Conversion:
    """Write `views`, and the files of boxes `boxes` (ground truth) and `whole` (pictures), in one pass over the split.

    Annotations are checked on the way, pictures only by their headers; what is bad is left out and returned.
    Files appear when all are whole. HemlineError when the quarantine was made of other splits.
    """
    if quarantine is not None:
        quarantine.require(split.name)
    done = Conversion(split.name)
    listing = split.listing()
    _leave_out_lists(split, listing, quarantine, done)
    with ExitStack() as stack:
        files = [stack.enter_context(_coco_file(view, split)) for view in views]
        box_file, whole_file = (
            stack.enter_context(_list_file(path)) if path else None for path in (boxes, whole)
        )
        for entry in progress(listing, f"convert {split.name}", total=len(listing), unit="pictures"):
            found = inspect(split, entry, rules or Rules(), decode=False)
            if _select(found, split, quarantine, done):
                _write(found, files, box_file, done)
                if whole_file and found.entry.category_id:
                    whole_file.add(_text(_whole(found)))
        done.written = {file.view.path: file.counts() for file in files}
    return done


def _leave_out_lists(split: Split, listing: Listing, quarantine: Quarantine | None, done: Conversion) -> None:
    """Report anew what is wrong with a split's lists, unless the quarantine names it."""
    for one in listing_findings(split, listing):
        if quarantine is None or not quarantine.picture(split.name, one.stem):
            done.left_out.append(one)


def _select(found: Inspection, split: Split, quarantine: Quarantine | None, done: Conversion) -> bool:
    """Drop what the quarantine names, report what is bad anew; whether the picture is written at all."""
    name, entry = split.name, found.entry
    if quarantine is not None:
        if quarantine.picture(name, entry.stem):
            done.dropped += 1
            return False
        known = {key for key, _ in found.problems} | {garment.key for garment in found.garments}
        known = {key for key in known if key is not None and quarantine.item(name, entry.stem, key)}
        done.dropped += len(known)
        found.garments = [garment for garment in found.garments if garment.key not in known]
        found.problems = [(key, fault) for key, fault in found.problems if key not in known]
    done.left_out += [finding(name, entry.file, key, fault) for key, fault in found.problems]
    return found.usable and (entry.annotated or not split.annotated)


def _write(found: Inspection, files: "list[_CocoFile]", boxes: "_ListFile | None", done: Conversion) -> None:
    picture = _image(found)
    for file in files:
        if file.takes(found):
            file.add_image(picture)
    done.pictures += 1
    for garment in found.garments:
        done.garments += 1
        _write_garment(found, garment, done.garments, files)
        if boxes:
            boxes.add(_text(_box(found, garment, done.garments)))


def _write_garment(found: Inspection, garment: Garment, number: int, files: "list[_CocoFile]") -> None:
    texts: dict[tuple[str, bool], str] = {}
    for file in files:
        view = file.view
        if view.category_id not in (None, garment.category_id):
            continue
        kind = (view.grouping.name, view.visible_only)
        if kind not in texts:
            texts[kind] = _text(_annotation(found, garment, number, view.grouping, view.visible_only))
        file.add_annotation(texts[kind])


def _image(found: Inspection) -> str:
    assert found.picture is not None
    width, height = found.picture.size
    return _text(
        {
            "id": found.entry.id,
            "file_name": found.entry.image,
            "width": width,
            "height": height,
            "license": 0,
            "coco_url": "",
            "date_captured": "",
            "flickr_url": "",
        }
    )


def _annotation(
    found: Inspection, garment: Garment, number: int, groups: Grouping, visible_only: bool
) -> dict[str, Any]:
    bbox = _bbox(garment)
    keypoints, labelled = place_landmarks(garment.landmarks, garment.category_id, groups, visible_only)
    polygons = [[_number(value) for value in polygon] for polygon in garment.polygons]
    return {
        "id": number,
        "image_id": found.entry.id,
        "category_id": garment.category_id,
        "bbox": bbox,
        "area": _number(bbox[2] * bbox[3]),
        "iscrowd": 0,
        "num_keypoints": labelled,
        "keypoints": keypoints,
        **({"segmentation": polygons} if polygons else {}),
        **found.attributes,
        **garment.attributes,
    }


def place_landmarks(
    landmarks: list[float], category_id: int, groups: Grouping, visible_only: bool = False
) -> tuple[list[float], int]:
    """A garment's own x, y, v triplets on the channels of a grouping, and how many are labelled.

    Returns 3 * groups.size numbers, zeros outside the category's channels. `visible_only` makes occluded
    landmarks (v = 1) unlabelled: DeepFashion2's keypoints_val_vis.json is not documented, this is its meaning
    by its name (DeepFashion2 evaluation.md, issue 19).
    """
    placed: list[float] = [0] * (3 * groups.size)
    labelled = 0
    for channel, (x, y, v) in zip(groups.channels(category_id).tolist(), triplets(landmarks), strict=True):
        if v == 2 or (v == 1 and not visible_only):
            placed[3 * channel : 3 * channel + 3] = _number(x), _number(y), _number(v)
            labelled += 1
    return placed, labelled


def _bbox(garment: Garment) -> list[float]:
    x1, y1, x2, y2 = garment.box
    return [_number(value) for value in (x1, y1, x2 - x1, y2 - y1)]


def _box(found: Inspection, garment: Garment, number: int) -> dict[str, Any]:
    return {
        "image_id": found.entry.id,
        "category_id": garment.category_id,
        "bbox": _bbox(garment),
        "score": 1.0,
        "annotation_id": number,
    }


def _whole(found: Inspection) -> dict[str, Any]:
    assert found.picture is not None
    return {
        "image_id": found.entry.id,
        "category_id": found.entry.category_id,
        "bbox": [0, 0, *found.picture.size],
        "score": 1.0,
    }


def _number(value: float) -> float:
    """Whole numbers without a decimal point: the same data, smaller files."""
    return int(value) if value == int(value) else value


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def coco_categories(groups: Grouping, category_id: int | None = None) -> list[dict[str, Any]]:
    """The file's `categories`, all or one; keypoints are "1" to "294" (DeepFashion2's way) or groups."""
    table = groups.wardrobe
    entries = table.categories if category_id is None else (table.category(category_id),)
    names = list(groups.group_names)
    if groups.name == "independent":
        names = [str(number) for number in range(1, groups.size + 1)]
    return [
        {"id": e.id, "name": e.coco_name, "supercategory": "clothes", "keypoints": names, "skeleton": []}
        for e in entries
    ]


def coco_facts(path: Path) -> dict[str, Any]:
    """`sha256` of a COCO-style file of ours, and its numbers of `pictures` and `garments`, in one pass over its lines.

    `_coco_file` writes an image or an annotation a line, the first of each behind its key; a file of another writer has
    the hash alone.
    """
    digest, images, annotations, number = hashlib.sha256(), -1, 0, -1
    with open(path, "rb") as handle:
        for number, line in enumerate(handle):
            digest.update(line)
            if _ANNOTATIONS in line:
                images = 0 if b'"images":[]' in line else number + 1
                annotations = number if b'"annotations":[]' not in line else -1
    facts: dict[str, Any] = {"sha256": digest.hexdigest()}
    if images >= 0:
        facts |= {"pictures": images, "garments": number - annotations + 1 if annotations >= 0 else 0}
    return facts


class _ListFile:
    """The members of a JSON list, written one by one."""

    def __init__(self, handle: IO[str]) -> None:
        self._handle, self.count = handle, 0

    def add(self, text: str) -> None:
        self._handle.write(",\n" + text if self.count else text)
        self.count += 1


@contextmanager
def _list_file(path: Path) -> Iterator[_ListFile]:
    with atomic_write(path) as handle:
        handle.write("[")
        yield _ListFile(handle)
        handle.write("]\n")


class _CocoFile:
    """One view's file: pictures go straight to it, annotations to a spool that follows them at the end."""

    def __init__(self, view: View, images: _ListFile, annotations: _ListFile) -> None:
        self.view, self._images, self._annotations = view, images, annotations

    def takes(self, found: Inspection) -> bool:
        """Whether the picture belongs to the view."""
        wanted = self.view.category_id
        return wanted is None or any(garment.category_id == wanted for garment in found.garments)

    def add_image(self, text: str) -> None:
        self._images.add(text)

    def add_annotation(self, text: str) -> None:
        self._annotations.add(text)

    def counts(self) -> tuple[int, int]:
        """The pictures and annotations added."""
        return self._images.count, self._annotations.count


@contextmanager
def _coco_file(view: View, split: Split) -> Iterator[_CocoFile]:
    info = {
        "description": f"{split.wardrobe.title} garments in COCO's format",
        "split": split.name,
        "grouping": view.grouping.name if view.grouping.name in ("aggregated", "independent") else "custom",
        "visible_only": view.visible_only,
    }
    with (
        atomic_write(view.path) as handle,
        tempfile.TemporaryFile("w+", encoding="utf-8", dir=view.path.parent) as spool,
    ):
        handle.write(f'{{"info":{_text(info)},"licenses":[],"images":[')
        yield _CocoFile(view, _ListFile(handle), _ListFile(spool))
        handle.write('],"annotations":[')
        spool.seek(0)
        shutil.copyfileobj(spool, handle)
        handle.write(f'],"categories":{_text(coco_categories(view.grouping, view.category_id))}}}\n')
