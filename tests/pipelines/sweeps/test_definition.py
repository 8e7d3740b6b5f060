"""A sweep's keys are checked against params.yaml's schema and dvc.yaml; DVC's identity tells trials by."""

import json
import re
from pathlib import Path

import pytest
import yaml

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.params import check_params, check_sweeps, read_values, with_values
from pipelines.sweeps.definition import read_sweep, sweep_settings, touched
from pipelines.sweeps.identity import Identity, digest, identities
from pipelines.sweeps.settling import SETTLED

ROOT = Path(__file__).parents[3]


@pytest.fixture
def demo():
    return yaml.safe_load((ROOT / "params/demo.yaml").read_text())


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "space",
            {"estimator.network.sigmas": {"low": 1, "high": 2}},
            r"sweeps\.estimator\.space: .*no such key",
        ),
        (
            "space",
            {"estimator.network.sigma": {"low": 0.1, "high": 2.0}},
            r"space: estimator\.network\.sigma is 0\.1",
        ),
        ("space", {"finetune.select": {"choices": ["last", "first"]}}, r"space: finetune\.select is 'first'"),
        (
            "space",
            {"estimator.aggregated.warmup_steps": {"low": 0, "high": 9}},
            r"sweeps\.estimator\.space: estimator\.aggregated\.warmup_steps is 1: one step can't rise",
        ),
        ("fixed", {"estimator.aggregated.epochs": 0}, r"fixed: estimator\.aggregated\.epochs is 0"),
        ("fixed", {"estimator.aggregated.lr": 0.1}, r"sweeps\.estimator: .*stands in fixed and in space"),
        ("space", {"estimator.network.sigma": {"low": 2, "high": 1}}, "low being the smaller"),
        ("space", {"estimator.network.sigma": {"low": 1, "choices": [1]}}, "stands without low"),
        ("space", {"estimator.network.sigma": {"low": 1, "high": 2, "paper": 3}}, "paper is 3"),
        ("space", {"estimator.aggregated.lr": {"low": 0, "high": 1, "log": True}}, "log needs a low over 0"),
        ("space", {}, "space is empty"),
        ("objectives", ["AP", "milliseconds"], "prunes studies of one objective"),
    ],
)
def test_a_bad_sweep_is_named_by_its_path(demo, path, value, message):
    demo["sweeps"]["estimator"][path] = value
    with pytest.raises(HemlineError, match=message):
        check_sweeps(demo, demo["sweeps"], "params.yaml")


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "params").glob("*.yaml")))
def test_a_sets_sweeps_search_keys_that_it_has(name):
    values = read_values(ROOT / f"params/{name}.yaml")
    check_sweeps(values, values.get("sweeps", {}), name)


OFFERED = [
    yaml.safe_load(block)
    for block in re.findall(
        r"^ +network: (\{[^}]*\})", (ROOT / "docs/paper-002.md").read_text(encoding="utf-8"), re.MULTILINE
    )
]


