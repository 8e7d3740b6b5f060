import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from setup.environment import Environment
from setup.lock import SetupError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.of(tmp_path_factory.mktemp("project"), in_place=False)
    assert not environment.works()
    environment.create()
    return environment


def test_a_new_environment_works_where_it_was_made(made):
    assert made.works()
    said = subprocess.run(
        [made.python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        capture_output=True,
        text=True,
    )
    assert said.stdout.strip() == str(made.site)


def test_a_broken_environment_is_replaced(tmp_path):
    environment = Environment.of(tmp_path, in_place=False)
    (environment.prefix / "bin").mkdir(parents=True)
    (environment.prefix / "left").touch()
    environment.create()
    assert environment.works()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv"]
    assert not (environment.prefix / "left").exists()


def test_a_moved_environment_does_not_work(made, tmp_path):
    moved = Environment.of(tmp_path, in_place=False)
    moved.prefix.parent.mkdir(exist_ok=True)
    made.prefix.rename(moved.prefix)
    try:
        assert not moved.works()
    finally:
        moved.prefix.rename(made.prefix)
    assert made.works()


def test_pip_failures_are_reported_with_the_log(made, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SetupError) as caught:
        made.install("one package", {"hemline-no-such-package": "1.0"})
    assert "hemline-no-such-package==1.0" in str(caught.value)
    assert str(made.prefix / "hemline-setup.log") in str(caught.value)


def test_packages_that_do_not_import_are_reported(made):
    with pytest.raises(SetupError, match="do not work together"):
        made.try_out()


def test_in_place_is_the_running_pythons_environment():
    environment = Environment.of(Path("/anywhere"), in_place=True)
    assert (environment.prefix, environment.python) == (Path(sys.prefix), Path(sys.executable))
    assert environment.site == Path(sysconfig.get_paths()["purelib"])
    assert environment.works()
