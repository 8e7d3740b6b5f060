"""The flow of a sweep: what its target needs is brought up to date before."""

from pipelines.sweep import _bring_up_to_date
from tests.pipelines.project import Project


def test_a_target_that_needs_nothing_has_nothing_run_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.sweep.pipeline", None)
    assert _bring_up_to_date(Project(tmp_path / "project", ["a"]).root, []) is None
