"""A small world of papers 002 and 004's rows: networks of every type on garments of FashionAI, really evaluated."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from hemline.evaluation import as_garments, evaluate_ablation, read_truth
from hemline.inference.garments import write_results
from hemline.params import (
    CPMSettings,
    CPNSettings,
    EnsembleSettings,
    EstimatorTraining,
    EvaluateSettings,
    FashionNetSettings,
    FPMSettings,
    HRNetSettings,
    NetworkFinetuning,
    NetworkRow,
    NetworksSection,
    NetworkTraining,
    Params,
    StackedHourglassSettings,
)
from hemline.params.estimator import EstimatorSection
from hemline.reporting.cost import NetworkSize
from hemline.reporting.networks import NetworksInputs
from hemline.wardrobe import wardrobe
from tests.reporting.conftest import World, ablation, blurred, evaluate_world, record_of

FASHIONAI = wardrobe("fashionai")
CATEGORIES = ("blouse", "outwear", "dress", "trousers", "skirt")
TYPES: dict[str, Any] = {
    "cpm": CPMSettings,
    "hourglass": StackedHourglassSettings,
    "fpm": FPMSettings,
    "fashionnet": FashionNetSettings,
    "hrnet": HRNetSettings,
}
OTHERS = {  # paper 000's rows: boxes, estimator, experts, flip test
    "independent": ("whole", "independent", "none", False),
    "aggregated": ("whole", "aggregated", "none", False),
    "finetuned": ("whole", "aggregated", "plain", False),
    "finetuned-fliptest": ("whole", "aggregated", "plain", True),
}
NOISE = {  # shares of a garment's height by which landmarks are off
    "n-cpn": 0.02,
    "n-cpm": 0.05,
    "n-hourglass": 0.04,
    "n-detnet": 0.018,
    "n-se": 0.019,
    "n-fpm": 0.03,
    "n-fashionnet": 0.06,
    "n-apart": 0.025,
    "independent": 0.04,
    "aggregated": 0.035,
    "finetuned": 0.03,
    "finetuned-fliptest": 0.025,
    "ensemble": 0.02,
}


def cpn(backbone: str = "resnet", depth: int = 50) -> CPNSettings:
    """What the page reads of a CPN's settings."""
    return CPNSettings.model_construct(type="cpn", backbone=backbone, depth=depth)


def trained(network: Any, grouping: str = "aggregated", seed: int = 0, epochs: int = 1) -> NetworkTraining:
    """A network of any type ("cpm"), or of given settings."""
    settings = TYPES[network].model_construct(type=network) if isinstance(network, str) else network
    training = EstimatorTraining.model_construct(seed=seed, epochs=epochs)
    finetuning = NetworkFinetuning.model_construct(seed=seed, new_outputs=True)
    return NetworkTraining.model_construct(
        grouping=grouping, init=None, network=settings, training=training, finetuning=finetuning
    )


def networks() -> dict[str, NetworkTraining]:
    """A network of every kind, by a name that says nothing to the page; one with a channel a landmark."""
    return {
        "n-cpm": trained("cpm"),
        "n-cpn": trained(cpn()),
        "n-hourglass": trained("hourglass"),
        "n-detnet": trained(cpn("detnet", 59)),
        "n-se": trained(cpn("se-resnet")),
        "n-fpm": trained("fpm"),
        "n-fashionnet": trained("fashionnet"),
        "n-apart": trained("hourglass", grouping="independent"),
    }


def row(network: str, experts: bool = False, flip_test: bool = False, passes: int = 1) -> NetworkRow:
    return NetworkRow(
        network=network,
        boxes="whole",
        experts=experts,
        models=f"networks/{'experts' if experts else 'models'}/{network}",
        flip_test=flip_test,
        splits=("validation",),
        passes=passes,
    )


def runs() -> dict[str, NetworkRow]:
    """A row of each network, and of the CPN its experts, a flip test and a second pass."""
    return {
        **{f"r{number}": row(name) for number, name in enumerate(networks())},
        "x": row("n-cpn", experts=True),
        "y": row("n-cpn", flip_test=True),
        "z": row("n-cpn", passes=2),
    }


