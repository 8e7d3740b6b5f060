import os
import shutil
import subprocess
from pathlib import Path

import pytest

from setup import machine, preflight
from setup.lock import SetupError
from setup.preflight import Need, Problem

ROOT = Path(__file__).resolve().parents[2]


def tools(folder: Path, *names: str) -> str:
    """A PATH that has only these tools of the machine's."""
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def call_run(path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("sh"), str(ROOT / "setup" / "run")]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": path, **environment})


def test_without_python_311_the_commands_that_bring_it_are_named(tmp_path):
    done = call_run(tools(tmp_path, "dirname", "cat"))
    assert done.returncode == 2
    assert "no Python 3.11" in done.stderr
    assert "Nothing was downloaded" in done.stderr
    assert "sudo apt-get install python3.11 python3.11-venv python3.11-dev" in done.stderr
    assert "conda create -n hemline" in done.stderr


def test_a_given_python_that_is_not_311_is_refused(tmp_path):
    done = call_run(tools(tmp_path, "dirname", "cat"), HEMLINE_PYTHON=shutil.which("false"))
    assert done.returncode == 2
    assert "HEMLINE_PYTHON" in done.stderr and "not a Python 3.11" in done.stderr


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "sudo apt-get install g++"),
        ("dnf", "sudo dnf install gcc-c++"),
        ("conda", "conda install -c conda-forge gxx_linux-64=13"),
    ],
)
def test_a_missing_compiler_is_named_with_the_managers_command(monkeypatch, manager, command):
    monkeypatch.setenv("CXX", "no-such-compiler")
    (problem,) = preflight.compiler_problems(manager)
    assert "no C++ compiler (no-such-compiler)" in problem.what
    assert problem.mend == command


def test_an_unknown_manager_gets_all_commands():
    assert preflight.mending("git", "pacman").split("; or ") == [
        "sudo apt-get install git", "sudo dnf install git", "conda install -c conda-forge git",
    ]  # fmt: skip


def test_missing_headers_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "sh")
    monkeypatch.setattr(machine, "headers", lambda: tmp_path)
    (problem,) = preflight.compiler_problems("apt-get")
    assert f"{tmp_path}/Python.h" in problem.what
    assert problem.mend == "sudo apt-get install python3.11-dev"


def test_a_compiler_that_does_not_compile_is_told_apart_from_one_that_does(monkeypatch, tmp_path):
    (tmp_path / "Python.h").write_text("")
    monkeypatch.setattr(machine, "headers", lambda: tmp_path)
    compiler = tmp_path / "compiler"
    for code, expected in ((0, 0), (1, 1)):
        compiler.write_text(f"#!/bin/sh\necho 'it has no C++17'\nexit {code}\n")
        compiler.chmod(0o755)
        monkeypatch.setenv("CXX", str(compiler))
        problems = preflight.compiler_problems("apt-get")
        assert len(problems) == expected
    assert "it has no C++17" in problems[0].what


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (("Linux", "x86_64", ("glibc", "2.36")), None),
        (("Linux", "x86_64", ("glibc", "2.17")), "glibc 2.17"),
        (("Linux", "x86_64", ("", "")), None),
        (("Linux", "aarch64", ("glibc", "2.36")), "Linux on aarch64"),
        (("Darwin", "arm64", ("", "")), "Darwin on arm64"),
    ],
)
def test_platforms(facts, said):
    problems = preflight.platform_problems(*facts)
    assert [said in problem.what for problem in problems] == ([] if said is None else [True])


@pytest.mark.parametrize(
    ("variant", "nvcc", "said"),
    [("cpu", "", None), ("cpu", "11.8", None), ("cu130-9.0", "13.1", None), ("cu130-9.0", "", "nvcc is missing"),
     ("cu130-9.0", "12.4", "is CUDA 12.4's")],
)  # fmt: skip
def test_cuda_operators_need_nvcc_of_torchs_major_version(variant, nvcc, said):
    problems = preflight.cuda_problems(variant, "13.0", nvcc, "conda")
    if said is None:
        assert problems == []
    else:
        assert said in problems[0].what
        assert "conda install -c conda-forge cuda-nvcc cuda-version=13.0" in problems[0].mend


def test_the_systems_own_python_is_not_installed_into(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("sys.base_prefix", str(tmp_path))
    assert "system's own Python" in preflight.python_problems(True, "apt-get")[0].what
    (tmp_path / "conda-meta").mkdir()
    assert preflight.python_problems(True, "apt-get") == []


def test_a_python_without_ensurepip_is_mended_by_debians_venv_package(monkeypatch):
    found = preflight.importlib.util.find_spec
    monkeypatch.setattr(
        preflight.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else found(name)
    )
    (problem,) = preflight.python_problems(False, "apt-get")
    assert problem.mend == "sudo apt-get install python3.11-venv"


def test_disk_space_is_summed_over_what_shares_a_disk(monkeypatch):
    disks = {Path("/venv"): 1, Path("/cache"): 1, Path("/tmp"): 2}
    free = {1: int(7.5e9), 2: int(1e9)}
    monkeypatch.setattr(machine, "free_disk", lambda path: (disks[path], free[disks[path]]))
    venv, cache = Need(Path("/venv"), 7.0, "the environment"), Need(Path("/cache"), 1.0, "compiling mmcv")
    assert preflight.disk_problems([venv]) == []
    (problem,) = preflight.disk_problems([venv, cache, Need(Path("/tmp"), 0.5, "downloads")])
    assert problem.what.startswith("8.0 GB of disk space are needed, 7.5 GB are free")
    assert "7.0 GB for the environment in /venv, 1.0 GB for compiling mmcv in /cache" in problem.what
    assert "TMPDIR" in problem.mend


def test_disk_needs_shrink_as_the_environment_fills(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    empty = preflight.disk_needs(tmp_path, tmp_path, build=True)
    assert [need.gigabytes for need in empty] == [
        preflight.GB_ENVIRONMENT, preflight.GB_DOWNLOADS, preflight.GB_BUILD,
    ]  # fmt: skip
    monkeypatch.setattr(machine, "used_disk", lambda _: preflight.GB_ENVIRONMENT * 1e9)
    assert [need.gigabytes for need in preflight.disk_needs(tmp_path, tmp_path, build=False)] == [0.5]


def test_used_and_free_disk_are_read_from_the_nearest_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 1000)
    assert machine.used_disk(tmp_path) == 1000
    assert machine.used_disk(tmp_path / "none") == 0
    assert machine.free_disk(tmp_path / "none" / "deeper")[0] == os.stat(tmp_path).st_dev


def test_all_problems_are_said_at_once_each_with_its_command():
    preflight.require([])
    with pytest.raises(SetupError) as caught:
        preflight.require([Problem("no this", "get this"), Problem("no that", "get that")])
    assert "Nothing was downloaded" in str(caught.value)
    assert "- no this\n  mend it with: get this\n- no that\n  mend it with: get that" in str(caught.value)


def test_compile_jobs_follow_max_jobs_then_cores_and_memory(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(machine, "free_memory", lambda: 3.0e9)
    monkeypatch.delenv("MAX_JOBS", raising=False)
    assert machine.compile_jobs() == 2
    monkeypatch.setattr(machine, "free_memory", lambda: 64e9)
    assert machine.compile_jobs() == 8
    monkeypatch.setenv("MAX_JOBS", "3")
    assert machine.compile_jobs() == 3
