"""`hemline run` with what doesn't fit: refused before a server or a stage is started."""

import shutil

import pytest

from hemline.commands import main
from tests.pipelines.project import ROOT, Project


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json"], "--json is the plan for programs: give --dry-run with it"),
        (["--slots", "0"], "--slots is 0: give a number from 1 to 9999"),
        (["--slots", "10000", "--dry-run"], "--slots is 10000: give a number from 1 to 9999"),
        (["--retries", "-1"], "--retries is -1: give a number from 0 to 10"),
        (["--retries", "11"], "--retries is 11: give a number from 0 to 10"),
        (["--retry-seconds", "-3"], "--retry-seconds is -3: give a number from 0"),
        (["--retry-seconds", "nan"], "--retry-seconds is nan: give a number from 0"),
    ],
)
def test_refused_at_once(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {}")
    assert main(["run", *arguments]) == 2
    assert capsys.readouterr().err == f"error: {said}\n"
    assert not (tmp_path / "logs").exists()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project, in which no server can be started."""
    project = Project(tmp_path / "project", ["a"], git=True)
    project.commit("all of it")
    monkeypatch.chdir(project.root)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr("pipelines.server.OwnServer", None)
    return project


def refused(capsys, *arguments):
    """What a command that is refused says."""
    assert main(arguments) == 2
    return capsys.readouterr().err.removeprefix("error: ")


def test_an_unknown_stage(project, capsys):
    assert refused(capsys, "run", "fti").startswith("dvc.yaml: no stage 'fti'; did you mean fit?")


def test_workers_see_only_what_is_committed(project, capsys):
    project.params["rate"]["a"] = 2
    project.write()
    assert "changes that are not committed (params.yaml)" in refused(capsys, "run", "--machines", "workers")


@pytest.mark.parametrize("command", [("run",), ("sweep", "run", "speed")])
@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("HEMLINE_SLOTS", "HEMLINE_SLOTS is '/dev/null'"),
        ("HEMLINE_LEASES", "/dev/null: can't make the leases'"),
    ],
)
def test_a_bad_variable(project, capsys, monkeypatch, command, variable, said):
    if command[0] == "sweep":
        shutil.copy(ROOT / "params/demo.yaml", "params.yaml")
    monkeypatch.setenv(variable, "/dev/null")
    assert refused(capsys, *command).startswith(said)


@pytest.mark.parametrize("name", ["logs", "runs"])
def test_a_file_in_the_place_of_a_folder(project, capsys, name):
    (project.root / name).touch()
    said = f"{name}: must be a folder that can be written in (File exists)\n"
    assert refused(capsys, "run") == said


def test_a_folder_that_may_not_be_written_in(project, capsys, monkeypatch):
    monkeypatch.setenv("HEMLINE_RUNS", "/proc/runs")  # nobody may, root included
    assert refused(capsys, "run").startswith("/proc/runs: must be a folder that can be written in (")
