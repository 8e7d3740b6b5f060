"""params.yaml: its schema, its sets, and that dvc.yaml names keys that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.params import Params, check_params, load_params, value_at

ROOT = Path(__file__).parents[1]
SETS = sorted(path.stem for path in (ROOT / "params").glob("*.yaml"))


@pytest.fixture
def demo():
    return yaml.safe_load((ROOT / "params/demo.yaml").read_text())


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_complete_and_bears_its_name(name):
    assert load_params(ROOT / f"params/{name}.yaml").params_set == name


# What sets change of the paper's. Nothing else may differ: all share its detectors and its schedule.
ROWS = {
    *("params_set", "ablations", "ensemble.members", "evaluate.rows", "package.row", "oneshot", "networks"),
    "sweeps",
}
PART = {*ROWS, "estimator.trained", "finetune.categories"} - {"networks"}
OTHERS = {
    "fashionai-paper": {
        *("params_set", "oneshot", "sweeps", "synthesize.size", "report.data", "report.gallery"),
        *(f"data.{key}" for key in ("name", "wardrobe", "layout", "images", "train", "validation", "test")),
        *("detector.trained", "detector.htc.masks", "finetune.categories", "finetune.batch_sizes"),
        *("ablations", "ensemble.members", "evaluate.rows", "package.validation", "package.test", "networks"),
    },
    "baseline-294": PART,
    "fld-paper": {
        *("params_set", "oneshot", "sweeps", "synthesize.size", "report.data", "report.gallery"),
        *(f"data.{key}" for key in ("name", "wardrobe", "layout", "images", "train", "validation", "test")),
        *("detector.htc.masks", "finetune.categories", "finetune.batch_sizes"),
        *("detector.trained", "ablations", "ensemble.members", "evaluate.rows"),  # one detector
    },
    "third-place": {
        *PART,
        "detector.trained",
        *("estimator.init", "estimator.network.input_size", "estimator.network.sigma"),
        *(f"estimator.independent.{key}" for key in ("epochs", "milestones", "balance")),
        *(f"estimator.independent.augmentation.{key}" for key in ("rotation", "scale", "flip")),
        *("estimate.score", "estimate.oks_nms"),
    },
}


def leaves(values, path=""):
    """Values by their keys' full paths; the rows of a table of rows are one value."""
    if isinstance(values, dict) and path not in {*ROWS, "finetune.batch_sizes"}:
        return {
            key: leaf
            for name, value in values.items()
            for key, leaf in leaves(value, f"{path}.{name}" if path else name).items()
        }
    return {path: values}


@pytest.mark.parametrize("name", OTHERS)
def test_sets_differ_from_the_papers_in_what_they_say_alone(name):
    paper, other = (leaves(load_params(ROOT / f"params/{one}.yaml").model_dump()) for one in ("paper", name))
    assert paper.keys() == other.keys()
    assert {key for key in paper if paper[key] != other[key]} == OTHERS[name]


@pytest.mark.parametrize("name", ["paper", *OTHERS])
def test_passes_have_the_authors_size(name):
    """Eight garments on each of their GPUs: one GPU takes as many passes as they had GPUs."""
    params = load_params(ROOT / f"params/{name}.yaml")
    trainings = [params.estimator.independent, params.estimator.aggregated, params.finetune.training]
    assert [(one.pass_size, one.accumulation) for one in trainings] == [(8, 4), (8, 6), (8, 2)]


def test_the_committed_params_are_the_demo():
    assert (ROOT / "params.yaml").read_text() == (ROOT / "params/demo.yaml").read_text()


def put(values, path, value):
    *folders, key = path.split(".")
    for folder in folders:
        values = values[folder]
    values[key] = value


