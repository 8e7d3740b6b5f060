"""mmengine hooks: what a user sees, what is recorded, what stops a run, what makes it resumable."""

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm

from hemline.errors import HemlineError
from hemline.files import atomic_write
from hemline.progress import LOG_SECONDS, clock
from hemline.training.facts import peak_memory
from hemline.training.weights import load_weights

Record = Callable[[dict[str, Any]], None]

# A checkpoint a minute: cheap beside a minute of training, and no more than a minute plus an epoch is lost.
SAVE_SECONDS = 60.0

RECORD_STEPS = 50  # mmengine's logger has the same interval


def losses(outputs: dict[str, Any]) -> dict[str, float]:
    """The scalar losses of a training step, as floats; `loss` is their sum."""
    return {
        key: value.item()
        for key, value in outputs.items()
        if isinstance(value, torch.Tensor) and value.numel() == 1 and ("loss" in key or "acc" in key)
    }


class ChannelsLastHook(Hook):
    """Keep activations channel by channel: up to a quarter faster on a CPU and on GPUs with tensor cores.

    With `part`, the model's part of that name alone: its outputs are handed on in the usual layout, which mmcv's
    operators take for granted.
    """

    def __init__(self, part: str | None = None) -> None:
        self.part = part

    def before_train(self, runner: Runner) -> None:
        """Convert the weights; convolutions hand the layout on."""
        module = getattr(runner.model, self.part) if self.part else runner.model
        module.to(memory_format=torch.channels_last)
        if self.part:
            module.register_forward_hook(lambda _, __, outputs: tuple(one.contiguous() for one in outputs))


