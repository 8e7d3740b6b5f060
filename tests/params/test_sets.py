"""The sets of params/: complete, what they change of the papers', and that dvc.yaml names keys that exist."""

import re
from pathlib import Path

import pytest
import yaml

from hemline.params import load_params

ROOT = Path(__file__).parents[2]
SETS = sorted(path.stem for path in (ROOT / "params").glob("*.yaml"))


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
