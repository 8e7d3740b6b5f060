"""A small world of both systems: params.yaml's rows, handmade metrics and speeds."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hemline.evaluation import as_garments, evaluate_ablation, read_truth
from hemline.inference.garments import write_results
from hemline.params import OneShotRow, Params, load_params
from hemline.reporting import ReportInputs
from hemline.reporting.oneshot import OneShotInputs
from hemline.wardrobe import Wardrobe
from tests.reporting.conftest import World, blurred

ROOT = Path(__file__).parents[3]
NUMBERS = ("AP", "AP50", "AP75")


def block(table: Wardrobe, *values: float | None, **categories: float | None) -> dict[str, Any]:
    """AP, AP50, AP75, each with the interval from -0.01 to +0.02; categories not named have no garments."""
    names = {entry.name: categories.get(entry.name.replace(" ", "_")) for entry in table.categories}
    numbers = dict(zip(NUMBERS, values, strict=True))
    intervals: dict[str, Any] = {name: around(value) for name, value in numbers.items()}
    intervals["per_category"] = {name: around(value) for name, value in names.items()}
    return {**numbers, "per_category": names, "intervals": intervals}


def around(value: float | None) -> list[float] | None:
    return None if value is None else [value - 0.01, value + 0.02]


@dataclass
class OneShotWorld(World):
    """What a test may change before it asks for `oneshot_inputs()`."""

    oneshot: dict[str, OneShotRow] = field(default_factory=lambda: dict(demo().oneshot.rows_of("deepmark")))

    def params(self) -> Params:
        base, known = super().params(), demo()
        section = known.oneshot.model_copy(update={"rows": self.oneshot})
        return base.model_copy(update={"oneshot": section})

    def oneshot_inputs(self) -> OneShotInputs:
        shared: ReportInputs = self.inputs()
        return OneShotInputs(
            shared,
            metrics=self.root / "oneshot-metrics",
            results=self.root / "oneshot/results",
            models=self.root / "oneshot/models",
            speed=self.root / "speed.json",
        )

    def measured(self, row: str, ap: float, box: float = 0.5, **categories: float | None) -> None:
        """Handmade metrics: AP50 is AP + 0.2, AP75 AP + 0.1; visible ones are 0.03 higher."""
        blocks = {
            "landmarks": block(self.table, ap, ap + 0.2, ap + 0.1, **categories),
            "visible_only": block(self.table, ap + 0.03, ap + 0.23, ap + 0.13),
            "boxes": block(self.table, box, box + 0.2, box + 0.1),
        }
        self.write(f"oneshot-metrics/{row}.json", blocks)

    def speeds(self, **milliseconds: float) -> None:
        """Handmade speeds, by row with _ for -; quartiles a tenth away."""
        rows = {
            name.replace("_", "-"): {"milliseconds": value, "low": value * 0.9, "high": value * 1.1}
            for name, value in milliseconds.items()
        }
        self.write("speed.json", {"pictures": 20, "device": "an abacus", "threads": 2, "rows": rows})

    def trained(self, network: str, parameters: int, seconds: float) -> None:
        """A training of two epochs."""
        folder = self.root / "oneshot/models" / network
        self.write(f"oneshot/models/{network}/model.json", {"parameters": parameters})
        epochs = [{"epoch": epoch, "loss": 2 / epoch, "seconds": seconds / 2} for epoch in (1, 2)]
        (folder / "training.jsonl").write_text("".join(json.dumps(epoch) + "\n" for epoch in epochs))


@cache
def demo() -> Params:
    """The committed params of the demo."""
    return load_params(ROOT / "params/demo.yaml")


@pytest.fixture
def world(tmp_path) -> OneShotWorld:
    """Landmark AP of the one-shot rows 0.20, 0.21, ... and box AP 0.30, 0.31, ... in params.yaml's order."""
    made = OneShotWorld(tmp_path)
    for number, row in enumerate(made.rows):
        made.metrics(row, 0.40 + 0.01 * number, vest=0.3)
    for number, row in enumerate(made.oneshot):
        made.measured(row, 0.20 + 0.01 * number, 0.30 + 0.01 * number, vest=0.1 + 0.01 * number)
    made.counts({"vest": 1234, "skirt": 7}, {"vest": 40, "skirt": 3})
    return made


@pytest.fixture(scope="session")
def measured_world(evaluated, tmp_path_factory) -> OneShotWorld:
    """All rows of both systems really evaluated, on the pictures of the other page's world. Read only."""
    return measure_world(OneShotWorld(evaluated.root))


@pytest.fixture(scope="session")
def measured_fld(evaluated_fld) -> OneShotWorld:
    """The same of FLD. Read only."""
    return measure_world(OneShotWorld(evaluated_fld.root, table=evaluated_fld.table))


def measure_world(made: OneShotWorld) -> OneShotWorld:
    """Write the one-shot rows' results, their metrics, trainings and speeds."""
    truth = made.root / "truth.json"
    garments = as_garments(read_truth(truth, made.table))
    for number, row in enumerate(made.oneshot):
        path = made.root / "oneshot/results" / row / "landmarks-validation.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_results(path, blurred(garments, 0.02 - 0.001 * number, number))
        boxes = made.root / "boxes.json"
        numbers = evaluate_ablation(truth, truth, path, boxes, resamples=30, seed=0, wardrobe=made.table)
        made.write(f"oneshot-metrics/{row}.json", numbers)
    for number, network in enumerate(("dla", "hourglass", "dla-aggregated", "dla-32", "dla-64")):
        made.trained(network, 1_000_000 + number, 60)
    rows = [*made.oneshot, *(row for row in made.rows if row != "ground-truth-aggregated")]
    made.speeds(**{row.replace("-", "_"): 10.0 * (place + 1) for place, row in enumerate(rows)})
    return made
