"""`hemline models` and `hemline plan`: what they print."""

import json
from pathlib import Path

import pytest

from hemline.commands import main
from hemline.params import load_params

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_models_lists_every_network_of_every_set(capsys):
    assert main(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    sets = {path.stem: load_params(path) for path in (ROOT / "params").glob("*.yaml")}
    assert {(one["params_set"], one["name"]) for one in found if not one["name"].endswith("expert")} == {
        (name, model)
        for name, params in sets.items()
        for model in (
            *params.detector.trained,
            *params.estimator.trained,
            *params.oneshot.trained,
            *params.oneshot.finetuned,
            *params.networks.trained,
        )
    }
    (htc,) = [one for one in found if (one["params_set"], one["name"]) == ("paper", "htc")]
    assert htc["input_size"] == [1333, 800] and htc["stage"] == "train_detector@htc"
    assert htc["params_m"] == pytest.approx(135.1, rel=0.01) and htc["gflops"] > 600
    assert htc["gflops_unit"] == 10**9
    (third,) = [one for one in found if (one["params_set"], one["name"]) == ("third-place", "independent")]
    # HRNet's authors, 17 channels: 63.6 M, 32.9 GFLOPs; 294 channels are 0.1 more
    assert third["params_m"] == pytest.approx(63.6, rel=0.01)
    assert third["gflops"] == pytest.approx(32.9, rel=0.01) and third["gflops_unit"] == 2**30
    (expert,) = [one for one in found if (one["params_set"], one["name"]) == ("paper", "expert")]
    assert expert["copies"] == 26
    (small,) = [one for one in found if (one["params_set"], one["name"]) == ("paper", "dla-128")]
    assert small["stage"] == "finetune_oneshot@dla-128" and small["input_size"] == [128, 128]
    (large,) = [one for one in found if (one["params_set"], one["name"]) == ("paper", "dla")]
    assert large["gflops"] == pytest.approx(16 * small["gflops"], rel=1e-3)


def test_models_shows_a_table(capsys):
    assert main(["models", "--params", "demo", "--model", "aggregated"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["model", "params", "input", "channels"]
    assert row.split()[:4] == ["aggregated", "demo", "96x128", "81"]


def test_the_table_in_the_docs_is_what_the_command_prints(capsys):
    assert main(["models", "--params", "paper"]) == 0
    assert capsys.readouterr().out in (ROOT / "docs/models.md").read_text()


def test_unknown_sets_and_models_are_named(capsys):
    assert main(["models", "--params", "nothing"]) == 2
    assert "params/nothing.yaml: no such params set; there are baseline-294, demo" in capsys.readouterr().err
    assert main(["models", "--params", "demo", "--model", "yolo"]) == 2
    assert "no network 'yolo'" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["htc", "expert", "dla"])
def test_a_model_takes_a_step_and_predicts(capsys, model):
    arguments = ["models", "--step", "--params", "demo", "--model", model, "--batch", "2", "--json"]
    assert main(arguments) == 0
    trained, predicted = json.loads(capsys.readouterr().out)
    assert (trained["does"], predicted["does"]) == ("training step", "prediction")
    assert trained["batch"] == 2
    assert all(one["seconds"] > 0 and one["peak_memory_mb"] > 100 for one in (trained, predicted))


def test_plan_says_what_a_set_will_take(capsys):
    assert main(["plan", "--params", "paper", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    stages = {one["stage"]: one for one in found["trainings"]}
    assert found["samples"]["source"].startswith("published")
    assert stages["train_detector@htc"]["iterations_per_epoch"] == 11_998
    assert len(stages["train_estimator@aggregated"]["learning_rate"]) == 12
    assert found["gpu_hours"] == pytest.approx(sum(one["gpu_hours"] for one in found["trainings"]), abs=0.01)
    assert "measured on no GPU" in found["rests_on"]


def test_plan_in_words(capsys):
    assert main(["plan", "--params", "paper", "--tflops", "55"]) == 0
    text = capsys.readouterr().out
    params = load_params(ROOT / "params" / "paper.yaml")
    number = 2 + 2 + 13 * 2 + len(params.oneshot.trained) + len(params.oneshot.finetuned)
    assert "finetune@sling-{plain,hflip}" in text and f"\n{number} trainings" in text
    assert "1-16: 0.02, 17-19: 0.002, 20: 0.0002" in text
    assert "at 55 TFLOPS (as given)" in text


def test_a_speed_must_be_one(capsys):
    assert main(["plan", "--params", "demo", "--tflops", "0"]) == 2
    assert "--tflops: 0.0 is not a speed" in capsys.readouterr().err
