"""One batch, in whatever way it is computed: in passes, in bfloat16; its moving average; the best epoch."""

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from hemline.errors import HemlineError
from hemline.training.watching import BestEpochHook
from tests.training import toy

PLAIN = 0.0  # no dropout, whose random numbers go by passes


def weights(folder):
    return torch.load(folder / "out/weights.pt")


def losses(folder):
    return [line["loss"] for line in toy.lines(folder)]


def test_accumulated_passes_equal_the_batch(tmp_path):
    toy.train(tmp_path / "whole", dropout=PLAIN)
    toy.train(tmp_path / "passes", {"micro_batch": 1}, dropout=PLAIN)
    assert losses(tmp_path / "passes") == pytest.approx(losses(tmp_path / "whole"), rel=1e-5)
    assert [line["lr"] for line in toy.lines(tmp_path / "passes")] == [
        line["lr"] for line in toy.lines(tmp_path / "whole")
    ]
    torch.testing.assert_close(weights(tmp_path / "passes"), weights(tmp_path / "whole"))


def test_a_training_for_several_processes_refuses_to_run_in_one(tmp_path):
    with pytest.raises(HemlineError, match="gpus is 2, but this is one of 1 processes"):
        toy.train(tmp_path, {"gpus": 2})


def test_bfloat16_is_near_to_float32(tmp_path):
    toy.train(tmp_path / "single", dropout=PLAIN)
    toy.train(tmp_path / "half", {"precision": "bf16"}, dropout=PLAIN)
    assert losses(tmp_path / "half") != losses(tmp_path / "single")
    assert losses(tmp_path / "half") == pytest.approx(losses(tmp_path / "single"), rel=0.05)
    assert all(value.dtype == torch.float32 for value in weights(tmp_path / "half").values())


def test_float16_wants_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(HemlineError, match=r"precision is 'fp16'.*bf16 or fp32"):
        toy.train(tmp_path, {"precision": "fp16"})


class KeepHook(Hook):
    """Remembers the weights after each batch."""

    def __init__(self):
        self.weights = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Copy them."""
        self.weights.append(runner.plain.linear.weight.detach().clone())


def test_the_moving_average_is_what_is_kept(tmp_path):
    seen = KeepHook()
    toy.train(tmp_path, {"ema": 0.8, "micro_batch": 2}, hooks=[seen])
    wanted = seen.weights[0]
    for one in seen.weights[1:]:
        wanted = 0.8 * wanted + 0.2 * one
    torch.testing.assert_close(weights(tmp_path)["linear.weight"], wanted)
    assert len(seen.weights) == 16


def judged(folder, values, patience=None):
    """Train with a judge that gives these values, one an epoch."""
    told = iter(values)
    kept = []

    def judge(model):
        kept.append(model.linear.weight.detach().clone())
        return next(told)

    (folder / "state").mkdir(parents=True)
    hook = BestEpochHook(folder / "state", judge, lambda model: model, patience)
    toy.train(folder, {"epochs": len(values)}, hooks=[hook])
    return kept


def test_the_best_epoch_is_kept(tmp_path):
    kept = judged(tmp_path, [0.1, 0.3, 0.2, 0.3])
    assert torch.equal(weights(tmp_path)["linear.weight"], kept[1])
    assert [line["AP"] for line in toy.lines(tmp_path)] == [0.1, 0.3, 0.2, 0.3]


def test_patience_ends_a_training_that_gets_no_better(tmp_path):
    kept = judged(tmp_path, [0.1, 0.3, 0.2, 0.25, 0.9], patience=2)
    assert len(kept) == len(toy.lines(tmp_path)) == 4
    assert torch.equal(weights(tmp_path)["linear.weight"], kept[1])
    assert np.isfinite(losses(tmp_path)).all()
