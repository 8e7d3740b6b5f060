"""A small world to report on: params, handmade metrics, and a tiny data set with results that are really evaluated."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from hemline.evaluation import as_garments, evaluate_ablation, read_truth
from hemline.inference.garments import Garment, write_results
from hemline.params import (
    AblationSettings,
    DataSettings,
    EnsembleSettings,
    EvaluateSettings,
    FinetuneSection,
    PackageSettings,
    Params,
    ReportSettings,
    SplitSettings,
    SynthesizeSettings,
)
from hemline.reporting import ReportInputs
from hemline.wardrobe import Wardrobe, wardrobe

ROWS = {  # name: boxes, estimator, experts, flip test
    "cascade-independent": ("cascade", "independent", "none", False),
    "cascade-aggregated": ("cascade", "aggregated", "none", False),
    "htc-aggregated": ("htc", "aggregated", "none", False),
    "htc-aggregated-fliptest": ("htc", "aggregated", "none", True),
    "htc-finetuned-fliptest": ("htc", "aggregated", "plain", True),
    "htc-finetuned-hflip-fliptest": ("htc", "aggregated", "hflip", True),
    "ground-truth-aggregated": ("ground-truth", "aggregated", "none", False),
}
ONE_DETECTOR = {  # the same with one detector alone
    "independent": ("independent", "none", False),
    "aggregated": ("aggregated", "none", False),
    "aggregated-fliptest": ("aggregated", "none", True),
    "finetuned-fliptest": ("aggregated", "plain", True),
    "finetuned-hflip-fliptest": ("aggregated", "hflip", True),
}
MEMBERS = ("htc-finetuned-fliptest", "htc-finetuned-hflip-fliptest")
IMAGES = range(1, 7)
DEEPFASHION2 = wardrobe("deepfashion2")
WORN = ("short sleeve top", "skirt", "sling", "long sleeve outwear")
FASHIONAI_WORN = ("blouse", "skirt", "dress", "trousers")
FLD_WORN = ("upper body", "lower body", "full body")
SIZE = (150, 120)  # height, width


def rows_of(detector: str) -> list[str]:
    """The names of all rows where there is one detector."""
    return [*(f"{detector}-{name}" for name in ONE_DETECTOR), "ground-truth-aggregated", "ensemble"]


def known_rows() -> dict[str, tuple[str, str, str, bool]]:
    """Name: boxes, estimator, experts, flip test."""
    alone = {
        f"{boxes}-{name}": (boxes, *row)
        for boxes in ("cascade", "htc", "whole")
        for name, row in ONE_DETECTOR.items()
    }
    return {**alone, **ROWS}


def ablation(boxes: str, estimator: str, experts: str, flip: bool) -> AblationSettings:
    """Whole pictures are looked at twice."""
    folder = f"models/estimators/{estimator}" if experts == "none" else f"models/experts/{experts}"
    return AblationSettings(
        boxes=boxes,
        estimator=estimator,
        experts=experts,
        models=folder,
        flip_test=flip,
        splits=("validation",),
        passes=2 if boxes == "whole" else 1,
    )


@dataclass
class World:
    """Paths and params that a test may change before it asks for `inputs()`."""

    root: Path
    rows: list[str] = field(default_factory=lambda: [*ROWS, "ensemble"])
    members: tuple[str, str] = MEMBERS
    data: str = "a drawer of drawings"
    select: str = "last"
    gallery: int = 4
    table: Wardrobe = DEEPFASHION2
    experts: tuple[str, ...] = tuple(entry.slug for entry in DEEPFASHION2.categories)
    provenance: dict[str, str] = field(default_factory=lambda: {"commit": "abc1234"})

    def params(self) -> Params:
        known = known_rows()
        ablations = {name: ablation(*known[name]) for name in self.rows if name in known}
        ensemble = known[self.members[0]][0]
        boxes = {name: known[name][0] if name in known else ensemble for name in self.rows}
        split = SplitSettings(images=6, seed=2)
        return Params.model_construct(  # only the sections that the report reads
            params_set="tiny",
            data=DataSettings(
                name="drawings",
                wardrobe=self.table.name,
                layout="deepfashion2",
                images="image",
                train="t",
                validation="v",
                test="x",
            ),
            synthesize=SynthesizeSettings(
                splits=("train", "validation"),
                size=(120, 150),
                temper=0.5,
                train=split,
                validation=split,
                test=split,
            ),
            finetune=FinetuneSection.model_construct(categories=self.experts, select=self.select),
            ablations=ablations,
            ensemble=EnsembleSettings(members=self.members),
            evaluate=EvaluateSettings(rows=boxes, resamples=30, seed=0),
            package=PackageSettings(row=(self.rows or ["ensemble"])[-1], validation="v.json", test="t.json"),
            report=ReportSettings(data=self.data, gallery=self.gallery),
        )

    def inputs(self) -> ReportInputs:
        return ReportInputs(
            params=self.params(),
            pictures=self.root / "image",
            metrics=self.root / "metrics",
            results=self.root / "results",
            truth=self.root / "truth.json",
            validation=self.root / "validation.json",
            submissions=self.root / "check.json",
            models=self.root / "models",
            provenance=self.provenance,
        )

    def write(self, name: str, value) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))

    def counts(self, train: dict[str, int], validation: dict[str, int], shared=()) -> None:
        """The validation stage's report, as far as it is read."""

        def split(counts):
            listed = {entry.name: {"garments": counts.get(entry.name, 0)} for entry in self.table.categories}
            total = sum(counts.values())
            return {"pictures": 6, "garments": total, "quarantined_items": 1, "categories": listed}

        leaks = [{"files": list(files)} for files in shared]
        splits = {"train": split(train), "validation": split(validation)}
        self.write("validation.json", {"splits": splits, "leakage": {"pictures": leaks}})

    def metrics(self, row: str, ap: float, box: float = 0.5, **categories) -> None:
        """Handmade metrics: every interval is its number -0.1 and +0.2; categories not named have no garments."""
        names = [entry.name for entry in self.table.categories]
        values = {name: categories.get(name.replace(" ", "_")) for name in names}
        blocks = {
            "landmarks": block(ap, values),
            "boxes": block(box, values),
            "visible_only": block(ap + 0.01, values),
        }
        self.write(f"metrics/{row}.json", blocks)


