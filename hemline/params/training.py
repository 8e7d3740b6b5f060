"""What all trainings share."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hemline.params.base import Positive, Rate, Settings


class TrainingSettings(Settings):
    """How a network is trained. `lr` drops to a tenth at each of `milestones` (epochs).

    `batch_size` samples make a step of the optimiser, on however many GPUs. They go through the network
    `micro_batch` at a time (null: as many at once as there are), and batch statistics are of these: with the same
    `micro_batch` a batch on one GPU, its gradients accumulated, is the same as on several. `gpus` processes share a
    batch (torchrun's; without a GPU they share the CPU); without `micro_batch` it needn't be a multiple of them
    (`passes`), and each GPU's mean loss counts the same, as with DataParallel in CenterNet. `precision` is that of the
    arithmetic: mixed with bf16 or fp16.

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
    def _passes_fill_the_batch(self) -> "TrainingSettings":
        if not self.fills():
            raise ValueError(f"batch_size {self.uneven()}")
        return self

    def fills(self) -> bool:
        """Whether the batch can be shared out: without `micro_batch` each GPU needs a sample at least."""
        if self.micro_batch is None:
            return self.batch_size >= self.gpus
        return self.batch_size % (self.gpus * self.micro_batch) == 0

    def uneven(self) -> str:
        """The message for a batch that can't be shared out."""
        if self.micro_batch is None:
            return f"{self.batch_size} is too small for gpus {self.gpus}"
        return f"{self.batch_size} is not a multiple of gpus {self.gpus} x micro_batch {self.micro_batch}"

    @property
    def accumulation(self) -> int:
        """Passes of each GPU whose gradients make a step."""
        return 1 if self.micro_batch is None else self.batch_size // (self.gpus * self.micro_batch)

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
