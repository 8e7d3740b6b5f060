"""The flow as a user runs it: `hemline run` in a small DVC project, with a Prefect server that the tests share."""

import os
import re
import signal
import time

import httpx
import pytest

from hemline.tracking.records import read_events
from tests.pipelines.project import ITEMS, Project
from tests.pipelines.waiting import alive, prefect_server, until

FITS = {f"fit@{item}" for item in ITEMS}
ALL = {"prepare", "gather", "other", *FITS}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("prefect")
    with prefect_server(home, DVC_SITE_CACHE_DIR=str(home / "dvc")) as own:
        yield own


@pytest.fixture
def project(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HEMLINE_LEASES", str(tmp_path / "leases"))
    return Project(tmp_path / "project")


@pytest.fixture
def small(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HEMLINE_LEASES", str(tmp_path / "leases"))
    monkeypatch.setenv("HEMLINE_SLOTS", "2")  # a and b side by side, on a single core too
    return Project(tmp_path / "project", ["a", "b"])


def last_run(server):
    """The last flow run in Prefect: its state, its task runs' states by name, how often each was run."""
    flow_run = httpx.post(
        f"{server.url}/flow_runs/filter", json={"sort": "START_TIME_DESC", "limit": 1}
    ).json()[0]
    wanted = {"task_runs": {"flow_run_id": {"any_": [flow_run["id"]]}}}
    for _ in range(50):  # task runs reach the server in the background
        tasks = httpx.post(f"{server.url}/task_runs/filter", json=wanted).json()
        if all(task["state_type"] in ("COMPLETED", "FAILED", "CANCELLED") for task in tasks):
            break
        time.sleep(0.1)
    return flow_run, {task["name"]: task for task in tasks}


def cached(project):
    """The stages that the records of pipeline runs call cached."""
    paths = (project.root / "runs").glob("pipeline-*.jsonl")
    events = [event for path in paths for event in read_events(path)[0]]
    return [event["stage"] for event in events if event["event"] == "cached"]


def test_every_stage_once_then_all_cached_then_what_changed(server, project):
    code, output = project.run()
    assert code == 0, output
    assert sorted(project.ran()) == sorted(["prepare", "gather", "other", *ITEMS])
    assert project.locked() == ALL
    flow_run, tasks = last_run(server)
    assert flow_run["state_type"] == "COMPLETED" and set(tasks) == ALL
    upstream = {entry["id"] for entry in tasks["gather"]["task_inputs"]["wait_for"]}
    assert upstream == {tasks[name]["id"] for name in FITS}

    assert project.run()[0] == 0
    _, tasks = last_run(server)
    assert project.ran() == [] and {task["state_name"] for task in tasks.values()} == {"Cached"}
    assert sorted(cached(project)) == sorted(ALL), "each is said once in the pipeline's record, for MLflow"
    assert project.run()[0] == 0
    assert len(cached(project)) == len(ALL), "and not again while commit and params are the same"

    project.params["rate"]["c"] = 2
    project.write()
    plan = project.plan()
    assert plan["to_run"] == ["fit@c", "gather"]
    assert plan["stages"]["fit@c"]["why"] == ["params.yaml: rate.c changed (1 → 2)"]
    assert project.run()[0] == 0
    assert project.ran() == ["c", "gather"]


def test_a_failed_stage_costs_only_what_depends_on_it(server, project):
    project.order("b", "fail rate.b is odd")
    code, output = project.run()
    assert code == 1
    assert "fit@b: rate.b is odd" in output.splitlines()[-1] and "Skipped because of that: gather" in output
    assert project.locked() == ALL - {"fit@b", "gather"}
    assert project.ran().count("b") == 1, "bad params are not tried again"
    flow_run, tasks = last_run(server)
    assert flow_run["state_type"] == "FAILED" and "rate.b is odd" in flow_run["state"]["message"]
    assert tasks["gather"]["state_name"] == "Skipped"
    assert tasks["gather"]["state"]["message"] == "not run: fit@b failed"
    project.order("b", "")
    assert project.run()[0] == 0
    assert project.ran() == ["b", "gather"]


def test_what_may_pass_is_tried_again(server, small, monkeypatch):
    small.order("a", "once Connection reset by peer")
    code, output = small.run("--retry-seconds", "0.1")
    assert code == 0, output
    assert small.ran().count("a") == 2
    assert last_run(server)[1]["fit@a"]["run_count"] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_flow_leaves_nothing_and_the_next_goes_on(server, small, number):
    small.order("a", "wait 300")
    flow = small.start()
    until(lambda: "a" in small.pids() and "fit@b" in small.locked())
    worker = small.pids()["a"]
    os.kill(flow.pid, number)
    flow.communicate(timeout=180)
    assert flow.returncode != 0
    until(lambda: not alive(worker), 60)
    assert small.locked() >= {"prepare", "fit@b"}
    small.ran()
    small.order("a", "")
    code, output = small.run(HEMLINE_SLOTS="1")  # a slot that is still taken would be waited for
    assert code == 0, output
    assert sorted(small.ran()) == ["a", "gather", "other"]


def test_a_killed_stage_is_a_failed_stage(server, small):
    small.order("a", "wait 300")
    flow = small.start()
    os.kill(until(lambda: small.pids().get("a")), signal.SIGKILL)
    output, _ = flow.communicate(timeout=180)
    assert flow.returncode == 1 and "fit@a" in output.splitlines()[-1]
    assert small.locked() == {"prepare", "fit@b"}


def test_what_a_run_leaves_in_prefect(server, small):
    assert small.run("fit")[0] == 0
    flow_run, tasks = last_run(server)
    assert set(tasks) == {"prepare", "fit@a", "fit@b"}
    wanted = {"artifacts": {"flow_run_id": {"any_": [flow_run["id"]]}}}
    (artifact,) = httpx.post(f"{server.url}/artifacts/filter", json=wanted).json()
    assert "| fit@a | ran |" in artifact["data"] and "cpu slot" in artifact["data"]
    wanted = {"logs": {"task_run_id": {"any_": [tasks["fit@a"]["id"]]}}}
    logs = until(lambda: httpx.post(f"{server.url}/logs/filter", json=wanted).json())
    assert any("Running stage 'fit@a'" in line["message"] for line in logs)
    (log,) = small.root.glob("logs/*/fit@a.log")
    assert "Running stage 'fit@a'" in log.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["fti"], "no stage 'fti'; did you mean fit"), (["--slots", "0"], "--slots is 0")],
)
def test_bad_arguments_start_nothing(small, arguments, said):
    code, output = small.run(*arguments)
    assert code == 2 and said in output
    assert small.ran() == [] and not (small.root / "logs").exists()


def test_a_stage_gets_all_its_gpus_or_the_run_is_refused(small, monkeypatch):
    monkeypatch.setenv("HEMLINE_GPUS", "0,1")
    small.params["rate"]["a"] = {"gpus": 3}
    small.write()
    code, output = small.run("fit")
    assert code == 1 and "params.yaml: rate.a.gpus is 3, but fit@a finds 2 here (0, 1)" in output
    assert small.ran() == [], "nothing is run before that is known"
    small.params["rate"]["a"] = {"gpus": 2}
    small.write()
    code, output = small.run("fit")
    assert code == 0 and "fit@a] on gpus 0, 1: " in output


def test_without_a_server_it_has_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("HEMLINE_LEASES", str(tmp_path / "leases"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    project = Project(tmp_path / "project", ["a"])
    code, output = project.run()
    assert code == 0, output
    assert "4 stages ran, 0 were up to date" in output and "Traceback" not in output
    with pytest.raises(httpx.TransportError):
        httpx.get(re.search(r"http://127\.0\.0\.1:\d+", server_log(project))[0])


def server_log(project):
    return (project.root / "logs" / "prefect-server.log").read_text()
