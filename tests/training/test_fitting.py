"""Training: what it records, where it starts; weights on disk, whose loading executes nothing."""

import json
import pickle

import pytest
import torch

from hemline.errors import HemlineError
from hemline.training import hooks, load_weights, save_weights
from hemline.training.facts import peak_memory
from tests.training import toy
from tests.training.toy import Line


def test_long_epochs_have_a_curve_within(tmp_path, monkeypatch):
    monkeypatch.setattr(hooks, "RECORD_STEPS", 2)
    lines = []
    toy.train(tmp_path, record=lines.append)
    within = [line for line in lines if "epoch" not in line]
    epochs = [line for line in lines if "epoch" in line]
    assert [line["iteration"] for line in within] == [2, 4, 6, 8, 10, 12, 14, 16]
    assert set(within[0]) == {"iteration", "step/lr", "step/loss"}
    means = [
        (one["step/loss"] + two["step/loss"]) / 2 for one, two in zip(within[::2], within[1::2], strict=True)
    ]
    assert means == pytest.approx([line["loss"] for line in epochs])
    assert [line["step/lr"] for line in within] == pytest.approx([0.055, *[0.1] * 5, 0.01, 0.01])
    assert [line["epoch"] for line in toy.lines(tmp_path)] == [1, 2, 3, 4]


def test_what_a_training_cost_is_on_its_record(tmp_path):
    toy.train(tmp_path)
    assert json.loads((tmp_path / "out/model.json").read_text()) == {
        "parameters": 41
    }  # 4 weights and a bias; 4 x 2 x 2 x 2 and 4 biases
    peaks = [line["peak_memory_mb"] for line in toy.lines(tmp_path)]
    assert peaks == sorted(peaks) and peaks[0] > 50


def test_memory_is_the_gpus_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 2_512_345)
    assert peak_memory() == 2.5


def test_init_is_where_training_starts(tmp_path):
    model = Line()
    save_weights(model, tmp_path / "init.pt")
    toy.train(tmp_path, {"lr": 1e-30}, init=tmp_path / "init.pt")
    after = torch.load(tmp_path / "out/weights.pt", weights_only=True)
    assert torch.equal(after["linear.weight"], model.state_dict()["linear.weight"])


def test_weights_round_trip_and_report(tmp_path):
    save_weights(Line(), tmp_path / "weights.pt")
    assert load_weights(Line(), tmp_path / "weights.pt").taken == tuple(Line().state_dict())
    torch.save(
        {"state_dict": {"linear.weight": torch.zeros(1, 5), "other": torch.zeros(1)}}, tmp_path / "odd.pt"
    )
    report = load_weights(Line(), tmp_path / "odd.pt", strict=False)
    assert report.skipped == ("other",)
    assert report.reshaped == {"linear.weight": ((1, 5), (1, 4))}
    assert "linear.bias" in report.missing and "linear.weight" not in report.missing
    with pytest.raises(HemlineError, match="weights don't fit this model: 0 of the model's 4 keys"):
        load_weights(Line(), tmp_path / "odd.pt")


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_loading_executes_nothing(tmp_path):
    trap = Trap(str(tmp_path / "executed"))
    torch.save({"linear.weight": trap}, tmp_path / "evil.pt")
    (tmp_path / "legacy.pt").write_bytes(pickle.dumps(trap, protocol=2))
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(trap))  # of a protocol that torch doesn't write
    for name, said in (("evil", "refused"), ("legacy", "refused"), ("pickle", "not a weights file")):
        with pytest.raises(HemlineError, match=rf"{name}\.pt: {said}"):
            load_weights(Line(), tmp_path / f"{name}.pt")
    assert not (tmp_path / "executed").exists()
