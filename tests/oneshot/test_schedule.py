"""The learning rate, epoch by epoch, from the schedulers that a training builds."""

import math
from pathlib import Path

import pytest

from hemline.params import load_params
from hemline.planning.rates import compact, rates

PAPER = load_params(Path(__file__).parents[2] / "params/paper.yaml").oneshot


def network(**changes):
    return PAPER.networks["dla"].model_copy(update=changes)


def test_the_papers_rates_are_those_of_the_paper():
    """Paper 001 sec. 4: 3e-4 for 50 epochs, 3e-5 for 3, 1e-5 for 10."""
    assert list(rates(network(), 4)) == pytest.approx([3e-4] * 50 + [3e-5] * 3 + [1e-5] * 10)
    assert compact(rates(PAPER.settings("dla-128"), 4)) == "1-3: 3e-05, 4-13: 1e-05"


def test_without_rates_each_milestone_is_a_tenth():
    found = rates(network(rates=(), milestones=(2, 3), epochs=4, lr=0.5), 3)
    assert found == pytest.approx([0.5, 0.5, 0.05, 0.005])


def test_without_milestones_the_rate_falls_as_a_cosine_by_steps():
    found = rates(network(rates=(), milestones=(), epochs=2, lr=1.0), 10)
    assert found == pytest.approx([(1 + math.cos(math.pi * step / 20)) / 2 for step in (10, 19)])


def test_it_rises_from_a_thousandth_first():
    """Over the first two of three epochs of four steps, then it drops as if it had not."""
    found = rates(network(rates=(0.25,), milestones=(2,), epochs=3, lr=1.0, warmup_steps=8), 4)
    assert 0.4 < found[0] < 0.7 and found[1:] == pytest.approx([1.0, 0.25])