TRAINED = {"page": "deepmark", "start": "hemline/training/pretrained.json"}
ROW = {
    "page": "deepmark",
    "network": "dla",
    "suppression": "none",
    "flip_test": False,
    "scales": [1.0],
    "splits": ["validation"],
}
ABLATION = {
    "boxes": "ground-truth",
    "estimator": "aggregated",
    "experts": "none",
    "models": "models/estimators/aggregated",
    "flip_test": False,
    "splits": ["validation"],
}
FINETUNED = {
    "page": "deepmark",
    "base": "dla",
    "image_size": [64, 64],
    "epochs": 1,
    "lr": 0.1,
    "milestones": [],
}
WARMED_UP = [
    f"{section}.warmup_steps"
    for section in ("detector.htc", "estimator.aggregated", "finetune.training", "oneshot.networks.dla")
]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("finetune.training.lrr", 0.1, r"finetune\.training\.lrr: unknown key"),
        ("finetune.training.lr", "fast", r"finetune\.training\.lr is 'fast'"),
        ("finetune.training.lr", -1.0, r"finetune\.training\.lr is -1\.0"),
        ("finetune.training.epochs", True, r"finetune\.training\.epochs is True"),
        ("finetune.categories", ["shirt"], r"unknown category 'shirt'"),
        ("data.wardrobe", "fld", r"unknown category 'short-sleeve-top'; use some of upper-body"),
        ("data.layout", "fld", r"detector\.htc\.masks: data of the layout fld has no masks"),
        ("estimator.network.input_size", [100, 128], r"estimator\.network\.input_size is \(100, 128\)"),
        ("ensemble.members", ["a", "b"], r"ensemble\.members: no row 'a'"),
        (
            "ablations.htc-aggregated.models",
            "models/x",
            r"ablations\.htc-aggregated.*must be 'models/estimators/agg",
        ),
        ("evaluate.rows.htc-aggregated", "cascade", r"evaluate\.rows\.htc-aggregated is 'cascade'"),
        ("detector.trained", ["cascade"], r"htc-aggregated needs 'htc', which detector\.trained lacks"),
        ("estimator.trained", ["aggregated"], r"cascade-independent needs .* estimator\.trained lacks"),
        ("estimator.trained", ["independent"], r"experts start from aggregated"),
        ("finetune.variants", ["plain"], r"htc-finetuned-hflip-fliptest needs 'hflip'"),
        ("detector.cascade.gpus", 3, r"detector\.cascade: batch_size 8 is not a multiple of gpus 3"),
        (
            "oneshot.trained",
            {"vit": TRAINED},
            r"trained: no network 'vit' in networks \(dla, hourglass, dla-aggregated, ",
        ),
        ("oneshot.finetuned.dla-64.base", "vit", r"finetuned\.dla-64: base 'vit' must be one of trained"),
        ("oneshot.finetuned.hourglass", FINETUNED, r"finetuned\.hourglass.* not one of networks"),
        ("oneshot.finetuned.dla-64.image_size", [48, 64], r"image_size \[48, 64\].*multiples of 32"),
        ("oneshot.finetuned.dla-64.rates", [0.1], r"rates \[0\.1\] must be as many as milestones \[\]"),
        (
            "oneshot.networks.dla.rates",
            [0.1],
            r"networks\.dla: rates \[0\.1\] must be as many as milestones \[\]",
        ),
        ("oneshot.networks.dla.image_size", [192, 200], r"image_size \[192, 200\].*multiples of 32"),
        ("oneshot.networks.dla.backbone.channels", [8], r"networks\.dla\.backbone\.channels is \(8,\)"),
        ("oneshot.networks.dla.batch_size", 0, r"networks\.dla\.batch_size is 0"),
        ("oneshot.networks.hourglass.backbone.blocks", [1, 1], r"blocks \[1, 1\] and channels .* as many"),
        (
            "oneshot.trained",
            {"dla": TRAINED, "hourglass": TRAINED},
            r"rows\.dla-aggregated-single needs 'dla-aggregated', which",
        ),
        ("oneshot.rows.ensemble", ROW, r"oneshot\.rows\.ensemble: ablations has a row of this name"),
        ("oneshot.rows.dla-single.scales", [1.5], r"rows\.dla-single\.scales\.0 is 1\.5"),
        (
            "oneshot.rows.dla-single.page",
            "kgdet",
            r"rows\.dla-single: page 'kgdet' must be that of its network",
        ),
        ("oneshot.finetuned.dla-64.page", "kgdet", r"dla-64: page 'kgdet' must be that of its base"),
        ("oneshot.rows.dla-single.suppression", "nms", r"with deepmark it must be none or soft-nms"),
        (
            "oneshot.trained",
            {"../dla": TRAINED},
            r"oneshot\.trained\.\.\./dla is '\.\./dla': a name becomes part of",
        ),
        (
            "networks.rows",
            {"cpn@2": {}},
            r"networks\.rows\.cpn@2 is 'cpn@2': .* letters, digits, - and _ alone",
        ),
        ("oneshot.networks.dla.type", "vit", r"networks\.dla: Input tag 'vit'"),
        *((key, 1, rf"{key} is 1: one step can't rise: .* set 2 or more") for key in WARMED_UP),
        ("detector.htc.warmup_steps", 0, r"detector\.htc\.warmup_steps is 0: .* greater than 0"),
        ("estimator.aggregated.warmup_steps", -1, r"warmup_steps is -1: .* greater than or equal to 0"),
        (
            "estimator.network.sigma",
            1 / 3,
            r"estimator\.network: unbiased is true, but sigma is 0\.333: .*; set sigma to 2/3 or more",
        ),
        (
            "oneshot.rows.dla-single.splits",
            ["test"],
            r"oneshot: rows\.dla-single\.splits is \['test'\]: .* add 'validation'",
        ),
        (
            "oneshot.rows.dla-single.splits",
            [],
            r"oneshot: rows\.dla-single\.splits is \[\]: .* add 'valid",
        ),
        ("oneshot.rows", {}, r"oneshot: pages\.deepmark is \['deepmark'\], but no row has page 'deepmark'"),
        (
            "ablations.cascade-aggregated.splits",
            [],
            r"ablations\.cascade-aggregated\.splits is \(\): .* 1 item",
        ),
        (
            "ablations.cascade-aggregated.splits",
            ["test"],
            r"ablations\.cascade-aggregated\.splits is \['test'\], but evaluate\.rows\.cascade-aggregated "
            r"\(cascade-aggregated\) needs 'validation' too: add it, or take",
        ),
        (
            "package.row",
            "htc-aggregated",
            r"ablations\.htc-aggregated\.splits is \['validation'\], but package\.row \(htc-aggregated\) needs 'test'",
        ),
        (
            "ablations.htc-finetuned-hflip-fliptest.splits",
            ["validation"],
            r"ablations\.htc-finetuned-hflip-fliptest\.splits is .* but package\.row \(ensemble\) needs 'test' too",
        ),
        (
            "ensemble.members",
            ["ensemble", "htc-aggregated"],
            r"ensemble\.members: no row 'ensemble' in ablations",
        ),
        ("ablations.ensemble", ABLATION, r"ablations\.ensemble: the name is that of the members' average"),
        ("package.test", "a.csv", r"package\.test: name 'a\.csv': .* plain name that ends in \.json"),
        ("package.validation", "../a.json", r"package\.validation: name '\.\./a\.json': .* plain name"),
    ],
)
def test_a_bad_value_is_named_by_its_path(demo, path, value, message):
    put(demo, path, value)
    with pytest.raises(HemlineError, match=message):
        check_params(demo, "params.yaml")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("estimator.aggregated.warmup_steps", 0),
        ("estimator.aggregated.warmup_steps", 2),
        ("estimator.network.sigma", 2 / 3),
    ],
)
def test_the_least_value_that_is_allowed(demo, path, value):
    put(demo, path, value)
    assert value_at(check_params(demo, "params.yaml").model_dump(), path) == value