class FiniteLossHook(Hook):
    """Stop on a loss that isn't finite, naming the batch."""

    priority = "VERY_HIGH"

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Check the loss just computed."""
        found = losses(outputs)
        if np.isfinite(found["loss"]):
            return
        raise HemlineError(
            f"the loss is {found['loss']} at epoch {runner.epoch + 1}, batch {batch_idx + 1} "
            f"({', '.join(_pictures(data_batch))}); losses: {found}. Lower the learning rate or look at these pictures"
        )


def _pictures(data_batch: Any) -> list[str]:
    samples = data_batch.get("data_samples", []) if isinstance(data_batch, dict) else []
    return [Path(sample.metainfo.get("img_path", "?")).name for sample in samples]


class ProgressHook(Hook):
    """Show title, epoch, loss, rate and time left; keep a record an epoch, `runner.numbers` and peak memory in it.

    `log` is a JSON-lines file, appended to; `record` receives each of its lines as a dict: epoch (from 1), step,
    lr, samples_per_second, seconds and the epoch's mean of every loss. Every 50 steps it receives a dict that isn't
    in `log` and has no epoch: iteration (from 1), step/lr, and as step/loss ... the means since the last such.
    """

    priority = "BELOW_NORMAL"  # before the schedulers step, so that the record has the epoch's own rate

    def __init__(self, title: str, log: Path, record: Record | None) -> None:
        self.title, self.log, self.record = title, log, record

    def before_train(self, runner: Runner) -> None:
        """Start the clock; `runner.iter` is not 0 when a run is resumed."""
        self.started = self.shown = time.monotonic()
        self.first_step = runner.iter
        self.samples = 0
        self.recent: list[dict[str, float]] = []
        self.bar = None
        if sys.stderr.isatty():
            self.bar = tqdm(total=runner.max_iters, initial=runner.iter, desc=self.title, dynamic_ncols=True)

    def before_train_epoch(self, runner: Runner) -> None:
        """Empty the epoch's sums."""
        self.sums: dict[str, float] = {}
        self.steps = self.epoch_samples = 0
        self.epoch_started = time.monotonic()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add the step up; show it."""
        found = losses(outputs)
        for key, value in found.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
        self.steps += 1
        self.recent.append(found)
        if (runner.iter + 1) % RECORD_STEPS == 0:
            self._record_steps(runner)
        size = len(data_batch["data_samples"])
        self.samples += size
        self.epoch_samples += size
        loss = self.sums["loss"] / self.steps
        if self.bar is not None:
            self.bar.update()
            self.bar.set_postfix_str(
                f"epoch {runner.epoch + 1}/{runner.max_epochs}, loss {loss:.4g}", refresh=False
            )
        elif time.monotonic() - self.shown >= LOG_SECONDS:
            self.shown = time.monotonic()
            self._line(runner, loss)

    def _record_steps(self, runner: Runner) -> None:
        """The curve within long epochs; of a resumed training's first steps, those since the checkpoint."""
        keys = dict.fromkeys(key for one in self.recent for key in one)
        means = {
            f"step/{key}": float(np.mean([one[key] for one in self.recent if key in one])) for key in keys
        }
        if self.record is not None:
            rate = runner.optim_wrapper.get_lr()["lr"][0]
            self.record({"iteration": runner.iter + 1, "step/lr": rate, **means})
        self.recent = []

    def _line(self, runner: Runner, loss: float) -> None:
        seconds = time.monotonic() - self.started
        left = seconds / (runner.iter + 1 - self.first_step) * (runner.max_iters - runner.iter - 1)
        print(
            f"{self.title}: epoch {runner.epoch + 1}/{runner.max_epochs}, step {runner.iter + 1}/{runner.max_iters}, "
            f"loss {loss:.4g}, {self.samples / seconds:.1f} samples/s, {clock(left)} left",
            file=sys.stderr,
            flush=True,
        )

    def after_train_epoch(self, runner: Runner) -> None:
        """Write the epoch's record."""
        seconds = time.monotonic() - self.epoch_started
        line = {
            "epoch": runner.epoch + 1,
            "step": runner.iter,
            "lr": runner.optim_wrapper.get_lr()["lr"][0],
            "samples_per_second": round(self.epoch_samples / seconds, 2),
            "seconds": round(seconds, 3),
            "peak_memory_mb": peak_memory(),
            **runner.numbers,
            **{key: value / self.steps for key, value in self.sums.items()},
        }
        with open(self.log, "a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
        if self.record is not None:
            self.record(line)

    def after_train(self, runner: Runner) -> None:
        """One closing line."""
        if self.bar is not None:
            self.bar.close()
        seconds = time.monotonic() - self.started
        loss = self.sums["loss"] / self.steps if getattr(self, "steps", 0) else float("nan")
        print(
            f"{self.title}: {runner.epoch} epochs, {self.samples} samples in {clock(seconds)}, loss {loss:.4g}",
            file=sys.stderr,
            flush=True,
        )


class StateHook(Hook):
    """Keep a checkpoint from which an interrupted training goes on, bit for bit on a CPU.

    It holds the model, optimiser, schedulers, counters and the random generators' states: everything is tensors
    and plain values, so that loading it executes nothing. It is saved after an epoch, at most once a minute.
    """

    priority = "LOWEST"

    def __init__(self, folder: Path, init: Path | None) -> None:
        self.path, self.log, self.init = folder / "latest.pt", folder / "training.jsonl", init

    def before_train(self, runner: Runner) -> None:
        """Go on from the checkpoint when there is one, else start from `init`."""
        self.saved = time.monotonic()
        if self.path.is_file():
            self._restore(runner)
            return
        self.log.unlink(missing_ok=True)
        if self.init is not None:
            load_weights(runner.model, self.init)

    def _restore(self, runner: Runner) -> None:
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        runner.model.load_state_dict(state["model"])
        runner.optim_wrapper.load_state_dict(state["optimizer"])
        for scheduler, saved in zip(runner.param_schedulers or [], state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        runner.train_loop._epoch, runner.train_loop._iter = state["epoch"], state["step"]
        runner.optim_wrapper.initialize_count_status(runner.model, state["step"], runner.max_iters)
        restore_randomness(state["random"])
        _keep_lines(self.log, state["epoch"])
        print(f"resumed after epoch {state['epoch']} of {runner.max_epochs}", file=sys.stderr)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save, unless that was done a moment ago or the training is over anyway."""
        last = runner.epoch + 1 == runner.max_epochs
        if last or time.monotonic() - self.saved < SAVE_SECONDS:
            return
        self.save(runner)
        self.saved = time.monotonic()

    def save(self, runner: Runner) -> None:
        """Write the checkpoint, atomically."""
        state = {
            "epoch": runner.epoch + 1,
            "step": runner.iter,
            "model": runner.model.state_dict(),
            "optimizer": runner.optim_wrapper.state_dict(),
            "schedulers": [scheduler.state_dict() for scheduler in runner.param_schedulers or []],
            "random": randomness(),
        }
        with atomic_write(self.path, "wb") as handle:
            torch.save(state, handle)


def randomness() -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's random generators, as tensors and plain values."""
    name, keys, *rest = np.random.get_state()
    return {
        "python": [*random.getstate()[1], random.getstate()[2]],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_randomness(state: dict[str, Any]) -> None:
    """Set the generators to what `randomness` returned."""
    *internal, gauss = state["python"]
    random.setstate((3, tuple(internal), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def _keep_lines(log: Path, epoch: int) -> None:
    """Drop records of epochs that the checkpoint doesn't know, and a last line cut short by a kill."""
    kept = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else []:
        try:
            if json.loads(line)["epoch"] <= epoch:
                kept.append(line + "\n")
        except json.JSONDecodeError:
            break
    with atomic_write(log) as handle:
        handle.writelines(kept)
