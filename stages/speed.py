"""speed@deepmark, speed_kgdet@kgdet: milliseconds that a picture takes, for the rows that find garments by themselves.

The two-stage rows stand on paper 001's page beside its own.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from hemline.detection import Detector
from hemline.estimation.garments import read_images, read_picture
from hemline.files import write_json
from hemline.inference.ensemble import ensemble
from hemline.inference.garments import Garment
from hemline.inference.pipeline import Estimators
from hemline.inference.pipeline import estimate as find_landmarks
from hemline.inference.predictor import detected
from hemline.inference.speed import Find, measure
from hemline.oneshot.finding import OneShot
from hemline.params import GIVEN_BOXES, OneShotRow, Params, load_params
from hemline.training import device
from stages.stage import main, recorded
from stages.train_oneshot import model_folder

# Of validation, the first by number: the quartiles of more of them hardly differ, and a CPU takes minutes.
PICTURES = 20
IMAGES = Path("data/coco/validation-independent.json")
OUT = Path("metrics/speed")


def speed(page: str) -> None:
    """Write metrics/speed/PAGE.json."""
    params = load_params()
    one_shot = one_shot_rows(params, page)
    two_stage = two_stage_rows(params) if page == "deepmark" else {}
    name = "speed@deepmark" if page == "deepmark" else f"speed_{page}@{page}"
    with recorded(name, {"pictures": PICTURES}) as run:
        pictures = first_pictures(params.data.pictures("validation"))
        found = measure({**one_shot, **two_stage}, pictures)
        rows = {
            name: {"system": "one-shot" if name in one_shot else "two-stage", **asdict(value)}
            for name, value in found.items()
        }
        write_json(OUT / f"{page}.json", {"pictures": len(pictures), **machine(), "rows": rows})
        run.log({"milliseconds": {name: value.milliseconds for name, value in found.items()}})


def first_pictures(folder: Path) -> list[np.ndarray]:
    """The first `PICTURES` validation pictures, decoded."""
    files = sorted(read_images(IMAGES).items())[:PICTURES]
    return [read_picture(folder / name) for _, name in files]


def machine() -> dict[str, str | int]:
    """What the numbers were measured on."""
    name = torch.cuda.get_device_name() if device().type == "cuda" else "CPU"
    return {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__}


def one_shot_rows(params: Params, page: str) -> dict[str, Find]:
    """The rows of a page; rows of one network share it."""
    rows, settings = params.oneshot.rows_of(page), params.oneshot.find

    @cache
    def network(name: str) -> OneShot:
        row = next(row for row in rows.values() if row.network == name)
        return OneShot.load(model_folder(params, name), row, settings)

    def ready(row: OneShotRow) -> OneShot:
        shared = network(row.network)
        return OneShot(shared.model, shared.settings, shared.wardrobe, row, settings)

    return {name: partial(find_at_once, ready(row)) for name, row in rows.items()}


def find_at_once(oneshot: OneShot, picture: np.ndarray) -> list[Garment]:
    """A picture's garments as a one-shot row finds them."""
    return oneshot(picture)


def two_stage_rows(params: Params) -> dict[str, Find]:
    """The two-stage rows with a detector; rows share their networks."""

    @cache
    def detector(name: str) -> Detector:
        return Detector.load(Path("models/detectors") / name, getattr(params.detect, name))

    @cache
    def estimators(name: str, experts: str) -> Estimators:
        folder = None if experts == "none" else Path("models/experts") / experts
        return Estimators.load(Path("models/estimators") / name, folder, params.finetune.categories)

    rows: dict[str, Find] = {}
    for name, members in members_of(params).items():
        settings = [params.ablations[member] for member in members]
        serving = [(estimators(one.estimator, one.experts), one.flip_test) for one in settings]
        rows[name] = partial(find_in_boxes, params, detector(settings[0].boxes), serving)
    return rows


def members_of(params: Params) -> dict[str, tuple[str, ...]]:
    """Which rows of `ablations` each row runs: itself, or the ensemble's, if these share a detector."""
    detecting = {name: row for name, row in params.ablations.items() if row.boxes not in GIVEN_BOXES}
    members: dict[str, tuple[str, ...]] = {name: (name,) for name in detecting}
    boxes = {params.ablations[name].boxes for name in params.ensemble.members}
    if "ensemble" in params.evaluate.rows and len(boxes) == 1 and not boxes & set(GIVEN_BOXES):
        members["ensemble"] = params.ensemble.members
    return members


def find_in_boxes(
    params: Params, detector: Detector, serving: Sequence[tuple[Estimators, bool]], picture: np.ndarray
) -> list[Garment]:
    """A picture's garments as a two-stage row finds them: `serving` are its estimators, each with its flip test."""
    boxes = detected(next(iter(detector.detect([picture]))), params.estimate.box_score_threshold)
    found = [
        list(find_landmarks([(picture, boxes)], one, params.estimate, flip_test=flip))
        for one, flip in serving
    ]
    return found[0] if len(found) == 1 else ensemble(found, params.wardrobe, params.ensemble.weights)


if __name__ == "__main__":
    main(speed)
