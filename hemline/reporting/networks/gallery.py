"""Garments as they are annotated, beside what the papers' networks predict."""

from collections.abc import Sequence
from pathlib import Path

from hemline.drawing import SURE, Drawable, draw_panels
from hemline.evaluation import GroundTruth, as_garments
from hemline.inference.garments import read_results
from hemline.reporting.networks import paper
from hemline.reporting.networks.evidence import Evidence
from hemline.reporting.networks.rows import Row, best, comparable
from hemline.reporting.pictures import (
    WHOLE_PICTURES,
    Picture,
    Sample,
    choose,
    match,
    picture_files,
    read_picture,
    write_picture,
    write_sheet,
)

SHOWN = ("cpn", "fpm", "fashionnet")  # paper 002's network, then 004's two
PANEL = (240, 300)  # pixels a garment is enlarged or reduced to fit into


def shown(evidence: Evidence) -> list[Row]:
    """Of each of SHOWN a row; without any the best row of all."""
    alone = best(evidence.rows)
    return comparable(evidence.of_types(SHOWN)) or ([] if alone is None else [alone])


def draw_gallery(evidence: Evidence, truth: GroundTruth, pictures: Path, out: Path) -> list[Picture]:
    """A few garments as JPEGs in `out`, and a sheet of them; none where no row has an error."""
    rows = shown(evidence)
    if not rows:
        return []
    garments, files = as_garments(truth), picture_files(truth, pictures)
    samples = [match(garments, read_results(row.results, evidence.wardrobe)) for row in rows]
    places = {id(sample): place for place, sample in enumerate(samples[0])}
    drawn, panels = [], []
    for number, first in enumerate(choose(samples[0], WHOLE_PICTURES), start=1):
        same = [one[places[id(first)]] for one in samples]
        panels.append(draw_panels(read_picture(files[first.truth.image_id]), _panels(rows, same), size=PANEL))
        name = f"{number:03d}-{first.truth.category.slug}-{first.truth.image_id}.jpg"
        drawn.append(write_picture(out / name, panels[-1], _caption(rows, same)))
    write_sheet(panels, out)
    return drawn


def _panels(rows: Sequence[Row], samples: Sequence[Sample]) -> list[tuple[Drawable | None, str, float]]:
    predicted = [(one.prediction, _name(row), SURE) for row, one in zip(rows, samples, strict=True)]
    return [(samples[0].truth, "annotated", 2.0), *predicted]


def _caption(rows: Sequence[Row], samples: Sequence[Sample]) -> str:
    """ "blouse: OKS CPN 0.91, FPM 0.80"."""
    scores = ", ".join(f"{_name(row)} {one.oks:.2f}" for row, one in zip(rows, samples, strict=True))
    return f"{samples[0].truth.category.name}: OKS {scores}"


def _name(row: Row) -> str:
    return paper.NAMES.get(row.type, row.title)
