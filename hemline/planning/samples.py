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


def samples_of(params: Params, converted: Path | None = CONVERTED) -> Samples:
    """Count the training split: the converted one, else the drawn one, else DeepFashion2's published numbers.

    `converted` is used when all its pictures lie in the set's training folder. Drawn and published garments count
    before any is quarantined or found to have no landmark. HemlineError for other data that isn't converted yet.
    """
    found = _counted(params, converted) if converted else None
    if found is not None:
        return found
    if params.synthesize.splits:
        return _drawn(params)
    if params.data.name == PUBLISHED:
        garments = dict(zip(_slugs(), GARMENTS["train"], strict=True))
        return Samples(IMAGES["train"], garments, "published: DeepFashion2's README; paper 000, Table 3")
    raise HemlineError(
        f"data.name is {params.data.name!r}, whose size is not known, and {CONVERTED} does not hold its pictures: "
        "put the set into params.yaml (hemline params use) and run the convert stage (hemline run convert)"
    )


def _counted(params: Params, converted: Path) -> Samples | None:
    """By the reader that trains, so without garments that have no landmark; None for another set's file."""
    if not converted.is_file():
        return None
    garments = read_garments(converted, Path(params.data.train) / "image", grouping("aggregated"))
    pictures = {garment["img_path"] for garment in garments}
    if not all(Path(path).is_file() for path in pictures):
        return None
    counts = Counter(garment["category_id"] for garment in garments)
    by_slug = {entry.slug: counts[entry.id] for entry in CATEGORIES}
    return Samples(len(pictures), by_slug, f"counted: {converted}")


def _drawn(params: Params) -> Samples:
    split = params.synthesize.train
    pictures = plan(split.images, split.seed, params.synthesize.temper)
    counts = Counter(item.category_id for picture in pictures for item in picture.items)
    source = f"to be drawn: synthesize.train, {split.images} pictures, seed {split.seed}"
    return Samples(len(pictures), {entry.slug: counts[entry.id] for entry in CATEGORIES}, source)


def _slugs() -> list[str]:
    return [entry.slug for entry in CATEGORIES]
