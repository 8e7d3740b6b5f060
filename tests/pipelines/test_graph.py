"""dvc.yaml read as a graph: order, targets, meta, and what a user is told about mistakes in it."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
import zc.lockfile
from dvc.repo import Repo

from hemline.errors import HemlineError
from hemline.params import load_params, read_values, value_at, with_values
from pipelines.graph import Stage, check_gpus, descendants, read_graph, tracked_data, with_items
from pipelines.remote import read_entries

ROOT = Path(__file__).parents[2]
CATEGORIES, VARIANTS = 13, 2

# The last stage stands first: order must come from what depends on what.
DVC_YAML = """
stages:
  report: {cmd: x, deps: [table.txt, tables/b.txt], outs: [report.txt]}
  prepare: {cmd: x, deps: [raw.txt], outs: [data]}
  train:
    matrix: {item: [a, b, c]}
    cmd: x
    deps: [data/part.txt]
    outs: ["models/${item.item}"]
    meta: {device: gpu, timeout_minutes: 90}
  gather: {cmd: x, deps: [models], outs: [table.txt], meta: {device: share}}
  table:
    foreach: {a: 1, b: 2}
    do: {cmd: x, deps: ["models/${key}"], outs: ["tables/${key}.txt"]}
  alone: {cmd: x, outs: [alone.txt]}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    root = tmp_path / "project"
    root.mkdir()
    Repo.init(str(root), no_scm=True).close()
    (root / "dvc.yaml").write_text(DVC_YAML)
    return root


def refused(root, targets=()):
    with pytest.raises(HemlineError) as error:
        read_graph(root, targets)
    return str(error.value)


def test_upstream_first_and_else_in_the_files_order(project):
    graph = read_graph(project)
    assert list(graph) == [
        *("prepare", "train@a", "train@b", "train@c", "gather"),
        *("table@b", "report", "table@a", "alone"),
    ]
    assert list(read_graph(project)) == list(graph)


def test_what_a_stage_depends_on_directly(project):
    upstream = {name: stage.upstream for name, stage in read_graph(project).items()}
    assert upstream["prepare"] == upstream["alone"] == ()
    assert upstream["train@b"] == ("prepare",)
    assert upstream["gather"] == ("train@a", "train@b", "train@c")  # by a folder that holds their outputs
    assert upstream["report"] == ("gather", "table@b")


def test_names_do_not_depend_on_the_working_directory(project, tmp_path, monkeypatch):
    elsewhere = list(read_graph(project))
    monkeypatch.chdir(project)
    assert list(read_graph(Path("."))) == elsewhere


def test_tracked_data_is_no_stage(project):
    (project / "raw.txt").write_text("1")
    with Repo(str(project)) as repo:
        repo.add(str(project / "raw.txt"))
    assert read_graph(project)["prepare"].upstream == ()
    assert len(read_graph(project)) == 9


@pytest.mark.parametrize(
    "targets, expected",
    [
        (["train@b"], ["prepare", "train@b"]),
        (["train"], ["prepare", "train@a", "train@b", "train@c"]),
        (["table@a", "alone"], ["prepare", "train@a", "table@a", "alone"]),
        (["gather", "train"], ["prepare", "train@a", "train@b", "train@c", "gather"]),
    ],
)
def test_targets_with_what_they_need(project, targets, expected):
    assert list(read_graph(project, targets)) == expected


def test_unknown_targets(project):
    assert refused(project, ["train@d"]).startswith("dvc.yaml: no stage 'train@d'; did you mean train@")
    assert "did you mean gather" in refused(project, ["train", "gahter"])
    assert "`dvc stage list --name-only`" in refused(project, ["nothing-like-it"])


def test_meta(project):
    graph = read_graph(project)
    assert graph["train@c"] == Stage("train@c", ("prepare",), "gpu", 90.0)
    assert (graph["gather"].device, graph["gather"].minutes) == ("share", None)
    assert (graph["alone"].device, graph["alone"].minutes) == ("cpu", None)


GPUS = """
stages:
  train: {matrix: {item: [a, b]}, cmd: x, params: ["rate.${item.item}", seed], meta: {device: gpu}}
  small: {cmd: x, params: [small.training, rate.a.gpus], meta: {device: share}}
  look: {cmd: x, params: [rate.a], meta: {device: cpu}}
"""


