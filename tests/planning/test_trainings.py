"""A plan says what the training then does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from hemline.detection import train_detector
from hemline.detection.training import training_config
from hemline.errors import HemlineError
from hemline.estimation import train_estimator
from hemline.estimation.config import training_config as estimator_config
from hemline.params import check_params, load_params, read_values, with_values
from hemline.planning.rates import compact, rates
from hemline.planning.samples import samples_of
from hemline.planning.trainings import Training, trainings_of
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.wardrobes import landmarks, settings, write_dataset

ROOT = Path(__file__).parents[2]
BOX = (30.0, 40.0, 80.0, 110.0)
DEEPFASHION2 = wardrobe("deepfashion2")
AGGREGATED = grouping(DEEPFASHION2, "aggregated")


def params(name="demo", **changes):
    values = with_values(read_values(ROOT / f"params/{name}.yaml"), changes)
    return check_params(values, name)


def planned(name="demo", **changes):
    chosen = params(name, **changes)
    return {one.stage: one for one in trainings_of(chosen, samples_of(chosen, None))}


def garments(count):
    return [(n, 1 + n % 13, BOX, landmarks(1 + n % 13, BOX, n)) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ({"milestones": (2, 3)}, "1-2: 0.001, 3: 0.0001, 4: 1e-05"),
        ({"milestones": ()}, None),
        ({"milestones": (2,), "warmup_steps": 5}, None),
        ({"milestones": (1, 3), "rates": (5e-4, 1e-4)}, "1: 0.001, 2-3: 0.0005, 4: 0.0001"),
    ],
)
def test_the_rates_are_those_that_a_training_records(tmp_path, schedule, text):
    chosen = settings(epochs=4)
    training = chosen.training.model_copy(update=schedule)
    chosen = chosen.model_copy(update={"training": training})
    annotations = write_dataset(tmp_path, AGGREGATED, garments(10))
    lines = []
    train_estimator(
        chosen, AGGREGATED, annotations, tmp_path / "image",
        out=tmp_path / "out", state=tmp_path / "state", title="tiny", record=lines.append,
    )  # fmt: skip
    recorded = [json.loads(line) for line in (tmp_path / "out" / "training.jsonl").read_text().splitlines()]
    plan = Training("train_estimator@aggregated", training, None, samples=10)
    assert plan.rates == pytest.approx([line["lr"] for line in recorded])
    assert plan.iterations == recorded[-1]["step"]
    assert text is None or compact(plan.rates) == text


def test_a_detectors_rates_are_those_that_a_training_records(small, stocked, tmp_path):
    chosen = small("cascade", epochs=3, milestones=(1, 2), warmup_steps=3)
    train_detector(
        chosen,
        stocked.wardrobe,
        stocked.write(),
        stocked.folder,
        tmp_path / "out",
        tmp_path / "state",
        "tiny",
    )
    recorded = [json.loads(line) for line in (tmp_path / "out" / "training.jsonl").read_text().splitlines()]
    plan = Training("train_detector@cascade", chosen, None, samples=4)
    assert plan.rates == pytest.approx([line["lr"] for line in recorded])
    assert plan.iterations == recorded[-1]["step"]


@pytest.mark.parametrize("count", [8, 9, 13])
def test_the_iterations_are_those_of_the_loader(tmp_path, count):
    annotations = write_dataset(tmp_path, AGGREGATED, garments(count))
    chosen = settings()
    config = estimator_config(chosen, AGGREGATED, annotations, tmp_path / "image")
    loader = Runner.build_dataloader(config.train_dataloader)
    assert Training("x", chosen.training, None, count).iterations_per_epoch == len(loader)


def test_the_iterations_of_a_detector_are_those_of_its_loader(small, stocked):
    """Upright and wide pictures come in batches of their own; what is left over is put together."""
    for batch_size in (1, 2, 3):
        chosen = small("cascade", batch_size=batch_size)
        config = training_config(chosen, stocked.wardrobe, stocked.write(), stocked.folder)
        with DefaultScope.overwrite_default_scope("mmdet"):
            loader = Runner.build_dataloader(config.train_dataloader)
        assert Training("x", chosen, None, 4).iterations_per_epoch == len(list(loader.batch_sampler))


def test_a_batch_is_shown_with_its_arithmetic():
    stage = "train_estimator@aggregated"
    changes = {"batch_size": 48, "micro_batch": 8, "gpus": 2}
    plan = planned(
        **{f"estimator.aggregated.{key}": value for key, value in changes.items() if key == "batch_size"}
    )
    chosen = plan[stage]
    shared = replace(chosen, settings=chosen.settings.model_copy(update=changes))
    assert chosen.batch == "48 = 1 GPU x 48 x 1 pass"
    assert shared.batch == "48 = 2 GPUs x 8 x 3 passes"
    assert shared.iterations == chosen.iterations
    assert shared.gpu_memory < chosen.gpu_memory / 3


def test_a_batch_that_gpus_share_unevenly_is_shown_as_such():
    """Paper 001 sec. 4: 37 pictures on eight GPUs."""
    plan = planned("paper")["train_oneshot@dla"]
    assert plan.batch == "37 = 1 GPU x 4 or 5 x 8 passes"
    assert plan.iterations_per_epoch == 5_189


def test_paper_001s_batch_fits_its_gpus():
    """Hourglasses, 37 pictures of 512x512 on eight RTX 2080 Ti, of 11 GB each; the estimate errs by some percent."""
    assert 8 < planned("paper")["train_oneshot@hourglass"].gpu_memory < 11.5


def test_a_plan_has_every_training_of_the_pipeline():
    plan = planned("paper")
    assert len(plan) == 2 + 2 + 26 + (3 + 22) + 2  # networks of paper 001 and of paper 003, finetuned ones
    assert plan["finetune_oneshot@dla-256"].samples == plan["train_oneshot@hourglass"].samples == 191_961
    assert plan["train_detector@htc"].samples == 191_961
    assert plan["train_estimator@independent"].samples == 312_186
    assert plan["finetune@sling-plain"].samples == plan["finetune@sling-hflip"].samples == 1_985
    assert plan["finetune@short-sleeve-top-plain"].settings.batch_size == 80
    assert compact(plan["train_estimator@aggregated"].rates) == "1-7: 0.001, 8-10: 0.0001, 11-12: 1e-05"


def test_hours_follow_from_work_and_speed():
    training = planned()["train_estimator@aggregated"]
    assert training.gpu_hours(1.0) == pytest.approx(10 * training.gpu_hours(10.0))
    # 96,313,344 multiply-adds (docs/models.md) x 6 x garments x 5 epochs / 10^12 / 3,600 s
    assert training.gpu_hours(1.0) == pytest.approx(96_313_344 * 6 * training.samples * 5 / 1e12 / 3600)


def test_mixed_precision_and_an_average_of_the_weights_change_the_memory():
    training = planned("paper")["train_estimator@aggregated"]
    mixed = replace(training, settings=training.settings.model_copy(update={"precision": "bf16"}))
    averaged = replace(training, settings=training.settings.model_copy(update={"ema": 0.999}))
    assert 0.5 * training.gpu_memory < mixed.gpu_memory < 0.6 * training.gpu_memory
    assert averaged.gpu_memory > training.gpu_memory


# mmdet's metafiles: GB of a GPU with two pictures, as torch.cuda.max_memory_allocated() says.
MEMORY = {
    ("ResNet", 50, 1): 4.4, ("ResNet", 101, 1): 6.4, ("ResNeXt", 101, 32): 7.6, ("ResNeXt", 101, 64): 10.7,
}  # fmt: skip


@pytest.mark.parametrize("backbone", MEMORY)
def test_the_memory_of_cascade_rcnn_is_within_a_tenth_of_mmdets(backbone):
    training = planned("paper")["train_detector@cascade"]
    kind, depth, groups = backbone
    changed = training.settings.backbone.model_copy(update={"type": kind, "depth": depth, "groups": groups})
    settings = training.settings.model_copy(update={"backbone": changed, "batch_size": 2})
    network = replace(training.network, settings=settings)
    found = replace(training, settings=settings, network=network).gpu_memory
    assert found == pytest.approx(MEMORY[backbone], rel=0.1)


def test_converted_data_is_counted(tmp_path):
    annotations = write_dataset(tmp_path, AGGREGATED, garments(15))
    found = samples_of(params(**{"data.train": str(tmp_path)}), annotations)
    assert (found.pictures, sum(found.garments.values())) == (15, 15)
    assert (
        found.garments[DEEPFASHION2.category(1).slug] == 1
        and found.garments[DEEPFASHION2.category(2).slug] == 2
    )
    assert found.source.startswith("counted")


def test_data_of_unknown_size_is_refused():
    own = params("paper", **{"data.name": "my own"})
    with pytest.raises(
        HemlineError, match=r"data\.name is 'my own', whose size is not known.*hemline run convert"
    ):
        samples_of(own, None)


def test_another_sets_converted_data_is_not_counted(tmp_path):
    annotations = write_dataset(tmp_path, AGGREGATED, garments(3))
    assert samples_of(params(), annotations).source.startswith("to be drawn")


def test_the_rates_take_the_schedule_of_their_own_kind():
    detector = load_params(ROOT / "params/demo.yaml").detector.htc
    assert rates(detector, 225)[-1] < 1e-3 * detector.lr
