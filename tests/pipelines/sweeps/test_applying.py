"""A trial's values written into params.yaml: there, and nowhere else."""

from pathlib import Path

import pytest
import yaml

from hemline.errors import HemlineError
from hemline.params import with_values
from pipelines.sweeps.applying import changed_text, difference

ROOT = Path(__file__).parents[3]
DEMO = (ROOT / "params/demo.yaml").read_text()


@pytest.mark.parametrize(
    "values",
    [
        {"finetune.training.lr": 0.00002},
        {"estimator.network.box_padding": 1.2, "estimator.network.input_size": [128, 160]},
        {"estimate.score": "category", "estimate.oks_nms": 0.9, "ensemble.weights.1": 2.5},
        {"estimator.aggregated.lr": 0.0002},  # written as *training
        {"estimator.aggregated.lr": 0.0002, "estimator.aggregated.batch_size": 16},
        {"estimator.aggregated.augmentation.flip": False},
        {"estimator.independent.lr": 0.0002},  # what *training stands for
        {"estimator.independent.augmentation.flip": False, "estimator.aggregated.augmentation.rotation": 5.0},
        {"synthesize.train.images": 30},  # on one line with others
        {"detect.htc.flip": False, "detect.cascade.max_per_image": 5},
    ],
)
def test_these_keys_change_and_no_other(values):
    after = changed_text(DEMO, values, "sweep s, trial 3: AP 0.5")
    assert yaml.safe_load(after) == with_values(yaml.safe_load(DEMO), values)


def test_the_reason_stands_beside_the_value_and_the_old_one_is_kept():
    after = changed_text(DEMO, {"finetune.training.lr": 0.001}, "sweep expert, trial 3: AP 0.5")
    (line,) = [line for line in after.splitlines() if "sweep expert" in line]
    assert line.startswith(
        "    lr: 0.001 # sweep expert, trial 3: AP 0.5; before 0.0005: authors' yaml: 1e-4"
    )
    assert difference(DEMO, after).count("\n+") == 2  # the file's name, and the line


def test_values_that_are_there_already_change_nothing():
    assert changed_text(DEMO, {"estimate.score": "all"}, "s") == DEMO


def test_a_value_that_the_schema_refuses_is_not_written():
    with pytest.raises(HemlineError, match=r"estimator\.network\.sigma"):
        changed_text(DEMO, {"estimator.network.sigma": 0.5}, "s")


def test_small_numbers_stay_numbers():
    after = changed_text(DEMO, {"finetune.training.lr": 1e-05}, "s")
    assert yaml.safe_load(after)["finetune"]["training"]["lr"] == 1e-05