@pytest.fixture
def with_gpus(project):
    """The graph of GPUS with these `gpus` in params.yaml."""

    def read(a, small):
        params = {
            "seed": 1,
            "rate": {"a": {"gpus": a}, "b": {"lr": 2}},
            "small": {"training": {"gpus": small}},
        }
        (project / "params.yaml").write_text(yaml.safe_dump(params))
        (project / "dvc.yaml").write_text(GPUS)
        return read_graph(project)

    return read


def test_gpus_come_from_the_params_that_a_stage_reads(with_gpus):
    graph = with_gpus(4, 1)
    assert {name: (stage.device, stage.gpus) for name, stage in graph.items()} == {
        "train@a": ("gpu", 4),
        "train@b": ("gpu", 1),
        "small": ("share", 1),
        "look": ("cpu", 1),
    }
    small = with_gpus(4, 2)["small"]
    assert (small.device, small.gpus) == ("gpu", 2), "several are whole ones"


@pytest.mark.parametrize("value", [0, "2", True, None])
def test_gpus_that_are_no_number(with_gpus, value):
    with pytest.raises(HemlineError, match=rf"params.yaml: rate.a.gpus is {value!r}: must be a whole number"):
        with_gpus(value, 1)


def test_more_gpus_than_the_machine_has(with_gpus):
    stages = with_gpus(4, 1).values()
    check_gpus(stages, ())
    check_gpus(stages, tuple("0123"))
    with pytest.raises(HemlineError) as error:
        check_gpus(stages, ("0", "1"))
    assert str(error.value).startswith(
        "params.yaml: rate.a.gpus is 4, but train@a finds 2 here (0, 1): set it to 2 or less"
    )


@pytest.mark.parametrize(
    "meta, message",
    [
        ("{device: tpu}", "stage alone: meta.device: 'tpu': must be one of gpu, share, cpu"),
        ("{device: [gpu]}", "stage alone: meta.device: ['gpu']: must be one of"),
        ("{timeout_minutes: 0}", "stage alone: meta.timeout_minutes: 0: must be a number above 0"),
        ("{timeout_minutes: 1 h}", "stage alone: meta.timeout_minutes: '1 h': must be"),
        ("gpu", "stage alone: meta: 'gpu': must be keys and values"),
    ],
)
def test_meta_that_is_not_understood(project, meta, message):
    (project / "dvc.yaml").write_text(f"stages:\n  alone: {{cmd: x, meta: {meta}}}\n")
    assert message in refused(project)


@pytest.mark.parametrize(
    "text, parts",
    [
        ("stages:\n  a: {cmd: [\n", ["dvc.yaml", "corrupted", "line 3"]),
        ("stages:\n  a: {cmnd: x}\n", ["dvc.yaml", "validation failed", "cmnd"]),
        ("stages:\n  a: {cmd: 'x ${lr.no}'}\n", ["stages.a.cmd", "Could not find 'lr.no'"]),
        (
            "stages:\n  a: {cmd: x, deps: [o], outs: [p]}\n  b: {cmd: x, deps: [p], outs: [o]}\n",
            ["both a dependency and an output"],
        ),
    ],
)
def test_what_dvc_refuses_in_its_words_and_one_line(project, text, parts):
    (project / "dvc.yaml").write_text(text)
    message = refused(project)
    assert message.startswith(f"{project}: DVC says: ") and "\n" not in message
    assert all(part in message for part in parts), message


def test_data_that_a_stage_needs_and_none_makes(project):
    for name in ("raw.txt", "unused.txt"):
        (project / name).write_text(name)
        with Repo(str(project)) as repo:
            repo.add(str(project / name))
    assert tracked_data(project, "prepare") == ["raw.txt.dvc"]
    assert tracked_data(project, "gather") == []


