"""What would run and why, in a small project that DVC has run; estimates and priorities."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
import zc.lockfile
from dvc.repo import Repo

from hemline.errors import HemlineError
from hemline.tracking import PipelineRecorder
from pipelines.plan import GUESS_SECONDS, estimates, make_plan

PARAMS = {
    "prepare": {"size": 3},
    "data": "raw",
    "train": {
        "items": ["a", "b", "c"],
        "shared": {"seed": 0, "steps": [1, 2]},
        **{item: {"lr": 0.1} for item in "abc"},
    },
}
DVC_YAML = """
stages:
  make: {cmd: "mkdir raw && cp code/make.txt raw/r.txt", deps: [code/make.txt], outs: ["${data}"]}
  prepare:
    cmd: mkdir -p data && cp raw/r.txt data/all.txt
    deps: ["${data}/r.txt"]
    params: [prepare.size]
    outs: [data/all.txt]
  train:
    matrix: {item: "${train.items}"}
    cmd: mkdir -p models && echo ${item.item} > models/${item.item}.txt
    deps: [code/train.txt, data/all.txt]
    params: ["train.${item.item}", train.shared]
    outs: ["models/${item.item}.txt"]
  gather:
    cmd: cat models/*.txt > table.txt
    deps: [models/a.txt, models/b.txt, models/c.txt]
    outs: [table.txt]
  publish: {cmd: cp table.txt out.txt, deps: [table.txt], outs: [out.txt]}
  alone: {cmd: cp code/make.txt alone.txt, deps: [code/make.txt], outs: [alone.txt]}
"""
NAMES = ["make", "prepare", "train@a", "train@b", "train@c", "gather", "publish", "alone"]


def write(root, params=PARAMS, dvc_yaml=DVC_YAML):
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    (root / "dvc.yaml").write_text(dvc_yaml)


def reproduce(root, *targets):
    with chdir(root), Repo() as repo:  # DVC looks for targets in the working directory, whatever the root
        repo.reproduce(targets or None)


@pytest.fixture(scope="module", autouse=True)
def own_state(tmp_path_factory):
    """DVC's cache of hashes, which it keeps outside of projects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("site")))
        patch.delenv("HEMLINE_RUNS", raising=False)
        yield


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Nothing has run yet: the folder that `params.yaml: data` names isn't there."""
    root = tmp_path_factory.mktemp("fresh")
    Repo.init(str(root), no_scm=True).close()
    (root / "code").mkdir()
    for name in ("make", "train"):
        (root / f"code/{name}.txt").write_text(name)
    write(root)
    return root


@pytest.fixture(scope="module")
def finished(fresh, tmp_path_factory):
    root = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(fresh, root)
    reproduce(root)
    return root


@pytest.fixture
def project(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "project"))


def reasons(root, targets=()):
    return {name: planned.why for name, planned in make_plan(root, targets).planned.items() if planned.why}


def changed(**sections):
    return {**PARAMS, **sections}


def record(folder, name, start, seconds, status="finished", **tags):
    """A record as hemline.tracking writes it."""
    folder.mkdir(exist_ok=True)
    lines = [
        {
            "event": "start",
            "time": start,
            "name": name,
            "pipeline": "p",
            "params": {},
            "tags": tags,
            "pid": 1,
        },
        {"event": "metrics", "time": start + 1, "step": 1, "values": {"loss": 0.5}},
        {"event": "end", "time": start + seconds, "status": status},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / f"{name}-{start:012x}.jsonl").write_text(text)


# ---- what has changed ----------------------------------------------------------------------------------------


def test_never_run(fresh):
    plan = make_plan(fresh)
    assert plan.to_run == NAMES and plan.cached == []
    assert {planned.why for planned in plan.planned.values()} == {("never run",)}
    assert plan.missing == ()


def test_unchanged(project):
    plan = make_plan(project)
    assert plan.cached == NAMES and plan.to_run == []
    assert all(planned.why == () and planned.depth == 0 for planned in plan.planned.values())
    assert plan.seconds(2) == 0
    assert plan.text(2).endswith("\n\n0 of 8 stages would run, 8 are up to date")


def test_a_plan_changes_nothing(project):
    before = (project / "dvc.lock").read_bytes()
    write(project, changed(prepare={"size": 4}))
    make_plan(project)
    assert (project / "dvc.lock").read_bytes() == before and (project / "out.txt").is_file()


def test_one_items_param_concerns_it_and_what_depends_on_it(project):
    write(project, changed(train={**PARAMS["train"], "b": {"lr": 0.2}}))
    assert reasons(project) == {
        "train@b": ("params.yaml: train.b.lr changed (0.1 → 0.2)",),
        "gather": ("after train@b",),
        "publish": ("after train@b",),
    }


def test_params_added_removed_and_within_a_section(project):
    write(
        project, changed(train={**PARAMS["train"], "a": {"rate": "x"}, "shared": {"seed": 0, "steps": [1]}})
    )
    steps = "params.yaml: train.shared.steps changed ([1, 2] → [1])"
    found = reasons(project, ["train"])
    assert found["train@b"] == found["train@c"] == (steps,)
    assert set(found["train@a"]) == {
        *("params.yaml: train.a.lr removed (was 0.1)", 'params.yaml: train.a.rate added ("x")', steps)
    }


def test_targets_leave_the_rest_out(project):
    write(project, changed(train={**PARAMS["train"], "b": {"lr": 0.2}}))
    plan = make_plan(project, ["train@a", "train@b"])
    assert list(plan.planned) == ["make", "prepare", "train@a", "train@b"] and plan.to_run == ["train@b"]
    with pytest.raises(HemlineError, match="no stage 'trian'; did you mean train"):
        make_plan(project, ["trian"])


def test_changed_and_missing_inputs(project):
    (project / "code/train.txt").write_text("other")
    (project / "code/make.txt").unlink()
    found = reasons(project)
    assert found["make"] == found["alone"] == ("code/make.txt missing",)
    assert found["train@a"] == found["train@c"] == ("code/train.txt changed",)
    assert found["prepare"] == ("after make",)
    assert found["publish"] == ("after train@a, train@b, train@c",)
    assert make_plan(project, ["train@a"]).missing == ("code/make.txt",)


def test_what_is_not_there_and_made_by_no_stage(project):
    """The topmost folder of it is named, once; what a stage makes or what holds that is not meant."""
    write(project, dvc_yaml=DVC_YAML + "  more: {cmd: x, deps: [own, own/a/b, models, data], outs: [x]}\n")
    shutil.rmtree(project / "models")
    plan = make_plan(project)
    assert plan.missing == ("own",) and plan.to_dict()["missing"] == ["own"]
    assert plan.text(1).splitlines()[-1] == "not there, and made by no stage: own"
    assert make_plan(project, ["publish"]).missing == ()


def test_a_new_item_and_the_nearest_changed_stage(project):
    params = changed(train={**PARAMS["train"], "items": [*"abcd"], "d": {"lr": 0.1}})
    write(project, params, DVC_YAML.replace("models/c.txt]", "models/c.txt, models/d.txt]"))
    assert reasons(project) == {
        "train@d": ("never run",),
        "gather": ("models/d.txt missing",),
        "publish": ("after gather",),  # not train@d, which is farther
    }


def test_more_than_three_changed_stages(project):
    params = changed(train={**PARAMS["train"], "items": [*"abcd"], "d": {"lr": 0.1}})
    write(project, params, DVC_YAML.replace("models/c.txt]", "models/c.txt, models/d.txt]"))
    reproduce(project, "gather")
    (project / "code/train.txt").write_text("other")
    assert reasons(project)["gather"] == ("after train@a, train@b, train@c and 1 more",)


def test_outputs(project):
    (project / "models/a.txt").unlink()
    (project / "out.txt").unlink()
    (project / "out.txt").write_text("by hand")
    found = reasons(project)
    assert found["train@a"] == ("output models/a.txt missing",)
    assert found["gather"] == ("models/a.txt missing",)
    assert found["publish"] == ("output out.txt changed",)
    assert "train@b" not in found


def test_an_output_that_is_not_in_the_cache(project):
    shutil.rmtree(project / ".dvc/cache")
    assert reasons(project)["alone"] == ("output alone.txt not in cache",)


def test_the_command_and_dvc_yaml(project):
    text = DVC_YAML.replace(
        "cp table.txt out.txt, deps: [", "cat table.txt > out.txt, deps: [code/train.txt, "
    )
    (project / "dvc.yaml").write_text(text)
    assert reasons(project) == {"publish": ("code/train.txt added in dvc.yaml", "command changed")}


def test_stages_that_always_run(project):
    more = "  clock: {cmd: date}\n  news: {cmd: date > now.txt, outs: [now.txt], always_changed: true}\n"
    (project / "dvc.yaml").write_text(DVC_YAML + more)
    reproduce(project, "clock", "news")
    assert reasons(project) == {"clock": ("always runs",), "news": ("always runs",)}


def test_what_stages_share_is_as_dvc_sees_it(project):
    """A path is looked at once a plan, not once a stage: the same stages are changed as by DVC's own status."""
    for change in (
        lambda: None,
        lambda: (project / "code/make.txt").write_text("other"),
        (project / "table.txt").unlink,
    ):
        change()
        own = {name for name, why in reasons(project).items() if not why[0].startswith("after")}
        with chdir(project), Repo() as repo:
            assert own == set(repo.status())


def test_from_another_folder_and_from_within(project, monkeypatch):
    (project / "code/train.txt").write_text("other")
    outside = reasons(project)
    monkeypatch.chdir(project / "code")
    assert reasons(Path("..")) == outside and outside["train@a"] == ("code/train.txt changed",)


def test_waits_for_the_lock(project, monkeypatch):
    """The lock is waited for rather than refused, for as long as it takes."""
    waits = []
    lock = project / ".dvc/tmp/lock"

    def held(seconds):
        waits.append(seconds)
        if len(waits) == 20:  # DVC itself gives up after 6
            other.close()

    lock.parent.mkdir(exist_ok=True)
    other = zc.lockfile.LockFile(str(lock))
    monkeypatch.setattr("dvc.lock.time.sleep", held)
    assert make_plan(project).cached == NAMES and len(waits) == 20


def test_a_stage_that_another_process_is_running(project):
    """DVC's lock on a path while a stage's command runs; process 1 always exists."""
    busy = {"write": {str(project / "models/c.txt"): {"pid": 1, "cmd": "dvc repro"}}}
    (project / ".dvc/tmp/rwlock").write_text(json.dumps(busy))
    found = reasons(project)
    assert found["train@c"][0].startswith("in use: another DVC process")
    assert found["publish"] == ("after gather",) and "train@a" not in found


# ---- how long it takes ---------------------------------------------------------------------------------------


def test_the_median_of_the_last_three_successes(tmp_path):
    for start, seconds in ((100, 900), (200, 10), (300, 40), (400, 20)):
        record(tmp_path, "train@a", start, seconds)
    record(tmp_path, "train@a", 500, 1, status="failed")
    record(tmp_path, "gather", 100, 7)
    record(tmp_path, "prepare", 100, 7, status="failed")
    assert estimates(tmp_path) == {"train@a": 20, "gather": 7}
    assert estimates(tmp_path / "none") == {}


def test_another_params_sets_records_do_not_count(project):
    record(project / "runs", "gather", 100, 900, params_set="paper")
    assert make_plan(project).planned["gather"].seconds is None
    write(project, {**PARAMS, "params_set": "paper"})
    assert make_plan(project).planned["gather"].seconds == 900


def test_records_that_go_on_or_are_cut_short(tmp_path):
    start = json.dumps({"event": "start", "time": 1, "name": "gather"})
    end = json.dumps({"event": "end", "time": 9, "status": "finished"})
    long = json.dumps({"event": "metrics", "time": 2, "step": 0, "values": {f"m{n}": n for n in range(2000)}})
    texts = [
        "",
        start,
        f"{start}\n{long}\n",
        f"{start}\n{end[:-3]}",
        "[1]\n[2]\n",
        f"{start}\n{long}\n{end}\n",
    ]
    for number, text in enumerate(texts):
        (tmp_path / f"gather-{number}.jsonl").write_text(text)
    assert estimates(tmp_path) == {"gather": 8}


def test_what_stands_behind_the_end_or_is_no_stage(tmp_path):
    record(tmp_path, "gather", 100, 900)
    (path,) = tmp_path.glob("*.jsonl")
    lines = path.read_text().splitlines()
    resumed = {
        "event": "end",
        "time": 9000,
        "status": "finished",
        "seconds": 30,
    }  # without the pause before a resume
    dvc = {"event": "dvc", "time": 9001, "stage_hash": "x", "outs": {f"out/{n}": "a" * 32 for n in range(40)}}
    path.write_text("\n".join([*lines[:2], json.dumps(resumed), json.dumps(dvc)]) + "\n")
    assert estimates(tmp_path) == {"gather": 30}
    with PipelineRecorder(tmp_path, "abc") as pipeline:
        pipeline.child("1", "trial", {}, {})
    assert estimates(tmp_path) == {"gather": 30}


def test_estimates_guesses_and_priorities(project):
    for name, seconds in (("train@a", 100), ("train@b", 300), ("gather", 60), ("make", 1000)):
        record(project / "runs", name, 100, seconds)
    write(project, changed(train={**PARAMS["train"], "shared": {"seed": 1, "steps": [1, 2]}}))
    plan = make_plan(project)
    found = {name: (p.seconds, p.cost, p.depth) for name, p in plan.planned.items()}
    assert found == {
        "make": (1000, 0, 370),  # cached: only what comes after it counts
        "prepare": (None, 0, 370),
        "train@a": (100, 100, 170),
        "train@b": (300, 300, 370),
        "train@c": (None, 200, 270),  # the median of a's and b's
        "gather": (60, 60, 70),
        "publish": (None, GUESS_SECONDS, 10),
        "alone": (None, 0, 0),
    }
    assert plan.seconds(3) == 300 + 70 and plan.seconds(2) == 300 + 70 and plan.seconds(1) == 670
    last = plan.text(2).splitlines()[-1]
    assert last == (
        "5 of 8 stages would run, 3 are up to date; about 6.2 min on 2 slots"
        " (3 estimates from earlier runs, 2 guessed)"
    )


def test_records_elsewhere(project, tmp_path):
    record(tmp_path / "records", "gather", 100, 5)
    assert make_plan(project, records=tmp_path / "records").planned["gather"].seconds == 5


# ---- the plan itself -----------------------------------------------------------------------------------------