@dataclass
class NetworksWorld(World):
    """What a test may change before it asks for `networks_inputs()`."""

    networks: dict[str, NetworkTraining] = field(default_factory=networks)
    runs: dict[str, NetworkRow] = field(default_factory=runs)
    others: list[str] = field(default_factory=lambda: [*OTHERS, "ensemble"])
    sizes: dict[str, NetworkSize] = field(default_factory=dict)

    def params(self) -> Params:
        known = {
            name: ablation(*OTHERS[name]).model_copy(update={"passes": 1})
            for name in self.others
            if name in OTHERS
        }
        section = NetworksSection(
            trained=self.networks, finetuned=("n-cpn",) if "n-cpn" in self.networks else (),
            categories=CATEGORIES, rows=self.runs, pages=("networks",),
        )  # fmt: skip
        changes = {
            "ablations": known,
            "evaluate": EvaluateSettings(rows=dict.fromkeys(self.others, "whole"), resamples=30, seed=0),
            "ensemble": EnsembleSettings(members=("finetuned", "finetuned-fliptest")),
            "estimator": EstimatorSection.model_construct(
                network=TYPES["hrnet"].model_construct(type="hrnet")
            ),
            "networks": section,
        }
        return super().params().model_copy(update=changes)

    def networks_inputs(self) -> NetworksInputs:
        return NetworksInputs(
            self.inputs(),
            metrics=self.root / "networks-metrics",
            results=self.root / "networks/results",
            models=self.root / "networks",
            sizes=self.sizes,
        )

    def metrics_of(self, name: str) -> dict[str, Any]:
        """A row's metrics as they were written."""
        folder = "metrics" if name in self.others else "networks-metrics"
        return json.loads((self.root / folder / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def world_of_networks(tmp_path_factory) -> NetworksWorld:
    """All rows really evaluated. Read only."""
    made = NetworksWorld(tmp_path_factory.mktemp("networks"), rows=[], table=FASHIONAI)
    return measure_world(made, CATEGORIES)


@pytest.fixture(scope="session")
def fld_networks(tmp_path_factory) -> NetworksWorld:
    """Garments of FLD, whose table has no normalisers; no rows of paper 000. Read only."""
    table, root = wardrobe("fld"), tmp_path_factory.mktemp("fld-networks")
    made = NetworksWorld(root, rows=[], table=table, others=[])
    return measure_world(made, tuple(entry.name for entry in table.categories))


def measure_world(made: NetworksWorld, worn: tuple[str, ...]) -> NetworksWorld:
    """Write truth, pictures, the rows' results as the stages do, their metrics and trainings."""
    evaluate_world(made, worn)
    for number, (name, run) in enumerate(made.runs.items()):
        better = 0.8 if run.experts else 0.95 if run.flip_test or run.passes == 2 else 1.0
        noise = better * NOISE.get(run.network, 0.03)
        evaluate_row(made, name, noise, number, "networks/results", "networks-metrics")
    for number, name in enumerate(made.others):
        evaluate_row(made, name, NOISE[name], 50 + number, "results", "metrics")
    made.counts(dict.fromkeys(worn, 10), dict.fromkeys(worn, 3))
    log = "".join(json.dumps({"epoch": epoch, "loss": 2 / epoch}) + "\n" for epoch in (1, 2))
    folders = [f"models/{name}" for name in made.networks]
    folders += [f"experts/n-cpn/{name}" for name in CATEGORIES] + ["models/of-another-set"]
    for folder in folders:
        path = made.root / "networks" / folder / "training.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(log)
    made.sizes = {name: NetworkSize(1_234_567, 2_500_000_000) for name in made.networks}
    return made


def evaluate_row(made: World, name: str, noise: float, seed: int, results: str, metrics: str) -> None:
    """Results that are off by `noise`, and what is measured of them."""
    truth = made.root / "truth.json"
    garments = as_garments(read_truth(truth, made.table))
    path, boxes = made.root / results / name / "validation.json", made.root / "boxes.json"
    write_results(path, blurred(garments, noise, seed, found=1.0))
    made.write("boxes.json", [record_of(garment) for garment in garments])
    numbers = evaluate_ablation(truth, truth, path, boxes, resamples=30, seed=0, wardrobe=made.table)
    made.write(f"{metrics}/{name}.json", numbers)
