"""The image's parts, as far as they go without an engine: the Dockerfile as text, the container's start for real."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from pipelines import remote
from setup.lock import cuda_version, read_lock
from tests.pipelines.project import ROOT, Project

CONTAINERS = ROOT / "containers"
ENTRYPOINT = CONTAINERS / "entrypoint"


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of this name, on one line each."""
    lines = [line for line in (CONTAINERS / "Dockerfile").read_text().splitlines() if line[:1] != "#"]
    whole = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [line.removeprefix(f"{name} ") for line in whole if line.startswith(f"{name} ")]


def copied() -> list[str]:
    """What COPY takes from the project."""
    return [part for words in instructions("COPY") if "--from" not in words for part in words.split()[:-1]]


# ---- the Dockerfile --------------------------------------------------------------------------------------


def test_what_is_copied_is_there():
    assert {"requirements", "setup", "containers/entrypoint"} < set(copied())
    assert [path for path in copied() if not (ROOT / path).exists()] == []


def test_commands_are_right_for_the_shell():
    for command in instructions("RUN"):
        script = re.sub(r"^(--\S+\s+)+", "", command)
        done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
    assert subprocess.run(["sh", "-n", ENTRYPOINT]).returncode == 0
    assert os.access(ENTRYPOINT, os.X_OK)


def test_versions_are_the_locks():
    lock = read_lock(ROOT / "requirements")
    (nvcc,) = [line for line in instructions("FROM") if line.startswith("nvidia/cuda:")]
    assert nvcc.startswith(f"nvidia/cuda:{lock['runtime']['cuda-toolkit']}-devel-")
    assert f"--from=cuda /usr/local/cuda-{cuda_version(lock)} /usr/local/cuda" in instructions("COPY")

    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    bases = [line for line in instructions("FROM") if line.startswith("python:")]
    assert python == ">=3.11,<3.12" and len(bases) == 2
    assert all(base.startswith("python:3.11-") and "bookworm" in base for base in bases)


def test_its_variables_are_the_makefiles():
    (given,) = [words.split() for words in instructions("ENV") if "HEMLINE_STATE" in words]
    exported = re.findall(r"^export (\w+) := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(exported) >= 6
    assert {f"{name}={value}" for name, value in exported if name != "PATH"} <= set(given)


def test_it_does_not_run_as_root():
    assert instructions("USER")[-1] == "1000"
    assert any("useradd --uid 1000" in command for command in instructions("RUN"))


def test_the_package_installed_from_what_is_copied_is_the_clone_that_comes_later(tmp_path):
    hemline, wheel = tmp_path / "hemline", tmp_path / "wheel"
    hemline.mkdir()
    for path in copied():
        (hemline / path).parent.mkdir(parents=True, exist_ok=True)
        (hemline / path).symlink_to(ROOT / path)
    (hemline / "README.md").touch()
    build = f"from setuptools import build_meta; print(build_meta.build_editable({str(wheel)!r}))"
    name = subprocess.check_output([sys.executable, "-c", build], cwd=hemline, text=True).splitlines()[-1]
    zipfile.ZipFile(wheel / name).extractall(wheel)

    for package in ("hemline", "pipelines"):
        shutil.rmtree(hemline / package)
        (hemline / package).symlink_to(ROOT / package)
    (finder,) = wheel.glob("__editable__*.py")
    look = (
        f"import {finder.stem} as f; f.install(); import pipelines.leases; print(pipelines.leases.__file__)"
    )
    # -S: without the packages of the environment, the project's own among them
    found = subprocess.check_output(
        [sys.executable, "-S", "-c", look], cwd=tmp_path, env={"PYTHONPATH": str(wheel)}, text=True
    )
    assert found.strip() == str(hemline / "pipelines" / "leases.py")


# ---- the container's start -------------------------------------------------------------------------------


@pytest.fixture
def origin(tmp_path):
    project = Project(tmp_path / "origin", ["a"], git=True)
    project.commit("first")
    return project


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "container" / "data" / "raw").mkdir(parents=True)  # a volume, mounted below
    return tmp_path / "container"


