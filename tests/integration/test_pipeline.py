"""The whole pipeline by `dvc repro`, in a copy of the project with a handful of pictures and one epoch each.

Named cases: everything comes out; nothing runs twice; a changed finetune value re-runs experts and what depends on
them, and nothing else; another clone gets the metrics from a remote.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CODE = (
    "hemline",
    "stages",
    "pipelines",
    "configs",
    "requirements",
    "params",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
    "pyproject.toml",
)
# A row of each kind, with one detector and one estimator: more of them are more of the same, at ten seconds a stage.
ROWS = [
    "htc-finetuned-fliptest",
    "htc-finetuned-hflip-fliptest",
    "ground-truth-aggregated",
    "ensemble",
]
EXPERTS = ["trousers"]
ONESHOT_ROWS = {
    "hourglass-single": "deepmark",
    "dla-64-single": "deepmark",
    "kgdet": "kgdet",
    "retinanet": "kgdet",
}
SAME = ["evaluate@htc-finetuned-fliptest", "evaluate_oneshot@hourglass-single"]


def run(folder, *command, **variables):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "DVC_NO_ANALYTICS": "1",
        "OMP_NUM_THREADS": "1",  # as in the flow's slots: sums come out the same
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@localhost",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@localhost",
        **variables,
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def dvc(folder, *arguments):
    return run(folder, sys.executable, "-m", "dvc", *arguments)


def hemline(folder, *arguments):
    return run(folder, sys.executable, "-m", "hemline", *arguments)


def tiny(values, experts=EXPERTS):
    """The demo's params at the size of a test."""
    for split, images in (("train", 24), ("validation", 8), ("test", 3)):
        values["synthesize"][split]["images"] = images
    trainings = (values["detector"]["cascade"], values["detector"]["htc"], values["estimator"]["independent"])
    for training in trainings:
        training.update(epochs=1, milestones=[])
    # A detector of one epoch is sure of nothing: keep its boxes, so that later stages have something to do.
    for settings in values["detect"].values():
        settings["score_threshold"] = 0.0
    values["estimate"]["box_score_threshold"] = 0.0
    values["estimator"]["aggregated"] = dict(values["estimator"]["independent"])
    values["finetune"]["training"].update(epochs=1, milestones=[])
    values["finetune"]["categories"] = experts
    values["evaluate"]["resamples"] = 20
    values["detector"]["trained"], values["estimator"]["trained"] = ["htc"], ["aggregated"]
    for key, rows in (("ablations", values["ablations"]), ("rows", values["evaluate"]["rows"])):
        kept = {name: row for name, row in rows.items() if name in ROWS}
        (values if key == "ablations" else values["evaluate"])[key] = kept
    values["oneshot"].update(tiny_oneshot(values["oneshot"]))
    return values