@pytest.fixture
def fashionai():
    return yaml.safe_load((ROOT / "params/fashionai.yaml").read_text())


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
        ("networks.rows.cpn.splits", ["validation", "test"], None),
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
        ("estimator.aggregated.crops", "whole", None),
    ],
)
def test_a_bad_value_of_networks_is_named_by_its_path(fashionai, path, value, message):
    if path == "networks.rows.fpm.boxes":
        put(fashionai, "networks.rows.fpm.passes", 2)
    put(fashionai, path, value)
    if message is None:
        assert check_params(fashionai, "params.yaml")
        return
    with pytest.raises(HemlineError, match=message):
        check_params(fashionai, "params.yaml")


def test_two_zip_files_may_hold_files_of_one_name(demo):
    put(demo, "package.validation", demo["package"]["test"])
    assert check_params(demo, "demo").package.validation == demo["package"]["test"]


def test_members_of_an_ensemble_share_a_split(demo):
    first, second = demo["ensemble"]["members"]
    put(demo, f"ablations.{first}.splits", ["test"])
    put(demo, f"ablations.{second}.splits", ["validation"])
    with pytest.raises(HemlineError, match=rf"ensemble\.members: {first}, {second} share no split"):
        check_params(demo, "demo")


def test_a_row_that_nothing_evaluates_needs_no_validation_pictures(demo):
    del demo["evaluate"]["rows"]["cascade-aggregated"]
    put(demo, "ablations.cascade-aggregated.splits", ["test"])
    assert check_params(demo, "demo").ablations["cascade-aggregated"].splits == ("test",)


