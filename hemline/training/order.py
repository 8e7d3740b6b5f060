"""Which samples an epoch has, in which order, in which passes: decided by the seed and the epoch alone.

So the same garments meet in the same batches, cropped the same way, however many processes load them and train on them,
and a training that was interrupted in the middle of an epoch goes on with the next pass.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS, DATASETS, FUNCTIONS
from torch.utils.data import BatchSampler, Dataset, Sampler

from hemline.params import TrainingSettings


class Draw(NamedTuple):
    """A sample's place in its data set, and the seed of its augmentation."""

    sample: int
    seed: int


def loader(dataset: dict[str, Any], training: TrainingSettings, by_shape: bool = False) -> dict[str, Any]:
    """mmengine's config of a training's data loader, for the config of a data set.

    `by_shape` keeps upright and wide pictures in passes of their own. The data set says of each index, by
    `categories(index)`, which categories its garments have (`training.balance`).
    """
    return {
        "batch_size": training.pass_size,
        "num_workers": training.workers,
        "persistent_workers": training.workers > 0,
        "worker_init_fn": {"type": "mmengine.deaf_worker"},
        "sampler": {"type": "mmengine.Order", "seed": training.seed, "balance": training.balance},
        "batch_sampler": {
            "type": "mmengine.Batches",
            "sizes": training.passes,
            "by_shape": by_shape,
        },
        "collate_fn": {"type": "mmengine.collate_passes"},
        "dataset": {"type": "mmengine.SamplePasses", "dataset": dataset},
    }


@FUNCTIONS.register_module()
def collate_passes(passes: list[list[Any]]) -> list[Any]:
    """The passes of a batch, each as mmengine's models want it."""
    return [pseudo_collate(samples) for samples in passes]


@DATASETS.register_module()
class SamplePasses(Dataset):
    """Another data set's samples, a pass at a time, each made with the random numbers of its draw's seed."""

    def __init__(self, dataset: dict[str, Any]) -> None:
        self.dataset = DATASETS.build(dataset)

    @property
    def metainfo(self) -> dict[str, Any]:
        """The data set's."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Read the annotations."""
        if hasattr(self.dataset, "full_init"):
            self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draws: list[Draw]) -> list[Any]:
        return [self._sample(draw) for draw in draws]

    def _sample(self, draw: Draw) -> Any:
        with seeded(draw.seed):
            return self.dataset[draw.sample]

    def get_data_info(self, draw: Draw) -> dict[str, Any]:
        """The annotations of a draw, for mmdet's AspectRatioBatchSampler."""
        return self.dataset.get_data_info(draw.sample)

    def categories(self, index: int) -> Sequence[int]:
        """The category ids of a sample's garments."""
        return self.dataset.categories(index)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's, NumPy's and torch's random numbers from this seed on; afterwards they go on as if nothing had been."""
    python, numpy, state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(state)


@DATA_SAMPLERS.register_module()
class Order(Sampler):
    """All samples of an epoch, shuffled; with `balance` drawn with replacement, those of rare categories more often.

    The weight of a sample is 1 / (share of its category + balance), as the third place of 2020 drew
    (svip-lab/HRNet-for-Fashion-Landmark-Estimation.PyTorch); of a picture, that of its rarest garment.
    """

    def __init__(self, dataset: SamplePasses, seed: int, balance: float | None = None) -> None:
        self.dataset, self.seed, self.epoch = dataset, seed, 0
        self.weights = None if balance is None else _weights(dataset, balance)

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[Draw]:
        generator = torch.Generator().manual_seed(_mix(self.seed, self.epoch))
        if self.weights is None:
            order = torch.randperm(len(self), generator=generator)
        else:
            order = torch.multinomial(self.weights, len(self), replacement=True, generator=generator)
        seeds = torch.randint(2**31, (len(self),), generator=generator)
        yield from map(Draw, order.tolist(), seeds.tolist())


def _mix(seed: int, epoch: int) -> int:
    """One seed of both: their sum would make epoch 1 of seed 0 that of epoch 0 of seed 1."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])


def _weights(dataset: SamplePasses, balance: float) -> torch.Tensor:
    categories = [dataset.categories(index) for index in range(len(dataset))]
    ids, counts = np.unique(np.concatenate(categories), return_counts=True)
    weights = dict(zip(ids.tolist(), 1 / (counts / counts.sum() + balance), strict=True))
    return torch.tensor([max(weights[one] for one in some) for some in categories], dtype=torch.float64)


@DATA_SAMPLERS.register_module()
class Batches(BatchSampler):
    """The batches of an epoch, each as the passes of draws that this process has of it.

    `sizes` are those of a batch's passes: one of each process, then their next ones; by default each has one of
    `batch_size`. `by_shape` wants them to be equal. The last batch is filled up with the epoch's first passes, so that
    all processes have as many. `begin` says where an epoch starts.
    """

    def __init__(
        self, sampler: Order, batch_size: int, sizes: Sequence[int] = (), by_shape: bool = False
    ) -> None:
        self.sampler, self.done = sampler, 0
        self.rank, self.world = get_dist_info()
        self.sizes = tuple(sizes) or (batch_size,) * self.world
        self.passes: Iterable[list[Draw]] = Passes(sampler, self.sizes)
        if by_shape:
            by_shapes = DATA_SAMPLERS.get("mmdet.AspectRatioBatchSampler")
            self.passes = by_shapes(sampler, batch_size, drop_last=False)

    def begin(self, epoch: int, done: int) -> None:
        """Set the epoch, from 0, and how many of its batches are behind it."""
        self.sampler.epoch, self.done = epoch, done

    def __len__(self) -> int:
        return -(-len(self.sampler) // sum(self.sizes))

    def __iter__(self) -> Iterator[list[list[Draw]]]:
        passes, first = iter(self.passes), list[list[Draw]]()
        for number in range(len(self)):
            batch = list(islice(passes, len(self.sizes)))
            first = first or batch
            missing = self.sizes[len(batch) :]
            batch += [again[:size] for again, size in zip(cycle(first), missing)]
            if number >= self.done:
                yield batch[self.rank :: self.world]


class Passes:
    """All draws of an epoch in passes of `sizes`, over and over; the last one has what is left."""

    def __init__(self, sampler: Order, sizes: Sequence[int]) -> None:
        self.sampler, self.sizes = sampler, sizes

    def __iter__(self) -> Iterator[list[Draw]]:
        draws = iter(self.sampler)
        sizes = cycle(self.sizes)
        while some := list(islice(draws, next(sizes))):
            yield some
