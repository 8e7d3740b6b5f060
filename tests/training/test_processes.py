"""torchrun's processes, over gloo: they train as one does, and go on together after an interruption."""

import os
import socket
from multiprocessing import get_context

import pytest
import torch

from hemline.params import TrainingSettings
from tests.training import toy
from tests.training.test_resuming import assert_same_training, start, wait_for_state

VALUES = {"micro_batch": 1, "workers": 1}
TWO = '{"gpus": 2, "micro_batch": 1, "workers": 1}'


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training in two processes, not interrupted; without dropout, whose random numbers go by processes."""
    folder = tmp_path_factory.mktemp("processes") / "whole"
    assert start(folder, TWO, dropout=0.0).wait(timeout=120) == 0
    return folder


def test_two_processes_equal_one(tmp_path, whole):
    toy.train(tmp_path, VALUES, dropout=0.0)
    losses = [[line["loss"] for line in toy.lines(folder)] for folder in (whole, tmp_path)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    torch.testing.assert_close(*(torch.load(folder / "out/weights.pt") for folder in (whole, tmp_path)))
    assert not (whole / "state").exists()


def test_they_resume_together(tmp_path, whole):
    asked = start(tmp_path, TWO, dropout=0.0)
    wait_for_state(tmp_path)
    asked.terminate()
    assert "run it again to go on there" in asked.communicate(timeout=60)[1]
    again = start(tmp_path, TWO, dropout=0.0)
    assert "resumed after epoch" in again.communicate(timeout=120)[1]
    assert len(list(whole.glob("last-*.pt"))) == 2
    assert_same_training(whole, tmp_path)


def forked(rank, port, folder, values):
    """One of two processes; a fork has imported everything."""
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "TORCHELASTIC_RUN_ID": "test"}
    toy.train(folder, values, dropout=0.0)


def test_an_uneven_batch_is_the_mean_of_its_passes(tmp_path, monkeypatch):
    """Two processes with 2 and 1 samples: the same passes, one after the other, in one process."""
    values = {"batch_size": 3, "epochs": 1}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fork = get_context("fork")
    arguments = (port, tmp_path / "two", {**values, "gpus": 2})
    pair = [fork.Process(target=forked, args=(rank, *arguments), daemon=True) for rank in (0, 1)]
    for one in pair:
        one.start()
    monkeypatch.setattr(TrainingSettings, "passes", (2, 1))
    monkeypatch.setattr(TrainingSettings, "accumulation", 2)
    toy.train(tmp_path / "one", values, dropout=0.0)
    for one in pair:
        one.join(60)
        assert one.exitcode == 0
    (two,), (one,) = toy.lines(tmp_path / "two"), toy.lines(tmp_path / "one")
    assert two["step"] == one["step"] == 6  # of 16 samples; the last batch has a pass of one, and one again
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
    weights = [torch.load(tmp_path / name / "out/weights.pt") for name in ("two", "one")]
    torch.testing.assert_close(*weights)
