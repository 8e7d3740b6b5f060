"""From FashionAI's csv files to the numbers of a compared network's experts, by `dvc repro`, in a copy of the project.

Named cases: everything comes out; a changed value of the training or the finetuning is that of its stage alone.
"""

import json
import shutil

import pytest
import yaml

from tests.integration.test_pipeline import CODE, ROOT, dvc, run, running

ROW = "hourglass"
EXPERT = f"finetune_network@trousers-{ROW}"


def tiny(values):
    """The set fashionai at the size of a test: one network, an expert, a row."""
    for split, images in (("train", 16), ("validation", 8), ("test", 2)):
        values["synthesize"][split]["images"] = images
    values["synthesize"]["size"] = [96, 128]
    values["evaluate"]["resamples"] = 20
    section = values["networks"]
    network = section["trained"][ROW]
    for key in ("training", "finetuning"):
        network[key] = {**network[key], "epochs": 1}
    network["finetuning"]["new_outputs"] = True
    section.update(trained={ROW: network}, finetuned=[ROW], categories=["trousers"])
    section["rows"] = {ROW: {**section["rows"][ROW], "splits": ["validation", "test"]}}
    return values


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project after `dvc repro evaluate_network`; its output lies in repro.log."""
    folder = tmp_path_factory.mktemp("fashionai") / "project"
    folder.mkdir()
    for name in CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    values = tiny(yaml.safe_load((ROOT / "params/fashionai.yaml").read_text()))
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    run(folder, "git", "init", "-q")
    dvc(folder, "init", "-q")
    (folder / "repro.log").write_text(dvc(folder, "repro", f"evaluate_network@{ROW}"))
    return folder


def test_what_a_row_needs_ran_once_and_all_comes_out(project):
    ran = running((project / "repro.log").read_text())
    assert sorted(ran) == sorted(
        [
            *(f"synthesize@{split}" for split in ("train", "validation", "test")),
            *("validate", "convert", f"train_network@{ROW}", EXPERT),
            *(f"estimate_network@{ROW}", f"evaluate_network@{ROW}"),
        ]
    )
    for split, images in (("validation", 8), ("test", 2)):
        found = json.loads((project / f"networks/results/{ROW}/{split}.json").read_text())
        assert len(found) == images, "a garment a picture, also where only its category is known"
    numbers = json.loads((project / f"metrics/networks/{ROW}.json").read_text())
    assert numbers["normalised_error"]["garments"] == 8 and numbers["normalised_error"]["NE_contest"] > 0
    said = json.loads((project / f"networks/experts/{ROW}/trousers/settings.json").read_text())
    assert said["category"] == "trousers" and said["training"]["new_outputs"]


@pytest.mark.parametrize(("key", "stage"), [("finetuning", EXPERT), ("training", f"train_network@{ROW}")])
def test_a_changed_value_is_that_of_its_stage_alone(project, key, stage):
    before = (project / "params.yaml").read_text()
    values = yaml.safe_load(before)
    values["networks"]["trained"][ROW][key]["lr"] *= 2
    (project / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    status = json.loads(dvc(project, "status", "--json", "--with-deps", f"evaluate_network@{ROW}"))
    (project / "params.yaml").write_text(before)
    assert list(status) == [stage]
