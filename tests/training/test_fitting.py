"""Training: resumed equals uninterrupted; a loss that isn't finite stops it; loading executes nothing."""

import json
import pickle
from typing import ClassVar

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from mmengine.structures import BaseDataElement

from hemline.errors import HemlineError
from hemline.training import fit, hooks, load_weights, save_weights
from hemline.training.facts import peak_memory


@MODELS.register_module()
class Line(BaseModel):
    """Learns a sum, with dropout so that the random generators matter."""

    def __init__(self, data_preprocessor=None):
        super().__init__(data_preprocessor=data_preprocessor)
        self.linear = torch.nn.Linear(4, 1)

    def forward(self, inputs, data_samples=None, mode="loss"):
        """The loss."""
        given = torch.stack(list(inputs))
        guess = self.linear(torch.nn.functional.dropout(given, 0.2))
        return {"loss": (guess - given.sum(1, keepdim=True)).square().mean()}


@DATASETS.register_module()
class Noise(torch.utils.data.Dataset):
    """Sixteen random samples, other ones in each epoch; one may be NaN."""

    metainfo: ClassVar[dict] = {}

    def __init__(self, bad=None):
        self.bad = bad

    def __len__(self):
        return 16

    def __getitem__(self, index):
        given = torch.from_numpy(np.random.rand(4).astype(np.float32))
        if index == self.bad:
            given[0] = float("nan")
        return {
            "inputs": given,
            "data_samples": BaseDataElement(metainfo={"img_path": f"folder/{index:06d}.jpg"}),
        }


def config(workers=0, bad=None):
    return Config(
        {
            "model": {"type": "Line"},
            "train_dataloader": {
                "batch_size": 4,
                "num_workers": workers,
                "dataset": {"type": "Noise", "bad": bad},
                "sampler": {"type": "DefaultSampler", "shuffle": True},
            },
            "train_cfg": {"by_epoch": True, "max_epochs": 4},
            "optim_wrapper": {"optimizer": {"type": "Adam", "lr": 0.1}},
            "param_scheduler": [{"type": "MultiStepLR", "milestones": [3], "by_epoch": True}],
        }
    )


class Killed(Exception):
    """Stands for the power cut."""


def train(folder, workers=0, kill_after=None):
    def record(line):
        if line["epoch"] == kill_after:
            raise Killed

    fit(config(workers), title="t", out=folder / "out", state=folder / "state", seed=3, record=record)


@pytest.mark.parametrize("workers", [0, 1])
def test_resumed_equals_uninterrupted(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(hooks, "SAVE_SECONDS", 0)
    train(tmp_path / "whole", workers)
    with pytest.raises(Killed):
        train(tmp_path / "cut", workers, kill_after=3)
    assert not (tmp_path / "cut/out/weights.pt").exists()
    train(tmp_path / "cut", workers)
    whole, cut = (
        torch.load(tmp_path / name / "out/weights.pt", weights_only=True) for name in ("whole", "cut")
    )
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
    assert losses(tmp_path / "whole") == losses(tmp_path / "cut")
    assert not (tmp_path / "cut/state").exists()


def test_long_epochs_have_a_curve_within(tmp_path, monkeypatch):
    monkeypatch.setattr(hooks, "RECORD_STEPS", 2)
    lines = []
    fit(config(), title="t", out=tmp_path / "out", state=tmp_path / "state", record=lines.append)
    within = [line for line in lines if "epoch" not in line]
    epochs = [line for line in lines if "epoch" in line]
    assert [line["iteration"] for line in within] == [2, 4, 6, 8, 10, 12, 14, 16]
    assert set(within[0]) == {"iteration", "step/lr", "step/loss"}
    means = [
        (one["step/loss"] + two["step/loss"]) / 2 for one, two in zip(within[::2], within[1::2], strict=True)
    ]
    assert means == pytest.approx([line["loss"] for line in epochs])
    assert [line["step/lr"] for line in within] == pytest.approx([0.1] * 6 + [0.01] * 2)
    losses(tmp_path)  # training.jsonl has the epochs alone


def losses(folder):
    lines = [json.loads(line) for line in (folder / "out/training.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert [line["lr"] for line in lines] == pytest.approx([0.1, 0.1, 0.1, 0.01])
    return [line["loss"] for line in lines]


def test_what_a_training_cost_is_on_its_record(tmp_path):
    train(tmp_path)
    assert json.loads((tmp_path / "out/model.json").read_text()) == {
        "parameters": 5
    }  # four weights and a bias
    lines = [json.loads(line) for line in (tmp_path / "out/training.jsonl").read_text().splitlines()]
    peaks = [line["peak_memory_mb"] for line in lines]
    assert peaks == sorted(peaks) and peaks[0] > 50 and all("AP" not in line for line in lines)


def test_memory_is_the_gpus_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 2_512_345)
    assert peak_memory() == 2.5


def test_epochs_differ_in_their_random_numbers(tmp_path):
    # mmengine's own seeding of workers would give every epoch the same ones.
    train(tmp_path, workers=1)
    assert len(set(losses(tmp_path))) == 4


def test_loss_that_is_not_finite_names_the_batch(tmp_path):
    with pytest.raises(HemlineError, match=r"epoch 1, batch \d .*000005\.jpg"):
        fit(config(bad=5), title="t", out=tmp_path / "out", state=tmp_path / "state")
    assert not (tmp_path / "out/weights.pt").exists()


def test_init_is_where_training_starts(tmp_path):
    model = Line()
    save_weights(model, tmp_path / "init.pt")
    still = config()
    still.optim_wrapper.optimizer.lr = 1e-30
    fit(still, title="t", out=tmp_path / "out", state=tmp_path / "state", init=tmp_path / "init.pt")
    after = torch.load(tmp_path / "out/weights.pt", weights_only=True)
    assert torch.equal(after["linear.weight"], model.state_dict()["linear.weight"])


def test_weights_round_trip_and_report(tmp_path):
    save_weights(Line(), tmp_path / "weights.pt")
    assert load_weights(Line(), tmp_path / "weights.pt").taken == ("linear.weight", "linear.bias")
    torch.save(
        {"state_dict": {"linear.weight": torch.zeros(1, 5), "other": torch.zeros(1)}}, tmp_path / "odd.pt"
    )
    report = load_weights(Line(), tmp_path / "odd.pt", strict=False)
    assert report.skipped == ("other",)
    assert report.reshaped == {"linear.weight": ((1, 5), (1, 4))}
    assert report.missing == ("linear.bias",)
    with pytest.raises(HemlineError, match="weights don't fit this model: 0 of the model's 2 keys"):
        load_weights(Line(), tmp_path / "odd.pt")


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_loading_executes_nothing(tmp_path):
    torch.save({"linear.weight": Trap(str(tmp_path / "executed"))}, tmp_path / "evil.pt")
    (tmp_path / "evil-legacy.pt").write_bytes(pickle.dumps(Trap(str(tmp_path / "executed"))))
    for name in ("evil.pt", "evil-legacy.pt"):
        with pytest.raises(HemlineError, match="refused"):
            load_weights(Line(), tmp_path / name)
    assert not (tmp_path / "executed").exists()