def test_params_are_read_without_the_networks_libraries():
    """Each command reads them first."""
    code = "import sys, hemline.params; print([name for name in ('torch', 'mmengine', 'cv2') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("key", ["estimator.independent", "finetune.training"])
def test_whole_pictures_are_for_data_that_says_what_they_show(demo, key):
    put(demo, f"{key}.crops", "whole")
    with pytest.raises(HemlineError, match=rf"{key}\.crops is 'whole', but data of the layout deepfashion2"):
        check_params(demo, "params.yaml")


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


def test_seeds_differ_by_their_seed_alone():
    section = load_params(ROOT / "params/fashionai-seeds.yaml").networks
    single = load_params(ROOT / "params/fashionai.yaml").networks.trained
    seeds = {name: one.training.seed for name, one in section.trained.items()}
    assert sorted(seeds.values()) == [0] * 5 + [1] * 5 + [2] * 5
    for name, seed in seeds.items():
        base = name.rpartition("-")[0]
        training = single[base].training.model_copy(update={"seed": seed})
        assert section.trained[name] == single[base].model_copy(
            update={"training": training, "finetuning": None}
        )


def test_the_networks_that_the_docs_offer_for_deepfashion2_fit_in_hrnets_place(demo):
    text = (ROOT / "docs/paper-002.md").read_text()
    offered = [yaml.safe_load(block) for block in re.findall(r"^ +network: (\{[^}]*\})", text, re.MULTILINE)]
    assert [one["type"] for one in offered] == ["cpn", "cpm", "hourglass", "fpm", "cpn"]
    for one in offered:
        put(demo, "estimator.network", one)
        assert check_params(demo, "demo").estimator.network.type == one["type"]


def test_mask_rcnn_without_masks_needs_no_weight_of_theirs(demo):
    """mmdet would ignore a garment without polygons, and train on none."""
    put(demo, "data.layout", "mmpose")
    put(demo, "detector.htc.masks", False)
    with pytest.raises(
        HemlineError, match=r"oneshot\.networks\.mask-rcnn\.mask_weight: .*mmpose has no masks"
    ):
        check_params(demo, "params.yaml")
    put(demo, "oneshot.networks.mask-rcnn.mask_weight", 0.0)
    assert check_params(demo, "params.yaml").data.layout == "mmpose"


def test_a_batch_may_be_shared_unevenly(demo):
    """Paper 001's 37 pictures on eight GPUs."""
    put(demo, "oneshot.networks.dla", {**demo["oneshot"]["networks"]["dla"], "batch_size": 37, "gpus": 8})
    network = check_params(demo, "demo").oneshot.settings("dla")
    assert network.passes == (5, 5, 5, 5, 5, 4, 4, 4)
    assert (network.pass_size, network.accumulation) == (5, 1)


@pytest.mark.parametrize("gpus, accumulation", [(1, 8), (2, 4), (4, 2), (8, 1)])
def test_an_uneven_batch_has_the_same_passes_on_any_number_of_gpus(gpus, accumulation):
    network = load_params("params/paper.yaml").oneshot.settings("dla").model_copy(update={"gpus": gpus})
    assert network.passes == (5, 5, 5, 5, 5, 4, 4, 4) and network.accumulation == accumulation


