"""Networks that differ in their seed alone: their mean and spread, and the papers' orders as they come out."""

from dataclasses import replace

import pytest

from hemline.evaluation import read_truth
from hemline.reporting.evidence import Estimate
from hemline.reporting.networks.errors import measuring
from hemline.reporting.networks.evidence import gather
from hemline.reporting.networks.rows import comparable
from hemline.reporting.networks.seeds import seeds, seeds_table
from hemline.reporting.networks.steps import compare, steps_table
from hemline.reporting.networks.story import figures_note, notes
from tests.reporting.networks.conftest import NetworksWorld, cpn, networks, row, trained
from tests.reporting.oneshot.test_tables import texts


def evidence_of(world: NetworksWorld, errors: dict[str, float]):
    """Three CPNs and three CPMs from three seeds, and a CPN of more epochs, with given errors by network."""
    known = {f"cpn-{seed}": trained(cpn(), seed=seed) for seed in range(3)}
    known |= {f"cpm-{seed}": trained("cpm", seed=seed) for seed in range(3)}
    known["longer"] = trained(cpn(), epochs=2)
    world = replace(world, networks=known, runs=dict(zip(world.runs, map(row, known), strict=False)))
    evidence = gather(world.networks_inputs())
    rows = [replace(one, shown=_exactly(errors[one.network])) for one in evidence.rows]
    return replace(evidence, rows=tuple(rows))


def _exactly(value: float) -> Estimate:
    return Estimate(value, value, value)


ERRORS = {
    "cpn-0": 0.05,
    "cpn-1": 0.06,
    "cpn-2": 0.07,
    "cpm-0": 0.06,
    "cpm-1": 0.08,
    "cpm-2": 0.1,
    "longer": 0.01,
}


def test_mean_and_spread_over_seeds(world_of_networks):
    found = seeds(evidence_of(world_of_networks, ERRORS))
    table = seeds_table(found)
    assert texts(table) == [
        ["CPN, ResNet-50", "3", "6.00", "1.00", "5.00", "7.00", "5.00, 6.00, 7.00"],
        ["CPM", "3", "8.00", "2.00", "6.00", "10.00", "6.00, 8.00, 10.00"],
    ]
    assert table.records[0]["standard_deviation"] == pytest.approx(0.01)
    assert list(table.records[1]["rows"].values()) == [0.06, 0.08, 0.1]


def test_the_papers_order_as_it_comes_out(world_of_networks):
    said = seeds_table(seeds(evidence_of(world_of_networks, ERRORS))).notes
    assert said[0] == (
        "Paper 002 has CPN, ResNet-50 before CPM; here their means are 6.00 and 8.00, the paper's order. In 7 of 9"
        " pairs of seeds CPN, ResNet-50 has the lower error."
    )  # lower: 5 < 6, 8, 10; 6 < 8, 10; 7 < 8, 10
    other = {**ERRORS, "cpm-0": 0.01, "cpm-1": 0.02, "cpm-2": 0.03}
    said = seeds_table(seeds(evidence_of(world_of_networks, other))).notes
    assert "6.00 and 2.00, not the paper's order. In 0 of 9 pairs" in said[0]


def test_one_seed_each_has_no_table(world_of_networks):
    evidence = gather(world_of_networks.networks_inputs())
    assert seeds(evidence) == () and len({one.network for one in evidence.rows}) == len(networks())
    assert any("fashionai-seeds" in note for note in notes(evidence, ()))


def test_no_seed_is_picked_for_its_error(world_of_networks):
    """Where networks are compared the first seed stands for all, also if another has the lower error."""
    evidence = evidence_of(world_of_networks, {**ERRORS, "cpn-1": 0.001, "cpm-2": 0.002})
    compared = evidence.one_seed_each
    assert [row.network for row in compared.rows] == ["cpn-0", "cpm-0", "longer"]
    assert [row.network for row in comparable(compared.of_types(["cpm"]))] == ["cpm-0"]
    assert "its seed" not in figures_note(()) and "the first" in figures_note(seeds(evidence))


def test_a_page_of_seeds_says_not_that_each_network_was_trained_once(world_of_networks):
    evidence = evidence_of(world_of_networks, ERRORS)
    truth = read_truth(world_of_networks.root / "truth.json", world_of_networks.table)
    found = compare(evidence, measuring(truth, 30, 0))
    assert any("trained once" in note for note in steps_table(found).notes)
    notes = steps_table(found, seeds=True).notes
    assert not any("trained once" in note for note in notes) and "From seed to seed" in notes[-1]
