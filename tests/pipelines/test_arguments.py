"""`hemline run` with arguments that don't fit: refused before a server or a stage is started."""

import pytest

from hemline.commands import main


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
