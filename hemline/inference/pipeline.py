"""Boxes -> crops -> heatmaps -> landmarks (paper 000 sec. 2; authors' code, lib/core/function.py).

The networks see (here), the settings settle what comes of it (sightings.py).
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from hemline.datasets.fashionai.boxes import around
from hemline.errors import HemlineError
from hemline.estimation import Crop, Estimator, Found, read_settings, to_picture
from hemline.estimation.garments import read_images, read_picture
from hemline.files import read_json
from hemline.inference.garments import Garment
from hemline.inference.records import Box
from hemline.inference.sightings import Sightings
from hemline.inference.tables import padded
from hemline.params import EstimateSettings
from hemline.processes import cores
from hemline.progress import progress
from hemline.wardrobe import Wardrobe

Item = TypeVar("Item")
Result = TypeVar("Result")

# Boxes whose crops are held at once, in batches: enough that an expert of a rare category gets more than one.
CHUNK = 8


class Estimators:
    """Who serves a category: its expert, or the one estimator of all.

    `without_expert` lists the slugs of categories that have none although experts were asked for.
    """

    def __init__(self, default: Estimator, experts: Mapping[int, Estimator] | None = None) -> None:
        self.default = default
        self.experts = dict(experts or {})

    @classmethod
    def load(
        cls,
        estimator: str | Path,
        experts: str | Path | None = None,
        slugs: Iterable[str] | None = None,
        device: torch.device | str | None = None,
    ) -> "Estimators":
        """Load the estimator of all categories and, from a folder of expert folders, experts.

        `slugs` are the categories that experts were wanted for, by default those whose folders there are.
        HemlineError when the folder of one is missing: an expert that could not be trained says so in its folder;
        or when one has another wardrobe.
        """
        default = Estimator.load(estimator, device)
        wardrobe = default.grouping.wardrobe
        found = {}
        for slug in _slugs(experts, slugs, wardrobe):
            folder = Path(experts or "") / slug
            if "reason" not in read_settings(folder):
                found[wardrobe.category(slug).id] = expert = Estimator.load(folder, device)
                if expert.grouping.wardrobe is not wardrobe:
                    raise HemlineError(
                        f"{folder}: an expert of {expert.grouping.wardrobe.name}; {estimator} is of {wardrobe.name}"
                    )
        return cls(default, found)

    @property
    def wardrobe(self) -> Wardrobe:
        """What they know of garments."""
        return self.default.grouping.wardrobe

    def serving(self, category_id: int) -> Estimator:
        """The estimator for a category."""
        return self.experts.get(category_id, self.default)

    @property
    def without_expert(self) -> tuple[str, ...]:
        """Slugs of the categories that the estimator of all serves."""
        return tuple(entry.slug for entry in self.wardrobe.categories if entry.id not in self.experts)


def _slugs(experts: str | Path | None, wanted: Iterable[str] | None, wardrobe: Wardrobe) -> list[str]:
    if experts is None:
        return []
    if wanted is not None:
        return list(wanted)
    return [entry.slug for entry in wardrobe.categories if (Path(experts) / entry.slug).is_dir()]


@dataclass(frozen=True)
class DetectedBox:
    """A box to find landmarks in: x, y, width, height in pixels of its picture."""

    image_id: int
    category_id: int
    box: Box
    score: float


# A picture, (height, width, 3) uint8 BGR or a path, and its boxes.
Picture = tuple[np.ndarray | Path, list[DetectedBox]]


@dataclass(frozen=True)
class _Look:
    """A picture, its boxes, and after a first pass the landmarks (n, 2 or more) that it found in each of them."""

    image: np.ndarray | Path
    boxes: list[DetectedBox]
    found: list[np.ndarray] | None = None

    def picture(self) -> np.ndarray:
        """(height, width, 3) uint8 BGR."""
        return self.image if isinstance(self.image, np.ndarray) else read_picture(self.image)

    def regions(self, picture: np.ndarray) -> list[Box]:
        """Where to look for each box's landmarks: in it, or around those that were found before."""
        if self.found is None:
            return [box.box for box in self.boxes]
        height, width = picture.shape[:2]
        corners = (around(landmarks[:, :2], (width, height)) for landmarks in self.found)
        return [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in corners]


@dataclass(frozen=True)
class _Cut:
    """A box, who serves it, and its crop."""

    box: DetectedBox
    estimator: Estimator
    crop: Crop


