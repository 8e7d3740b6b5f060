"""What all trainings share."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hemline.params.base import Positive, Rate, Settings


class TrainingSettings(Settings):
    """How a network is trained. `lr` drops to a tenth at each of `milestones` (epochs).

    `batch_size` samples make a step of the optimiser, on however many GPUs. They go through the network in passes of
    `micro_batch` at most (null: in one), whose gradients are averaged, and batch statistics are of a pass: with the
    same `micro_batch` a batch on one GPU is the same as on several. `gpus` processes share a batch (torchrun's;
    without a GPU they share the CPU). Passes differ by a sample where a batch can't be shared out evenly (`passes`);
    each one's mean loss counts the same, as each GPU's does with DataParallel in CenterNet. `precision` is that of
    the arithmetic: mixed with bf16 or fp16.

    With `balance` samples are drawn with a weight of 1 / (share of the sample's category + balance), as many an
    epoch as there are; null: each once. `ema` is the decay of an exponential moving average of the weights, which
    then is what is judged and kept. After `patience` epochs without a better AP on the validation pictures the
    training ends, and its best epoch is kept (which selects on the reported set). `workers` processes load
    pictures, for each GPU.
    """

    epochs: Positive
    milestones: tuple[Positive, ...]
    lr: Rate
    batch_size: Positive
    micro_batch: Positive | None = None
    gpus: Positive = 1
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    balance: Rate | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    patience: Positive | None = None
    seed: Annotated[int, Field(ge=0)]
    workers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _milestones_rise(self) -> "TrainingSettings":
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones {list(self.milestones)} must rise")
        return self

    @model_validator(mode="after")
    def _every_pass_has_a_sample(self) -> "TrainingSettings":
        if not self.fills():
            raise ValueError(self.too_small())
        return self

    def fills(self) -> bool:
        """Whether every pass of a batch has a sample."""
        return self.batch_size >= self.gpus * self.accumulation

    def too_small(self) -> str:
        """The message for a batch that leaves a GPU without a sample."""
        return f"batch_size {self.batch_size} is too small for gpus {self.gpus}: lower gpus"

    @property
    def accumulation(self) -> int:
        """Passes of each GPU whose gradients make a step."""
        return 1 if self.micro_batch is None else -(-self.batch_size // (self.gpus * self.micro_batch))

    @property
    def passes(self) -> tuple[int, ...]:
        """How many samples each pass of a batch has: those of all GPUs, then their next ones.

        They differ by one where the batch can't be shared out evenly: 37 on 8 GPUs is 5, 5, 5, 5, 5, 4, 4, 4.
        """
        number = self.gpus * self.accumulation
        return tuple(
            self.batch_size // number + (place < self.batch_size % number) for place in range(number)
        )

    @property
    def pass_size(self) -> int:
        """Samples that go through the network at once, on one GPU, at most."""
        return self.passes[0]


class SteppedTraining(TrainingSettings):
    """A training whose rate from each of `milestones` on is the next of `rates` (none: a tenth of the one before)."""

    rates: tuple[Rate, ...] = ()

    @model_validator(mode="after")
    def _rate_of_each_milestone(self) -> "SteppedTraining":
        if self.rates and len(self.rates) != len(self.milestones):
            raise ValueError(
                f"rates {list(self.rates)} must be as many as milestones {list(self.milestones)}, or none"
            )
        return self


class EvenTraining(TrainingSettings):
    """A training whose upright and wide pictures come in passes of their own, all of one size."""

    @model_validator(mode="after")
    def _shared_evenly(self) -> "EvenTraining":
        if len(set(self.passes)) > 1:
            by = (
                f"gpus {self.gpus} x micro_batch {self.micro_batch}"
                if self.micro_batch
                else f"gpus {self.gpus}"
            )
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of {by}")
        return self
