"""A synthetic split on disk, in DeepFashion2's layout: image/000001.jpg, annos/000001.json."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from hemline.datasets.synthetic.annotation import annotate
from hemline.datasets.synthetic.plan import Picture, plan
from hemline.datasets.synthetic.scene import develop, draw_scene
from hemline.errors import HemlineError
from hemline.processes import cores
from hemline.progress import progress
from hemline.wardrobe import CATEGORIES

SIZE = (468, 624)  # the commonest size in DeepFashion2
FORMATS = {  # (width, height) over the given size: share
    (1.0, 1.0): 0.62,
    (1.0, 1.125): 0.12,
    (1.0, 0.75): 0.12,
    (1.0, 1.3333): 0.06,
    (1.3333, 0.75): 0.08,
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
    size: tuple[int, int] = SIZE,
    vary_size: bool = True,
    temper: float = 1.0,
    annotations: bool = True,
    workers: int | None = None,
) -> Counts:
    """Draw a split of `images` pictures into `out`/image and `out`/annos.

    `size` is the usual width and height in pixels; with `vary_size` some pictures have another format.
    Category shares are DeepFashion2's in training (paper 000, Table 3) to the power `temper`, made to sum to 1.
    Without `annotations` no annos are written, as in DeepFashion2's test set. `workers` is the number of
    processes (default: the processors at hand); it changes nothing in what is written. HemlineError when an
    argument makes no sense, or when `out` holds files that this split would not overwrite.
    """
    _check(images, seed, size, temper)
    _refuse_leftovers(Path(out), images, annotations)
    for folder in ("image", "annos")[: 2 if annotations else 1]:
        (Path(out) / folder).mkdir(parents=True, exist_ok=True)
    draw = partial(_write, out=Path(out), size=size, vary_size=vary_size, annotations=annotations)
    pictures = plan(images, seed, temper)
    found: Counter[int] = Counter()
    for categories in progress(_each(draw, pictures, workers), "synthesize", total=images, unit="pictures"):
        found.update(categories)
    return Counts(images, found.total(), {kind.name: found[kind.id] for kind in CATEGORIES})


def _check(images: int, seed: int, size: tuple[int, int], temper: float) -> None:
    if images < 1:
        raise HemlineError(f"images: {images} is not a number of pictures; give 1 or more")
    if seed < 0:
        raise HemlineError(f"seed: {seed} is negative; give 0 or more")
    if min(size) < 64 or max(size) > 4096:
        raise HemlineError(f"size: {size[0]}x{size[1]} is outside 64 to 4096 pixels")
    if not 0 <= temper <= 1:
        raise HemlineError(f"temper: {temper} is not between 0 (all categories alike) and 1 (DeepFashion2's)")


def _refuse_leftovers(out: Path, images: int, annotations: bool) -> None:
    """What another split left in `out` would be taken for a part of this one."""
    for path in (*(out / "image").glob("*"), *(out / "annos").glob("*")):
        ours = path.stem.isdigit() and 1 <= int(path.stem) <= images
        if not ours or (path.suffix == ".json" and not annotations):
            raise HemlineError(f"{out}: already holds {path.parent.name}/{path.name}; give an empty folder")


def _each(draw: partial, pictures: list[Picture], workers: int | None) -> Iterator[list[int]]:
    processes = min(workers or cores(), len(pictures))
    if processes <= 1 or (workers is None and len(pictures) < FEWEST_FOR_WORKERS):
        yield from map(draw, pictures)
        return
    # Fresh interpreters: forking a process that holds threads (torch's, OpenCV's) can hang.
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.map(draw, pictures, chunksize=8)


def _write(
    picture: Picture, *, out: Path, size: tuple[int, int], vary_size: bool, annotations: bool
) -> list[int]:
    """Draw and write one picture; returns the ids of the categories annotated on it."""
    rng = np.random.default_rng([picture.seed, picture.number, 11])
    shape = _format(rng, size) if vary_size else size
    scene = draw_scene(picture, shape)
    quality = int(rng.integers(80, 96) if picture.source == "shop" else rng.integers(55, 93))
    photograph = develop(scene.canvas, rng, picture.source)
    done, data = cv2.imencode(".jpg", photograph, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise HemlineError(f"{picture.number:06d}.jpg could not be encoded")
    (out / "image" / f"{picture.number:06d}.jpg").write_bytes(data.tobytes())
    content = annotate(scene, picture)
    if annotations:
        (out / "annos" / f"{picture.number:06d}.json").write_text(json.dumps(content), encoding="utf-8")
    return [item["category_id"] for key, item in content.items() if key.startswith("item")]


def _format(rng: np.random.Generator, size: tuple[int, int]) -> tuple[int, int]:
    shares = np.array(list(FORMATS.values()))
    across, down = list(FORMATS)[rng.choice(len(shares), p=shares / shares.sum())]
    return max(64, round(size[0] * across)), max(64, round(size[1] * down))
