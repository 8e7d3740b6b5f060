"""The figures' numbers as CSV files, which `dvc plots` shows and compares (dvc.yaml, plots)."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hemline.files import atomic_write
from hemline.reporting import paper
from hemline.reporting.errors import CategoryErrors
from hemline.reporting.evidence import Estimate, Evidence
from hemline.reporting.trainings import Training

MEASURED = {"before": paper.FLIP_TEST, "finetuned": paper.FINETUNED, "flips": paper.HFLIP}


def write_plots(
    evidence: Evidence, errors: Sequence[CategoryErrors], trainings: Iterable[Training], out: Path
) -> None:
    """Write rows.csv, categories.csv, landmarks.csv, and the epochs of each detector and estimator.

    An empty field stands for what there is not.
    """
    _write(out / "rows.csv", [_row(row) for row in evidence.rows])
    _write(out / "categories.csv", [_category(evidence, entry) for entry in paper.CATEGORIES])
    _write(out / "landmarks.csv", [line for one in errors for line in _landmarks(one)])
    for training in trainings:
        if training.place[0] in ("detectors", "estimators"):
            _write(out / "training" / f"{'-'.join(training.place)}.csv", training.epochs)


def _row(row: Any) -> dict[str, Any]:
    return {
        "row": row.name,
        **_estimate("AP", row.ap),
        **_estimate("AP_box", row.box_ap),
        "paper_AP": row.paper_ap,
    }


def _category(evidence: Evidence, entry: paper.CategoryResult) -> dict[str, Any]:
    line: dict[str, Any] = {"category": entry.name, "train": evidence.train.categories[entry.name]}
    for key, setting in MEASURED.items():
        row = evidence.find(setting)
        line |= _estimate(f"AP_{key}", None if row is None else row.categories[entry.name])
    return line | {"paper_AP_before": entry.before, "paper_AP_finetuned": entry.after}


def _estimate(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _landmarks(errors: CategoryErrors) -> list[dict[str, Any]]:
    known = zip(errors.category.landmarks, errors.errors, strict=True)
    return [
        {
            "landmark": f"{errors.category.name} {landmark.landmark} {landmark.name}",
            "category": errors.category.name,
            "median_error": "" if value != value else float(value),
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
