"""The order of samples: the seed and the epoch decide it, not who loads them or how many train."""

import random

import numpy as np
import pytest
import torch
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import Runner

from hemline.training import order
from hemline.training.order import Batches, Order, SamplePasses, seeded
from tests.training import toy


def loader(**values):
    settings = toy.settings(**values)
    return Runner.build_dataloader(toy.config(settings).train_dataloader, seed=settings.seed)


def epoch(number, done=0, **values):
    """The samples of an epoch: (batch, pass) -> indices, and all their numbers."""
    built = loader(**values)
    built.batch_sampler.begin(number, done)
    return [
        [
            ([one.metainfo["index"] for one in part["data_samples"]], torch.stack(part["inputs"]))
            for part in batch
        ]
        for batch in built
    ]


def indices(batches):
    return [[part for part, _ in batch] for batch in batches]


def flat(batches):
    return [index for batch in batches for part, _ in batch for index in part]


def numbers(batches):
    return torch.cat([part for batch in batches for _, part in batch])


def test_each_sample_once_in_an_order_of_the_epochs_own():
    first, again, second = epoch(0), epoch(0), epoch(1)
    assert sorted(flat(first)) == sorted(flat(second)) == list(range(16))
    assert flat(first) == flat(again) != flat(second)
    assert torch.equal(numbers(first), numbers(again))
    assert flat(epoch(0, seed=4)) != flat(first)
    # A seed's second epoch is not the next seed's first.
    assert flat(epoch(0, seed=4)) != flat(second)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_nothing(workers):
    alone, several = epoch(2), epoch(2, workers=workers)
    assert flat(alone) == flat(several)
    assert torch.equal(numbers(alone), numbers(several))


def test_each_draw_has_random_numbers_of_its_own():
    drawn = numbers(epoch(0))
    assert len(torch.unique(drawn)) == drawn.numel()
    assert not torch.isin(drawn, numbers(epoch(1))).any()


def test_an_epoch_can_begin_in_its_middle():
    whole, rest = epoch(1), epoch(1, done=2)
    assert indices(whole)[2:] == indices(rest)
    assert torch.equal(numbers(whole[2:]), numbers(rest))


def test_passes_cut_a_batch_without_changing_it():
    whole, cut = epoch(0), epoch(0, micro_batch=2)
    assert [[len(part) for part in batch] for batch in indices(cut)] == [[2, 2]] * 4
    assert flat(whole) == flat(cut)
    assert torch.equal(numbers(whole), numbers(cut))


@pytest.fixture
def ranks(monkeypatch):
    """The epoch as each of several processes has it."""

    def shares(count, **values):
        found = []
        for rank in range(count):
            monkeypatch.setattr(order, "get_dist_info", lambda rank=rank: (rank, count))
            found.append(indices(epoch(0, gpus=count, **values)))
        return found

    return shares


def test_several_processes_share_the_batches_of_one(ranks):
    alone = indices(epoch(0, micro_batch=1))
    first, second = ranks(2, micro_batch=1)
    assert [len(batch) for batch in first] == [2] * 4  # accumulated: 4 = 2 processes x 2 passes of 1
    for whole, one, other in zip(alone, first, second, strict=True):
        assert whole == [one[0], other[0], one[1], other[1]]


def test_all_processes_have_as_many_passes(ranks):
    shares = ranks(3, batch_size=9, micro_batch=3)
    assert len({len(share) for share in shares}) == 1
    passes = [batch for share in zip(*shares, strict=True) for batch in share]
    drawn = [index for batch in passes for part in batch for index in part]
    assert set(drawn) == set(range(16))
    assert len(drawn) == 16  # five passes of 3 and one of 1: two batches of three passes


def test_the_last_batch_is_filled_up_with_whole_passes(ranks):
    drawn = [flatten(share) for share in ranks(2, batch_size=12, micro_batch=6)]
    # passes of 6, 6, 4 and, again, the first one
    assert [len(one) for one in drawn] == [6 + 4, 6 + 6]
    assert drawn[1][6:] == drawn[0][:6]


class Many:
    """A hundred samples."""

    def __len__(self):
        return 100


