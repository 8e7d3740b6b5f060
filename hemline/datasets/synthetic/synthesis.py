"""A synthetic split on disk: planned, drawn by one or many processes, written in a data set's own layout."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2

from hemline.datasets.synthetic.deepfashion2 import DeepFashion2Writer
from hemline.datasets.synthetic.fashionai import FashionAIWriter
from hemline.datasets.synthetic.fld import FldWriter
from hemline.datasets.synthetic.plan import Picture, plan
from hemline.datasets.synthetic.writer import SPLITS, SplitWriter, Written
from hemline.errors import HemlineError
from hemline.processes import cores
from hemline.progress import progress

WRITERS: dict[str, type[SplitWriter]] = {
    "deepfashion2": DeepFashion2Writer,
    "fld": FldWriter,
    "fashionai": FashionAIWriter,
}
FEWEST_FOR_WORKERS = 48  # starting a worker costs more than drawing as many pictures


@dataclass(frozen=True)
class Counts:
    """What was written: pictures, garments, and garments by category name."""

    images: int
    garments: int
    categories: dict[str, int]


def synthesize(
    out: Path | str,
    images: int,
    seed: int,
    *,
    layout: str = "deepfashion2",
    split: str = "train",
    size: tuple[int, int] | None = None,
    vary_size: bool = True,
    temper: float = 1.0,
    annotations: bool = True,
    workers: int | None = None,
) -> Counts:
    """Draw a split of `images` pictures into the folder `out`, in the `layout` of one of WRITERS.

    `split` (train, validation, test) is what FLD's and FashionAI's files call it. `size` is the usual width and height
    in pixels (default: the layout's own); with `vary_size` some pictures have another format. Shares of DeepFashion2's
    categories, which are what is drawn, are those in training (paper 000, Table 3) to the power `temper`, made to sum
    to 1. Without `annotations` there are pictures alone, as in DeepFashion2's test set, of FashionAI with their
    categories. `workers` is the number of processes (default: the processors at hand); it changes nothing in what is
    written. HemlineError when an argument makes no sense, or `out` holds files that this split would not overwrite.
    """
    kind = _writer(layout)
    size = size or kind.usual_size
    _check(images, seed, split, size, temper)
    writer = kind(Path(out), split, size, vary_size, annotations)
    pictures = plan(images, seed, temper)
    writer.prepare(pictures)
    written = list(progress(_each(writer, pictures, workers), "synthesize", total=images, unit="pictures"))
    writer.finish(written)
    return _count(writer, written)


def planned(images: int, seed: int, layout: str = "deepfashion2", temper: float = 1.0) -> Counter[int]:
    """How many garments of each category, by its id in the layout's wardrobe, a split is to have: nothing is drawn.

    A few of DeepFashion2's will be missing: those that the finished picture hardly shows.
    """
    kind = _writer(layout)
    return Counter(number for picture in plan(images, seed, temper) for number in kind.planned(picture))


def _writer(name: str) -> type[SplitWriter]:
    if name not in WRITERS:
        raise HemlineError(f"layout: {name!r} can't be drawn; use one of {', '.join(WRITERS)}")
    return WRITERS[name]


def _check(images: int, seed: int, split: str, size: tuple[int, int], temper: float) -> None:
    if images < 1:
        raise HemlineError(f"images: {images} is not a number of pictures; give 1 or more")
    if seed < 0:
        raise HemlineError(f"seed: {seed} is negative; give 0 or more")
    if split not in SPLITS:
        raise HemlineError(f"split: {split!r} is not one of {', '.join(SPLITS)}")
    if min(size) < 64 or max(size) > 4096:
        raise HemlineError(f"size: {size[0]}x{size[1]} is outside 64 to 4096 pixels")
    if not 0 <= temper <= 1:
        raise HemlineError(f"temper: {temper} is not between 0 (all categories alike) and 1 (DeepFashion2's)")


def _each(writer: SplitWriter, pictures: list[Picture], workers: int | None) -> Iterator[Written]:
    processes = min(workers or cores(), len(pictures))
    if processes <= 1 or (workers is None and len(pictures) < FEWEST_FOR_WORKERS):
        yield from map(writer.write, pictures)
        return
    # Fresh interpreters: forking a process that holds threads (torch's, OpenCV's) can hang.
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.map(writer.write, pictures, chunksize=8)


def _count(writer: SplitWriter, written: list[Written]) -> Counts:
    found = Counter(number for one in written for number in one.categories)
    categories = {kind.name: found[kind.id] for kind in writer.wardrobe.categories}
    return Counts(len(written), found.total(), categories)
