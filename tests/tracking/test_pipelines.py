"""The run above the stages: cached stages, whole children, verdicts, DVC's hashes."""

import json

import pytest
from mlflow import MlflowClient

from hemline.files import write_json
from hemline.tracking import PipelineRecorder, Recorder
from hemline.tracking.dvc import note_dvc, note_lock, params_of, read_lock, stage_entry
from hemline.tracking.projection import Projection
from hemline.tracking.records import last_dvc
from hemline.tracking.store import Store
from tests.tracking.mlflow_runs import runs_of, steps

LOCK = {
    "cmd": "python -m stages.evaluate ensemble",
    "deps": [{"path": "a.json", "hash": "md5", "md5": "aa"}],
    "params": {"params.yaml": {"evaluate.seed": 0, "evaluate.rows": {"x": "htc"}}},
    "outs": [{"path": "metrics/evaluate/ensemble.json", "hash": "md5", "md5": "bb"}],
}
STAGE = "evaluate@ensemble"


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return uri, MlflowClient(uri)


def computed(folder, pipeline="one", stage=STAGE, lock=LOCK):
    """A stage as `hemline run` leaves it."""
    with Recorder(
        folder, stage, pipeline, {"evaluate": {"seed": 0}}, {"stage": "evaluate", "paper": "000"}
    ) as run:
        run.log({"AP": 0.5})
        for step in (1, 2):
            run.log({"loss": 1 / step}, step)
    note_dvc(folder, stage, lock)
    return run.path


def cached(folder, pipeline="two", stage=STAGE, lock=LOCK):
    recorder = PipelineRecorder(folder, pipeline)
    recorder.cached(stage, {**stage_entry(lock), "params": params_of(lock)})
    recorder.close()
    return recorder


def children(client, pipeline):
    experiment = client.get_experiment_by_name("hemline").experiment_id
    (parent,) = client.search_runs([experiment], f"tags.`hemline.pipeline` = '{pipeline}'")
    query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    return parent, client.search_runs([experiment], query)


