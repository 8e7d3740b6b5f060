"""The shipped model: chosen by params.yaml, put into MLflow's registry, loaded from there in another process."""

import base64
import json
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import pytest
from mlflow import MlflowClient

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.files import write_json
from hemline.inference.predictor import decode_upright, describe
from hemline.inference.shipped import Shipped, digest, load, shipped
from hemline.params import load_params
from hemline.tracking import Recorder
from hemline.tracking.follower import replay
from hemline.tracking.registry import _hashes
from tests.estimation.wardrobes import picture
from tests.inference.models import DETECT, write_models

WHAT = Shipped(
    row="ensemble",
    detector="cascade",
    detect=DETECT,
    estimator="aggregated",
    experts=("plain", "hflip"),
    weights=(1.0, 3.0),
    flip_test=True,
)
LOADING = """
import json, sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/hemline@shipped")
image = open(sys.argv[1], "rb").read()
found = model.predict(pd.DataFrame({"image": [image]}), params={"threshold": 0.0})
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("run") / "models")


@pytest.fixture
def store(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(tmp_path)
    return MlflowClient(uri, registry_uri=uri)


def record(folder, models):
    event = {"settings": WHAT.model_dump_json(), "models": str(models), "digest": digest(WHAT, models)}
    with Recorder(folder, "package", "abc", {}, {"stage": "package"}) as run:
        run.model(event)
    return run.path


def run_of(client, path):
    experiment = client.get_experiment_by_name("hemline").experiment_id
    return client.search_runs([experiment], f"tags.`hemline.record` = '{path.stem}'")[0]


def test_params_say_what_is_shipped():
    what = shipped(load_params("params.yaml"))
    assert (what.detector, what.estimator, what.experts) == ("htc", "aggregated", ("plain", "hflip"))
    assert what.folders()["experts-hflip"] == "experts/hflip" and what.flip_test


def test_another_process_loads_what_the_record_shipped(tmp_path, store, models):
    path = record(tmp_path / "runs", models)
    replay(tmp_path / "runs")
    (version,) = store.search_model_versions("name = 'hemline'")
    run = run_of(store, path)
    assert version.run_id == run.info.run_id and version.tags["digest"] == digest(WHAT, models)
    assert store.get_model_version_by_alias("hemline", "shipped").version == version.version
    assert not list((tmp_path / "mlruns").rglob("*.pkl")), "nothing is pickled"

    _, image = cv2.imencode(".png", picture(1))
    (tmp_path / "a.png").write_bytes(image.tobytes())
    loading = [sys.executable, "-c", LOADING, str(tmp_path / "a.png")]
    done = subprocess.run(loading, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout.splitlines()[-1])
    folders = {name: models / place for name, place in WHAT.folders().items()}
    own = load(WHAT, folders, "cpu").predict(decode_upright(image.tobytes(), "a"), threshold=0.0)
    assert found["garments"] == [describe(garment) for garment in own.garments] != []
    assert (found["width"], found["height"]) == (160, 200)


def test_the_same_model_is_registered_once(tmp_path, store, models):
    record(tmp_path / "runs", models)
    record(tmp_path / "runs", models)
    replay(tmp_path / "runs")
    replay(tmp_path / "runs", afresh=True)
    assert len(store.search_model_versions("name = 'hemline'")) == 1


def test_a_failed_registration_hurts_nothing_else(tmp_path, store, models):
    path = record(tmp_path / "runs", models)
    lines = path.read_text().replace(digest(WHAT, models), "0" * 16)
    path.write_text(lines)
    replay(tmp_path / "runs")
    run = run_of(store, path)
    assert run.info.status == "FINISHED" and "the models have changed since" in run.data.tags["model"]


def test_an_ensemble_is_the_mean_of_its_members(models):
    folders = {name: models / place for name, place in WHAT.folders().items()}
    both = load(WHAT, folders, "cpu")
    single = load(WHAT.model_copy(update={"experts": ("hflip",), "weights": (1.0,)}), folders, "cpu")
    twice = load(WHAT.model_copy(update={"experts": ("hflip", "hflip")}), folders, "cpu")
    assert list(both.estimators.experts) == list(both.others[0].experts) == [9]
    one, two = (predictor.predict(picture(1), threshold=0.0).garments for predictor in (single, twice))
    assert len(one) == len(two) > 0
    assert [describe(garment) for garment in one] == [describe(garment) for garment in two]


def test_the_command_registers_and_says_what_is_missing(tmp_path, store, models, capsys, monkeypatch):
    monkeypatch.setattr("hemline.inference.shipped.shipped", lambda params: WHAT)
    monkeypatch.setattr("hemline.params.load_params", lambda: None)
    assert main(["register", "--models", str(models), "--name", "demo"]) == 0
    assert capsys.readouterr().out.startswith("models:/demo/1, the ensemble row")
    assert main(["register", "--models", str(tmp_path / "none")]) == 2
    assert "no such model; `hemline run` trains it" in capsys.readouterr().err


def test_the_scoring_server_takes_base64(tmp_path, models):
    """MLflow's own parsing of a request, without the server: `mlflow models serve` takes half a minute to start."""
    from mlflow.pyfunc import load_model
    from mlflow.pyfunc.scoring_server import invocations

    from hemline.tracking.registry import save

    save(WHAT, models, tmp_path / "model")
    model = load_model(str(tmp_path / "model"))
    _, image = cv2.imencode(".png", picture(1))
    text = base64.b64encode(image.tobytes()).decode()
    request = {"dataframe_records": [{"image": text}], "params": {"threshold": 0.0}}
    answer = invocations(json.dumps(request), "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    (found,) = json.loads(answer.response)["predictions"]
    assert found["garments"] and found["garments"][0]["landmarks"][0].keys() == {"name", "x", "y", "score"}


def test_a_row_in_ground_truth_boxes_is_not_shipped():
    params = load_params("params.yaml")
    package = params.package.model_copy(update={"row": "ground-truth-aggregated"})
    with pytest.raises(HemlineError, match=r"package\.row: ground-truth-aggregated"):
        shipped(params.model_copy(update={"package": package}))


def test_a_row_in_whole_pictures_is_not_shipped():
    """A picture alone doesn't say its category."""
    params = load_params("params.yaml")
    row = params.ablations["ground-truth-aggregated"].model_copy(update={"boxes": "whole", "passes": 2})
    package = params.package.model_copy(update={"row": "whole"})
    changed = {"package": package, "ablations": {**params.ablations, "whole": row}}
    with pytest.raises(HemlineError, match=r"must share a detector, .* boxes are whole"):
        shipped(params.model_copy(update=changed))


def test_the_digest_is_of_every_file(tmp_path):
    write_json(tmp_path / "detectors/cascade/settings.json", {})
    what = WHAT.model_copy(update={"experts": ("none",)})
    with pytest.raises(HemlineError, match="estimators/aggregated: no such model"):
        digest(what, tmp_path)
    write_json(tmp_path / "estimators/aggregated/settings.json", {})
    before = digest(what, tmp_path)
    write_json(tmp_path / "estimators/aggregated/settings.json", {"more": 1})
    assert digest(what, tmp_path) != before


def test_hashes_are_read_when_dvc_has_written_its_lock(tmp_path, monkeypatch):
    """It writes dvc.lock in place: who reads it at that moment finds nothing, or half of it."""
    monkeypatch.chdir(tmp_path)
    places = [f"models/{place}" for place in WHAT.folders().values()]
    stages = {
        place: {"cmd": "train", "outs": [{"path": place, "md5": f"hash of {place}"}]} for place in places
    }
    lock = tmp_path / "dvc.lock"
    lock.write_text("")
    later = threading.Timer(0.7, lambda: lock.write_text(json.dumps({"stages": stages})))
    later.start()
    found = _hashes(WHAT, Path("models"))
    later.join()
    assert found == {f"dvc.out.{place}": f"hash of {place}" for place in places}
