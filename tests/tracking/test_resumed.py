"""An interrupted stage goes on in its record and its run; what is logged twice counts once."""

import json
import os
import subprocess
import sys

import pytest
from mlflow import MlflowClient

from hemline.tracking import Recorder
from hemline.tracking.projection import Projection
from hemline.tracking.records import is_alive, read_events, spent
from tests.tracking.mlflow_runs import runs_of, steps

PARAMS = {"lr": 0.1}
TRAINING = """
import os, signal, sys
from pathlib import Path
from hemline.tracking import Recorder
run = Recorder(Path(sys.argv[1]), "train", "abc", {"lr": 0.1}, {"stage": "train"})
for epoch in range(1, 5):
    run.epoch({"epoch": epoch, "loss": 1 / epoch})
if sys.argv[2] == "tear":
    with open(run.path, "a") as handle:
        handle.write('{"event": "metr')
if sys.argv[2] == "wait":
    print("ready", flush=True)
    sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def store(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return uri, MlflowClient(uri)


def killed(folder, how="kill"):
    subprocess.run([sys.executable, "-c", TRAINING, str(folder), how], check=False)


def resumed(folder, first=3, params=PARAMS, last=6):
    """The same stage again, from the checkpoint after epoch `first` - 1."""
    with Recorder(folder, "train", "abc", params, {"stage": "train", "dirty": "true"}) as run:
        for epoch in range(first, last + 1):
            run.epoch({"epoch": epoch, "loss": 1 / epoch})
    return run.path


def test_a_killed_training_goes_on_in_its_run(tmp_path, store):
    uri, client = store
    killed(tmp_path / "runs", "tear")
    Projection(tmp_path / "runs", uri).catch_up()
    assert {run.info.status for run in runs_of(client).values()} == {"KILLED", "FAILED"}
    before = runs_of(client)["train"].info.run_id
    resumed(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    found = runs_of(client)
    assert set(found) == {"pipeline abc", "train"} and found["train"].info.run_id == before
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert steps(client, found["train"], "loss") == [1, 2, 3, 4, 5, 6]
    assert found["train"].data.tags["dirty"] == "true"


def test_while_one_follower_lives(tmp_path, store):
    """The same without starting over: what was read before the resume is remembered."""
    uri, client = store
    killed(tmp_path / "runs")
    projection = Projection(tmp_path / "runs", uri)
    projection.catch_up()
    resumed(tmp_path / "runs")
    projection.catch_up()
    found = runs_of(client)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert steps(client, found["train"], "loss") == [1, 2, 3, 4, 5, 6]


def test_a_failed_stage_is_tried_again_in_its_run(tmp_path, store):
    uri, client = store
    with pytest.raises(ValueError), Recorder(tmp_path / "runs", "train", "abc", PARAMS, {}):
        raise ValueError("lost")
    resumed(tmp_path / "runs", first=1)
    Projection(tmp_path / "runs", uri).catch_up()
    found = runs_of(client)
    assert len(found) == 2 and {run.info.status for run in found.values()} == {"FINISHED"}


def test_a_finished_stage_or_another_value_is_a_new_run(tmp_path):
    first = resumed(tmp_path, first=1)
    second = resumed(tmp_path, first=1)
    assert first != second
    killed(tmp_path)
    assert resumed(tmp_path, params={"lr": 0.2}) not in (first, second)
    assert len(list(tmp_path.glob("*.jsonl"))) == 4


def test_two_that_live_write_two_records(tmp_path):
    command = [sys.executable, "-c", TRAINING, str(tmp_path), "wait"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        resumed(tmp_path)
        other.stdin.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


def test_a_process_number_that_was_given_again_is_not_the_writer():
    import psutil

    own = {"host": os.uname().nodename, "pid": os.getpid(), "born": psutil.Process().create_time()}
    assert is_alive(own) and not is_alive({**own, "born": own["born"] - 100})
    assert is_alive({**own, "host": "elsewhere", "pid": 2**22})


def test_the_pause_before_a_resume_does_not_count(tmp_path):
    events = [("start", 100), ("metrics", 110), ("resume", 5000), ("end", 5005), ("dvc", 9000)]
    lines = [json.dumps({"event": name, "time": time}) for name, time in events]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    assert spent(tmp_path / "a.jsonl") == 15


def test_system_metrics_go_on_where_they_were(tmp_path):
    killed(tmp_path)
    path = resumed(tmp_path)
    events = read_events(path)[0]
    (system,) = [event for event in events if "system/process_memory_megabytes" in event.get("values", {})]
    assert system["values"]["system/cpu_utilization_percentage"] >= 0
    assert 10 < system["values"]["system/process_memory_megabytes"] <= events[-1]["peak_memory_megabytes"]
    assert events[-1]["seconds"] >= 0