@pytest.fixture
def eighths(monkeypatch):
    """An epoch of batches of 37, as each of eight processes has it."""

    def shares(done=0):
        found = []
        for rank in range(8):
            monkeypatch.setattr(order, "get_dist_info", lambda rank=rank: (rank, 8))
            sizes = toy.settings(batch_size=37, gpus=8).passes
            batches = Batches(Order(Many(), seed=0), sizes[0], sizes)
            batches.begin(1, done)
            found.append(list(batches))
            assert len(found[-1]) == len(batches) - done
        return found

    return shares


def test_eight_processes_share_37_samples(eighths):
    shares = eighths()
    batches = [[part for share in batch for part in share] for batch in zip(*shares, strict=True)]
    sizes = [[len(part) for part in batch] for batch in batches]
    full = [5, 5, 5, 5, 5, 4, 4, 4]
    assert sizes == [full, full, [5, 5, 5, 5, 5, 1, 4, 4]]  # 100 = 37 + 37 + 26, and eight again
    drawn = [draw.sample for batch in batches for part in batch for draw in part]
    assert sorted(drawn[:100]) == list(range(100))
    assert batches[-1][6:] == [part[:4] for part in batches[0][:2]]
    in_order = Order(Many(), seed=0)
    in_order.epoch = 1
    assert drawn[:100] == [draw.sample for draw in in_order]


def test_an_uneven_epoch_can_begin_in_its_middle(eighths):
    assert [share[1:] for share in eighths()] == eighths(done=1)


@pytest.mark.parametrize("number", [1, 6, 20, 37])
def test_fewer_samples_than_a_batch_give_all_processes_a_pass(number, monkeypatch):
    monkeypatch.setattr(Many, "__len__", lambda self: number)
    sizes = toy.settings(batch_size=37, gpus=8).passes
    (batch,) = Batches(Order(Many(), seed=0), sizes[0], sizes)
    assert len(batch) == 8 and all(batch)
    assert all(len(part) <= size for part, size in zip(batch, sizes, strict=True))
    assert {draw.sample for part in batch for draw in part} == set(range(number))


def flatten(share):
    return [index for batch in share for part in batch for index in part]


def test_balance_draws_rare_categories_more_often():
    data = SamplePasses({"type": "Noise", "samples": 4000})  # a quarter is of category 2
    drawn = np.array([draw.sample for draw in Order(data, seed=0, balance=0.02)])
    weights = {1: 1 / (0.75 + 0.02), 2: 1 / (0.25 + 0.02)}
    wanted = 0.25 * weights[2] / (0.25 * weights[2] + 0.75 * weights[1])
    share = (drawn % 4 == 0).mean()
    assert share == pytest.approx(wanted, abs=0.03)  # 0.49; three standard errors of 4,000 draws
    assert len(drawn) == 4000 and len(set(drawn)) < 4000


class Garments:
    """Pictures of one garment each, the fourth of two: weights by the rarest."""

    kinds = ((1,), (1,), (1,), (1, 2))

    def __len__(self):
        return 4

    def categories(self, index):
        return self.kinds[index]


def test_a_picture_counts_as_its_rarest_garment():
    weights = Order(Garments(), seed=0, balance=0.1).weights
    assert weights.tolist() == pytest.approx([1 / 0.9] * 3 + [1 / 0.3])  # shares 4/5 and 1/5


def test_seeded_leaves_the_others_random_numbers_alone():
    def draw():
        return random.random(), np.random.rand(), torch.rand(()).item()

    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(1)
    before = [draw() for _ in range(2)]
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(1)
    after = [draw()]
    with seeded(7):
        inside = draw()
    after.append(draw())
    assert before == after
    with seeded(7):
        assert draw() == inside


class Shapes:
    """Pictures of which each third is wide."""

    metainfo = None

    def __len__(self):
        return 20

    def get_data_info(self, draw):
        return {"width": 2 if draw.sample % 3 == 0 else 1, "height": 1.5}


def test_upright_and_wide_pictures_don_t_meet_while_there_are_enough():
    from hemline.detection.network import import_mmdet

    import_mmdet()
    batches = DATA_SAMPLERS.build(
        {"type": "mmengine.Batches", "by_shape": True},
        default_args={"sampler": Order(Shapes(), seed=0), "batch_size": 4},
    )
    passes = [[draw.sample % 3 == 0 for draw in part] for batch in batches for part in batch]
    assert len(batches) == len(passes) == 5
    assert sum(len(set(part)) > 1 for part in passes) <= 1  # the rest of both
    assert isinstance(batches, Batches)