def read_boxes(path: str | Path, wardrobe: Wardrobe, threshold: float = 0.0) -> list[DetectedBox]:
    """Read a COCO-style box file, without boxes that score under `threshold`, by image id; file order within.

    HemlineError names the file, the record and the value of anything that isn't a box of a known category.
    """
    records = read_json(path)
    if not isinstance(records, list):
        raise HemlineError(f"{path}: not a list of boxes")
    boxes = [
        _box(record, f"{path}: record {number}", wardrobe) for number, record in enumerate(records, start=1)
    ]
    return sorted((box for box in boxes if box.score >= threshold), key=lambda box: box.image_id)


def _box(record: Any, where: str, wardrobe: Wardrobe) -> DetectedBox:
    try:
        x, y, width, height = (float(value) for value in record["bbox"])
        box = DetectedBox(
            int(record["image_id"]),
            wardrobe.category(record["category_id"]).id,
            (x, y, width, height),
            float(record["score"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise HemlineError(f"{where}: not a box (image_id, category_id, bbox, score): {error!r}") from None
    except HemlineError as error:
        raise HemlineError(f"{where}: {error}") from None
    if not np.isfinite([*box.box, box.score]).all() or width <= 0 or height <= 0:
        raise HemlineError(
            f"{where}: bbox {record['bbox']}, score {record['score']}: not finite, or of no area"
        )
    return box


def estimate_boxes(
    boxes: str | Path,
    images: str | Path,
    folder: str | Path,
    estimators: Estimators,
    settings: EstimateSettings,
    *,
    flip_test: bool,
    title: str,
    passes: int = 1,
) -> Iterator[Garment]:
    """Yield the landmarks of each box of a box file, by image id, boxes of an image in the file's order.

    `images` is a COCO-style file whose `images` name the pictures in `folder`. Boxes that score under
    `settings.box_score_threshold` are dropped; nothing else is unless `settings.oks_nms` says so (the authors' code
    suppresses nothing). For `passes` see `see`.
    """
    pictures = _pictures(boxes, images, folder, settings, estimators.wardrobe)
    found = estimate(pictures, estimators, settings, flip_test=flip_test, passes=passes)
    yield from progress(found, title, total=sum(len(own) for _, own in pictures), unit="garments")


def see_boxes(
    boxes: str | Path,
    images: str | Path,
    folder: str | Path,
    estimators: Estimators,
    settings: EstimateSettings,
    *,
    flip_test: bool,
    title: str,
    passes: int = 1,
) -> Sightings:
    """What `estimate_boxes` makes its garments of: they are `see_boxes(...).garments(settings)`.

    With a `box_score_threshold` higher than these settings' they are, too, but for the last digits of the network,
    which depend on the crops that share a batch.
    """
    found = _pictures(boxes, images, folder, settings, estimators.wardrobe)
    pictures = progress(found, title, unit="pictures")
    return Sightings.joined(list(see(pictures, estimators, settings, flip_test=flip_test, passes=passes)))


def _pictures(
    boxes: str | Path, images: str | Path, folder: str | Path, settings: EstimateSettings, wardrobe: Wardrobe
) -> list[Picture]:
    wanted = read_boxes(boxes, wardrobe, settings.box_score_threshold)
    files = read_images(images)
    unknown = {box.image_id for box in wanted} - files.keys()
    if unknown:
        raise HemlineError(f"{boxes}: image {min(unknown)} is not among the images of {images}")
    grouped = groupby(wanted, lambda box: box.image_id)
    return [(Path(folder) / files[image_id], list(group)) for image_id, group in grouped]


def estimate(
    pictures: Iterable[Picture],
    estimators: Estimators,
    settings: EstimateSettings,
    *,
    flip_test: bool,
    passes: int = 1,
) -> Iterator[Garment]:
    """Yield the landmarks of each picture's boxes, in order: seen by the network, settled by the settings."""
    for sightings in see(pictures, estimators, settings, flip_test=flip_test, passes=passes):
        yield from sightings.garments(settings)


def see(
    pictures: Iterable[Picture],
    estimators: Estimators,
    settings: EstimateSettings,
    *,
    flip_test: bool,
    passes: int = 1,
) -> Iterator[Sightings]:
    """Yield what the estimators see in each picture's boxes, in order, a chunk of whole pictures at a time.

    With two `passes` the landmarks found in a box are looked for again, in the box `around` them: as at the test of
    HiKapok/tf.fashionAI (eval_all_cpn_onepass.py, whose border is 100 px to the sides and 80 px up and down; ours is
    that of the boxes in training). The garment keeps the box that was asked about, and its score. Both passes have the
    same estimators, `box_scale` and flip test. There is always a last chunk, if only an empty one.
    """
    chunks = _pass((_Look(*picture) for picture in pictures), estimators, settings, flip_test)
    for _ in range(passes - 1):
        chunks = _pass(_again(chunks), estimators, settings, flip_test)
    for _, sightings in chunks:
        yield sightings


# Whole pictures, and what was seen in their boxes, one after the other.
_Chunk = tuple[list[_Look], Sightings]


def _pass(
    looks: Iterable[_Look], estimators: Estimators, settings: EstimateSettings, flip_test: bool
) -> Iterator[_Chunk]:
    """Look once.

    A picture is read once, and each of its boxes is cut once, for the estimator that serves its category. Pictures are
    read ahead in threads while the network works.
    """

    def cut(look: _Look) -> tuple[_Look, list[_Cut]]:
        picture = look.picture()
        served = [(box, estimators.serving(box.category_id)) for box in look.boxes]
        return look, [
            _Cut(box, estimator, estimator.crop(picture, enlarged(region, settings.box_scale)))
            for (box, estimator), region in zip(served, look.regions(picture), strict=True)
        ]

    done: list[_Look] = []
    held: list[_Cut] = []
    for look, cuts in _ahead(cut, looks):
        done.append(look)
        held.extend(cuts)
        if len(held) >= CHUNK * settings.batch_size:
            yield done, _sightings(held, settings, flip_test, estimators.wardrobe)
            done, held = [], []
    yield done, _sightings(held, settings, flip_test, estimators.wardrobe)


def _again(chunks: Iterable[_Chunk]) -> Iterator[_Look]:
    """The same pictures for another pass; they are read again, so that no chunk of them has to be held."""
    for looks, sightings in chunks:
        points = iter(sightings.own_landmarks())
        for look in looks:
            yield replace(look, found=list(islice(points, len(look.boxes))))


def enlarged(box: Box, scale: float) -> Box:
    """A box x, y, width, height, `scale` times as wide and as high about its centre."""
    x, y, width, height = box
    return x - width * (scale - 1) / 2, y - height * (scale - 1) / 2, width * scale, height * scale


def _ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`map`, some items ahead in threads."""
    threads = min(4, cores())
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Any] = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > 4 * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _sightings(
    cuts: list[_Cut], settings: EstimateSettings, flip_test: bool, wardrobe: Wardrobe
) -> Sightings:
    found = _look(cuts, settings, flip_test)
    maxima = np.full((len(cuts), max((len(one.maxima) for one in found), default=0)), np.nan, np.float32)
    for row, one in zip(maxima, found, strict=True):
        row[: len(one.maxima)] = one.maxima
    return Sightings(
        image_id=np.array([cut.box.image_id for cut in cuts], dtype=np.int64),
        category_id=np.array([cut.box.category_id for cut in cuts], dtype=np.int64),
        box=np.array([cut.box.box for cut in cuts], dtype=np.float64).reshape(-1, 4),
        box_score=np.array([cut.box.score for cut in cuts], dtype=np.float64),
        landmarks=padded(
            [to_picture(one.landmarks, cut.crop) for one, cut in zip(found, cuts, strict=True)], wardrobe
        ),
        wardrobe=wardrobe,
        maxima=maxima,
        shift_heatmap=settings.shift_heatmap,
        box_scale=settings.box_scale,
        box_score_threshold=settings.box_score_threshold,
    )


def _look(cuts: list[_Cut], settings: EstimateSettings, flip_test: bool) -> list[Found]:
    """What is found in each crop, in order; by batches of the same estimator."""
    by_estimator: dict[int, list[int]] = defaultdict(list)
    for index, cut in enumerate(cuts):
        by_estimator[id(cut.estimator)].append(index)
    found: dict[int, Found] = {}
    for indices in by_estimator.values():
        for start in range(0, len(indices), settings.batch_size):
            batch = indices[start : start + settings.batch_size]
            found.update(
                zip(batch, _batch([cuts[index] for index in batch], settings, flip_test), strict=True)
            )
    return [found[index] for index in range(len(cuts))]


def _batch(cuts: list[_Cut], settings: EstimateSettings, flip_test: bool) -> Iterator[Found]:
    estimator = cuts[0].estimator
    crops = np.stack([cut.crop.pixels for cut in cuts])
    heatmaps = estimator.outputs(crops, flip_test, settings.shift_heatmap)
    for cut, own in zip(cuts, heatmaps, strict=True):
        yield estimator.decode(own, cut.box.category_id)
