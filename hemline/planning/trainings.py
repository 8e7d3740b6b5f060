"""The trainings of a params set before they run: steps, learning rates, and estimates of memory and GPU hours.

The estimates rest on counts (hemline.planning.counting) and on published measurements, which the constants below name;
none was measured on a GPU by us.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hemline.params import Params
from hemline.planning.counting import memory_of, size_of
from hemline.planning.networks import Network, OneShotNetwork, networks_of
from hemline.planning.rates import Scheduled, compact, rates
from hemline.planning.samples import Samples

# A step is about three forward passes: forward, gradients of the activations, gradients of the weights. A multiply-add
# is two operations.
OPERATIONS_PER_MULTIPLY_ADD = 3 * 2

# TFLOPS that a V100 kept up in fp32, training HRNet-w48 at 288x384: 32 samples a GPU in 1.23 s, of 35.3 x 10^9
# multiply-adds: 32 x 35.3e9 x 6 / 1.23 = 5.5e12 a second (mmpose, docs/benchmark.md; 32: its config file of that time).
# mmdet's Mask R-CNN kept up more (docs/models.md); the lower number errs on the side of what is spent.
V100_TFLOPS = 5.5

# Losses, gradients on their way and cuDNN's workspaces come on top of what a forward pass keeps. With this factor the
# estimate is within 10 % of mmdet's four published Cascade R-CNNs (docs/models.md).
UNSEEN_MEMORY = 1.25

OPTIMIZER_COPIES = {
    "SGD": 1,
    "Adam": 2,
    "AdamW": 2,
}  # numbers kept for each weight: momentum; mean and variance


@dataclass(frozen=True)
class Training:
    """One training, planned. Memory is one GPU's, GiB; hours are those of all its GPUs together."""

    stage: str
    settings: Scheduled
    network: Network
    samples: int

    @property
    def batch(self) -> str:
        """ "48 = 1 GPU x 8 x 6 passes"; "37 = 8 GPUs x 4 or 5 x 1 pass"."""
        training = self.settings
        gpus = f"{training.gpus} GPU{'s' if training.gpus > 1 else ''}"
        passes = f"{training.accumulation} pass{'es' if training.accumulation > 1 else ''}"
        samples = " or ".join(str(size) for size in sorted(set(training.passes)))
        return f"{training.batch_size} = {gpus} x {samples} x {passes}"

    @property
    def iterations_per_epoch(self) -> int:
        """Steps of the optimiser in an epoch; the last one has what is left."""
        return math.ceil(self.samples / self.settings.batch_size)

    @property
    def iterations(self) -> int:
        """Steps of the whole training."""
        return self.iterations_per_epoch * self.settings.epochs

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rate at the end of each epoch."""
        return rates(self.settings, self.iterations_per_epoch)

    @property
    def gpu_memory(self) -> float:
        """GiB on each GPU: weights, their gradients and the optimiser's numbers, and a pass.

        In bf16 or fp16 what a pass keeps is half as large, and the weights that learn have a copy of half their size.
        """
        memory, training = memory_of(self.network), self.settings
        mixed = training.precision != "fp32"
        weights = memory.weights * (1.5 if mixed else 1) + (memory.weights if training.ema else 0)
        learning = memory.learning * (1 + OPTIMIZER_COPIES[training.optimizer])
        kept = memory.kept * training.pass_size * (0.5 if mixed else 1)
        return UNSEEN_MEMORY * (weights + learning + kept) / 2**30

    def gpu_hours(self, tflops: float) -> float:
        """Hours of a GPU that keeps up `tflops`."""
        operations = OPERATIONS_PER_MULTIPLY_ADD * size_of(self.network).training
        return operations * self.samples * self.settings.epochs / (tflops * 1e12) / 3600

    def to_dict(self, tflops: float) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "stage": self.stage,
            "samples": self.samples,
            "batch_size": self.settings.batch_size,
            "batch": self.batch,
            "precision": self.settings.precision,
            "epochs": self.settings.epochs,
            "iterations_per_epoch": self.iterations_per_epoch,
            "iterations": self.iterations,
            "learning_rate": list(self.rates),
            "learning_rate_text": compact(self.rates),
            "gpu_memory_gib": round(self.gpu_memory, 1),
            "gpu_hours": round(self.gpu_hours(tflops), 4),
        }


def trainings_of(params: Params, samples: Samples) -> Iterator[Training]:
    """Every training of the set, in the pipeline's order; each expert by itself."""
    networks = {network.stage: network for network in networks_of(params)}
    for detector in params.detector.trained:
        settings = getattr(params.detector, detector)
        stage = f"train_detector@{detector}"
        yield Training(stage, settings, networks[stage], samples.pictures)
    garments = sum(samples.garments.values())
    for name in params.estimator.trained:
        stage = f"train_estimator@{name}"
        yield Training(stage, getattr(params.estimator, name), networks[stage], garments)
    for slug in params.finetune.categories:
        for variant in params.finetune.variants:
            settings = params.finetune.for_category(slug, variant)
            yield Training(
                f"finetune@{slug}-{variant}", settings, networks["finetune"], samples.garments[slug]
            )
    yield from _compared(params, networks, samples)
    for network in networks.values():
        if isinstance(network, OneShotNetwork) and network.settings is not None:
            yield Training(network.stage, network.settings, network, samples.pictures)


def _compared(params: Params, networks: Mapping[str, Network], samples: Samples) -> Iterator[Training]:
    """Those of `networks`, then of their experts, which have the network's shape."""
    section = params.networks
    for name, one in section.trained.items():
        stage = f"train_network@{name}"
        yield Training(stage, one.training, networks[stage], sum(samples.garments.values()))
    for slug in section.categories:
        for name in section.finetuned:
            stage, network = f"finetune_network@{slug}-{name}", networks[f"train_network@{name}"]
            yield Training(stage, section.finetuning(name), network, samples.garments[slug])
