"""Estimators and experts trained: what they start from, what is kept, what a folder then holds."""

import json

import numpy as np
import pytest
import torch

from hemline.errors import HemlineError
from hemline.estimation import Estimator, finetune_expert, read_settings, train_estimator
from hemline.wardrobe import grouping
from tests.estimation.wardrobes import DEEPFASHION2, NETWORK, landmarks, picture, settings, write_dataset

AGGREGATED = grouping(DEEPFASHION2, "aggregated")
BOX = (30.0, 40.0, 80.0, 110.0)


def garments(category_ids, start=1):
    return [(start + n, one, BOX, landmarks(one, BOX, n)) for n, one in enumerate(category_ids)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model folder after two epochs on all kinds of garments."""
    folder = tmp_path_factory.mktemp("estimator")
    annotations = write_dataset(folder, AGGREGATED, garments([1, 8, 9, 5, 13]))
    lines = []
    train_estimator(
        settings(epochs=2), AGGREGATED, annotations, folder / "image",
        out=folder / "out", state=folder / "state", title="tiny", record=lines.append,
    )  # fmt: skip
    assert [line["epoch"] for line in lines] == [1, 2]
    return folder / "out"


def finetune(folder, start, category_ids, slug="skirt", variant=None, **options):
    annotations = write_dataset(folder, AGGREGATED, garments(category_ids))
    done = finetune_expert(
        variant or settings(epochs=3), slug, annotations, folder / "image",
        start=start, out=folder / "expert", state=folder / "state", title="expert", **options,
    )  # fmt: skip
    return done, folder / "expert"


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)


def test_a_model_folder_holds_what_is_needed_and_no_more(trained):
    assert sorted(path.name for path in trained.iterdir()) == [
        "model.json",
        "settings.json",
        "training.jsonl",
        "weights.pt",
    ]
    stored = json.loads((trained / "settings.json").read_text())
    assert stored["network"]["width"] == NETWORK.width
    assert stored["grouping"]["name"] == "aggregated" and len(stored["grouping"]["group_of"]) == 294
    assert len((trained / "training.jsonl").read_text().splitlines()) == 2
    crop = Estimator.load(trained, "cpu").crop(picture(), BOX)
    assert crop.pixels.shape == (96, 64, 3)


def test_an_expert_starts_as_the_aggregated_estimator(tmp_path, trained):
    frozen = settings(epochs=1, lr=1e-12)
    done, expert = finetune(tmp_path, trained, [9, 9], variant=frozen)
    assert done
    start, after = weights(trained), weights(expert)
    learnt = [
        key for key in start if not key.endswith(("running_mean", "running_var", "num_batches_tracked"))
    ]
    assert all(
        torch.allclose(start[key], after[key], atol=1e-9) for key in learnt if start[key].is_floating_point()
    )
    assert after["head.final_layer.weight"].shape[0] == 81


def test_an_expert_moves_only_its_own_channels_of_the_last_layer(tmp_path, trained):
    _, expert = finetune(tmp_path, trained, [9, 9, 9])
    moved = (
        (weights(trained)["head.final_layer.weight"] != weights(expert)["head.final_layer.weight"])
        .flatten(1)
        .any(1)
    )
    assert np.flatnonzero(moved).tolist() == sorted(AGGREGATED.channels(9).tolist())
    assert read_settings(expert)["category"] == "skirt"
    assert read_settings(expert)["start"] == str(trained)


def test_flip_in_training_makes_another_expert(tmp_path, trained):
    found = [finetune(tmp_path / name, trained, [9, 9], variant=settings(flip=flip, epochs=2))[1]
             for name, flip in (("plain", False), ("hflip", True))]  # fmt: skip
    assert read_settings(found[1])["training"]["augmentation"]["flip"]
    assert not torch.equal(*(weights(expert)["head.final_layer.weight"] for expert in found))


def test_new_outputs_are_drawn_and_all_else_is_the_start(tmp_path, trained):
    frozen = settings(epochs=1, lr=1e-12)
    _, expert = finetune(tmp_path, trained, [9, 9], variant=frozen, new_outputs=True)
    start, after = weights(trained), weights(expert)
    learnt = [key for key in start if start[key].is_floating_point() and "running" not in key]
    other = {key for key in learnt if not torch.allclose(start[key], after[key], atol=1e-9)}
    assert other == {"head.final_layer.weight", "head.final_layer.bias"}
    layer = after["head.final_layer.weight"]
    assert layer.std() == pytest.approx(0.001, rel=0.2)  # mmpose's head begins so
    told = json.loads((expert / "initial.json").read_text())
    assert sorted(told[0]["missing"]) == ["head.final_layer.bias", "head.final_layer.weight"]


def test_a_category_without_garments_gets_no_expert_and_says_so(tmp_path, trained):
    annotations = tmp_path / "none.json"
    annotations.write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    done = finetune_expert(
        settings(), "sling", annotations, tmp_path,
        start=trained, out=tmp_path / "sling", state=tmp_path / "state", title="expert sling",
    )  # fmt: skip
    assert not done
    assert read_settings(tmp_path / "sling")["reason"] == "no sling with a labelled landmark to train on"
    assert not (tmp_path / "sling" / "weights.pt").exists()


def test_an_expert_of_another_size_is_refused(tmp_path, trained):
    larger = settings().model_copy(update={"network": NETWORK.model_copy(update={"width": 16})})
    with pytest.raises(HemlineError, match="an expert needs the same"):
        finetune(tmp_path, trained, [9], variant=larger)


def test_the_epoch_that_the_judge_likes_best_is_kept(tmp_path, trained):
    seen = []

    def judge(estimator):
        seen.append(estimator.model.head.final_layer.weight.detach().clone())
        return [0.2, 0.9, 0.4][len(seen) - 1]

    _, expert = finetune(tmp_path, trained, [9, 9], judge=judge)
    assert len(seen) == 3
    assert torch.equal(weights(expert)["head.final_layer.weight"], seen[1])
    lines = (expert / "training.jsonl").read_text().splitlines()
    assert [json.loads(line)["AP"] for line in lines] == [0.2, 0.9, 0.4]
    assert not torch.equal(seen[1], seen[2])


def test_layers_that_fit_are_taken_from_a_checkpoint_of_other_channels(tmp_path, trained):
    independent = grouping(DEEPFASHION2, "independent")
    annotations = write_dataset(tmp_path, independent, garments([9, 5]))
    train_estimator(
        settings(lr=1e-12), independent, annotations, tmp_path / "image",
        out=tmp_path / "out", state=tmp_path / "state", title="tiny", init=str(trained / "weights.pt"),
    )  # fmt: skip
    start, after = weights(trained), weights(tmp_path / "out")
    assert torch.allclose(start["backbone.conv1.weight"], after["backbone.conv1.weight"], atol=1e-9)
    assert after["head.final_layer.weight"].shape[0] == 294


def test_training_brings_the_loss_down(tmp_path):
    points = landmarks(DEEPFASHION2.category("skirt").id, BOX)
    annotations = write_dataset(tmp_path, AGGREGATED, [(1, 9, BOX, points), (2, 9, BOX, points)])
    lines = []
    train_estimator(
        settings(epochs=25, lr=3e-3, augment=False), AGGREGATED, annotations, tmp_path / "image",
        out=tmp_path / "out", state=tmp_path / "state", title="tiny", record=lines.append,
    )  # fmt: skip
    assert lines[-1]["loss"] < 0.5 * lines[0]["loss"]
