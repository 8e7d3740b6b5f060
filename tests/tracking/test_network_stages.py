"""The stages of `networks`, on FashionAI: a network of all categories, an expert, their rows and numbers."""

import json

import numpy as np
import pytest
import torch

from hemline.estimation import Estimator, read_settings
from hemline.params import NetworkFinetuning, NetworkRow, NetworkTraining, load_params
from hemline.tracking.records import read_events
from hemline.wardrobe import grouping, wardrobe
from stages.estimate_network import estimate_network
from stages.evaluate_network import evaluate_network, row_settings
from stages.finetune_network import finetune_network
from stages.train_network import train_network
from tests.estimation.wardrobes import landmarks, settings, write_dataset

FASHIONAI = wardrobe("fashionai")
STAGES = ("train_network", "finetune_network", "estimate_network", "evaluate_network")
BOX, WHOLE = (30.0, 40.0, 80.0, 110.0), [0.0, 0.0, 160.0, 200.0]
CATEGORIES = ("blouse", "skirt", "trousers")
SKIRT = FASHIONAI.category("skirt").id


def tiny():
    """A network that learns quickly, and an expert of it that hardly learns, but for its new outputs."""
    chosen = settings(epochs=2, augment=False)
    training = chosen.training.model_copy(update={"crops": "whole"})
    finetuning = {**training.model_dump(), "epochs": 1, "lr": 1e-9, "new_outputs": True}
    return NetworkTraining(
        grouping="aggregated",
        init=None,
        network=chosen.network,
        training=training,
        finetuning=NetworkFinetuning(**finetuning),
    )


def row(experts, **changes):
    folder = f"networks/{'experts' if experts else 'models'}/tiny"
    values = {"boxes": "whole", "passes": 2, "flip_test": False, "splits": ("validation",), **changes}
    return NetworkRow(network="tiny", experts=experts, models=folder, **values)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """All four stages have run, in a project of a few pictures with a garment each."""
    root = tmp_path_factory.mktemp("networks")
    params = load_params("params/fashionai.yaml")
    section = params.networks.model_copy(
        update={
            "trained": {"tiny": tiny()},
            "finetuned": ("tiny",),
            "categories": ("skirt",),
            "rows": {
                "joint": row(False, splits=("validation", "test")),
                "experts": row(True, flip_test=True, passes=1),
            },
        }
    )
    evaluate = params.evaluate.model_copy(update={"resamples": 10})
    params = params.model_copy(update={"networks": section, "evaluate": evaluate})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setattr("stages.stage.ensure_follower", lambda folder: None)
        for stage in STAGES:
            patch.setattr(f"stages.{stage}.load_params", lambda: params)
        write_data(root)
        train_network("tiny")
        finetune_network("skirt", "tiny")
        for name in section.rows:
            estimate_network(name)
            evaluate_network(name)
    return root


def garments(first):
    """A garment of each category, with its number."""
    ids = [FASHIONAI.category(slug).id for slug in CATEGORIES]
    return [(first + n, one, BOX, landmarks(one, BOX, n, FASHIONAI)) for n, one in enumerate(ids)]


def write_data(root):
    """What synthesize, validate and convert leave."""
    coco, boxes = root / "data/coco", root / "results/boxes/whole"
    (coco / "categories").mkdir(parents=True)
    boxes.mkdir(parents=True)
    for split, names in (
        ("train", {"aggregated": ["train-aggregated.json", "categories/train-skirt.json"]}),
        ("validation", {"independent": ["validation-independent.json", "validation-visible.json"]}),
        ("test", {"independent": ["test.json"]}),
    ):
        found = garments(100)
        for groups, files in names.items():
            path = write_dataset(root / "data/wardrobe" / split, grouping(FASHIONAI, groups), found)
            content = json.loads(path.read_text())
            content["images"] = [
                {**one, "file_name": f"image/{one['file_name']}"} for one in content["images"]
            ]
            content["categories"] = [{"id": one.id, "name": one.coco_name} for one in FASHIONAI.categories]
            for file in files:
                kept = [
                    one
                    for one in content["annotations"]
                    if "skirt" not in file or one["category_id"] == SKIRT
                ]
                (coco / file).write_text(json.dumps({**content, "annotations": kept}))
        asked = [
            {"image_id": one, "category_id": kind, "bbox": WHOLE, "score": 1.0} for one, kind, _, _ in found
        ]
        (boxes / f"{split}.json").write_text(json.dumps(asked))


