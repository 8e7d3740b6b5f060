"""How many cores a process may use."""

import os

import pytest

from hemline import processes


@pytest.mark.parametrize(
    ("content", "expected"),
    [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("900000 100000", 8)],
)
def test_a_containers_quota_counts(tmp_path, monkeypatch, content, expected):
    (tmp_path / "cpu.max").write_text(content)
    monkeypatch.setattr(processes, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    assert processes.cores() == expected


def test_without_one_it_is_what_the_process_is_bound_to(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "QUOTA", tmp_path / "none")
    assert processes.cores() == len(os.sched_getaffinity(0))
