"""One training run."""

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_world_size, is_main_process
from mmengine.hooks import Hook, SyncBuffersHook
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from hemline.errors import HemlineError
from hemline.files import write_json
from hemline.params import TrainingSettings
from hemline.training.averaging import AverageHook
from hemline.training.facts import parameter_count
from hemline.training.hooks import LossHook, ProgressHook, Record
from hemline.training.launching import join
from hemline.training.layout import channels_last
from hemline.training.quiet import quiet
from hemline.training.state import StateHook
from hemline.training.stopping import StopSignals
from hemline.training.weights import save_weights


class QuietRunner(Runner):
    """mmengine's Runner without the report on the machine and the config that nobody reads at this log level.

    Making it takes 3 s of CPU a run (yapf formats the config twice, and again in the hook "runtime_info"), longer
    than a small expert's training. `numbers` is what other hooks know of the epoch; its record tells it. `losses` are
    the means of the batch, `average` the moving average of the weights if there is one.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.numbers: dict[str, float] = {}
        self.losses: dict[str, float] = {}
        self.average: nn.Module | None = None

    @property
    def plain(self) -> nn.Module:
        """The model in training, without what shares its gradients out among processes."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    @property
    def result(self) -> nn.Module:
        """The model that is judged and kept."""
        return self.plain if self.average is None else self.average

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """As mmengine's, which takes it for granted that processes have GPUs.

        The layout is set before: processes exchange gradients in the one that they find, and the optimiser's fused
        kernels take weights and gradients to have the same.
        """
        if "channels_last" in self.cfg:
            channels_last(model, self.cfg.channels_last)
        if self.distributed and not torch.cuda.is_available():
            return MMDistributedDataParallel(model, broadcast_buffers=False)
        return super().wrap_model(model_wrapper_cfg, model)

    def _log_env(self, env_cfg: dict[str, Any]) -> None:
        pass

    def dump_config(self) -> None:
        """Write nothing: a model folder's settings.json says what was trained."""


def fit(
    config: Config,
    training: TrainingSettings,
    *,
    title: str,
    out: Path,
    state: Path,
    init: Path | None = None,
    record: Record | None = None,
    hooks: Sequence[Hook] = (),
) -> None:
    """Train the model of an mmengine config and write `out`/weights.pt, training.jsonl and model.json (its size).

    `config` has model, train_dataloader (see `loader`) and optim_wrapper, and may have param_scheduler and
    channels_last (the part of the model that is kept in that layout; empty: all of it). `state` is the folder of what
    an interrupted training needs to go on; it must be the run's own (keyed by whatever decides its result) and is
    removed at the end. `init` is a weights file to start from. `record` receives one dict an epoch, and
    one every 50 steps, with `iteration` in the place of `epoch`. `hooks` are a caller's own.

    SIGTERM or Ctrl-C ends it after the present batch with its state saved (`Interrupted`). With `training.gpus` over 1
    it must run in as many processes (`launch`). HemlineError on a loss that isn't finite; nothing is written then.
    """
    quiet()
    join()
    if get_world_size() != training.gpus:
        raise HemlineError(
            f"{title}: gpus is {training.gpus}, but this is one of {get_world_size()} processes; "
            "its stage starts as many as it needs (a sweep needs gpus: 1 in `fixed`)"
        )
    state.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    with StopSignals() as signals:
        runner = QuietRunner.from_cfg(_complete(config, training, title, state))
        for hook in _hooks(runner, training, title, state, record):
            runner.register_hook(hook)
        for hook in hooks:
            runner.register_hook(hook)
        runner.register_hook(StateHook(state, init, signals))
        runner.train()
        if is_main_process():
            _finish(runner, out, state)
        barrier()


def _hooks(
    runner: QuietRunner, training: TrainingSettings, title: str, state: Path, record: Record | None
) -> list[Hook]:
    """What every training has."""
    hooks: list[Hook] = [LossHook(), ProgressHook(title, state / "training.jsonl", record)]
    if training.gpus > 1:
        hooks.append(SyncBuffersHook())  # batch statistics: each process has seen its own
    if training.ema is not None:
        hooks.append(AverageHook(runner, training.ema))
    return hooks


def _finish(runner: QuietRunner, out: Path, state: Path) -> None:
    save_weights(runner.result, out / "weights.pt")
    write_json(out / "model.json", {"parameters": parameter_count(runner.result)})
    shutil.copyfile(state / "training.jsonl", out / "training.jsonl")
    shutil.rmtree(state)


def _complete(config: Config, training: TrainingSettings, title: str, state: Path) -> Config:
    """Add what every training shares: no files but ours, no log but ours, seeds for everything."""
    config = config.copy()
    config.work_dir = str(state / "mmengine")
    run = f"{title} {uuid.uuid4().hex}"  # mmengine shares objects between runs of one name
    config.experiment_name = run
    config.log_level = "ERROR"
    config.launcher = "pytorch" if training.gpus > 1 else "none"
    # Of several processes each draws its own; the weights are those of the first.
    config.randomness = {"seed": training.seed, "diff_rank_seed": training.gpus > 1}
    config.visualizer = {"type": "mmengine.Visualizer", "vis_backends": None, "name": run}
    config.default_hooks = {"runtime_info": None, "timer": None, "logger": None, "checkpoint": None}
    config.default_hooks.sampler_seed = None  # BatchLoop tells the sampler its epoch
    config.train_cfg = {"type": "mmengine.BatchLoop", "max_epochs": training.epochs}
    config.optim_wrapper.update(_stepping(training))
    return config


def _stepping(training: TrainingSettings) -> dict[str, Any]:
    """How the optimiser steps: after how many passes, and in which precision they are."""
    kinds = {"fp32": "OptimWrapper", "bf16": "Bfloat16OptimWrapper", "fp16": "AmpOptimWrapper"}
    if training.precision == "fp16" and not torch.cuda.is_available():
        raise HemlineError("precision is 'fp16', which needs a GPU: set it to bf16 or fp32 here")
    half = {"dtype": "float16"} if training.precision == "fp16" else {}
    return {
        "type": f"mmengine.{kinds[training.precision]}",
        "accumulative_counts": training.accumulation,
        **half,
    }