def results(project, name, split="validation"):
    return json.loads((project / f"networks/results/{name}/{split}.json").read_text())


def test_a_network_is_trained_on_whole_pictures(project):
    stored = read_settings(project / "networks/models/tiny")
    assert (stored["wardrobe"], stored["grouping"]["name"]) == ("fashionai", "aggregated")
    assert stored["training"]["crops"] == "whole" and stored["category"] is None
    assert Estimator.load(project / "networks/models/tiny", "cpu").grouping.size == 24


def test_an_expert_starts_from_it_with_new_outputs(project):
    base, expert = (
        torch.load(project / f"networks/{name}/weights.pt", weights_only=True)
        for name in ("models/tiny", "experts/tiny/skirt")
    )
    stored = read_settings(project / "networks/experts/tiny/skirt")
    assert (stored["category"], stored["start"]) == ("skirt", "networks/models/tiny")
    assert stored["training"]["new_outputs"] is True
    learnt = [key for key in base if not key.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    other = {key for key in learnt if not torch.allclose(base[key], expert[key], atol=1e-6)}
    assert other == {"head.final_layer.weight", "head.final_layer.bias"}


def test_a_row_has_a_garment_a_picture_of_each_split_that_it_names(project):
    for split in ("validation", "test"):
        found = results(project, "joint", split)
        assert [one["category_id"] for one in found] == [one for _, one, _, _ in garments(100)]
        assert all(len(one["keypoints"]) == 3 * 71 for one in found)
    assert not (project / "networks/results/experts/test.json").exists()


def test_the_expert_serves_its_category(project):
    """The same network served the others: they differ by the row's passes and flip test alone."""
    at_once = {}
    for name, folder in (("base", "models/tiny"), ("expert", "experts/tiny/skirt")):
        at_once[name] = Estimator.load(project / "networks" / folder, "cpu")
    (served,) = [one for one in results(project, "experts") if one["category_id"] == SKIRT]
    picture = project / f"data/wardrobe/validation/image/{served['image_id']:06d}.jpg"
    found = {name: seen(estimator, picture) for name, estimator in at_once.items()}
    own = np.reshape(served["keypoints"], (-1, 3))[FASHIONAI.category(SKIRT).slice, :2]
    assert np.abs(own - found["expert"]).max() < 0.01 < np.abs(own - found["base"]).max()


def seen(estimator, path):
    """Where an estimator sees a skirt's landmarks in a whole picture and its mirror image."""
    from hemline.estimation import to_picture
    from hemline.estimation.garments import read_picture

    crop = estimator.crop(read_picture(path), WHOLE)
    (heatmaps,) = estimator.outputs(crop.pixels[None], flip_test=True)
    return to_picture(estimator.decode(heatmaps, SKIRT).landmarks, crop)[:, :2]


def test_rows_are_measured_as_all_others(project):
    for name in ("joint", "experts"):
        numbers = json.loads((project / f"metrics/networks/{name}.json").read_text())
        assert 0 <= numbers["AP"] <= 1 and numbers["normalised_error"]["garments_not_found"] == 0


def test_what_makes_a_row_has_the_same_names_for_all():
    params = load_params("params/fashionai.yaml")
    assert row_settings(params, "cpn") == {
        "network": "cpn",
        "type": "cpn",
        "grouping": "aggregated",
        "experts": "True",
        "boxes": "whole",
        "passes": "2",
        "flip_test": "False",
    }
    assert len({tuple(row_settings(params, name)) for name in params.networks.rows}) == 1


def test_each_stage_is_recorded(project):
    starts = [read_events(path)[0][0] for path in (project / "runs").rglob("*.jsonl")]
    runs = {start["name"]: start["tags"]["stage"] for start in starts}
    assert runs == {
        "train_network@tiny": "train_network",
        "finetune_network@skirt-tiny": "finetune_network",
        **{f"{stage}@{name}": stage for stage in STAGES[2:] for name in ("joint", "experts")},
    }
