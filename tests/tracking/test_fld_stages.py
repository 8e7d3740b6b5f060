"""Stages that judge and ship, on FLD: an ensemble, its normalised error, and a file with 3 x 18 numbers a garment."""

import json
import zipfile

import numpy as np
import pytest

from hemline.inference.garments import Garment, write_results
from hemline.params import load_params
from hemline.wardrobe import wardrobe
from stages.ensemble import ensemble
from stages.evaluate import evaluate
from stages.package import package
from tests.evaluation.wardrobes import ground_truth, save

FLD = wardrobe("fld")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Two rows of results a few pixels off, 2 to the left and 4 to the right, of thirty pictures a split."""
    params = load_params("params/fld.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.stage.ensure_follower", lambda folder: None)
    for stage in ("ensemble", "evaluate", "package"):
        monkeypatch.setattr(f"stages.{stage}.load_params", lambda: params)
    (tmp_path / "data/coco").mkdir(parents=True)
    for split, names in (
        ("validation", ("validation-independent", "validation-visible")),
        ("test", ("test",)),
    ):
        truth = ground_truth(30, 30, seed=len(split), wardrobe=FLD)
        for name in names:
            save(tmp_path / "data/coco", f"{name}.json", truth)
        for member, off in zip(params.ensemble.members, (-2.0, 4.0), strict=True):
            rows = [shifted(entry, off) for entry in truth["annotations"]]
            write_results(tmp_path / f"results/landmarks/{member}/{split}.json", rows)
        boxes = [
            {
                "image_id": one["image_id"],
                "category_id": one["category_id"],
                "bbox": one["bbox"],
                "score": 1.0,
            }
            for one in truth["annotations"]
        ]
        folder = tmp_path / "results/boxes" / params.evaluate.rows["ensemble"]
        folder.mkdir(parents=True, exist_ok=True)
        save(folder, f"{split}.json", boxes)
    return params


def shifted(entry, off):
    own = FLD.category(entry["category_id"])
    landmarks = np.array(entry["keypoints"]).reshape(18, 3)[own.slice]
    landmarks[:, 0] += off
    return Garment(entry["image_id"], own.id, tuple(entry["bbox"]), 1.0, landmarks, 0.5, FLD)


def test_from_two_rows_to_a_checked_file(project, tmp_path):
    ensemble()
    evaluate("ensemble")
    numbers = json.loads((tmp_path / "metrics/evaluate/ensemble.json").read_text())
    assert list(numbers["landmarks"]["per_category"]) == ["upper body", "lower body", "full body"]
    first, second = project.ensemble.weights
    error = abs(-2 * first + 4 * second) / (first + second)
    assert numbers["normalised_error"]["EPE"] == pytest.approx(error, abs=0.01)
    assert numbers["normalised_error"]["NE"] == pytest.approx(error / 700, abs=1e-5)
    assert numbers["normalised_error"]["garments_not_found"] == 0
    package()
    report = json.loads((tmp_path / "submissions/check.json").read_text())
    assert report["validation"]["ok"] and report["test"]["ok"]
    with zipfile.ZipFile(tmp_path / "submissions/test.zip") as archive:
        (name,) = archive.namelist()
        records = json.loads(archive.read(name))
    assert {len(record["keypoints"]) for record in records} == {54}
    assert {record["category_id"] for record in records} == {1, 2, 3}