def test_dvcs_hashes_are_tags(tmp_path, store):
    uri, client = store
    computed(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    tags = runs_of(client)[STAGE].data.tags
    assert tags["stage_hash"] == stage_entry(LOCK)["stage_hash"]
    assert tags["dvc.out.metrics/evaluate/ensemble.json"] == "bb"


def test_the_stage_hash_is_of_what_the_result_depends_on():
    own = stage_entry(LOCK)["stage_hash"]
    assert len(own) == 16 and own == stage_entry({**LOCK, "outs": []})["stage_hash"]
    for change in ({"cmd": "x"}, {"params": {}}, {"deps": [{"path": "a.json", "md5": "cc"}]}):
        assert stage_entry({**LOCK, **change})["stage_hash"] != own


def same(client, copy, origin):
    assert copy.data.params == origin.data.params and copy.info.status == "FINISHED"
    assert copy.data.tags["cached"] == "true" and copy.data.tags["computed_by"] == origin.info.run_id
    assert origin.info.run_id in copy.data.tags["mlflow.note.content"]
    assert copy.data.metrics["AP"] == 0.5 and steps(client, copy, "loss") == [1, 2]
    assert copy.data.tags["paper"] == "000"


def test_a_cached_stage_is_below_the_new_parent_with_the_same_numbers(tmp_path, store):
    uri, client = store
    computed(tmp_path / "runs")
    cached(tmp_path / "runs")
    projection = Projection(tmp_path / "runs", uri)
    assert projection.catch_up() is False
    _, (origin,) = children(client, "one")
    parent, (copy,) = children(client, "two")
    same(client, copy, origin)
    assert parent.info.status == "FINISHED"
    Projection(tmp_path / "runs", uri, afresh=True).catch_up()
    assert len(children(client, "two")[1]) == 1


def test_without_the_record_mlflow_is_asked(tmp_path, store):
    uri, client = store
    computed(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    cached(tmp_path / "other")
    Projection(tmp_path / "other", uri).catch_up()
    cached(tmp_path / "third", "three")  # of two runs with the hash, the one that computed it is named
    Projection(tmp_path / "third", uri).catch_up()
    _, (origin,) = children(client, "one")
    for pipeline in ("two", "three"):
        _, (copy,) = children(client, pipeline)
        same(client, copy, origin)


def test_with_nothing_else_the_metrics_files_are_read(tmp_path, store):
    uri, client = store
    write_json(tmp_path / "metrics/evaluate/ensemble.json", {"AP": 0.25, "landmarks": {"AP50": 0.5}})
    cached(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    _, (copy,) = children(client, "two")
    assert copy.data.metrics == {"AP": 0.25, "landmarks.AP50": 0.5}
    assert copy.data.params == {"evaluate.seed": "0", "evaluate.rows.x": "htc"}


def test_what_a_pipeline_run_has_is_not_told_again(tmp_path, store):
    uri, client = store
    computed(tmp_path / "runs", "two")
    assert not cached(tmp_path / "runs").is_open, "it was computed in this very run"
    assert cached(tmp_path / "runs", "three").is_open
    assert not cached(tmp_path / "runs", "three").is_open
    assert cached(tmp_path / "runs", "three", lock={**LOCK, "cmd": "x"}).is_open
    Projection(tmp_path / "runs", uri).catch_up()
    assert len(children(client, "two")[1]) == 1


def test_plain_dvc_repro(tmp_path):
    """Nobody added DVC's hashes: the newest record of a stage gets them, if its values are dvc.lock's."""
    old, new = (plain(tmp_path, seed) for seed in (0, 0))
    other = plain(tmp_path, 1, "evaluate@other")
    note_lock(tmp_path, {STAGE: LOCK, "evaluate@other": LOCK}, "none")
    assert last_dvc(new)["stage_hash"] == stage_entry(LOCK)["stage_hash"]
    assert last_dvc(old) is None and last_dvc(other) is None
    size = new.stat().st_size
    note_lock(tmp_path, {STAGE: LOCK, "evaluate@other": LOCK}, "hash")
    assert new.stat().st_size == size and last_dvc(other) is not None, "made with the present params.yaml"


def plain(folder, seed, stage=STAGE):
    with Recorder(folder, stage, "one", {"evaluate": {"seed": seed}}, {"params_hash": "hash"}) as run:
        run.log({"AP": 0.5})
    return run.path


def test_dvc_lock_is_read(tmp_path):
    assert read_lock(tmp_path) == {}
    (tmp_path / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": {STAGE: LOCK}}))
    assert read_lock(tmp_path)[STAGE]["cmd"] == LOCK["cmd"]


def test_whole_children_and_the_verdict(tmp_path, store):
    uri, client = store
    with PipelineRecorder(
        tmp_path / "runs", "s", name="sweep", params={"n": 2}, tags={"kind": "sweep"}
    ) as sweep:
        for number, status in enumerate(("finished", "killed")):
            sweep.child(
                f"trial-{number}", f"trial {number}", {"lr": 0.1}, {"AP": number}, {}, 10.0, 20.0, status
            )
        sweep.child("trial-0", "trial 0", {"lr": 0.1}, {"AP": 0}, {}, 10.0, 20.0)
        sweep.log({"best": 0.7})
    with Recorder(tmp_path / "runs", "training", "s", {}, {}, parent="sweep") as run:
        run.log({"AP": 1})
    Projection(tmp_path / "runs", uri).catch_up()
    Projection(tmp_path / "runs", uri, afresh=True).catch_up()
    found = runs_of(client)
    assert set(found) == {"sweep", "trial 0", "trial 1", "training"}
    parent = found["sweep"]
    assert parent.info.status == "FINISHED", "a pruned trial fails no sweep"
    assert parent.data.params == {"n": "2"} and parent.data.metrics["best"] == 0.7
    trial = found["trial 1"]
    assert trial.info.status == "KILLED" and trial.data.metrics == {"AP": 1.0}
    assert (trial.info.start_time, trial.info.end_time) == (10000, 20000)
    assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_failed_whole(tmp_path, store):
    uri, client = store
    with pytest.raises(KeyError), PipelineRecorder(tmp_path / "runs", "s", name="sweep"):
        raise KeyError("x")
    Projection(tmp_path / "runs", uri).catch_up()
    run = runs_of(client)["sweep"]
    assert run.info.status == "FAILED" and run.data.tags["error"] == "KeyError: 'x'"


def test_one_experiment_a_data_set(tmp_path, store):
    uri, client = store
    for name in ("DeepFashion2", "synthetic wardrobe"):
        with Recorder(tmp_path / "runs", "convert", "abc", {}, {}, experiment=name):
            pass
    Projection(tmp_path / "runs", uri).catch_up()
    for name in ("DeepFashion2", "synthetic wardrobe"):
        assert set(runs_of(client, name)) == {"pipeline abc", "convert"}


def test_another_machine_makes_the_experiment_first(store, monkeypatch):
    uri, client = store
    own = Store(uri)
    found = client.create_experiment("shop")
    answers = iter([None])  # what was asked before the other made it
    real = own.client.get_experiment_by_name
    monkeypatch.setattr(own.client, "get_experiment_by_name", lambda name: next(answers, real(name)))
    assert own.experiment("shop") == found


def test_another_machine_makes_the_parent_as_well(tmp_path, store):
    uri, client = store
    own = Store(uri)
    experiment = own.experiment("hemline")
    late = own.create(experiment, "pipeline one", 200.0, {"hemline.pipeline": "one"})
    early = own.create(experiment, "pipeline one", 100.0, {"hemline.pipeline": "one"})
    computed(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    parent, (child,) = children(client, "one")
    assert parent.info.run_id == early and child.info.run_name == STAGE
    assert client.get_run(late).info.lifecycle_stage == "deleted"


def test_an_experiment_that_was_deleted_comes_back(tmp_path, store):
    uri, client = store
    client.delete_experiment(client.create_experiment("hemline"))
    computed(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    assert set(runs_of(client)) == {"pipeline one", STAGE}


def test_a_trial_of_a_sweep_is_not_what_computed_a_stage(tmp_path, store):
    uri, client = store
    trial = Store(uri)
    run = trial.create(
        trial.experiment("hemline"), "trial 1", 1.0, {"stage_hash": stage_entry(LOCK)["stage_hash"]}
    )
    client.set_terminated(run)
    cached(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    _, (copy,) = children(client, "two")
    assert "computed_by" not in copy.data.tags


def test_an_emptied_store_is_filled_again(tmp_path, store):
    uri, _ = store
    computed(tmp_path / "runs")
    Projection(tmp_path / "runs", uri).catch_up()
    other = f"sqlite:///{tmp_path / 'other.db'}"
    Projection(tmp_path / "runs", other).catch_up()
    assert set(runs_of(MlflowClient(other))) == {"pipeline one", STAGE}


def test_data_sets_are_inputs(tmp_path, store):
    uri, client = store
    with Recorder(tmp_path / "runs", "train", "abc", {}, {}) as run:
        facts = {"sha256": "ab" * 32, "pictures": 3, "garments": 5}
        run.dataset("wardrobe: train", "training", tmp_path / "train.json", facts)
    Projection(tmp_path / "runs", uri).catch_up()
    Projection(tmp_path / "runs", uri, afresh=True).catch_up()
    (entry,) = runs_of(client)["train"].inputs.dataset_inputs
    assert entry.dataset.digest == "ab" * 8 and json.loads(entry.dataset.profile) == {
        "pictures": 3,
        "garments": 5,
    }
    assert [(tag.key, tag.value) for tag in entry.tags] == [("mlflow.data.context", "training")]


def test_a_record_that_mlflow_refuses_holds_up_no_other(tmp_path, store, capsys):
    uri, client = store
    path = computed(tmp_path / "runs", stage="a")
    path.write_text(path.read_text().replace('"step": 1', '"step": "one"'))
    computed(tmp_path / "runs", stage="b")
    Projection(tmp_path / "runs", uri).catch_up()
    assert runs_of(client)["b"].info.status == "FINISHED"
    assert "not projected" in capsys.readouterr().out