def tiny_oneshot(section):
    """Small networks of both papers, one of them finetuned; a row of each that is run."""
    start = "models/detectors/htc"  # the only detector here
    networks = {name: section["networks"][name] for name in ("dla", "hourglass", "kgdet", "retinanet")}
    for network in networks.values():
        network.update(epochs=8, warmup_steps=0, image_size=[64, 64])  # enough to learn of sizes
        if network["type"] == "deepmark":
            network["head_width"] = 8
        else:
            network["backbone"] = {**network["backbone"], "init": f"{start}/weights.pt"}
    finetuned = {"dla-64": {**section["finetuned"]["dla-64"], "image_size": [32, 32]}}
    rows = {name: section["rows"][name] for name in ONESHOT_ROWS}
    find = {kind: {**settings, "score_threshold": 0.0} for kind, settings in section["find"].items()}
    trained = {name: dict(section["trained"][name]) for name in networks}
    trained["kgdet"]["start"] = trained["retinanet"]["start"] = start
    pages = {"deepmark": ["deepmark"], "kgdet": ["kgdet"]}
    return {
        "trained": trained, "networks": networks, "finetuned": finetuned,
        "rows": rows, "find": find, "pages": pages,
    }  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project after one `dvc repro`; its output lies in repro.log."""
    folder = tmp_path_factory.mktemp("pipeline") / "project"
    folder.mkdir()
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    values = tiny(yaml.safe_load((ROOT / "params/demo.yaml").read_text()))
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    run(folder, "git", "init", "-q")
    dvc(folder, "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "start")
    (folder / "repro.log").write_text(dvc(folder, "repro"))
    return folder


def running(output):
    """The stages that DVC ran."""
    return re.findall(r"Running stage '([^']+)'", output)


def test_every_stage_ran_once_and_all_comes_out(project):
    ran = running((project / "repro.log").read_text())
    two_stage = 3 + 2 + 1 + 1 + 1 + 2 * len(EXPERTS) + (len(ROWS) - 1) + 1 + len(ROWS) + 2
    one_shot = 4 + 1 + 2 * len(ONESHOT_ROWS) + 2 * 2
    assert len(ran) == len(set(ran)) == two_stage + one_shot
    for name in (
        "reports/index.html",
        "reports/tables.md",
        "reports/deepmark/index.html",
        "reports/kgdet/index.html",
        "submissions/validation.zip",
        "submissions/test.zip",
    ):
        assert (project / name).stat().st_size > 0, name
    checked = json.loads((project / "submissions/check.json").read_text())
    assert not checked["validation"]["violations"] and not checked["test"]["violations"]
    with zipfile.ZipFile(project / "submissions/validation.zip") as archive:
        assert archive.namelist() == ["keypoints_val_results.json"]


def test_the_flow_gives_the_same(project, tmp_path):
    """`hemline run` in another clone, a stage a core: landmarks, scores and all numbers to the last digit."""
    run(tmp_path, "git", "clone", "-q", str(project), "flow")
    machine = {
        "HEMLINE_SLOTS": str(len(os.sched_getaffinity(0))),
        "HEMLINE_LEASES": str(tmp_path),
        "PREFECT_HOME": str(tmp_path),
    }
    run(tmp_path / "flow", sys.executable, "-m", "hemline", "run", *SAME, **machine)
    made = [
        path.relative_to(tmp_path / "flow")
        for folder in ("results", "metrics", "oneshot/results")
        for path in (tmp_path / "flow" / folder).rglob("*.json")
    ]
    assert {"htc-finetuned-fliptest.json", "hourglass-single.json"} <= {path.name for path in made}
    for path in made:
        assert (tmp_path / "flow" / path).read_bytes() == (project / path).read_bytes(), path


def test_every_row_is_measured(project):
    for row in ROWS:
        metrics = json.loads((project / f"metrics/evaluate/{row}.json").read_text())
        assert 0 <= metrics["AP"] <= 1
    for row, page in ONESHOT_ROWS.items():
        metrics = json.loads((project / f"metrics/oneshot/{page}/{row}.json").read_text())
        assert 0 <= metrics["AP_box"] <= 1
    truth = json.loads((project / "metrics/evaluate/ground-truth-aggregated.json").read_text())
    assert truth["AP_box"] == 1.0


def test_ground_truth_as_results_scores_one(project, tmp_path):
    truth = project / "data/coco/validation-independent.json"
    results = [
        {
            "image_id": one["image_id"],
            "category_id": one["category_id"],
            "keypoints": one["keypoints"],
            "score": 1.0,
        }
        for one in json.loads(truth.read_text())["annotations"]
    ]
    (tmp_path / "results.json").write_text(json.dumps(results))
    output = hemline(project, "evaluate", str(truth), str(tmp_path / "results.json"), "--json")
    assert json.loads(output)["AP"] == 1.0


def test_predict_uses_the_models_of_the_run(project, tmp_path):
    picture = project / "data/wardrobe/validation/image/000001.jpg"
    output = hemline(project, "predict", str(picture), "--threshold", "0", "--json", "--out", str(tmp_path))
    assert "000001.jpg" in output and json.loads(output)
    assert list(tmp_path.glob("*.jpg"))
    output = hemline(project, "predict", str(picture), "--threshold", "0", "--json", "--oneshot", "hourglass")
    (found,) = json.loads(output)["pictures"]
    assert found["garments"]


def test_stages_are_recorded_under_one_parent(project):
    hemline(project, "track", "replay")
    code = (
        "import json; from mlflow import MlflowClient; c = MlflowClient('sqlite:///mlflow.db'); "
        "e = c.get_experiment_by_name('synthetic wardrobe').experiment_id; "
        "runs = [[r.info.run_name, r.data.tags.get('mlflow.parentRunId'), r.data.tags.get('stage_hash'), "
        "len(r.inputs.dataset_inputs)] for r in c.search_runs([e])]; "
        "print(json.dumps([runs, [v.tags for v in c.search_model_versions()]]))"
    )
    runs, models = json.loads(run(project, sys.executable, "-c", code).splitlines()[-1])
    children = {name: parent for name, parent, _, _ in runs if parent}
    assert all(digest for _, parent, digest, _ in runs if parent), "replay adds DVC's hashes"
    assert {name.split("@")[0] for name, _, _, inputs in runs if inputs} == {
        *("train_detector", "detect", "train_estimator", "finetune", "estimate", "evaluate"),
        *("train_oneshot", "finetune_oneshot", "estimate_oneshot", "evaluate_oneshot"),
    }
    (model,) = models
    assert model["row"] == "ensemble" and "dvc.out.models/detectors/htc" in model
    assert len(set(children.values())) == 1
    assert set(running((project / "repro.log").read_text())) == set(children)


def test_nothing_runs_twice(project):
    assert running(dvc(project, "repro")) == []


def test_another_clone_gets_metrics_from_a_remote(project, tmp_path):
    dvc(project, "remote", "add", "-f", "-d", "store", str(tmp_path / "store"))
    dvc(project, "push", "-q")
    run(project, "git", "add", "-A")
    run(project, "git", "commit", "-qm", "run")
    run(tmp_path, "git", "clone", "-q", str(project), "clone")
    dvc(tmp_path / "clone", "pull", "-q")
    assert json.loads(dvc(tmp_path / "clone", "metrics", "show", "--json")) == json.loads(
        dvc(project, "metrics", "show", "--json")
    )
    assert running(dvc(tmp_path / "clone", "repro")) == []


def test_a_changed_finetune_value_reruns_experts_and_what_depends_on_them(project):
    values = yaml.safe_load((project / "params.yaml").read_text())
    values["finetune"]["training"]["lr"] *= 2
    (project / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    ran = running(dvc(project, "repro"))
    finetuned = ["htc-finetuned-fliptest", "htc-finetuned-hflip-fliptest"]
    direct = {f"finetune@{slug}-{variant}" for slug in EXPERTS for variant in ("plain", "hflip")}
    direct |= {f"estimate@{row}" for row in finetuned} | {"report", "speed@deepmark"}
    # DVC goes by content: after one epoch the detector may find no garment of an expert's category, and the
    # landmarks come out as they were. Then what depends on them rightly stays.
    further = {f"evaluate@{row}" for row in finetuned} | {"ensemble", "evaluate@ensemble", "package"}
    further |= {"report_oneshot@deepmark"}
    assert direct <= set(ran) <= direct | further
