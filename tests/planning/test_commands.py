"""`hemline models` and `hemline plan`: what they print."""

import json
from pathlib import Path

import pytest

from hemline.commands import main
from hemline.params import load_params
from hemline.planning import networks_of, step
from hemline.planning.counting import Size

ROOT = Path(__file__).parents[2]
PAPERS = ("htc", "expert", "dla", "dla-128")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_models_lists_every_network_of_every_set(capsys, monkeypatch):
    """To count them all takes a minute: the next tests count some."""
    monkeypatch.setattr("hemline.planning.size_of", lambda network: Size(0, 0, 0))
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


def test_models_says_how_large_networks_are(capsys):
    found = {}
    for params, model in (("third-place", "independent"), *(("paper", name) for name in PAPERS)):
        assert main(["models", "--params", params, "--model", model, "--json"]) == 0
        (found[model],) = json.loads(capsys.readouterr().out)
    htc, third = found["htc"], found["independent"]
    assert htc["input_size"] == [1333, 800] and htc["stage"] == "train_detector@htc"
    assert htc["params_m"] == pytest.approx(135.1, rel=0.01) and htc["gflops"] > 600
    assert htc["gflops_unit"] == 10**9
    # HRNet's authors, 17 channels: 63.6 M, 32.9 GFLOPs; 294 channels are 0.1 more
    assert third["params_m"] == pytest.approx(63.6, rel=0.01)
    assert third["gflops"] == pytest.approx(32.9, rel=0.01) and third["gflops_unit"] == 2**30
    assert found["expert"]["copies"] == 26
    small, large = found["dla-128"], found["dla"]
    assert small["stage"] == "finetune_oneshot@dla-128" and small["input_size"] == [128, 128]
    assert large["gflops"] == pytest.approx(16 * small["gflops"], rel=1e-3)


def test_models_shows_a_table(capsys):
    assert main(["models", "--params", "demo", "--model", "aggregated"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["model", "params", "input", "channels"]
    assert row.split()[:4] == ["aggregated", "demo", "96x128", "81"]


@pytest.mark.parametrize("name", ["paper", "fashionai-paper"])
def test_the_tables_in_the_docs_are_what_the_command_prints(capsys, name):
    assert main(["models", "--params", name]) == 0
    assert capsys.readouterr().out in (ROOT / "docs/models.md").read_text()


def test_unknown_sets_and_models_are_named(capsys):
    assert main(["models", "--params", "nothing"]) == 2
    assert "params/nothing.yaml: no such params set; there are baseline-294, demo" in capsys.readouterr().err
    assert main(["models", "--params", "demo", "--model", "yolo"]) == 2
    assert "no network 'yolo'" in capsys.readouterr().err


def test_a_model_takes_a_step_and_predicts(capsys):
    arguments = ["models", "--step", "--params", "demo", "--model", "expert", "--batch", "2", "--json"]
    assert main(arguments) == 0
    trained, predicted = json.loads(capsys.readouterr().out)
    assert (trained["does"], predicted["does"]) == ("training step", "prediction")
    assert trained["batch"] == 2
    assert all(one["seconds"] > 0 and one["peak_memory_mb"] > 100 for one in (trained, predicted))


@pytest.mark.parametrize("model", ["htc", "dla"])
def test_so_do_detectors_and_one_shot_networks(tmp_path, model):
    """Here without processes of their own, whose start takes most of the time."""
    params = load_params(ROOT / "params/demo.yaml")
    (network,) = [one for one in networks_of(params) if one.name == model]
    trained = step._train(params, network, 2, tmp_path / "work")
    predicted = step._predict(params, network, 2, tmp_path / "work")
    assert (trained.does, predicted.does) == ("training step", "prediction")
    assert trained.seconds > 0 and predicted.seconds > 0


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
    assert main(["plan", "--params", "demo", "--tflops", "nan"]) == 2
    assert "--tflops: nan is not a speed" in capsys.readouterr().err
