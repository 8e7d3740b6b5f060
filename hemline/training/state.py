"""What an interrupted training needs to go on, bit for bit on a CPU."""

import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, all_reduce, get_rank, is_distributed, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from hemline.errors import HemlineError
from hemline.files import atomic_write
from hemline.training.stopping import Interrupted, StopSignals
from hemline.training.weights import compare, load_weights

# What a `kill -9` may cost. Where writing takes long it is more, so that no more than a hundredth of the time goes
# there.
SAVE_SECONDS = 60.0
SAVE_SHARE = 0.01


class StateHook(Hook):
    """Save the state now and then, and when `signals` ask for it; go on from the last one that is whole.

    A state holds model, optimiser, schedulers, counters, the random generators of all processes, and what hooks with a
    `state_dict` know. Everything is tensors and plain values: loading it executes nothing. A new one stands beside the
    one before, never in its place. `init` is a weights file to start from when there is no state.
    """

    priority = "VERY_LOW"  # after the schedulers

    def __init__(self, folder: Path, init: Path | None, signals: StopSignals) -> None:
        self.folder, self.log, self.init, self.signals = folder, folder / "training.jsonl", init, signals
        self.took = 0.0

    def before_train(self, runner: Runner) -> None:
        """Go on from a state when there is one, else start from `init`."""
        self.saved = time.monotonic()
        if self._restore(runner):
            return
        if is_main_process():
            self.log.unlink(missing_ok=True)
        if self.init is not None:
            load_weights(runner.plain, self.init)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save when it is time; save and stop when that was asked for."""
        done = batch_idx + 1
        due, asked = self._agree(self._due(), self.signals.asked)
        if due or asked:
            self.save(runner, runner.epoch, done, runner.iter + 1)
        if asked:
            self._stop(asked, f"after epoch {runner.epoch}, batch {done}")

    def after_train_epoch(self, runner: Runner) -> None:
        """Save what the epoch's judges have said, unless the training is over anyway."""
        last = runner.epoch + 1 == runner.max_epochs or runner.train_loop.stop_training
        due, asked = self._agree(self._due(), self.signals.asked)
        if not last and (due or asked):
            self.save(runner, runner.epoch + 1, 0, runner.iter)
        if not last and asked:
            self._stop(asked, f"after epoch {runner.epoch + 1}")

    def _due(self) -> bool:
        return time.monotonic() - self.saved >= max(SAVE_SECONDS, self.took / SAVE_SHARE)

    def _agree(self, due: bool, asked: int) -> tuple[bool, int]:
        """What any of the processes wants: all of them have to do it at the same step."""
        if not is_distributed():
            return due, asked
        wanted = torch.tensor([int(due), asked])
        all_reduce(wanted, op="max")
        return bool(wanted[0]), int(wanted[1])

    def save(self, runner: Runner, epoch: int, done: int, step: int) -> None:
        """Write the state: after `epoch` epochs, `done` batches of the next and `step` in all."""
        started = time.monotonic()
        ranks = all_gather_object(_own(runner))
        if is_main_process():
            state = {"run": self.folder.name, "epoch": epoch, "done": done, "step": step, "ranks": ranks}
            with atomic_write(self.folder / f"step-{step:08d}.pt", "wb") as handle:
                torch.save({**state, **_shared(runner)}, handle)
            for path in self._states()[2:]:
                path.unlink()
        self.saved = time.monotonic()
        self.took = self.saved - started

    def _states(self) -> list[Path]:
        """The states' files, the newest first."""
        return sorted(self.folder.glob("step-*.pt"), reverse=True)

    def _stop(self, asked: int, where: str) -> None:
        if is_main_process():
            print(f"stopped {where}; run it again to go on there", file=sys.stderr, flush=True)
        raise Interrupted(128 + asked)

    def _restore(self, runner: Runner) -> bool:
        """Go on from the newest state that is whole and of this run; say what is wrong with others."""
        for path in self._states():
            try:
                state = _read(path, runner, self.folder.name)
            except HemlineError as error:
                print(f"{error}; trying the state before it", file=sys.stderr, flush=True)
                continue
            self._go_on(runner, state)
            return True
        if self._states():
            print("no state can be used: starting from the beginning", file=sys.stderr, flush=True)
        return False

    def _go_on(self, runner: Runner, state: dict[str, Any]) -> None:
        runner.plain.load_state_dict(state["model"])
        runner.optim_wrapper.load_state_dict(state["optimizer"])
        for scheduler, saved in zip(runner.param_schedulers or [], state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        for name, hook in _hooks(runner):
            hook.load_state_dict(state["hooks"][name])
        runner.train_loop.go_on(state["epoch"], state["done"], state["step"])
        own = state["ranks"][get_rank()]
        runner.plain.load_state_dict(own["buffers"], strict=False)
        restore_randomness(own["random"])
        if is_main_process():
            _keep_lines(self.log, state["epoch"])
            where = f"epoch {state['epoch']} of {runner.max_epochs}, batch {state['done']}"
            print(f"resumed after {where}", file=sys.stderr, flush=True)


def _hooks(runner: Runner) -> Iterator[tuple[str, Any]]:
    return ((type(hook).__name__, hook) for hook in runner.hooks if hasattr(hook, "state_dict"))


def _shared(runner: Runner) -> dict[str, Any]:
    """What all processes have in common."""
    return {
        "model": runner.plain.state_dict(),
        "optimizer": runner.optim_wrapper.state_dict(),
        "schedulers": [scheduler.state_dict() for scheduler in runner.param_schedulers or []],
        "hooks": {name: hook.state_dict() for name, hook in _hooks(runner)},
    }


def _own(runner: Runner) -> dict[str, Any]:
    """What this process has of its own: random generators; beside others, the batch statistics that it has seen."""
    buffers = dict(runner.plain.named_buffers()) if get_rank() else {}
    return {"random": randomness(), "buffers": {name: value.cpu() for name, value in buffers.items()}}


def _read(path: Path, runner: Runner, run: str) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what is torn or not a state fails in many ways
        reason = str(error).strip().splitlines()[:1]
        raise HemlineError(f"{path}: damaged or no state ({type(error).__name__}: {reason})") from None
    if (
        not isinstance(state, dict)
        or state.get("run") != run
        or len(state.get("ranks", [])) != runner.world_size
    ):
        raise HemlineError(f"{path}: not a state of this training")
    report = compare(runner.plain.state_dict(), state["model"])
    if report.skipped or report.reshaped or report.missing:
        raise HemlineError(f"{path}: the state of another network")
    return state


def randomness() -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's random generators, as tensors and plain values."""
    name, keys, *rest = np.random.get_state()
    return {
        "python": [*random.getstate()[1], random.getstate()[2]],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "torch": torch.get_rng_state(),
        "cuda": [torch.cuda.get_rng_state()] if torch.cuda.is_available() else [],
    }


def restore_randomness(state: dict[str, Any]) -> None:
    """Set the generators to what `randomness` returned."""
    *internal, gauss = state["python"]
    random.setstate((3, tuple(internal), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"][0])


def _keep_lines(log: Path, epoch: int) -> None:
    """Drop records of epochs that the state doesn't know, and a last line cut short by a kill."""
    kept = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else []:
        try:
            if json.loads(line)["epoch"] <= epoch:
                kept.append(line + "\n")
        except json.JSONDecodeError:
            break
    with atomic_write(log) as handle:
        handle.writelines(kept)