def start(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What a container with an empty /hemline does."""
    env = {"PATH": os.environ["PATH"], "HEMLINE_ENV_FILE": f"{folder.parent}/hemline.env", **environ}
    return subprocess.run([ENTRYPOINT, *command], cwd=folder, env=env, capture_output=True, text=True)


def head(folder: Path) -> str:
    return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True)


def test_a_container_has_its_clone_when_the_command_starts(origin, folder):
    done = start(folder, "cat", "work.py", HEMLINE_REPOSITORY=str(origin.root))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (origin.root / "work.py").read_text()
    assert head(folder) == head(origin.root) and (folder / "data" / "raw").is_dir()
    assert remote.uncommitted(folder) == []


def test_a_clone_that_lasts_stays_as_it_is(origin, folder):
    assert start(folder, "true", HEMLINE_REPOSITORY=str(origin.root)).returncode == 0
    first = head(folder)
    (origin.root / "more").write_text("more")
    origin.commit("second")
    assert start(folder, "true").returncode == 0
    assert head(folder) == first != head(origin.root)


def test_the_worker_checks_out_commits_of_any_branch_in_it(origin, folder, monkeypatch):
    assert start(folder, "true", HEMLINE_REPOSITORY=str(origin.root)).returncode == 0
    subprocess.run(["git", "checkout", "-q", "-b", "other"], cwd=origin.root, check=True)
    (origin.root / "more").write_text("more")
    origin.commit("on another branch")
    wanted = head(origin.root)
    subprocess.run(["git", "checkout", "-q", "main"], cwd=origin.root, check=True)
    monkeypatch.chdir(folder)
    remote._check_out(folder, wanted.strip())
    assert head(folder) == wanted and (folder / "more").is_file()


def test_a_clone_that_was_interrupted_is_gone_on_with(origin, folder):
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "work.py").write_text("half of i")
    assert start(folder, "true", HEMLINE_REPOSITORY=str(origin.root)).returncode == 0
    assert (folder / "work.py").read_text() == (origin.root / "work.py").read_text()


def test_without_a_repository_it_says_what_is_missing(folder):
    done = start(folder, "true")
    assert done.returncode != 0 and "HEMLINE_REPOSITORY: give the URL" in done.stderr


def test_secrets_are_taken_as_they_stand(origin, folder):
    lines = ["# a comment=1", "", "AWS_SECRET_ACCESS_KEY=a b$(id)'\"\\", "LAST=without newline"]
    (folder.parent / "hemline.env").write_text("\n".join(lines))
    done = start(folder, "env", HEMLINE_REPOSITORY=str(origin.root))
    assert done.returncode == 0, done.stderr
    assert {lines[2], lines[3]} < set(done.stdout.splitlines())


def test_credentials_of_git_are_secrets_too(origin, folder):
    """As docs/containers.md has them: the clone's own config knows the plain URL alone."""
    key = f"GIT_CONFIG_KEY_0=url.{origin.root.parent}/.insteadOf"
    lines = ["GIT_CONFIG_COUNT=1", key, "GIT_CONFIG_VALUE_0=https://git.example.com/"]
    (folder.parent / "hemline.env").write_text("\n".join(lines))
    url = "https://git.example.com/origin"
    done = start(folder, "git", "config", "--local", "remote.origin.url", HEMLINE_REPOSITORY=url)
    assert (done.stdout.strip(), head(folder)) == (url, head(origin.root)), done.stderr


def test_the_command_takes_the_shells_place(origin, folder):
    """Signals reach it, and its exit status is the container's."""
    env = {**os.environ, "HEMLINE_ENV_FILE": "", "HEMLINE_REPOSITORY": str(origin.root)}
    command = [ENTRYPOINT, "sh", "-c", "echo $$; exit 7"]
    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as process:
        output, _ = process.communicate()
    assert (int(output), 7) == (process.pid, process.returncode)
