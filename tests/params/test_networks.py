"""The section `networks`, and the networks of estimators: what is refused, and how that is said."""

import re
from pathlib import Path

import pytest
import yaml

from hemline.errors import HemlineError
from hemline.params import check_params
from tests.params.editing import put

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("networks.finetuned", ["vit"], r"networks: finetuned: no network 'vit' in trained \(cpn, cpm, "),
        ("networks.finetuned", ["fpm"], r"finetuned: trained\.fpm doesn't say how \(key finetuning\)"),
        ("networks.categories", [], r"networks: finetuned: categories names none"),
        ("networks.categories", ["shirt"], r"networks: unknown category 'shirt'; use some of blouse"),
        (
            "networks.trained.cpm.grouping",
            "independent",
            r"trained\.cpm\.grouping is 'independent'; experts start from aggregated",
        ),
        ("networks.rows.fpm.network", "vit", r"networks\.rows\.fpm: models is 'networks/models/fpm'"),
        ("networks.rows.fpm.boxes", "cascade", r"networks\.rows\.fpm: passes is 2, but boxes are 'cascade'"),
        (
            "networks.rows.cpn.splits",
            ["test"],
            r"networks\.rows\.cpn\.splits is \('test',\): .* add 'validation'",
        ),
        ("networks.rows.cpn.splits", [], r"networks\.rows\.cpn\.splits is \(\): .* at least 1 item"),
        ("networks.rows", {}, r"networks: pages is \['networks'\], but rows names none .* set pages to \[\]"),
        (
            "package.validation",
            "fashionai_test.csv",
            r"package\.validation and package\.test are both 'fashionai_test\.csv': one file would replace",
        ),
        ("package.validation", "a.json", r"package\.validation: name 'a\.json': .* whose name ends in \.csv"),
        ("package.test", "../a.csv", r"package\.test: name '\.\./a\.csv': .* plain file whose name"),
        ("networks.trained.fpm.training.rates", [0.1], r"rates \[0\.1\] must be as many as milestones \[\]"),
        ("networks.trained.fpm.training.crops", "half", r"networks\.trained\.fpm\.training\.crops is 'half'"),
        ("networks.trained.fpm.init", 3, r"networks\.trained\.fpm\.init is 3"),
        ("networks.pages", ["deepmark"], r"networks\.pages\.0 is 'deepmark'"),
    ],
)
def test_a_bad_value_of_networks_is_named_by_its_path(fashionai, path, value, message):
    if path == "networks.rows.fpm.boxes":
        put(fashionai, "networks.rows.fpm.passes", 2)
    put(fashionai, path, value)
    with pytest.raises(HemlineError, match=message):
        check_params(fashionai, "params.yaml")


@pytest.mark.parametrize(
    ("path", "value"),
    [("networks.rows.cpn.splits", ["validation", "test"]), ("estimator.aggregated.crops", "whole")],
)
def test_what_is_allowed_of_networks(fashionai, path, value):
    put(fashionai, path, value)
    assert check_params(fashionai, "params.yaml")


def test_a_networks_weights_to_start_from_must_be_said(fashionai):
    """DVC wants every key that a stage depends on."""
    del fashionai["networks"]["trained"]["cpn"]["init"]
    with pytest.raises(HemlineError, match=r"networks\.trained\.cpn\.init: missing"):
        check_params(fashionai, "params.yaml")


def test_networks_without_experts_have_no_finetuning(fashionai):
    section = check_params(fashionai, "fashionai").networks
    assert section.finetuning("cpn").new_outputs is False
    with pytest.raises(HemlineError, match=r"networks\.finetuned has no 'fpm'; it has cpn, cpm"):
        section.finetuning("fpm")


def test_the_networks_that_the_docs_offer_for_deepfashion2_fit_in_hrnets_place(demo):
    text = (ROOT / "docs/paper-002.md").read_text()
    offered = [yaml.safe_load(block) for block in re.findall(r"^ +network: (\{[^}]*\})", text, re.MULTILINE)]
    assert [one["type"] for one in offered] == ["cpn", "cpm", "hourglass", "fpm", "cpn"]
    for one in offered:
        put(demo, "estimator.network", one)
        assert check_params(demo, "demo").estimator.network.type == one["type"]
