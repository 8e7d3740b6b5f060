"""One training run."""

import random
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import FUNCTIONS
from mmengine.runner import Runner

from hemline.files import write_json
from hemline.training.facts import parameter_count
from hemline.training.hooks import FiniteLossHook, ProgressHook, Record, StateHook
from hemline.training.quiet import quiet
from hemline.training.weights import save_weights


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seed a loader's worker from torch's own seed of it.

    mmengine's default seeds NumPy with the same number at every start of the workers, so that without persistent
    workers each epoch repeats the last one's augmentation; torch's seed differs by epoch and is drawn from the
    main generator, whose state a checkpoint keeps.
    """
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    random.seed(seed)


class QuietRunner(Runner):
    """mmengine's Runner without the report on the machine and the config that nobody reads at this log level.

    Making it takes 3 s of CPU a run (yapf formats the config twice, and again in the hook "runtime_info"), longer
    than a small expert's training. `numbers` is what other hooks know of the epoch; its record tells it.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.numbers: dict[str, float] = {}

    def _log_env(self, env_cfg: dict[str, Any]) -> None:
        pass

    def dump_config(self) -> None:
        """Write nothing: a model folder's settings.json says what was trained."""


def fit(
    config: Config,
    *,
    title: str,
    out: Path,
    state: Path,
    seed: int = 0,
    init: Path | None = None,
    record: Record | None = None,
    hooks: Sequence[Hook] = (),
) -> None:
    """Train the model of an mmengine config and write `out`/weights.pt, training.jsonl and model.json (its size).

    `config` has model, train_dataloader, train_cfg, optim_wrapper, and may have param_scheduler and the val_*
    keys. `state` is the folder of what an interrupted training needs to go on; it must be the run's own (keyed by
    whatever decides its result) and is removed at the end. `init` is a weights file to start from. `record`
    receives one dict an epoch, and one every 50 steps, with `iteration` in the place of `epoch`. `hooks` are a
    caller's own.
    """
    quiet()
    state.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    runner = QuietRunner.from_cfg(_complete(config, title, state, seed))
    runner.register_hook(FiniteLossHook())
    runner.register_hook(ProgressHook(title, state / "training.jsonl", record))
    for hook in hooks:
        runner.register_hook(hook)
    runner.register_hook(StateHook(state, init))
    runner.train()
    save_weights(runner.model, out / "weights.pt")
    write_json(out / "model.json", {"parameters": parameter_count(runner.model)})
    shutil.copyfile(state / "training.jsonl", out / "training.jsonl")
    shutil.rmtree(state)


def _complete(config: Config, title: str, state: Path, seed: int) -> Config:
    """Add what every training shares: no files but ours, no log but ours, seeds for everything."""
    config = config.copy()
    config.work_dir = str(state / "mmengine")
    run = f"{title} {uuid.uuid4().hex}"  # mmengine shares objects between runs of one name
    config.experiment_name = run
    config.log_level = "ERROR"
    config.randomness = {"seed": seed}
    config.visualizer = {"type": "mmengine.Visualizer", "vis_backends": None, "name": run}
    config.default_hooks = {"runtime_info": None, "timer": None, "logger": None, "checkpoint": None}
    config.train_dataloader.worker_init_fn = {"type": "mmengine.seed_worker"}
    return config
