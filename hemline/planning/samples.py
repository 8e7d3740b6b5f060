"""How many samples a training of a params set has an epoch, and where that is known from."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hemline.datasets.published import GARMENTS, IMAGES
from hemline.datasets.synthetic.plan import plan
from hemline.errors import HemlineError
from hemline.estimation.garments import read_garments
from hemline.params import Params
from hemline.wardrobe import CATEGORIES, grouping

CONVERTED = Path("data/coco/train-aggregated.json")
PUBLISHED = "DeepFashion2"  # as in params' data.name


@dataclass(frozen=True)
class Samples:
    """`pictures` train a detector, all garments an estimator, those of a category (by slug) an expert."""

    pictures: int
    garments: dict[str, int]
    source: str


def samples_of(params: Params, converted: Path = CONVERTED) -> Samples:
    """Count the training split: the converted one, else the drawn one, else DeepFashion2's published numbers.

    `converted` is used when its pictures are those of the set. Drawn and published garments count before any is
    quarantined or found to have no landmark. HemlineError for other data that isn't converted yet.
    """
    if _is_current(params, converted):
        return _counted(converted)
    if params.synthesize.splits:
        return _drawn(params)
    if params.data.name == PUBLISHED:
        garments = dict(zip(_slugs(), GARMENTS["train"], strict=True))
        return Samples(IMAGES["train"], garments, "published: DeepFashion2's README; paper 000, Table 3")
    raise HemlineError(
        f"{converted}: no such annotations, and the size of {params.data.name!r} is not known; "
        "run the convert stage: hemline run convert"
    )


def _is_current(params: Params, converted: Path) -> bool:
    """Whether the file can be of the set's training split: its first picture lies in that folder."""
    from hemline.estimation.garments import read_images

    if not converted.is_file() or not (folder := Path(params.data.train) / "image").is_dir():
        return False
    return all((folder / name).is_file() for name in list(read_images(converted).values())[:1])


def _counted(converted: Path) -> Samples:
    found = read_garments(converted, "", grouping("aggregated"))
    counts = Counter(garment["category_id"] for garment in found)
    pictures = len({garment["img_id"] for garment in found})
    return Samples(pictures, {entry.slug: counts[entry.id] for entry in CATEGORIES}, f"counted: {converted}")


def _drawn(params: Params) -> Samples:
    split = params.synthesize.train
    pictures = plan(split.images, split.seed, params.synthesize.temper)
    counts = Counter(item.category_id for picture in pictures for item in picture.items)
    source = f"to be drawn: synthesize.train, {split.images} pictures, seed {split.seed}"
    return Samples(len(pictures), {entry.slug: counts[entry.id] for entry in CATEGORIES}, source)


def _slugs() -> list[str]:
    return [entry.slug for entry in CATEGORIES]
