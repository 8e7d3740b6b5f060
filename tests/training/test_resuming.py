"""Training that survives: a resumed one equals an uninterrupted one, bit for bit, wherever it was cut."""

import os
import signal
import subprocess
import sys
import time
from itertools import chain

import pytest
import torch
from mmengine.hooks import Hook

from hemline.errors import HemlineError
from hemline.training import state
from tests.training import toy


class Killed(Exception):
    """Stands for the power cut."""


class CutHook(Hook):
    """Cuts the training after a batch; by default after the state has been saved, as the last of the hooks."""

    priority = "LOWEST"

    def __init__(self, after, act=None):
        self.after, self.act = after, act

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Cut it, or do what is given."""
        if runner.iter + 1 == self.after:
            if self.act is None:
                raise Killed
            self.act()


@pytest.fixture(autouse=True)
def _always_saved(monkeypatch):
    monkeypatch.setattr(state, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(state, "SAVE_SHARE", 1e9)


def assert_same(one, other, where="state"):
    """Equal to the last bit, tensors and all."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{where}.{index}")
    else:
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other, where


def assert_same_training(whole, cut):
    """All that a training ends with, and each epoch's loss and rate."""
    for path in (*whole.glob("last-*.pt"), whole / "out/weights.pt"):
        name = path.relative_to(whole)
        assert_same(torch.load(path), torch.load(cut / name), str(name))
    keys = ("epoch", "step", "lr", "loss")
    assert [[line[key] for key in keys] for line in toy.lines(whole)] == [
        [line[key] for key in keys] for line in toy.lines(cut)
    ]
    assert not (cut / "state").exists()


CASES = {
    "in the middle of an epoch": ({}, 6),
    "at an epoch's end": ({}, 8),
    "with workers": ({"workers": 2}, 7),
    "with a moving average, class balance and accumulated passes": (
        {"ema": 0.9, "balance": 0.02, "micro_batch": 2, "workers": 1},
        7,
    ),
    "in bfloat16": ({"precision": "bf16"}, 5),
}


@pytest.mark.parametrize("name", CASES)
def test_resumed_equals_uninterrupted(tmp_path, name, capsys):
    values, after = CASES[name]
    toy.train(tmp_path / "whole", values)
    with pytest.raises(Killed):
        toy.train(tmp_path / "cut", values, hooks=[CutHook(after)])
    assert not (tmp_path / "cut/out/weights.pt").exists()
    toy.train(tmp_path / "cut", values)
    assert "resumed after epoch" in capsys.readouterr().err
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


def test_interrupted_again_and_again(tmp_path):
    toy.train(tmp_path / "whole")
    for after in (1, 3, 4, 9, 10, 15):
        with pytest.raises(Killed):
            toy.train(tmp_path / "cut", hooks=[CutHook(after)])
    toy.train(tmp_path / "cut")
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


def test_no_batch_is_run_twice_after_a_resume(tmp_path):
    seen = []

    def listening(cut):
        hook = CutHook(cut)
        hook.after_train = hook.before_run = lambda runner: None
        hook.before_train = lambda runner: setattr(runner.plain, "seen", seen)
        return hook

    with pytest.raises(Killed):
        toy.train(tmp_path / "cut", hooks=[listening(6)])
    toy.train(tmp_path / "cut", hooks=[listening(0)])
    assert len(seen) == 16  # four epochs of four batches
    for epoch in range(4):
        assert sorted(chain(*seen[4 * epoch : 4 * epoch + 4])) == list(range(16))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_state_and_stops(tmp_path, number, monkeypatch, capsys):
    monkeypatch.setattr(state, "SAVE_SECONDS", 1e9)
    toy.train(tmp_path / "whole")
    send = CutHook(6, lambda: os.kill(os.getpid(), number))
    send.priority = "HIGHEST"
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended:
        toy.train(tmp_path / "cut", hooks=[send])
    assert ended.value.code == 128 + number
    assert "stopped after epoch 1, batch 2" in capsys.readouterr().err
    assert signal.getsignal(number) is before
    assert [path.name for path in (tmp_path / "cut/state").glob("*.pt")] == ["step-00000006.pt"]
    toy.train(tmp_path / "cut")
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


SLOW = 0.02  # seconds a sample


