"""`hemline params`: switching sets, checking one."""

from pathlib import Path

import pytest

from hemline.commands import main
from hemline.params import load_params, read_values

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with params.yaml and two sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hemline.commands.params.PARAMS", Path("params.yaml"))
    demo = (ROOT / "params/demo.yaml").read_text()
    (tmp_path / "params").mkdir()
    (tmp_path / "params/demo.yaml").write_text(demo)
    (tmp_path / "params/other.yaml").write_text(demo.replace("params_set: demo", "params_set: other"))
    (tmp_path / "params.yaml").write_text(demo)
    return tmp_path


def test_switching_sets_shows_the_difference_and_comes_back(project, capsys):
    before = (project / "params.yaml").read_text()
    assert main(["params", "use", "other"]) == 0
    assert "+params_set: other" in capsys.readouterr().out
    assert load_params("params.yaml").params_set == "other"
    assert main(["params", "use", "demo"]) == 0
    assert (project / "params.yaml").read_text() == before


def test_switching_loses_nothing(project, capsys):
    mine = (project / "params.yaml").read_text() + "\n# mine\n"
    (project / "params.yaml").write_text(mine)
    assert main(["params", "use", "other"]) == 2
    assert "changes that no set" in capsys.readouterr().err
    assert (project / "params.yaml").read_text() == mine
    assert main(["params", "use", "other", "--force"]) == 0


def test_unknown_set_is_refused(project, capsys):
    assert main(["params", "use", "huge"]) == 2
    assert "there are demo, other" in capsys.readouterr().err


def test_check_reads_the_sweeps_too(project, capsys):
    assert main(["params", "check", "params.yaml"]) == 0
    assert "params.yaml: demo, every key known" in capsys.readouterr().out
    text = (
        (project / "params.yaml").read_text().replace("estimator.network.width:", "estimator.network.girth:")
    )
    (project / "params.yaml").write_text(text)
    assert main(["params", "check", "params.yaml"]) == 2
    assert "sweeps.speed.space: estimator.network.girth: no such key" in capsys.readouterr().err


def test_a_file_that_is_no_text_is_refused(project, capsys):
    assert main(["params", "check", "params"]) == 2
    assert capsys.readouterr().err == "error: params: can't be read (Is a directory)\n"
    (project / "params/other.yaml").write_bytes(b"params_set: \xff")
    assert main(["params", "check", "params/other.yaml"]) == 2
    assert capsys.readouterr().err.startswith("error: params/other.yaml: not YAML ('utf-8' codec")
    assert main(["params", "list"]) == 0


def test_a_key_that_is_given_twice_is_refused(project, capsys):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(f"{text}\nparams_set: mine\n")
    assert main(["params", "check"]) == 2
    first, last = text.splitlines().index("params_set: demo") + 1, text.count("\n") + 2
    said = f"line {last}: params_set is given twice, first in line {first}"
    assert capsys.readouterr().err == f"error: params.yaml: not YAML ({said})\n"


def test_a_key_beside_a_merge_is_given_once(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, <<: *a, x: 3}\n")
    assert read_values(path) == {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 3, "y": 1}}
