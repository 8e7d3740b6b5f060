"""The schema of params.yaml: what is refused, and how that is said."""

import subprocess
import sys
from pathlib import Path

import pytest

from hemline.errors import HemlineError
from hemline.params import Params, check_params, load_params, value_at
from tests.params.editing import put

ROOT = Path(__file__).parents[2]
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
        ("finetune.training.lr", "1e-4", r"finetune\.training\.lr is '1e-4': .*: write 1\.0e-4"),
        ("finetune.training.lr", -1.0, r"finetune\.training\.lr is -1\.0"),
        (
            "finetune.training.lr",
            float("inf"),
            r"finetune\.training\.lr is inf: Input should be a finite number",
        ),
        ("estimate.box_scale", float("nan"), r"estimate\.box_scale is nan"),
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


@pytest.mark.parametrize(
    ("values", "said"),
    [(None, "the file is empty"), (["a", "b"], "the file has no keys"), ("a", "the file has no keys")],
)
def test_a_file_without_keys(values, said):
    with pytest.raises(HemlineError) as error:
        check_params(values, "params.yaml")
    assert str(error.value) == f"params.yaml: {said}; params/demo.yaml shows every key"


@pytest.mark.parametrize("path", ["estimator", "ablations", "oneshot.networks.dla"])
def test_a_section_without_keys(demo, path):
    put(demo, path, None)
    with pytest.raises(
        HemlineError, match=rf"^params\.yaml: {path} is empty; params/demo\.yaml shows every key$"
    ):
        check_params(demo, "params.yaml")


def test_what_concerns_several_sections_names_its_keys_alone(demo):
    put(demo, "estimator.trained", ["independent"])
    with pytest.raises(HemlineError, match=r"^params\.yaml: \w+\."):
        check_params(demo, "params.yaml")


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


def test_schema_refuses_unknown_sections(demo):
    with pytest.raises(HemlineError, match="magic: unknown key"):
        check_params({**demo, "magic": 1}, "demo")
    assert set(Params.model_fields) == set(demo)
