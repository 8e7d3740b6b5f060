"""mmengine hooks: what a user sees, what is recorded, what stops a run that has failed."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce, is_distributed, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm

from hemline.errors import HemlineError
from hemline.progress import LOG_SECONDS, clock
from hemline.training.facts import peak_memory

Record = Callable[[dict[str, Any]], None]

RECORD_STEPS = 50  # mmengine's logger has the same interval


def _losses(outputs: dict[str, Any]) -> dict[str, float]:
    """The scalar losses of a training step, as floats; `loss` is their sum. One transfer from the device for all."""
    found = {
        key: value.detach().reshape(())
        for key, value in outputs.items()
        if isinstance(value, torch.Tensor) and value.numel() == 1 and ("loss" in key or "acc" in key)
    }
    return dict(zip(found, torch.stack([value.float() for value in found.values()]).tolist(), strict=True))


class LossHook(Hook):
    """Tell the other hooks the batch's mean losses (`runner.losses`); stop on one that isn't finite, naming its pass.

    Of several processes all tell the mean; the one whose loss isn't finite stops, and torchrun stops the others.
    """

    priority = "VERY_HIGH"

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Look at the losses just computed."""
        found = [_losses(one) for one in outputs]
        for samples, one in zip(data_batch, found, strict=True):
            if not np.isfinite(one["loss"]):
                raise HemlineError(
                    f"the loss is {one['loss']} at epoch {runner.epoch + 1}, batch {batch_idx + 1} "
                    f"({', '.join(_pictures(samples))}); losses: {one}. "
                    "Lower the learning rate or look at these pictures"
                )
        means = _means(found)
        runner.losses = _over_processes(means) if is_distributed() else means


def _means(found: list[dict[str, float]]) -> dict[str, float]:
    keys = dict.fromkeys(key for one in found for key in one)
    return {key: float(np.mean([one[key] for one in found if key in one])) for key in keys}


def _over_processes(found: dict[str, float]) -> dict[str, float]:
    values = torch.tensor(list(found.values()), dtype=torch.float64)
    all_reduce(values, op="mean")
    return dict(zip(found, values.tolist(), strict=True))


def _of_all_processes(samples: int) -> int:
    total = torch.tensor(samples)
    all_reduce(total)  # nothing to do with one
    return int(total)


def _pictures(data_batch: Any) -> list[str]:
    samples = data_batch.get("data_samples", []) if isinstance(data_batch, dict) else []
    return [Path(sample.metainfo.get("img_path", "?")).name for sample in samples]


@dataclass
class _Epoch:
    """What an epoch's record is made of: sums of the losses over its batches so far."""

    sums: dict[str, float] = field(default_factory=dict)
    batches: int = 0
    samples: int = 0
    seconds: float = 0.0

    def add(self, found: dict[str, float], samples: int) -> None:
        for key, value in found.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
        self.batches += 1
        self.samples += samples

    def means(self) -> dict[str, float]:
        return {key: value / self.batches for key, value in self.sums.items()}


class ProgressHook(Hook):
    """Show title, epoch, loss, rate and time left; keep a record an epoch, `runner.numbers` and peak memory in it.

    `log` is a JSON-lines file, appended to; `record` receives each of its lines as a dict: epoch (from 1), step,
    lr, samples_per_second, seconds and the epoch's mean of every loss. Every 50 steps it receives a dict that isn't
    in `log` and has no epoch: iteration (from 1), step/lr, and as step/loss ... the means since the last such.
    Of several processes the first one shows and records.
    """

    priority = "BELOW_NORMAL"  # before the schedulers step, so that the record has the epoch's own rate

    def __init__(self, title: str, log: Path, record: Record | None) -> None:
        self.title, self.log, self.record = title, log, record
        self.epoch, self.recent = _Epoch(), list[dict[str, float]]()
        self.first = is_main_process()
        self.bar: tqdm | None = None

    def state_dict(self) -> dict[str, Any]:
        """What the epoch's record will need of the batches so far."""
        if self.epoch.batches:
            self.epoch.seconds = time.monotonic() - self.epoch_started
        return {"epoch": asdict(self.epoch), "recent": self.recent}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on in the middle of an epoch."""
        self.epoch, self.recent = _Epoch(**state["epoch"]), state["recent"]

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.started = self.shown = time.monotonic()
        self.samples = 0
        self.loss = float("nan")

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the epoch's clock, and the bar where the training starts: not at 0 when it is resumed."""
        self.epoch_started = time.monotonic() - self.epoch.seconds
        if self.samples == 0:
            self.first_step = runner.iter
        if self.bar is None and self.first and sys.stderr.isatty():
            self.bar = tqdm(total=runner.max_iters, initial=runner.iter, desc=self.title, dynamic_ncols=True)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add the batch up; show it."""
        samples = _of_all_processes(sum(len(one["data_samples"]) for one in data_batch))
        self.samples += samples
        self.epoch.add(runner.losses, samples)
        self.recent.append(runner.losses)
        if (runner.iter + 1) % RECORD_STEPS == 0:
            self._record_steps(runner)
        if self.first:
            self._show(runner, self.epoch.sums["loss"] / self.epoch.batches)

    def _show(self, runner: Runner, loss: float) -> None:
        if self.bar is not None:
            self.bar.update()
            self.bar.set_postfix_str(
                f"epoch {runner.epoch + 1}/{runner.max_epochs}, loss {loss:.4g}", refresh=False
            )
        elif time.monotonic() - self.shown >= LOG_SECONDS:
            self.shown = time.monotonic()
            self._line(runner, loss)

    def _line(self, runner: Runner, loss: float) -> None:
        seconds = time.monotonic() - self.started
        left = seconds / (runner.iter + 1 - self.first_step) * (runner.max_iters - runner.iter - 1)
        print(
            f"{self.title}: epoch {runner.epoch + 1}/{runner.max_epochs}, step {runner.iter + 1}/{runner.max_iters}, "
            f"loss {loss:.4g}, {self.samples / seconds:.1f} samples/s, {clock(left)} left",
            file=sys.stderr,
            flush=True,
        )

    def _record_steps(self, runner: Runner) -> None:
        """The curve within long epochs."""
        means = {f"step/{key}": value for key, value in _means(self.recent).items()}
        if self.record is not None:
            rate = runner.optim_wrapper.get_lr()["lr"][0]
            self.record({"iteration": runner.iter + 1, "step/lr": rate, **means})
        self.recent = []

    def after_train_epoch(self, runner: Runner) -> None:
        """Write the epoch's record, and start another."""
        seconds = time.monotonic() - self.epoch_started
        means = self.epoch.means()
        line = {
            "epoch": runner.epoch + 1,
            "step": runner.iter,
            "lr": runner.optim_wrapper.get_lr()["lr"][0],
            "samples_per_second": round(self.epoch.samples / seconds, 2),
            "seconds": round(seconds, 3),
            "peak_memory_mb": peak_memory(),
            **runner.numbers,
            **means,
        }
        self.epoch, self.loss = _Epoch(), means["loss"]
        if not self.first:
            return
        with open(self.log, "a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
        if self.record is not None:
            self.record(line)

    def after_train(self, runner: Runner) -> None:
        """One closing line."""
        if self.bar is not None:
            self.bar.close()
        if not self.first:
            return
        took = clock(time.monotonic() - self.started)
        print(
            f"{self.title}: {runner.epoch} epochs, {self.samples} samples in {took}, loss {self.loss:.4g}",
            file=sys.stderr,
            flush=True,
        )
