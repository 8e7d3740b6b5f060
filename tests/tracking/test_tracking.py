"""Records first, MLflow as their projection."""

import json
import subprocess
import sys

import pytest
from mlflow import MlflowClient

from hemline.tracking import Recorder
from hemline.tracking.projection import Projection
from hemline.tracking.records import read_events
from tests.tracking.mlflow_runs import runs_of as runs


@pytest.fixture
def store(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return uri, MlflowClient(uri)


def record(folder, name="finetune@vest-plain", epochs=3):
    with Recorder(
        folder, name, "abc-123", {"finetune": {"lr": 0.1}}, {"stage": "finetune", "category": "vest"}
    ) as run:
        for epoch in range(1, epochs + 1):
            run.epoch({"epoch": epoch, "loss": 1 / epoch, "note": "left out"})
    return run.path


def test_one_run_a_stage_under_one_parent(tmp_path, store):
    uri, client = store
    record(tmp_path / "runs")
    record(tmp_path / "runs", "finetune@vest-hflip")
    Projection(tmp_path / "runs", uri).catch_up()
    found = runs(client)
    parent = found["pipeline abc-123"]
    assert set(found) == {"pipeline abc-123", "finetune@vest-plain", "finetune@vest-hflip"}
    child = found["finetune@vest-plain"]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert child.data.params == {"finetune.lr": "0.1"} and child.data.tags["category"] == "vest"
    assert [child.info.status, parent.info.status] == ["FINISHED", "FINISHED"]
    history = client.get_metric_history(child.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]


def test_projecting_again_doubles_nothing(tmp_path, store):
    uri, client = store
    record(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    (tmp_path / "runs/projected.txt").unlink()
    Projection(tmp_path / "runs", uri).catch_up()
    found = runs(client)
    assert len(found) == 2
    assert len(client.get_metric_history(found["finetune@vest-plain"].info.run_id, "loss")) == 3


def test_a_failed_stage_says_why(tmp_path, store):
    uri, client = store
    with pytest.raises(ValueError), Recorder(tmp_path, "convert", "abc-123", {}, {}):
        raise ValueError("no such column")
    Projection(tmp_path, uri).catch_up()
    run = runs(client)["convert"]
    assert run.info.status == "FAILED" and run.data.tags["error"] == "ValueError: no such column"


def test_a_killed_stage_does_not_run_for_ever(tmp_path, store):
    uri, client = store
    code = (
        "import os, signal, sys; from pathlib import Path; from hemline.tracking import Recorder; "
        "run = Recorder(Path(sys.argv[1]), 'detect@htc', 'abc', {}, {}); run.log({'boxes': 3}); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert Projection(tmp_path, uri).catch_up() is False
    run = runs(client)["detect@htc"]
    assert run.info.status == "KILLED" and run.data.metrics == {"boxes": 3}


def test_a_line_cut_short_waits(tmp_path):
    path = record(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    events, offset = read_events(path)
    assert [event["event"] for event in events] == [
        "start",
        *["metrics"] * 4,
    ]  # three epochs, and the machine
    path.write_bytes(whole)
    assert [event["event"] for event in read_events(path, offset)[0]] == ["end"]


def test_numbers_that_are_not_finite_are_left_out(tmp_path):
    with Recorder(tmp_path, "evaluate@ensemble", "abc", {}, {}) as run:
        run.log({"AP": 0.5, "nan": float("nan"), "text": "x", "per_category": {"vest": 1}})
    lines = [json.loads(line) for line in run.path.read_text().splitlines()]
    assert lines[1]["values"] == {"AP": 0.5, "per_category.vest": 1}
