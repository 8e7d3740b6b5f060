"""The files around the set-up: Makefile, .ci/run, environment.yml, hooks, what git leaves alone."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from pre_commit.clientlib import load_config

from setup.lock import cuda_version, every_pin, read_lock

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str, folder: Path = ROOT) -> str:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_ci_runs_the_readmes_command_and_nothing_else():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "exec make test"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "make test" in (ROOT / "README.md").read_text()


def test_help_lists_every_target():
    targets = re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = [line.split()[0] for line in make("help").splitlines() if line.startswith("  ")]
    assert listed == targets
    assert {"setup", "demo", "test", "help", "ui", "params", "sample"} <= set(targets)
    assert make() == make("help")


def test_every_target_that_needs_the_environment_sets_it_up():
    text = (ROOT / "Makefile").read_text()
    without = re.findall(r"^([a-z-]+): ##", text, re.MULTILINE)
    assert without == ["help", "setup", "clean", "clean-env"]


def test_pytest_speaks_last():
    commands = make("-n", "test")
    assert commands.index("setup/run") < commands.index("ruff check") < commands.index("mypy")
    assert commands.index("mypy") < commands.index("-m pytest")
    assert re.search(r"-m pytest -n [1-4] [^;]*; +exit \$status\s*$", commands.replace("\\\n", ""))


def test_clean_takes_leftovers_and_keeps_data(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = ["data/x/__pycache__/a.jpg", ".venv/lib/__pycache__/a.pyc", "models/weights.pt", "hemline/a.py"]
    gone = ["hemline/__pycache__/a.pyc", ".ruff_cache/x", "hemline.egg-info/PKG-INFO", "build/lib/a.py"]
    for name in kept + gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    said = make("clean", folder=tmp_path)
    assert [name for name in kept if not (tmp_path / name).exists()] == []
    assert [name for name in gone if (tmp_path / name).exists()] == []
    assert "removed ./hemline/__pycache__" in said


@pytest.fixture(scope="module")
def worker() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text())


def test_the_conda_environment_is_in_step_with_the_lock(worker):
    lock = read_lock(ROOT / "requirements")
    plain = [item for item in worker["dependencies"] if isinstance(item, str)]
    versions = dict(item.split("=") for item in plain if "=" in item)
    assert versions["python"] == "3.11"
    assert versions["cuda-version"] == cuda_version(lock)
    assert {version for name, version in versions.items() if name.startswith("cuda-")} == {cuda_version(lock)}
    for name in {*plain, *versions} & set(every_pin(lock)) - {"pip"}:
        assert versions.get(name) == every_pin(lock)[name]
    by_pip = [pin for item in worker["dependencies"] if isinstance(item, dict) for pin in item["pip"]]
    assert [pin for pin in by_pip if pin not in {f"{k}=={v}" for k, v in every_pin(lock).items()}] == []


def test_the_conda_environment_tells_make_setup_to_install_there_with_cuda(worker):
    assert worker["variables"] == {"HEMLINE_PYTHON": "python", "FORCE_CUDA": "1"}
    told = make("-n", "ui", "HEMLINE_PYTHON=sh", "-p")
    assert re.search(rf"^BIN := {re.escape(str(Path(shutil.which('sh')).parent))}$", told, re.MULTILINE)


def test_hooks_are_well_formed_and_call_make_lint():
    hooks = load_config(str(ROOT / ".pre-commit-config.yaml"))["repos"][0]["hooks"]
    assert hooks[0]["entry"] == "make lint"


def test_git_leaves_alone_what_the_stages_write():
    written = ["data/a", "models/a", "results/a", "metrics/a", "reports/a", "submissions/a", "runs/a", "mlflow.db",
               "mlruns/a", ".venv/a", "hemline/__pycache__/a.pyc"]  # fmt: skip
    sources = [
        "hemline/datasets/files.py",
        "hemline/reporting/page.py",
        "configs/a.py",
        "params/demo.yaml",
        "dvc.lock",
    ]
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *written, *sources], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == written