def test_a_batch_smaller_than_its_gpus_is_refused(demo):
    put(demo, "oneshot.networks.dla.gpus", 9)
    with pytest.raises(HemlineError, match=r"networks\.dla: batch_size 8 is too small for gpus 9"):
        check_params(demo, "demo")


def test_a_finetuned_network_is_its_base_but_for_what_it_says(demo):
    section = check_params(demo, "demo").oneshot
    base, changed = (section.settings(name).model_dump() for name in ("dla", "dla-64"))
    given = demo["oneshot"]["finetuned"]["dla-64"].keys() - {"page", "base", "milestones"}
    assert {key for key in base if base[key] != changed[key]} == given


def test_a_missing_key_is_named(demo):
    del demo["estimator"]["network"]["sigma"]
    with pytest.raises(HemlineError, match=r"params\.yaml: estimator\.network\.sigma: missing"):
        check_params(demo, "params.yaml")


def test_params_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load_params(ROOT / "params.yaml").params_set = "other"  # type: ignore[misc]


def test_experts_differ_by_flip_alone(demo):
    demo["finetune"]["batch_sizes"] = {"vest": 4}
    finetune = check_params(demo, "demo").finetune
    plain, hflip = finetune.for_category("vest", "plain"), finetune.for_category("vest", "hflip")
    assert (plain.augmentation.flip, hflip.augmentation.flip) == (False, True)
    assert plain.model_copy(update={"augmentation": None}) == hflip.model_copy(update={"augmentation": None})
    assert plain.batch_size == 4 and finetune.for_category("sling", "plain").batch_size != 4


def test_dvc_yaml_names_keys_of_params():
    text = (ROOT / "dvc.yaml").read_text()
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    for line in re.findall(r"params: \[(.*)\]", text):
        for entry in line.split(","):
            keys = entry.strip().strip('"').split(".")
            section = values
            for key in keys:
                if key.startswith("${"):
                    break
                assert key in section, f"dvc.yaml depends on {entry}, which params.yaml lacks"
                section = section[key]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with params.yaml and two sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hemline.commands.params.PARAMS", Path("params.yaml"))
    demo = (ROOT / "params/demo.yaml").read_text()
    (tmp_path / "params").mkdir()
    (tmp_path / "params/demo.yaml").write_text(demo)
    (tmp_path / "params/other.yaml").write_text(demo.replace("params_set: demo", "params_set: other"))
    (tmp_path / "params.yaml").write_text(demo)
    return tmp_path


def test_switching_sets_shows_the_difference_and_comes_back(project, capsys):
    before = (project / "params.yaml").read_text()
    assert main(["params", "use", "other"]) == 0
    assert "+params_set: other" in capsys.readouterr().out
    assert load_params("params.yaml").params_set == "other"
    assert main(["params", "use", "demo"]) == 0
    assert (project / "params.yaml").read_text() == before


def test_switching_loses_nothing(project, capsys):
    mine = (project / "params.yaml").read_text() + "\n# mine\n"
    (project / "params.yaml").write_text(mine)
    assert main(["params", "use", "other"]) == 2
    assert "changes that no set" in capsys.readouterr().err
    assert (project / "params.yaml").read_text() == mine
    assert main(["params", "use", "other", "--force"]) == 0


def test_unknown_set_is_refused(project, capsys):
    assert main(["params", "use", "huge"]) == 2
    assert "there are demo, other" in capsys.readouterr().err


def test_check_reads_the_sweeps_too(project, capsys):
    assert main(["params", "check", "params.yaml"]) == 0
    assert "params.yaml: demo, every key known" in capsys.readouterr().out
    text = (
        (project / "params.yaml").read_text().replace("estimator.network.width:", "estimator.network.girth:")
    )
    (project / "params.yaml").write_text(text)
    assert main(["params", "check", "params.yaml"]) == 2
    assert "sweeps.speed.space: estimator.network.girth: no such key" in capsys.readouterr().err


def test_schema_refuses_unknown_sections(demo):
    with pytest.raises(HemlineError, match="magic: unknown key"):
        check_params({**demo, "magic": 1}, "demo")
    assert set(Params.model_fields) == set(demo)
