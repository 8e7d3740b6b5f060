"""How many samples a training of a params set has an epoch, and where that is known from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hemline.datasets.published import GARMENTS, IMAGES
from hemline.datasets.synthetic import WRITERS, planned
from hemline.errors import HemlineError
from hemline.estimation.garments import read_garments
from hemline.params import Params
from hemline.wardrobe import Wardrobe, grouping, wardrobe

CONVERTED = Path("data/coco/train-aggregated.json")
PUBLISHED = "DeepFashion2"  # as in params' data.name

# Its sizes are those that were published.
DEEPFASHION2 = wardrobe("deepfashion2")


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
    if params.synthesize.splits and _can_be_drawn(params):
        return _drawn(params)
    if params.data.name == PUBLISHED and params.wardrobe is DEEPFASHION2:
        garments = _by_slug(DEEPFASHION2, dict(enumerate(GARMENTS["train"], start=1)))
        return Samples(IMAGES["train"], garments, "published: DeepFashion2's README; paper 000, Table 3")
    raise HemlineError(
        f"data.name is {params.data.name!r}, whose size is not known, and {CONVERTED} does not hold its pictures: "
        "put the set into params.yaml (hemline params use) and run the convert stage (hemline run convert)"
    )


def _counted(params: Params, converted: Path) -> Samples | None:
    """By the reader that trains, so without garments that have no landmark; None for another set's file."""
    if not converted.is_file():
        return None
    garments = read_garments(
        converted, params.data.pictures("train"), grouping(params.wardrobe, "aggregated")
    )
    pictures = {garment["img_path"] for garment in garments}
    if not all(Path(path).is_file() for path in pictures):
        return None
    counts = Counter(garment["category_id"] for garment in garments)
    return Samples(len(pictures), _by_slug(params.wardrobe, counts), f"counted: {converted}")


def _can_be_drawn(params: Params) -> bool:
    writer = WRITERS.get(params.data.layout)
    return writer is not None and writer.wardrobe is params.wardrobe


def _drawn(params: Params) -> Samples:
    split = params.synthesize.train
    counts = planned(split.images, split.seed, params.data.layout, params.synthesize.temper)
    source = f"to be drawn: synthesize.train, {split.images} pictures, seed {split.seed}"
    return Samples(split.images, _by_slug(params.wardrobe, counts), source)


def _by_slug(wardrobe: Wardrobe, counts: Mapping[int, int]) -> dict[str, int]:
    """Counts by category id as counts by slug, 0 where there is none."""
    return {entry.slug: counts.get(entry.id, 0) for entry in wardrobe.categories}
