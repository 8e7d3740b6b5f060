"""Sweeps on the real thing, at the size of a test.

Named cases: a sweep that is killed goes on and has each trial once; trials without a network give the AP that the
stages give with the same values, which `hemline sweep apply` writes into params.yaml; a repeated point costs nothing.
"""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import yaml
from mlflow import MlflowClient

from pipelines.sweeps.study import drawn_values, read_study
from tests.integration.test_pipeline import CODE, ROOT, hemline, run, tiny
from tests.pipelines.waiting import until

EXPERT = "short-sleeve-top"
ROW = "ground-truth-aggregated"
SWEEPS = {
    "expert": {
        "target": f"finetune@{EXPERT}-plain",
        "trials": 6,
        "startup": 2,
        "pruner": "median",
        "space": {
            "finetune.training.lr": {"low": 0.0001, "high": 0.003, "log": True, "paper": 0.0001},
            "finetune.training.epochs": {"low": 2, "high": 3},
        },
    },
    "row": {
        "target": f"estimate@{ROW}",
        "trials": 40,
        "space": {
            "estimate.score": {"choices": ["all", "category"], "paper": "all"},
            "estimate.score_threshold": {"low": 0.0, "high": 0.6, "step": 0.1, "paper": 0.2},
            "estimate.oks_nms": {"choices": [None, 0.5]},
            "estimate.shift_heatmap": {"choices": [True, False]},
        },
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project in which nothing has run: a sweep makes what it needs, on devices that no other run holds."""
    leases = tmp_path_factory.mktemp("leases")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMLINE_LEASES", str(leases))
        yield make_project(tmp_path_factory)


def make_project(tmp_path_factory):
    root = tmp_path_factory.mktemp("sweep")
    for name in CODE:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, root / name)
    shutil.copytree(ROOT / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    values = tiny(yaml.safe_load((ROOT / "params/demo.yaml").read_text()), experts=[EXPERT])
    # Learnt by heart, so that there is something to tell settings by.
    values["data"]["validation"] = values["data"]["train"]
    values["estimator"]["aggregated"].update(epochs=20, warmup_steps=0)
    (root / "params.yaml").write_text(yaml.safe_dump({**values, "sweeps": SWEEPS}, sort_keys=False))
    run(root, "git", "init", "-q")
    run(root, "git", "add", ".")
    run(root, "git", "commit", "-qm", "Start")
    return root


def start(root, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(root), "HEMLINE_SLOTS": "2"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "hemline", "sweep", "run", *arguments]
    return subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def study(root, name):
    return read_study(name, root / "sweeps")


def ended(root, name):
    if not (root / "sweeps" / name / "journal.log").is_file():
        return 0
    return sum(trial.state.is_finished() for trial in study(root, name).trials)


def test_a_killed_sweep_goes_on_and_has_each_trial_once(project):
    sweep = start(project, "expert", "--workers", "2")
    try:
        until(lambda: ended(project, "expert") >= 2 or sweep.poll() is not None, 400)
        assert sweep.poll() is None
    finally:
        os.killpg(sweep.pid, signal.SIGKILL)
        sweep.wait()
    before = {
        trial.number: trial.values for trial in study(project, "expert").trials if trial.state.is_finished()
    }
    output = hemline(project, "sweep", "run", "expert", "--workers", "2")
    assert "The page: sweeps/expert/index.html" in output
    trials = study(project, "expert").trials
    assert [trial.number for trial in trials] == list(range(6))
    assert all(trial.state.is_finished() for trial in trials)
    assert {number: trials[number].values for number in before} == before
    assert (
        drawn_values(study(project, "expert").sweep, trials[0])["finetune.training.lr"] == 0.0001
    )  # the paper's
    assert not list((project / "sweeps/expert/trials").glob("*/weights.pt"))


def test_its_trials_are_runs_below_one_run_in_mlflow(project):
    hemline(project, "track", "replay")
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("synthetic wardrobe").experiment_id
    (parent,) = [
        found
        for found in client.search_runs([experiment], max_results=1000)
        if found.data.tags.get("hemline.pipeline", "").startswith("sweep-expert")
    ]
    query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    children = client.search_runs([experiment], query)
    assert sorted(int(child.data.tags["trial"]) for child in children) == list(range(1, 7))
    for trial in study(project, "expert").trials:
        (child,) = [one for one in children if one.data.tags["trial"] == str(trial.number + 1)]
        assert child.data.tags["stage_hash"] == trial.user_attrs["identity"]
        points = {p.step: p.value for p in client.get_metric_history(child.info.run_id, "AP")}
        assert points == trial.intermediate_values


def test_trials_without_a_network_tell_what_the_stages_would_give(project):
    hemline(project, "sweep", "run", "row", "--workers", "1")
    own = study(project, "row")
    assert len(own.trials) == 40 and all(trial.values for trial in own.trials)
    assert any("repeats" in trial.user_attrs for trial in own.trials)  # 84 points; some are drawn twice
    best = own.best[0]
    assert len({trial.values[0] for trial in own.trials}) > 1 and best.values[0] > 0
    shown = hemline(project, "sweep", "apply", "row", "--dry-run")
    params = (project / "params.yaml").read_text()
    assert hemline(project, "sweep", "apply", "row") == shown
    assert all(
        line[1:] in params for line in shown.splitlines() if line.startswith("-") and "---" not in line
    )
    run(project, sys.executable, "-m", "dvc", "repro", f"evaluate@{ROW}")
    metrics = json.loads((project / f"metrics/evaluate/{ROW}.json").read_text())
    assert metrics["AP"] == pytest.approx(best.values[0], abs=1e-12)


def test_a_sweep_on_other_data_is_refused(project):
    """The winner in params.yaml changes nothing that is searched, so the study goes on; other data end it."""
    assert "40 trials" in hemline(project, "sweep", "run", "row")
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(
        text.replace("box_score_threshold: 0.0", "box_score_threshold: 0.001")
    )
    done = subprocess.run(
        [sys.executable, "-m", "hemline", "sweep", "run", "row"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    (project / "params.yaml").write_text(text)
    assert done.returncode == 1 and "other data or code" in done.stdout