def start(folder, values="{}", dropout=0.2):
    command = [sys.executable, "-m", "tests.training.toy", str(folder), values, str(SLOW), str(dropout)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_state(folder):
    end = time.monotonic() + 60
    while not list((folder / "state").glob("step-*.pt")):
        assert time.monotonic() < end, "no state was saved"
        time.sleep(0.01)


def test_killed_in_the_middle(tmp_path):
    values = '{"workers": 2}'
    toy.train(tmp_path / "whole")
    killed = start(tmp_path / "cut", values)
    wait_for_state(tmp_path / "cut")
    killed.kill()
    killed.wait()
    assert not (tmp_path / "cut/out/weights.pt").exists()
    again = start(tmp_path / "cut", values)
    assert "resumed after epoch" in again.communicate(timeout=60)[1]
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


def test_a_signal_to_the_whole_group_leaves_the_loaders_workers_alone(tmp_path):
    toy.train(tmp_path / "whole")
    asked = start(tmp_path / "cut", '{"workers": 2}')
    wait_for_state(tmp_path / "cut")
    os.killpg(asked.pid, signal.SIGTERM)
    said = asked.communicate(timeout=30)[1]
    assert asked.returncode == 143, said
    assert "run it again to go on there" in said
    toy.train(tmp_path / "cut", {"workers": 2})
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def no_state(path):
    torch.save({"state_dict": {"weight": torch.zeros(3)}}, path)


def another_runs(path):
    torch.save({**torch.load(path), "run": "another"}, path)


def another_networks(path):
    content = torch.load(path)
    content["model"] = {"linear.weight": torch.zeros(1, 5), "linear.bias": torch.zeros(1)}
    torch.save(content, path)


@pytest.mark.parametrize("harm", [cut_short, emptied, no_state, another_runs, another_networks])
def test_a_state_that_is_no_use_gives_way_to_the_one_before(tmp_path, harm, capsys):
    toy.train(tmp_path / "whole")
    with pytest.raises(Killed):
        toy.train(tmp_path / "cut", hooks=[CutHook(7)])
    states = sorted((tmp_path / "cut/state").glob("step-*.pt"))
    assert [path.name for path in states] == ["step-00000006.pt", "step-00000007.pt"]
    harm(states[-1])
    toy.train(tmp_path / "cut")
    said = capsys.readouterr().err
    assert str(states[-1]) in said and "resumed after epoch 1 of 4, batch 2" in said
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


def test_without_a_usable_state_it_begins_anew_and_says_so(tmp_path, capsys):
    toy.train(tmp_path / "whole")
    with pytest.raises(Killed):
        toy.train(tmp_path / "cut", hooks=[CutHook(7)])
    for path in (tmp_path / "cut/state").glob("step-*.pt"):
        emptied(path)
    toy.train(tmp_path / "cut")
    assert "starting from the beginning" in capsys.readouterr().err
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


def test_a_state_executes_nothing(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    with pytest.raises(Killed):
        toy.train(tmp_path / "cut", hooks=[CutHook(7)])
    last = max((tmp_path / "cut/state").glob("step-*.pt"))
    torch.save({"run": "state", "model": Trap()}, last)
    toy.train(tmp_path / "cut")
    assert not (tmp_path / "executed").exists()


def test_a_write_that_is_cut_off_leaves_the_state_before(tmp_path, monkeypatch):
    toy.train(tmp_path / "whole")
    saves = []

    def torn(content, handle):
        saves.append(content["step"])
        if len(saves) == 6:
            handle.write(b"half of it")
            raise Killed
        torch_save(content, handle)

    torch_save = torch.save
    monkeypatch.setattr(state.torch, "save", torn)
    with pytest.raises(Killed):
        toy.train(tmp_path / "cut")
    monkeypatch.setattr(state.torch, "save", torch_save)
    assert not list((tmp_path / "cut/state").glob(f"step-{saves[-1]:08d}.pt"))
    toy.train(tmp_path / "cut")
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


def test_states_are_written_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "SAVE_SECONDS", 1e9)
    with pytest.raises(Killed):
        toy.train(tmp_path, hooks=[CutHook(15)])
    assert not list((tmp_path / "state").glob("step-*.pt"))


def test_a_loss_that_is_not_finite_leaves_no_result(tmp_path):
    with pytest.raises(HemlineError, match=r"epoch 1, batch \d .*000005\.jpg.*losses: \{'loss': nan\}"):
        toy.train(tmp_path, bad=5)
    assert not (tmp_path / "out/weights.pt").exists()
