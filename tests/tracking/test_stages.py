"""What the stages add to their records: the paper's numbers, the experiment, the machine."""

import numpy as np
import pytest

from hemline.inference.garments import Garment, write_results
from hemline.params import load_params
from hemline.provenance import experiment, provenance
from hemline.tracking import system
from hemline.tracking.records import read_events
from hemline.wardrobe import wardrobe
from stages.ensemble import ensemble
from stages.evaluate import paper_tags
from stages.speed import members_of
from stages.stage import read_by, recorded

DEEPFASHION2 = wardrobe("deepfashion2")
SMI = """#!/bin/sh
echo "$@" > {arguments}
echo "87, 1024"
echo "[N/A], [N/A]"
"""


@pytest.mark.parametrize(
    ("row", "table", "cell", "box_ap"),
    [
        ("cascade-independent", "2", "0.556", "0.707"),
        ("htc-finetuned-fliptest", "2", "0.612", "0.764"),
        ("htc-finetuned-hflip-fliptest", "2", "0.614", "0.764"),
        ("ground-truth-aggregated", "2", "0.652", "1.000"),
        ("ensemble", "1", "0.615", "0.764"),
    ],
)
def test_the_papers_numbers(row, table, cell, box_ap):
    expected = {"paper": "000", "paper.table": table, "paper.cell": cell, "paper.box_ap": box_ap}
    assert paper_tags(load_params(), row) == expected


def test_rows_that_the_paper_lacks_have_none():
    params = load_params()
    row = params.ablations["cascade-aggregated"].model_copy(update={"flip_test": True})
    ensemble = params.ensemble.model_copy(update={"members": ("htc-aggregated", "htc-aggregated-fliptest")})
    changed = {"ablations": {**params.ablations, "cascade-aggregated": row}, "ensemble": ensemble}
    other = params.model_copy(update=changed)
    assert paper_tags(other, "cascade-aggregated") == paper_tags(other, "ensemble") == {}


def test_the_speed_of_rows_that_find_garments_by_themselves():
    """Not of those in annotated boxes or whole pictures, nor of an ensemble of these."""
    params = load_params("params/demo.yaml")
    whole = {
        name: row.model_copy(update={"boxes": "whole", "passes": 2}) for name, row in params.ablations.items()
    }
    one = {"htc-aggregated": params.ablations["htc-aggregated"]}
    given = [name for name, row in params.ablations.items() if row.boxes != "ground-truth"]
    assert list(members_of(params)) == [*given, "ensemble"]
    assert members_of(params.model_copy(update={"ablations": whole})) == {}
    alone = members_of(params.model_copy(update={"ablations": {**whole, **one}}))
    assert alone == {"htc-aggregated": ("htc-aggregated",)}


def test_an_ensemble_is_of_the_splits_that_both_members_have(tmp_path, monkeypatch):
    params = load_params("params/third-place.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.stage.ensure_follower", lambda folder: None)
    monkeypatch.setattr("stages.ensemble.load_params", lambda: params)
    skirt = Garment(1, 9, (0.0, 0.0, 8.0, 8.0), 0.5, np.ones((8, 3)), 0.5, DEEPFASHION2)
    for member, splits in (("htc-independent", 1), ("htc-independent-fliptest", 2)):
        for split in ("validation", "test")[:splits]:
            write_results(tmp_path / f"results/landmarks/{member}/{split}.json", [skirt])
    ensemble()
    assert [path.name for path in (tmp_path / "results/landmarks/ensemble").iterdir()] == ["validation.json"]


def test_a_stages_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("stages.stage.ensure_follower", lambda folder: None)
    (tmp_path / "params.yaml").write_text("data: {name: shop}\n")
    (tmp_path / "train.json").write_text('{"info":{},"images":[{"id":1}],"annotations":[],"categories":[]}\n')
    with recorded("train@x", {}, detector="x") as run:
        read_by(run, "training", tmp_path / "train.json")
    start, dataset, *_ = read_events(run.path)[0]
    assert start["experiment"] == "shop" and start["tags"]["stage"] == "train"
    assert dataset["name"] == "shop: train" and dataset["profile"] == {"pictures": 1, "garments": 0}


def test_data_without_a_name(tmp_path):
    (tmp_path / "params.yaml").write_text("data: raw\n")
    assert experiment(tmp_path / "params.yaml") == experiment(tmp_path / "none") == "hemline"


def test_the_gpus_that_the_stage_may_see(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text(SMI.format(arguments=tmp_path / "arguments"))
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = dict(system.gpus("2,3"))
    assert found == {
        "gpu_0_utilization_percentage": 87.0,
        "gpu_0_memory_usage_megabytes": pytest.approx(1073.7, abs=0.1),
    }
    assert (tmp_path / "arguments").read_text().split()[-2:] == ["-i", "2,3"]
    assert dict(system.gpus("")) == dict(system.gpus("-1")) == {}


def test_the_thread_samples_and_ends(monkeypatch):
    monkeypatch.setattr(system, "SAMPLE_SECONDS", 0.01)
    samples = []
    metrics = system.SystemMetrics(lambda values, step: samples.append((step, values)), earlier=100)
    metrics.start()
    while len(samples) < 3:
        pass
    metrics.stop()
    assert not metrics._thread.is_alive()
    assert all(step >= 100 for step, _ in samples)
    names = {"cpu_utilization_percentage", "system_memory_usage_megabytes", "process_memory_megabytes"}
    assert set(samples[-1][1]) == {f"system/{name}" for name in names}
    assert round(metrics.peak, 1) >= samples[-1][1]["system/process_memory_megabytes"] > 10


@pytest.mark.parametrize(("threads", "device"), [("1", "CPU, 1 thread"), ("4", "CPU, 4 threads")])
def test_the_device_of_a_cpu(monkeypatch, threads, device):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert provenance.__wrapped__().device == device
