"""Predictions drawn on validation pictures: garment by garment, and whole pictures."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hemline.drawing import draw_comparison, draw_garments
from hemline.errors import HemlineError
from hemline.evaluation import GroundTruth
from hemline.files import atomic_write
from hemline.inference.garments import Garment

WHOLE_PICTURES = 6
WHOLE_SIZE = (330, 440)  # pixels each whole picture is reduced to fit into
SHOWN_SCORE = 0.3  # boxes under it clutter a whole picture; a detector gives a hundred of them
PANEL, SMALL_PANEL = (360, 320), (180, 200)  # pixels a garment is enlarged or reduced to fit into
MATCHED = 0.5  # OKS from which a prediction belongs to an annotated garment, IoU of boxes too: COCO's first threshold
JPEG_QUALITY = 84


@dataclass(frozen=True)
class Sample:
    """An annotated garment, what was predicted for it, and their OKS (0 where nothing was)."""

    truth: Garment
    prediction: Garment | None
    oks: float


@dataclass(frozen=True)
class Picture:
    """A picture of the report: its file, what it shows in words, and its size in pixels."""

    path: Path
    caption: str
    width: int
    height: int


def oks(truth: Garment, predicted: np.ndarray) -> float:
    """Object keypoint similarity of (n, 2 or more) landmarks with an annotated garment.

    DeepFashion2 evaluation code, cocoeval.py: the mean over labelled landmarks of exp(-d^2 / (2 area (2 sigma)^2)),
    the area being the box's.
    """
    labelled = truth.landmarks[:, 2] > 0
    sigmas = truth.wardrobe.sigmas[truth.category.slice][labelled]
    distance = ((predicted[:, :2] - truth.landmarks[:, :2])[labelled] ** 2).sum(axis=1)
    area = truth.box[2] * truth.box[3] + np.spacing(1)
    return float(np.exp(-distance / (2 * area * (2 * sigmas) ** 2)).mean())


def match(truth: Sequence[Garment], predictions: Sequence[Garment]) -> list[Sample]:
    """Give each annotated garment a prediction of its picture and category, or none.

    As in the evaluation the surest prediction chooses first, the most similar garment of those it matches; what
    is left over then takes what is left over, so that poor predictions are shown too.
    """
    found: dict[tuple[int, int], list[Garment]] = defaultdict(list)
    for prediction in predictions:
        found[prediction.image_id, prediction.category_id].append(prediction)
    groups: dict[tuple[int, int], list[Garment]] = defaultdict(list)
    for garment in truth:
        groups[garment.image_id, garment.category_id].append(garment)
    return [sample for key, group in groups.items() for sample in _match_group(group, found[key])]


def _match_group(group: list[Garment], found: list[Garment]) -> list[Sample]:
    taken: dict[int, tuple[Garment, float]] = {}
    left = sorted(found, key=lambda prediction: -prediction.score)
    for least in (MATCHED, 0.0):
        rest = []
        for prediction in left:
            free = [place for place in range(len(group)) if place not in taken]
            similar = [(oks(group[place], prediction.landmarks), place) for place in free]
            if similar and max(similar)[0] >= least:
                score, place = max(similar)
                taken[place] = prediction, score
            else:
                rest.append(prediction)
        left = rest
    none: tuple[Garment | None, float] = (None, 0.0)
    return [Sample(garment, *taken.get(place, none)) for place, garment in enumerate(group)]


def choose(samples: Sequence[Sample], number: int) -> list[Sample]:
    """About `number` samples, the same number of each category, at equal steps of its OKS ranking.

    One of a category is its median, two are its quartiles: neither the best nor the worst.
    """
    by_category: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_category[sample.truth.category_id].append(sample)
    chosen = []
    for place, key in enumerate(sorted(by_category)):
        share = number // len(by_category) + (place < number % len(by_category))
        ranked = sorted(by_category[key], key=lambda sample: (-sample.oks, sample.truth.image_id))
        steps = {int((step + 0.5) / share * len(ranked)): None for step in range(share)}
        chosen += [ranked[step] for step in steps]
    return chosen


def extremes(
    samples: Sequence[Sample], number: int, overlap: float = MATCHED
) -> tuple[list[Sample], list[Sample]]:
    """The `number` worst (worst first) and best (best first) predictions by OKS.

    Only of garments that were found, in a box that overlaps theirs by half, or `overlap` (IoU): the others' landmarks
    are bad because the box is. With fewer than twice `number` none stands in both.
    """
    found = [one for one in samples if one.prediction is not None and _overlap(one) >= overlap]
    ranked = sorted(
        found, key=lambda one: (one.oks, one.truth.image_id, one.truth.category_id, one.truth.box)
    )
    worst = ranked[: min(number, len(ranked) // 2)]
    best = ranked[len(worst) :][-number:]
    return worst, best[::-1]


def _overlap(sample: Sample) -> float:
    """Intersection over union of the annotated and the predicted box."""
    assert sample.prediction is not None
    x, y, width, height = np.array([sample.truth.box, sample.prediction.box]).T
    across = min(x + width) - max(x)
    down = min(y + height) - max(y)
    shared = max(across, 0.0) * max(down, 0.0)
    return float(shared / max((width * height).sum() - shared, np.spacing(1)))


def draw_gallery(
    samples: Sequence[Sample],
    pictures: Mapping[int, Path],
    out: Path,
    tiles: str = "",
) -> list[Picture]:
    """Draw each sample, annotated beside predicted, as a JPEG in `out`.

    With a name for them, as small `tiles` without words: these would be too small to read.
    """
    size, captions = (SMALL_PANEL, ("", "")) if tiles else (PANEL, ("annotated", "predicted"))
    prefix = f"{tiles}-" if tiles else ""
    drawn = []
    for number, sample in enumerate(samples, start=1):
        entry = sample.truth.category
        image = read_picture(pictures[sample.truth.image_id])
        both = draw_comparison(image, sample.truth, sample.prediction, size=size, captions=captions)
        name = f"{prefix}{number:03d}-{entry.slug}-{sample.truth.image_id}.jpg"
        drawn.append(write_picture(out / name, both, f"{entry.name}: {_quality(sample)}"))
    return drawn


def _quality(sample: Sample) -> str:
    if sample.prediction is None:
        return "not found"
    return f"OKS {sample.oks:.2f}, score {sample.prediction.score:.2f}"


def draw_whole(
    pictures: Mapping[int, Path], predictions: Sequence[Garment], out: Path, seed: int
) -> tuple[list[Picture], Picture]:
    """Draw all sure predictions on a few pictures drawn by lot, and all of them on one sheet for the README."""
    generator = np.random.default_rng(seed)
    count = min(WHOLE_PICTURES, len(pictures))
    chosen = sorted(generator.choice(sorted(pictures), size=count, replace=False).tolist())
    drawn, panels = [], []
    for image_id in chosen:
        shown = [one for one in predictions if one.image_id == image_id and one.box_score >= SHOWN_SCORE]
        panels.append(_fit(draw_garments(read_picture(pictures[image_id]), shown), WHOLE_SIZE))
        names = ", ".join(one.category.name for one in shown) or "nothing found"
        drawn.append(write_picture(out / f"whole-{image_id}.jpg", panels[-1], names))
    return drawn, write_sheet(panels, out)


def write_sheet(panels: Sequence[np.ndarray], out: Path) -> Picture:
    """Pictures on one sheet, for the README and other Markdown: `out`/predictions.jpg."""
    sheet = _sheet([_fit(panel, WHOLE_SIZE) for panel in panels])
    return write_picture(out / "predictions.jpg", sheet, "predictions on validation pictures")


def _fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    factor = min(size[0] / image.shape[1], size[1] / image.shape[0])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    wanted = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return cv2.resize(image, wanted, interpolation=method)


def _sheet(panels: Sequence[np.ndarray]) -> np.ndarray:
    """Panels side by side in two rows, white between them."""
    width, height = WHOLE_SIZE
    columns = max(1, -(-len(panels) // 2))
    rows = -(-len(panels) // columns) if panels else 1
    sheet = np.full((rows * (height + 8) - 8, columns * (width + 8) - 8, 3), 255, np.uint8)
    for place, panel in enumerate(panels):
        top = place // columns * (height + 8) + (height - panel.shape[0]) // 2
        left = place % columns * (width + 8) + (width - panel.shape[1]) // 2
        sheet[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
    return sheet


def picture_files(truth: GroundTruth, folder: Path) -> dict[int, Path]:
    """The file of each validation picture, by image id; they lie in `folder`."""
    return {image_id: folder / name for image_id, name in truth.files.items()}


def read_picture(path: Path) -> np.ndarray:
    """A picture (h, w, 3) uint8 BGR as it is stored, its EXIF orientation ignored as the annotations ignore it.

    Raises HemlineError when there is no such picture or it cannot be decoded.
    """
    image = (
        cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if path.is_file() else None
    )
    if image is None:
        raise HemlineError(f"{path}: cannot be read as a picture; the report draws predictions on it")
    return image


def write_picture(path: Path, image: np.ndarray, caption: str) -> Picture:
    """Write a picture (h, w, 3) uint8 BGR as a JPEG."""
    coded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert coded, path
    with atomic_write(path, "wb") as handle:
        handle.write(data.tobytes())
    return Picture(path, caption, image.shape[1], image.shape[0])