@pytest.mark.parametrize("network", OFFERED[:4], ids=[one["type"] for one in OFFERED[:4]])
def test_another_network_in_the_place_of_the_searched_one_stops_its_sweep_alone(
    demo, network, tmp_path, capsys
):
    """The sweep `speed` searches HRNet's width: others have none, or mean a layer by it; no stage reads the sweeps."""
    demo["estimator"]["network"] = network
    assert check_params(demo, "params.yaml").estimator.network.type == network["type"]
    assert sweep_settings(demo, "estimator").target == "train_estimator@aggregated"
    type = network["type"]
    said = (
        f"sweeps.speed.fixed: estimator.network.type is {type!r} here; the sweep is for 'hrnet' alone, write one for "
        f"{type!r}"
    )
    with pytest.raises(HemlineError) as error:
        sweep_settings(demo, "speed")
    assert str(error.value) == f"params.yaml: {said}"
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(demo))
    assert main(["params", "check", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: demo, every key known and of its type", f"{path}: warning: {said}; no stage depends on it"
    ]  # fmt: skip


def test_a_sweep_with_an_error_fails_the_check_beside_one_of_another_network(demo, tmp_path, capsys):
    demo["estimator"]["network"] = OFFERED[0]
    demo["sweeps"]["expert"]["fixed"] = {"estimator.nosuch.type": "hrnet"}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(demo))
    assert main(["params", "check", str(path)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "sweeps.expert.fixed: estimator.nosuch.type: no such key" in said


def test_the_sweep_of_hrnets_width_is_bound_to_it(tmp_path, demo, monkeypatch):
    """The stage reads the network's type as well."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(demo))
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["train_estimator"]
    keys = tuple(key.replace("${item.estimator}", "aggregated") for key in stage["params"])
    monkeypatch.setattr(
        "pipelines.sweeps.definition.identities", lambda root, names: {names[0]: Identity("c", (), keys)}
    )
    sweep = read_sweep("speed", root=tmp_path)
    assert sweep.values["estimator"]["network"] == demo["estimator"]["network"]


def test_each_sweep_of_a_width_names_its_network():
    for path in [ROOT / "params.yaml", *(ROOT / "params").glob("*.yaml")]:
        for sweep in read_values(path).get("sweeps", {}).values():
            if "estimator.network.width" in sweep["space"]:
                assert sweep["fixed"]["estimator.network.type"] == "hrnet", path


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("nosuch", {}, "sweeps has no 'nosuch'; it has estimator, expert"),
        ("estimator", {"target": "evaluate@ensemble"}, "trials can be of train_detector"),
        ("inference", {"objectives": ["AP", "milliseconds"]}, "milliseconds are measured of estimators"),
    ],
)
def test_a_sweep_that_no_trial_can_be_of(demo, name, changes, message):
    if name in demo["sweeps"]:
        demo["sweeps"][name].update(changes)
    with pytest.raises(HemlineError, match=message):
        sweep_settings(demo, name)


def test_a_target_that_dvc_has_no_stage_of():
    with pytest.raises(HemlineError, match=r"no stage 'train_estimator@nosuch', .* dvc.yaml has "):
        identities(ROOT, ["train_estimator@nosuch"])


def test_an_ensembles_trials_touch_its_rows(demo):
    params = check_params(demo, "params.yaml")
    rows = ["htc-finetuned-fliptest", "htc-finetuned-hflip-fliptest"]
    assert touched("ensemble", params) == ["ensemble", *(f"estimate@{row}" for row in rows)]
    assert touched("finetune@sling-plain", params) == ["finetune@sling-plain"]


IDENTITY = Identity("train", (("data", "abc"),), ("a.b", "c", "weights"))
VALUES = {"a": {"b": {"lr": 1, "size": 2}, "x": 0}, "c": 3, "weights": {"w": [1, 2]}}


def test_an_identity_is_of_what_the_stage_reads():
    base = digest(IDENTITY.entry(VALUES))
    assert digest(IDENTITY.entry(with_values(VALUES, {"a.x": 9}))) == base
    assert digest(IDENTITY.entry(with_values(VALUES, {"a.b.lr": 9}))) != base
    assert digest(IDENTITY.entry(with_values(VALUES, {"c": 9}))) != base
    moved = Identity("train", (("data", "xyz"),), IDENTITY.keys)
    assert digest(moved.entry(VALUES)) != base


def test_what_was_seen_in_two_passes_is_not_what_was_seen_in_one(demo):
    """The key under which sightings are kept is of the row: its boxes, its passes; not of what is settled later."""
    row = "htc-aggregated"
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["estimate"]["do"]
    keys = tuple(key.replace("${key}", row) for key in stage["params"])
    identity = Identity("estimate", (), keys)

    def key(**changes):
        ablations = {name: {"passes": 1, **one} for name, one in demo["ablations"].items()}
        ablations[row] |= changes.pop("row", {})
        values = {**demo, "ablations": ablations, "estimate": {**demo["estimate"], **changes}}
        return digest(identity.entry(values, SETTLED))

    assert key() == key(score="category", score_threshold=0.5)
    assert len({key(), key(row={"passes": 2}), key(row={"boxes": "whole"}), key(box_scale=1.1)}) == 4
    assert "hemline/datasets/fashionai/boxes.py" in stage["deps"]


@pytest.mark.parametrize("key", ["a.b.lr", "c", "weights.w.1", "a.b"])
def test_what_all_trials_share_leaves_the_searched_keys_out(key):
    one, two = VALUES, with_values(VALUES, {key: 77})
    assert IDENTITY.entry(one, without=[key]) == IDENTITY.entry(two, without=[key])
    other = with_values(one, {"a.b.size": 5, "weights.w.0": 5} if key != "a.b" else {"c": 5})
    assert IDENTITY.entry(one, without=[key]) != IDENTITY.entry(other, without=[key])
    json.dumps(IDENTITY.entry(one, without=[key]))


def test_a_stage_reads_a_key_by_itself_or_by_its_section():
    assert all(IDENTITY.reads(key) for key in ("a.b", "a.b.lr", "c", "weights.w.1", "a"))
    assert not any(IDENTITY.reads(key) for key in ("a.x", "cc", "w"))


def test_a_key_that_the_target_does_not_read_is_refused(tmp_path, demo, monkeypatch):
    """Such trials would all be the same."""
    demo["sweeps"]["expert"]["space"] = {"detector.htc.lr": {"low": 0.1, "high": 0.2}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(demo))
    monkeypatch.setattr(
        "pipelines.sweeps.definition.identities",
        lambda root, names: {names[0]: Identity("c", (), ("finetune",))},
    )
    with pytest.raises(HemlineError, match=r"finetune@sling-plain doesn't read detector\.htc\.lr"):
        read_sweep("expert", root=tmp_path)
