"""The figures' numbers as CSV files, which `dvc plots` shows and compares (dvc.yaml, plots)."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hemline.files import atomic_write
from hemline.reporting import paper
from hemline.reporting.errors import CategoryErrors
from hemline.reporting.evidence import Estimate, Evidence, Row
from hemline.reporting.trainings import Training

BARS = {
    "without finetuning": paper.FLIP_TEST,
    "finetuned": paper.FINETUNED,
    "finetuned with flips": paper.HFLIP,
}


def write_plots(
    evidence: Evidence, errors: Sequence[CategoryErrors], trainings: Iterable[Training], out: Path
) -> None:
    """Write rows.csv, categories.csv, landmarks.csv, and the epochs of each detector and estimator.

    `low` and `high` are the ends of AP's interval. An empty field stands for what there is not.
    """
    _write(out / "rows.csv", [_row(row) for row in evidence.rows])
    sizes = evidence.train.categories
    rarest_first = sorted(sizes, key=lambda name: (sizes[name], name))
    _write(out / "categories.csv", [bar for name in rarest_first for bar in _category(evidence, name)])
    _write(out / "landmarks.csv", [landmark for one in errors for landmark in _landmarks(one)])
    for training in trainings:
        if training.place[0] in ("detectors", "estimators"):
            _write(out / "training" / f"{'-'.join(training.place)}.csv", training.epochs)


def _row(row: Row) -> dict[str, Any]:
    return {"row": row.name, "AP_box": row.box_ap.value, **_estimate(row.ap), "paper": row.paper_ap}


def _category(evidence: Evidence, name: str) -> list[dict[str, Any]]:
    theirs = paper.category_of(name) if evidence.paper_wardrobe else None
    known = {} if theirs is None else {paper.FLIP_TEST: theirs.before, paper.FINETUNED: theirs.after}
    bars = []
    for words, setting in BARS.items():
        row = evidence.find(setting)
        if row is not None:
            bar = {"bar": f"{name}, {words}", "category": name, "row": row.name}
            train = {"train": evidence.train.categories[name]}
            bars.append(bar | train | _estimate(row.categories[name]) | {"paper": known.get(setting)})
    return bars


def _estimate(estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {"AP": None, "low": None, "high": None}
    return {"AP": estimate.value, "low": estimate.low, "high": estimate.high}


def _landmarks(errors: CategoryErrors) -> list[dict[str, Any]]:
    known = zip(errors.category.landmarks, errors.errors, strict=True)
    return [
        {
            "landmark": f"{errors.category.name} {landmark.landmark} {landmark.name}",
            "category": errors.category.name,
            "median_error": None if np.isnan(value) else float(value),
            "garments": errors.garments,
        }
        for landmark, value in known
    ]


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_write(path) as handle:
        writer = csv.DictWriter(handle, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
