"""A small world of paper 003's rows: networks of every type, handmade metrics and speeds, results really evaluated."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from hemline.evaluation import as_garments, evaluate_ablation, evaluate_boxes, read_box_results, read_truth
from hemline.inference.garments import write_results
from hemline.params import (
    BackboneSettings,
    FcosSettings,
    KGDetLosses,
    KGDetSettings,
    MaskRCNNSettings,
    OneShotRow,
    OneShotSection,
    Params,
    RepPointsKpSettings,
    RepPointsSettings,
    RetinaNetSettings,
    Trained,
)
from hemline.reporting.cost import NetworkSize
from hemline.reporting.kgdet import KGDetInputs
from tests.reporting.conftest import World, blurred
from tests.reporting.oneshot.conftest import block

TYPES = {
    "mask-rcnn": MaskRCNNSettings,
    "retinanet": RetinaNetSettings,
    "fcos": FcosSettings,
    "reppoints": RepPointsSettings,
    "reppoints-kp": RepPointsKpSettings,
}
WITHOUT_LANDMARKS = ("retinanet", "fcos", "reppoints")
ALL_POINTS = (9, 25, 49)


def baseline(type: str, depth: int = 18, **more: Any) -> Any:
    """What the page reads of a baseline's settings."""
    backbone = BackboneSettings(type="ResNet", depth=depth, base_channels=16)
    return TYPES[type].model_construct(type=type, backbone=backbone, levels=(3, 4, 5, 6, 7), **more)


def kgdet(
    points: tuple[int, ...] = ALL_POINTS,
    stages: int = 3,
    depth: int = 18,
    informative: str = "encoding",
    levels: tuple[int, ...] = (4, 5, 6),
    landmark: float = 1.0,
    fusion: str = "none",
) -> KGDetSettings:
    """What the page reads of KGDet's settings."""
    even = (1.0,) * stages
    return KGDetSettings.model_construct(
        type="kgdet",
        backbone=BackboneSettings(type="ResNet", depth=depth, base_channels=16),
        levels=levels,
        points=points,
        stages=stages,
        informative=informative,
        losses=KGDetLosses(classification=even, box=even, landmark=(landmark,) * stages),
        flip_fusion=fusion,
    )


def networks() -> dict[str, Any]:
    """Every network of Tables 1, 2 and 4, by a name that says nothing to the page."""
    return {
        "a-mask": baseline("mask-rcnn"),
        "a-retina": baseline("retinanet"),
        "a-fcos": baseline("fcos"),
        "a-rep": baseline("reppoints"),
        "a-kp": baseline("reppoints-kp", connection="parallel"),
        "serial": baseline("reppoints-kp", connection="serial"),
        "m0": kgdet((9,), 2),
        "m1": kgdet((25,), 2),
        "m2": kgdet((49,), 2),
        "m3": kgdet(stages=2),
        "m4": kgdet(),
        "m5": kgdet(depth=34),
        "m6": kgdet(fusion="features"),
        "m7": kgdet(fusion="features", levels=(3, 4, 5, 6)),
        "unsupervised": kgdet(landmark=0.0),
        "encoding": kgdet((9,)),
        "selection": kgdet((9,), informative="selection"),
    }


def row(network: str, flip_test: bool = False) -> OneShotRow:
    return OneShotRow(
        page="kgdet",
        network=network,
        suppression="nms",
        flip_test=flip_test,
        scales=(1.0,),
        splits=("validation",),
    )


