"""A training of milliseconds; as a module it runs one: `python -m tests.training.toy FOLDER '{"epochs": 4}' SLEEP
DROPOUT`.

SLEEP is in seconds a sample.
"""

import json
import random
import sys
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from mmengine.structures import BaseDataElement

from hemline.params import TrainingSettings
from hemline.training import fit, loader, state
from hemline.training.launching import join, launch

SAMPLES = 16
VALUES = {"epochs": 4, "milestones": (3,), "lr": 0.1, "batch_size": 4, "seed": 3}


@MODELS.register_module()
class Line(BaseModel):
    """Learns a sum, with dropout so that the random generators matter, and a convolution so that the layout does."""

    def __init__(self, dropout=0.2, data_preprocessor=None):
        super().__init__(data_preprocessor=data_preprocessor)
        self.linear, self.dropout = torch.nn.Linear(4, 1), dropout
        self.squares = torch.nn.Conv2d(2, 4, 2)
        self.seen = []

    def forward(self, inputs, data_samples=None, mode="loss"):
        """The loss."""
        given = torch.stack(list(inputs))
        self.seen.append(sorted(sample.metainfo["index"] for sample in data_samples))
        squares = torch.stack([given, given.square()], 1).reshape(-1, 2, 2, 2)
        seen = given + self.squares(squares).flatten(1)
        guess = self.linear(torch.nn.functional.dropout(seen, self.dropout))
        return {"loss": (guess - given.sum(1, keepdim=True)).square().mean()}


@DATASETS.register_module()
class Noise(torch.utils.data.Dataset):
    """Random samples, other ones in each epoch; one may be NaN. Every fourth is of category 2, the others of 1."""

    metainfo: ClassVar[dict] = {}

    def __init__(self, samples=SAMPLES, bad=None, sleep=0.0):
        self.samples, self.bad, self.sleep = samples, bad, sleep

    def __len__(self):
        return self.samples

    def __getitem__(self, index):
        time.sleep(self.sleep)
        given = [*np.random.rand(2).tolist(), random.random(), torch.rand(()).item()]
        if index == self.bad:
            given[0] = float("nan")
        info = {"img_path": f"folder/{index:06d}.jpg", "index": index}
        return {"inputs": torch.tensor(given), "data_samples": BaseDataElement(metainfo=info)}

    def categories(self, index):
        return (1 if index % 4 else 2,)


class LastHook(Hook):
    """Writes what each process ends with, all that can differ: weights, optimiser, schedulers, random generators."""

    priority = "LOWEST"

    def __init__(self, folder):
        self.path = folder / f"last-{get_rank()}.pt"

    def after_train(self, runner):
        """Write it."""
        last = {**state._shared(runner), **state._own(runner)}
        last["hooks"] = None  # seconds
        torch.save(last, self.path)


def settings(**values):
    return TrainingSettings(**{**VALUES, **values})


def config(training, dropout=0.2, **noise):
    return Config(
        {
            "model": {"type": "Line", "dropout": dropout},
            "train_dataloader": loader({"type": "Noise", **noise}, training),
            "optim_wrapper": {"optimizer": {"type": "Adam", "lr": training.lr, "fused": True}},
            "channels_last": "",
            "param_scheduler": [
                {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 3},
                {"type": "MultiStepLR", "milestones": list(training.milestones), "by_epoch": True},
            ],
        }
    )


def train(folder, values=None, hooks=(), record=None, init=None, dropout=0.2, **noise):
    """Train in FOLDER: out, state, and last-0.pt."""
    training = settings(**(values or {}))
    folder.mkdir(parents=True, exist_ok=True)
    join()
    hooks = [*hooks, LastHook(folder)]
    built = config(training, dropout, **noise)
    out, kept = folder / "out", folder / "state"
    fit(built, training, title="t", out=out, state=kept, init=init, record=record, hooks=hooks)


def lines(folder):
    return [json.loads(line) for line in (folder / "out/training.jsonl").read_text().splitlines()]


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    state.SAVE_SECONDS = 0.0
    launch(given.get("gpus", 1))
    train(Path(sys.argv[1]), given, sleep=float(sys.argv[3]), dropout=float(sys.argv[4]))