def block(ap: float, values: dict) -> dict:
    def around(value):
        return None if value is None else [value - 0.1, value + 0.2]

    per_category = {name: around(value) for name, value in values.items()}
    return {"AP": ap, "per_category": values, "intervals": {"AP": around(ap), "per_category": per_category}}


@pytest.fixture
def world(tmp_path) -> World:
    """Handmade metrics for all rows: 0.40, 0.41, ... in the rows' order."""
    made = World(tmp_path)
    for number, row in enumerate(made.rows):
        made.metrics(row, 0.40 + 0.01 * number, vest=0.3 + 0.01 * number, sling=None)
    made.counts({"vest": 1234, "skirt": 7}, {"vest": 40, "skirt": 3})
    return made


def truth_file(path: Path, table: Wardrobe = DEEPFASHION2, worn: tuple[str, ...] = WORN) -> None:
    """Six images with two garments each of a few categories, all landmarks on an ellipse inside the box."""
    images, annotations = [], []
    for image_id in IMAGES:
        images.append(
            {"id": image_id, "file_name": f"{image_id:06d}.jpg", "width": SIZE[1], "height": SIZE[0]}
        )
        for place in range(2):
            entry = table.category(worn[(image_id + place) % len(worn)])
            x, y, width, height = 10.0 + 5 * place, 8.0 + 60 * place, 80.0, 60.0
            angle = 2 * np.pi * np.arange(entry.count) / entry.count
            keypoints = np.zeros((len(table.landmarks), 3))
            keypoints[entry.slice, 0] = x + width / 2 + 0.4 * width * np.cos(angle)
            keypoints[entry.slice, 1] = y + height / 2 + 0.4 * height * np.sin(angle)
            keypoints[entry.slice, 2] = 1 + np.arange(entry.count) % 2
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": entry.id,
                    "bbox": [x, y, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                    "num_keypoints": entry.count,
                    "keypoints": keypoints.ravel().tolist(),
                }
            )
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))


def blurred(garments: list[Garment], noise: float, seed: int, found: float = 0.8) -> list[Garment]:
    """Results: some garments are lost, the others' landmarks are off by `noise` of the box's side."""
    generator = np.random.default_rng(seed)
    results = []
    for garment in garments:
        landmarks = garment.landmarks.copy()
        landmarks[:, :2] += generator.normal(0, noise * garment.box[3], (len(landmarks), 2))
        landmarks[:, 2] = 0.5
        if generator.random() < found:
            score = float(generator.uniform(0.3, 1))
            results.append(replace(garment, box_score=score, landmarks=landmarks, score=score))
    return results


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory) -> World:
    """All rows with results, really evaluated; pictures, a checked submission, learning curves. Read only."""
    return evaluate_world(World(tmp_path_factory.mktemp("report")), WORN)


@pytest.fixture(scope="session")
def evaluated_fld(tmp_path_factory) -> World:
    """The same of FLD. Read only."""
    table = wardrobe("fld")
    experts = tuple(entry.slug for entry in table.categories)
    made = World(tmp_path_factory.mktemp("fld"), table=table, experts=experts)
    return evaluate_world(made, FLD_WORN)


def evaluate_world(made: World, worn: tuple[str, ...]) -> World:
    """Write a truth, pictures, results and their metrics, and what else a report reads."""
    truth_file(made.root / "truth.json", made.table, worn)
    truth = as_garments(read_truth(made.root / "truth.json", made.table))
    (made.root / "image").mkdir()
    generator = np.random.default_rng(0)
    for image_id in IMAGES:
        picture = cv2.blur(generator.integers(0, 255, (*SIZE, 3), dtype=np.uint8), (9, 9))
        cv2.imwrite(str(made.root / "image" / f"{image_id:06d}.jpg"), picture)
    boxes = [record_of(garment) for garment in truth]
    made.write("boxes.json", boxes)
    for number, row in enumerate(made.rows):
        path = made.root / "results" / row / "validation.json"
        write_results(path, blurred(truth, 0.03 - 0.003 * number, number))
        visible = made.root / "truth.json"
        boxes = made.root / "boxes.json"
        metrics = evaluate_ablation(visible, visible, path, boxes, resamples=30, seed=0, wardrobe=made.table)
        made.write(f"metrics/{row}.json", metrics)
    made.counts({name: 10 for name in worn[:3]}, {name: 3 for name in worn})
    log = "".join(json.dumps({"epoch": epoch, "loss": 1 / epoch}) + "\n" for epoch in (1, 2, 3))
    for model in ("detectors/htc", "experts/plain/skirt", "experts/plain/sling"):
        (made.root / "models" / model).mkdir(parents=True)
        (made.root / "models" / model / "training.jsonl").write_text(log)
    checked = {"file": "out/validation.zip", "records": 1234, "images": 6, "violations": [], "warnings": []}
    made.write("check.json", {"validation": checked})
    return made


def record_of(garment: Garment) -> dict:
    """A box result on the annotated garment."""
    keys = {"image_id": garment.image_id, "category_id": garment.category_id}
    return {**keys, "bbox": list(garment.box), "score": 0.9}