@dataclass
class KGDetWorld(World):
    """What a test may change before it asks for `kgdet_inputs()`."""

    networks: dict[str, Any] = field(default_factory=networks)
    runs: dict[str, OneShotRow] = field(
        default_factory=lambda: {name: row(name, name in ("m6", "m7")) for name in networks()}
    )
    sizes: dict[str, NetworkSize] = field(default_factory=dict)

    def params(self) -> Params:
        section = OneShotSection.model_construct(
            trained=dict.fromkeys(self.networks, Trained(page="kgdet", start="x")),
            networks=self.networks,
            finetuned={},
            rows=self.runs,
        )
        return super().params().model_copy(update={"oneshot": section})

    def kgdet_inputs(self) -> KGDetInputs:
        return KGDetInputs(
            self.inputs(),
            metrics=self.root / "kgdet-metrics",
            results=self.root / "kgdet-results",
            models=self.root / "kgdet-models",
            speed=self.root / "kgdet-speed.json",
            sizes=self.sizes,
        )

    def has_landmarks(self, name: str) -> bool:
        return self.networks[self.runs[name].network].type not in WITHOUT_LANDMARKS

    def measured(self, name: str, box: float, ap: float | None) -> None:
        """Handmade metrics: AP50 is AP + 0.2, AP75 AP + 0.1; networks without landmarks have none of them."""
        found = None if ap is None else block(self.table, ap, ap + 0.2, ap + 0.1)
        boxes = block(self.table, box, box + 0.2, box + 0.1, vest=box)
        self.write(
            f"kgdet-metrics/{name}.json",
            {"AP": ap, "landmarks": found, "visible_only": found, "boxes": boxes, "normalised_error": None},
        )


@pytest.fixture
def world(tmp_path) -> KGDetWorld:
    """Box AP of the rows 0.30, 0.31, ... in their order, landmark AP 0.10, 0.11, ..."""
    made = KGDetWorld(tmp_path)
    for number, name in enumerate(made.runs):
        made.measured(name, 0.3 + 0.01 * number, 0.1 + 0.01 * number if made.has_landmarks(name) else None)
    made.counts({"vest": 1234, "skirt": 7}, {"vest": 40, "skirt": 3})
    return made


@pytest.fixture(scope="session")
def measured_world(evaluated) -> KGDetWorld:
    """All rows really evaluated, on the pictures of paper 000's world. Read only."""
    return measure_world(KGDetWorld(evaluated.root))


@pytest.fixture(scope="session")
def measured_fld(evaluated_fld) -> KGDetWorld:
    """The rows of Tables 2 and 3 on FLD, and two steps. Read only."""
    kept = ("a-retina", "a-fcos", "a-rep", "m3", "m4", "encoding", "selection")
    runs = {name: row(name) for name in kept}
    return measure_world(KGDetWorld(evaluated_fld.root, table=evaluated_fld.table, runs=runs))


def measure_world(made: KGDetWorld) -> KGDetWorld:
    """Write the rows' results as the stages do, their metrics, trainings and speeds."""
    path = made.root / "truth.json"
    truth = read_truth(path, made.table)
    for number, name in enumerate(made.runs):
        folder = made.root / "kgdet-results" / name
        folder.mkdir(parents=True, exist_ok=True)
        found = blurred(as_garments(truth), 0.02 - 0.001 * number, number)
        boxes = folder / "boxes-validation.json"
        boxes.write_text(json.dumps([record(one) for one in found]))
        if made.has_landmarks(name):
            landmarks = folder / "landmarks-validation.json"
            write_results(landmarks, found)
            metrics = evaluate_ablation(
                path, path, landmarks, boxes, resamples=30, seed=0, wardrobe=made.table
            )
        else:
            numbers = evaluate_boxes(truth, read_box_results(boxes, truth), 30, 0)
            metrics = {"landmarks": None, "visible_only": None, "boxes": numbers}
        made.write(f"kgdet-metrics/{name}.json", metrics)
        made.write(f"kgdet-models/{name}/model.json", {"parameters": 1_000_000})
        epochs = [{"epoch": epoch, "loss": 2 / epoch, "seconds": 30} for epoch in (1, 2)]
        log = "".join(json.dumps(epoch) + "\n" for epoch in epochs)
        (made.root / f"kgdet-models/{name}/training.jsonl").write_text(log)
    speeds = {name: {"milliseconds": 10.0, "low": 9.0, "high": 11.0} for name in made.runs}
    made.write("kgdet-speed.json", {"pictures": 20, "device": "an abacus", "threads": 2, "rows": speeds})
    made.sizes = {name: NetworkSize(1_234_567, 2_500_000_000) for name in made.networks}
    return made


def record(garment) -> dict[str, Any]:
    """A box result, a little off."""
    x, y, width, height = garment.box
    shift = 20 * (1 - garment.score)
    keys = {"image_id": garment.image_id, "category_id": garment.category_id}
    return {**keys, "bbox": [x + shift, y, width, height], "score": garment.score}
