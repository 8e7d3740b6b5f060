"""Plans of the networks of `networks`: FashionAI's."""

import json
from pathlib import Path

import pytest

from hemline.commands import main
from hemline.params import check_params, load_params, read_values, with_values
from hemline.planning import networks_of, size_of, step
from hemline.planning.counting import memory_of
from hemline.planning.samples import Samples
from hemline.planning.trainings import OPTIMIZER_COPIES, trainings_of

ROOT = Path(__file__).parents[2]
SAMPLES = Samples(
    60, {"blouse": 10, "outwear": 11, "dress": 12, "trousers": 13, "skirt": 14, "jumpsuit": 0}, ""
)


def params(name="fashionai", **changes):
    return check_params(with_values(read_values(ROOT / f"params/{name}.yaml"), changes), name)


def found(chosen):
    return {network.name: network for network in networks_of(chosen)}


def test_networks_and_their_experts_are_listed_with_their_stages():
    networks = found(params())
    assert (networks["cpn"].stage, networks["cpn"].channels, networks["cpn"].copies) == (
        "train_network@cpn",
        24,
        1,
    )
    expert = networks["cpn-expert"]
    assert (expert.stage, expert.channels, expert.copies) == ("finetune_network", 24, 5)
    assert expert.shape() == networks["cpn"].shape()
    assert not {"fpm-expert", "fashionnet-expert"} & networks.keys()


def test_figures_are_in_the_unit_of_the_published_ones():
    networks = found(params())
    assert networks["cpn"].GIGA == networks["fpm"].GIGA == 10**9
    assert networks["aggregated"].GIGA == networks["expert"].GIGA == 2**30


def test_a_name_may_be_that_of_an_estimator_or_a_one_shot_network():
    """Names are told apart by their stages."""
    one = params().networks.trained["cpn"].model_dump(mode="json", exclude={"finetuning"})
    one["training"]["crops"] = "boxes"
    changes = {"networks.trained": {"hourglass": one, "aggregated": one}}
    chosen = params("demo", **changes)
    garments = {entry.slug: 1 for entry in chosen.wardrobe.categories}
    plans = {plan.stage: plan.network for plan in trainings_of(chosen, Samples(13, garments, ""))}
    assert plans["train_network@hourglass"].shape() == plans["train_network@aggregated"].shape()
    assert size_of(plans["train_network@hourglass"]) != size_of(plans["train_oneshot@hourglass"])
    assert plans["train_network@aggregated"].shape() != plans["train_estimator@aggregated"].shape()


def test_a_plan_has_every_training():
    plans = {plan.stage: plan for plan in trainings_of(params(), SAMPLES)}
    assert plans["train_network@fpm"].samples == 60
    assert {name: plan.samples for name, plan in plans.items() if name.endswith("-cpn-se")} == {
        f"finetune_network@{slug}-cpn-se": count for slug, count in SAMPLES.garments.items() if count
    }
    assert plans["finetune_network@skirt-cpn"].settings.epochs == params().networks.finetuning("cpn").epochs


def test_the_memory_is_that_of_the_optimiser():
    """SGD keeps one number for each weight, Adam two."""
    plans = {
        kind: next(
            plan
            for plan in trainings_of(params(**{"networks.trained.cpn.training.optimizer": kind}), SAMPLES)
            if plan.stage == "train_network@cpn"
        )
        for kind in ("SGD", "Adam")
    }
    learning = memory_of(plans["SGD"].network).learning
    more = 1.25 * learning * (OPTIMIZER_COPIES["Adam"] - OPTIMIZER_COPIES["SGD"]) / 2**30
    assert plans["Adam"].gpu_memory - plans["SGD"].gpu_memory == pytest.approx(more)


def test_the_paper_trains_for_six_epochs_then_fifty_a_category():
    many = Samples(6000, {slug: 100 * count for slug, count in SAMPLES.garments.items()}, "")
    plans = {plan.stage: plan for plan in trainings_of(params("fashionai-paper"), many)}
    joint, expert = plans["train_network@cpn"], plans["finetune_network@skirt-cpn"]
    assert [f"{rate:.0e}" for rate in joint.rates] == ["1e-04"] * 3 + ["5e-05"] + ["1e-05"] * 2
    assert len(expert.rates) == 50 and {f"{rate:.0e}" for rate in expert.rates[15:30]} == {"5e-05"}
    assert joint.iterations == 6 * 600


def test_the_command_sums_experts_up(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("hemline.planning.samples.samples_of", lambda params, converted: SAMPLES)
    assert main(["plan", "--params", "fashionai"]) == 0
    text = capsys.readouterr().out
    assert "25 of finetune_network@*: " in text and "10 of finetune@*" in text
    assert main(["plan", "--params", "fashionai", "--json"]) == 0
    stages = [one["stage"] for one in json.loads(capsys.readouterr().out)["trainings"]]
    assert len(stages) == len(set(stages)) == 2 + 10 + 7 + 25


@pytest.mark.parametrize("name", ["cpm", "cpn-expert", "fashionnet"])
def test_a_network_takes_a_step_and_predicts(tmp_path, name):
    chosen = load_params(ROOT / "params/fashionai.yaml")
    network = found(chosen)[name]
    trained = step._train(chosen, network, 2, tmp_path / "work")
    predicted = step._predict(chosen, network, 2, tmp_path / "work")
    assert (trained.does, predicted.does) == ("training step", "prediction")