def test_raw_data_in_the_projects_own_data_folder_goes_into_dvc(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    with Repo.init(str(tmp_path)) as repo:
        for folder in ("raw/train", "drawn"):
            (tmp_path / "data" / folder).mkdir(parents=True)
            (tmp_path / "data" / folder / "1.jpg").write_text(folder)
        dvc_yaml = "stages: {convert: {cmd: x, deps: [data/raw/train], outs: [data/coco]}}"
        (tmp_path / "dvc.yaml").write_text(dvc_yaml)
        repo.add(str(tmp_path / "data/raw"))
        assert not repo.scm.is_ignored(str(tmp_path / "data/raw.dvc"))
        assert all(repo.scm.is_ignored(str(tmp_path / "data" / name)) for name in ("raw", "drawn", "coco"))
    assert tracked_data(tmp_path, "convert") == ["data/raw.dvc"]
    assert not (tmp_path / "data/.gitignore").exists()


@pytest.fixture
def torn(project, monkeypatch):
    """dvc.lock as it is while DVC writes it in place: half of it is there until the lock is given back."""
    whole = 'schema: "2.0"\nstages:\n  alone: {cmd: x}\n'
    path, lock = project / "dvc.lock", project / ".dvc/tmp/lock"
    path.write_text("stages:\n")
    lock.parent.mkdir(exist_ok=True)
    writer = zc.lockfile.LockFile(str(lock))

    def written(seconds):
        path.write_text(whole)
        writer.close()

    monkeypatch.setattr("dvc.lock.time.sleep", written)
    return project


def test_waits_for_who_writes_the_lock_file(torn):
    assert "alone" in read_graph(torn)


def test_entries_of_the_lock_file_are_read_whole(torn):
    assert read_entries(torn) == {"alone": {"cmd": "x"}}


def test_a_folder_without_dvc(tmp_path):
    assert "DVC repository" in refused(tmp_path)
    assert "does not exist" in refused(tmp_path / "none")


def test_a_matrix_without_items_is_no_unknown_stage(project):
    (project / "dvc.yaml").write_text(DVC_YAML.replace("[a, b, c]", "[]").replace("models]", "data]"))
    assert "no items for train" in refused(project, ["gather", "train"])
    assert with_items(project, ["gather", "train"]) == ["gather"]
    assert with_items(project, ["train"]) == ["train"]  # which is refused
    assert with_items(project, ["trian"]) == ["trian"]


def test_descendants(project):
    graph = read_graph(project)
    assert descendants(graph, ["train@b"]) == {"gather", "table@b", "report"}
    assert descendants(graph, ["train"]) == {"gather", "table@a", "table@b", "report"}
    assert descendants(graph, ["prepare", "gather"]) == set(graph) - {"prepare", "alone"}
    assert descendants(graph, ["report"]) == descendants(graph, []) == set()
    with pytest.raises(HemlineError, match="no stage 'trian'"):
        descendants(graph, ["trian"])


def test_the_projects_own_pipeline():
    graph = read_graph(ROOT)
    position = {name: place for place, name in enumerate(graph)}
    assert all(position[needed] < position[name] for name in graph for needed in graph[name].upstream)
    experts = [name for name in graph if name.startswith("finetune@")]
    assert len(experts) == CATEGORIES * VARIANTS
    oneshot = [name for name in graph if name.partition("@")[0] in ("train_oneshot", "finetune_oneshot")]
    trained = [*experts, *(name for name in graph if name.startswith("train_") and name not in oneshot)]
    assert all("report" in descendants(graph, [name]) for name in trained)
    pages = load_params(ROOT / "params.yaml").oneshot.page
    for name in oneshot:
        page = pages(name.partition("@")[2])
        reports = {one for one in descendants(graph, [name]) if one.startswith("report_")}
        assert reports == {"report_oneshot@deepmark" if page == "deepmark" else "report_kgdet@kgdet"}, name
    # the two-stage rows stand beside DeepMark's
    assert all("report_oneshot@deepmark" in descendants(graph, [name]) for name in trained)
    # KGDet's page has networks of its own alone, but they start from a detector's backbone
    led = {name for name in trained if "report_kgdet@kgdet" in descendants(graph, [name])}
    assert led == {"train_detector@cascade"}
    assert not any("report" in descendants(graph, [name]) for name in oneshot)  # paper 000 by itself
    assert "train_estimator@independent" not in read_graph(ROOT, ["finetune"])


@pytest.fixture
def switched(tmp_path, monkeypatch):
    """The graph of the project's dvc.yaml with another params set."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))

    def read(name, targets=()):
        root = tmp_path / name
        root.mkdir()
        Repo.init(str(root), no_scm=True).close()
        (root / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
        (root / "params.yaml").write_text((ROOT / f"params/{name}.yaml").read_text())
        return read_graph(root, targets)

    return read


def test_networks_lead_to_their_page_alone(switched):
    graph = switched("fashionai")
    networks = load_params(ROOT / "params/fashionai.yaml").networks
    trained = [name for name in graph if name.startswith("train_network@")]
    experts = [name for name in graph if name.startswith("finetune_network@")]
    assert trained == [f"train_network@{name}" for name in networks.trained]
    assert set(experts) == {
        f"finetune_network@{slug}-{name}" for slug in networks.categories for name in networks.finetuned
    }
    for name in (*trained, *experts):
        led = descendants(graph, [name])
        assert "report_networks@networks" in led and "report" not in led and "package" not in led, name
    # paper 000's rows on the same pictures stand beside them
    assert {"report", "report_networks@networks"} <= descendants(graph, ["train_estimator@aggregated"])
    assert not any(name.partition("@")[0].endswith(("oneshot", "detector", "detect")) for name in graph)


def test_a_row_needs_its_network_and_its_own_experts(switched):
    graph = switched("fashionai")
    assert set(graph["estimate_network@cpn-joint"].upstream) == {
        *("convert", "train_network@cpn"),
        *("synthesize@validation", "synthesize@test"),
    }
    needed = set(graph["estimate_network@cpn-se"].upstream)
    assert "train_network@cpn-se" in needed and "finetune_network@skirt-cpn-se" in needed
    assert not any(name.endswith(("-cpn", "-cpm")) for name in needed)
    assert (graph["train_network@fpm"].device, graph["finetune_network@skirt-cpn"].device) == ("gpu", "share")


@pytest.mark.parametrize("name", [path.stem for path in sorted((ROOT / "params").glob("*.yaml"))])
def test_the_deployment_that_trains_is_for_every_set(switched, tmp_path, name):
    switched(name)
    deployments = {one["name"]: one for one in read_values(ROOT / "prefect.yaml")["deployments"]}
    targets = with_items(tmp_path / name, deployments["train"]["parameters"]["targets"])
    assert read_graph(tmp_path / name, targets)


def test_seeds_are_rows_of_their_own(switched):
    graph = switched("fashionai-seeds", ["report_networks"])
    assert len([name for name in graph if name.startswith("evaluate_network@")]) == 15
    assert not any(name.startswith("finetune") for name in graph)
    assert "train_estimator@independent" not in graph


def test_sets_without_networks_have_none(switched):
    for name in ("demo", "fld", "paper"):
        assert not any("network" in one.partition("@")[0] for one in switched(name))


def test_networks_find_their_gpus(switched, monkeypatch):
    changes = {"networks.trained.cpn.training.gpus": 2, "networks.trained.cpn.finetuning.gpus": 3}

    def read(path):
        values = read_values(path)
        for key, gpus in changes.items():
            section = key.removesuffix(".gpus")
            values = with_values(values, {section: {**value_at(values, section), "gpus": gpus}})
        return values

    monkeypatch.setattr("pipelines.graph.read_values", read)
    found = {name: stage.gpus for name, stage in switched("fashionai").items() if stage.gpus > 1}
    slugs = load_params(ROOT / "params/fashionai.yaml").networks.categories
    assert found == {"train_network@cpn": 2, **{f"finetune_network@{slug}-cpn": 3 for slug in slugs}}


TRAININGS = {
    "detector.cascade": 2,
    "detector.htc": 3,
    "estimator.independent": 4,
    "estimator.aggregated": 5,
    "finetune.training": 6,
}


def test_the_projects_own_trainings_find_their_gpus(monkeypatch):
    def read(path):
        values = read_values(path)
        return with_values(
            values, {key: {**value_at(values, key), "gpus": gpus} for key, gpus in TRAININGS.items()}
        )

    monkeypatch.setattr("pipelines.graph.read_values", read)
    graph = read_graph(ROOT)
    assert {
        name: stage.gpus for name, stage in graph.items() if stage.gpus > 1 and "finetune" not in name
    } == {
        **{"train_detector@cascade": 2, "train_detector@htc": 3},
        **{"train_estimator@independent": 4, "train_estimator@aggregated": 5},
    }
    experts = [stage for stage in graph.values() if stage.name.startswith("finetune@")]
    assert {(stage.device, stage.gpus, stage.gpus_key) for stage in experts} == {
        ("gpu", 6, "params.yaml: finetune.training.gpus")
    }
