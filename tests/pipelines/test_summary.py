"""What a run leaves in Prefect: AP of its rows, wherever their metrics lie."""

import json
from types import SimpleNamespace

from pipelines.summary import _metrics, _mlflow


def test_rows_of_all_pages_are_listed(tmp_path):
    """One-shot rows stand in their page's folder; a network that finds boxes alone has no landmark AP."""
    written = {
        "evaluate/ensemble": {"AP": -1.0, "AP_box": 0.7},  # no labelled landmark
        "oneshot/deepmark/dla": {"AP": 0.5, "AP_box": 0.65},
        "oneshot/kgdet/retina": {"AP_box": 0.63},  # as `evaluate_ablation` says it
        "networks/cpn": {"AP": 0.4, "AP_box": 0.1},
        "oneshot/dla": {"AP": 0.1, "AP_box": 0.1},  # left by a pipeline without pages
    }
    for name, numbers in written.items():
        path = tmp_path / f"metrics/{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(numbers))
    names = [
        "evaluate@ensemble",
        "evaluate_oneshot@dla",
        "evaluate_oneshot@retina",
        "evaluate_network@cpn",
        "evaluate_oneshot@old",
        "report",
    ]
    planned, done = (
        dict.fromkeys(names),
        dict.fromkeys(name for name in names if name != "evaluate_oneshot@old"),
    )
    run = SimpleNamespace(root=tmp_path, plan=SimpleNamespace(planned=planned), done=done)
    assert _metrics(run).splitlines()[2:] == [
        "| ensemble | – | 0.700 |",
        "| dla | 0.500 | 0.650 |",
        "| retina | – | 0.630 |",
        "| cpn | 0.400 | 0.100 |",
    ]


def test_a_password_of_the_tracking_server_is_not_shown(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@host:5000")
    monkeypatch.setattr("hemline.tracking.projection.find_parent", lambda *_: ("1", "abc"))
    assert "(https://host:5000/#/experiments/1/runs/abc)" in _mlflow()
