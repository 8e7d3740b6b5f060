"""The follower and many processes at once; a tracking server that is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from mlflow import MlflowClient

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.tracking import Recorder, follower
from hemline.tracking.records import read_events
from tests.pipelines.waiting import until
from tests.tracking.mlflow_runs import runs_of, steps, tracking_server

ROOT = Path(__file__).parents[2]
POINTS = 20_000  # of a record that takes seconds to send
TRAINING = """
import sys, time
from pathlib import Path
from hemline.tracking import Recorder, ensure_follower
folder = Path(sys.argv[1])
with Recorder(folder, sys.argv[2], "abc", {"lr": 0.1}, {"stage": "train"}) as run:
    ensure_follower(folder)
    for epoch in range(1, int(sys.argv[3]) + 1):
        run.epoch({"epoch": epoch, "loss": 1 / epoch})
        time.sleep(float(sys.argv[4]))
assert not {"mlflow", "torch", "requests"} & sys.modules.keys(), "the stage's own process speaks to nobody"
"""


def start(folder, name="train", epochs=3, pause=0.0, **environ):
    command = [sys.executable, "-c", TRAINING, str(folder), name, str(epochs), str(pause)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.Popen(command, cwd=folder.parent, env=variables, start_new_session=True)


def followed(folder, count=1):
    """Whether a follower has projected so many records, and is no longer at work."""
    progress = folder / "projected.txt"
    if not progress.is_file() or len(progress.read_text().splitlines()) < count:
        return False
    try:
        with FileLock(folder / follower.LOCK, timeout=0):
            return True
    except Timeout:
        return False


def test_thirteen_stages_at_once_on_an_empty_store(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    started = [start(tmp_path / "runs", f"finetune@{n}", MLFLOW_TRACKING_URI=uri) for n in range(13)]
    assert [process.wait(300) for process in started] == [0] * 13
    until(lambda: followed(tmp_path / "runs", 13), 300)
    complete(uri)


def test_thirteen_followers_at_once_on_an_empty_store(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    folders = [tmp_path / f"clone-{n}" / "runs" for n in range(13)]
    for folder in folders:
        folder.parent.mkdir()
    named = [(folder, f"finetune@{number}") for number, folder in enumerate(folders)]
    started = [start(folder, name, MLFLOW_TRACKING_URI=uri) for folder, name in named]
    assert [process.wait(300) for process in started] == [0] * 13
    until(lambda: all(map(followed, folders)), 400)
    complete(uri)


def complete(uri):
    """One experiment, one parent, thirteen children, each with all of its points."""
    client = MlflowClient(uri)
    assert {found.name for found in client.search_experiments()} == {"Default", "hemline"}
    found = runs_of(client)
    assert set(found) == {"pipeline abc", *(f"finetune@{n}" for n in range(13))}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    parent = found.pop("pipeline abc").info.run_id
    for run in found.values():
        assert run.data.tags["mlflow.parentRunId"] == parent and steps(client, run, "loss") == [1, 2, 3]


def test_a_server_that_is_killed_in_the_middle(tmp_path, monkeypatch):
    """The training goes on without it; another kill in the middle of what is sent later; each point is there once."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"
    with tracking_server(tmp_path) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        client = MlflowClient(server.uri)
        training = start(folder, epochs=60, pause=0.2)
        until(lambda: client.get_experiment_by_name("hemline") and "train" in runs_of(client))
        until(lambda: steps(client, runs_of(client)["train"], "loss"))
        server.kill()
        epochs = len(lines(folder))
        until(lambda: len(lines(folder)) > epochs + 10, 30)
        assert training.wait(60) == 0, "no server can hold up a training"
        until(lambda: "MLflow is not reached" in (folder / "follower.log").read_text(), 60)
        with pytest.raises(HemlineError, match="MLflow is not reached, records stay behind"):
            follower.replay(folder)
        server.start()
        kill_while_sending(server, client, folder)
        server.start()
        assert 0 < len(steps(client, runs_of(client)["second"], "loss")) < POINTS
        assert main(["track", "replay"]) == 0
        found = runs_of(client)
        assert {run.info.status for run in found.values()} == {"FINISHED"}
        assert steps(client, found["train"], "loss") == list(range(1, 61))
        assert steps(client, found["second"], "loss") == list(range(POINTS))


def lines(folder):
    (path,) = folder.glob("*.jsonl")
    return [event for event in read_events(path)[0] if event["event"] == "metrics"]


def kill_while_sending(server, client, folder):
    """kill -9 of a projection and of the server when some of a record's points have arrived."""
    with Recorder(folder, "second", "abc", {}, {}) as run:
        for step in range(POINTS):
            run.log({"loss": step}, step)
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-m", "hemline", "track", "replay"], env=variables) as process:
        until(lambda: "second" in runs_of(client) and steps(client, runs_of(client)["second"], "loss"))
        process.kill()
    server.kill()


def test_the_follower_gives_up_when_nobody_writes_any_more(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # the port "discard": nobody listens
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(follower, "PAUSE_SECONDS", follower.POLL_SECONDS)
    with Recorder(tmp_path, "train", "abc", {}, {}):
        assert follower.open_records(tmp_path)
    assert not follower.open_records(tmp_path)
    follower.follow(tmp_path, idle_seconds=5)
    said = capsys.readouterr().out
    assert said.count("MLflow is not reached") == 1
    assert "given up: records stay behind; `hemline track replay`" in said


def test_the_users_patience_counts(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    follower.be_impatient()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "60"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES")


def test_a_password_of_the_tracking_server_is_not_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(["track", "replay", "--folder", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "http://127.0.0.1:9/" in said and "secret" not in said
