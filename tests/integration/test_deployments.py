"""The deployments of prefect.yaml on a server and a worker as `make ui` starts them, used as the UI uses them."""

import os
import subprocess
import sys

import httpx
import pytest

from tests.pipelines.project import ROOT, Project
from tests.pipelines.waiting import alive, deploy, prefect_server, start_worker, until

SERVICES = ("SCHEDULER", "TRIGGERS")  # a server that stays has them


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project") / "project", ["a", "b"], git=True)


@pytest.fixture(scope="module")
def ui(project, tmp_path_factory):
    """Calls of the server's API, as the UI makes them."""
    services = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "true" for name in SERVICES}
    with prefect_server(tmp_path_factory.mktemp("prefect"), **services) as server:
        worker = start_worker(project)
        deploy(server, "--all")
        with httpx.Client(base_url=server.url, timeout=30) as client:
            yield client
        worker.terminate()
        worker.wait(60)


@pytest.fixture
def pipeline(ui):
    return ui.get("/deployments/name/hemline/pipeline").json()


def start(ui, deployment, **parameters):
    return ui.post(f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": parameters})


def started(ui, deployment, **parameters):
    """The id of the run. A busy SQLite makes the server answer 503, upon which Prefect's own client asks again."""
    answer = until(lambda: one if (one := start(ui, deployment, **parameters)).status_code != 503 else None)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def ended(ui, run):
    """Its last state, once it has one."""

    def state():
        now = ui.get(f"/flow_runs/{run}").json()["state"]
        return now if now["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    return until(state, 240)


def test_all_that_the_readme_names_is_there(ui):
    names = {found["name"] for found in ui.post("/deployments/filter", json={}).json()}
    assert names == {"pipeline", "train", "evaluate-and-submit", "oneshot", "networks", "sweep", "stage"}


def test_the_form_knows_types_and_meanings(pipeline):
    fields = pipeline["parameter_openapi_schema"]["properties"]
    assert list(fields) == ["targets", "machines", "retries", "retry_seconds"]
    assert all(field["description"] for field in fields.values())
    assert fields["machines"]["enum"] == ["this", "workers"] and fields["retries"]["maximum"] == 10


@pytest.mark.parametrize("wrong", [{"retries": "many"}, {"machines": "mine"}, {"retries": 11}])
def test_wrong_parameters_are_refused(ui, pipeline, wrong):
    answer = start(ui, pipeline, **wrong)
    assert answer.status_code in (409, 422) and str(*wrong.values()) in answer.text


def test_a_run_started_in_the_ui(ui, pipeline, project):
    state = ended(ui, started(ui, pipeline, targets=["other"]))
    assert state["type"] == "COMPLETED" and state["message"] == "3 stages ran, 0 were up to date"
    assert project.ran() == ["prepare", "a", "other"]


def test_a_run_cancelled_in_the_ui_leaves_no_process(ui, pipeline, project):
    project.ran()
    project.params["rate"]["b"] = 2
    project.write()
    project.order("b", "wait 300")
    run = started(ui, pipeline, targets=["fit"])
    stage = until(lambda: project.pids().get("b"), 240)
    ui.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLING", "name": "Cancelling"}})
    assert ended(ui, run)["type"] == "CANCELLED"
    until(lambda: not alive(stage), 60)
    project.order("b", "")


def test_the_next_nights_are_scheduled(ui, pipeline):
    wanted = {
        "deployments": {"id": {"any_": [pipeline["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    runs = until(lambda: ui.post("/flow_runs/filter", json=wanted).json(), 120)
    assert {run["expected_start_time"][11:16] for run in runs if run["auto_scheduled"]} == {"02:00"}


def test_changed_data_start_a_run(ui, pipeline, project):
    (project.root / "raw.dvc").write_text("outs: []")
    project.commit("new data")
    (project.root / "raw.dvc").write_text("outs: [] ")
    project.commit("newer data")
    announce = [sys.executable, "-m", "pipelines.announce", "HEAD~1", "HEAD"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(announce, cwd=project.root, env=environ, capture_output=True, text=True, check=True)
    assert "raw.dvc" in said.stdout

    def runs():
        wanted = {"deployments": {"id": {"any_": [pipeline["id"]]}}, "sort": "START_TIME_DESC"}
        return [
            run for run in ui.post("/flow_runs/filter", json=wanted).json() if created_by(run) == "AUTOMATION"
        ]

    (run,) = until(runs, 120)
    assert ended(ui, run["id"])["type"] == "COMPLETED"
    assert (project.root / "out" / "gather").is_file()


def created_by(run):
    return (run["created_by"] or {}).get("type")
