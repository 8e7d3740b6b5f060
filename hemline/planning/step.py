"""One training step and one prediction of a network, measured on a CPU.

The trainings are the project's own, on drawn pictures; only what would be fetched (pretrained weights) is left out.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

import numpy as np
from mmengine.config import Config

from hemline.datasets.conversion import View, convert
from hemline.datasets.layouts import DEEPFASHION2
from hemline.datasets.synthetic import synthesize
from hemline.detection import Detector
from hemline.detection import write_settings as write_detector
from hemline.detection.training import training_config as detector_config
from hemline.estimation import Estimator, Found
from hemline.estimation.config import training_config as estimator_config
from hemline.estimation.estimator import write_settings as write_estimator
from hemline.estimation.garments import read_garments, read_picture
from hemline.files import read_json, write_json
from hemline.oneshot.finding import OneShot
from hemline.oneshot.training import training_config as oneshot_config
from hemline.params import EstimatorSettings, EstimatorTraining, OneShotRow, Params, TrainingSettings
from hemline.planning.networks import (
    EXPERT,
    DeepMarkNetwork,
    DetectorNetwork,
    EstimatorNetwork,
    Network,
    OneShotNetwork,
)
from hemline.training import fit
from hemline.training.facts import peak_memory
from hemline.wardrobe import Grouping, grouping, wardrobe

T = TypeVar("T")

DRAWN = wardrobe("deepfashion2")  # whose garments the drawn pictures show

# Of a batch on one GPU or process, in one pass and full precision: what differs on several GPUs is not measured here.
SINGLE = {
    "micro_batch": None,
    "gpus": 1,
    "precision": "fp32",
    "workers": 0,
    "epochs": 1,
    "milestones": (),
    "balance": None,
    "ema": None,
    "patience": None,
}


@dataclass(frozen=True)
class Measured:
    """What one step took: wall seconds, pictures loaded included, and its process's peak memory, MB (10^6 bytes)."""

    does: str
    seconds: float
    peak_memory_mb: float


def measure(params: Params, network: Network, batch: int) -> Iterator[Measured]:
    """Train `network` for one step of `batch` samples, then predict `batch` once: each in a process of its own."""
    with TemporaryDirectory() as folder:
        for work in (_train, _predict):
            yield _alone(work, params, network, batch, Path(folder))


def _alone(work: Callable[..., Measured], *arguments: Any) -> Measured:
    """Call `work` in a fresh interpreter: its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _train(params: Params, network: Network, batch: int, folder: Path) -> Measured:
    """Draw pictures, train for a step and leave the model folder `folder`/model."""
    prepare = _of_kind(network, _prepare_detector, _prepare_estimator, _prepare_oneshot)
    config, training = prepare(params, network, batch, folder)
    lines: list[dict[str, Any]] = []
    title, state = f"{network.name}, one step", folder / "state"
    fit(config, training, title=title, out=folder / "model", state=state, record=lines.append)
    return Measured("training step", lines[-1]["seconds"], lines[-1]["peak_memory_mb"])


def _of_kind(network: Network, detector: T, estimator: T, oneshot: T) -> T:
    """What suits the network."""
    if isinstance(network, OneShotNetwork):
        return oneshot
    return detector if isinstance(network, DetectorNetwork) else estimator


def _prepare_detector(
    params: Params, network: Network, batch: int, folder: Path
) -> tuple[Config, TrainingSettings]:
    """Upright pictures of the largest size, so that nothing is spared."""
    assert isinstance(network, DetectorNetwork) and network.settings is not None
    settings = network.settings.model_copy(update={**SINGLE, "batch_size": batch, "init": None})
    annotations = _draw(folder, batch, network.input_size[::-1], grouping(params.wardrobe, "independent"))
    config = detector_config(settings, params.wardrobe, annotations, folder / "image")
    config.train_dataloader.dataset.dataset.indices = batch
    bare = settings.backbone.model_copy(update={"init": None})
    write_detector(folder / "model", settings.model_copy(update={"backbone": bare}), params.wardrobe)
    return config, settings


def _prepare_estimator(
    params: Params, network: Network, batch: int, folder: Path
) -> tuple[Config, TrainingSettings]:
    assert isinstance(network, EstimatorNetwork) and network.settings is not None
    groups = grouping(params.wardrobe, network.grouping)
    training = _of_estimator(params, network).model_copy(update={**SINGLE, "rates": (), "batch_size": batch})
    settings = EstimatorSettings(network=network.settings, training=training)
    annotations = _draw(folder, batch, (468, 624), groups)
    write_estimator(folder / "model", settings, groups, category=None, start=None)
    config = estimator_config(settings, groups, annotations, folder / "image")
    config.train_dataloader.dataset.dataset.indices = batch
    return config, training


def _of_estimator(params: Params, network: EstimatorNetwork) -> EstimatorTraining:
    """How an estimator is trained, or the experts that have its shape."""
    stage, _, name = network.stage.partition("@")
    if stage == "train_estimator":
        return params.estimator.settings(name).training
    if stage == "finetune":
        return params.finetune.training
    if stage == "train_network":
        return params.networks.trained[name].training
    return params.networks.finetuning(network.name.removesuffix(EXPERT))


def _prepare_oneshot(
    params: Params, network: Network, batch: int, folder: Path
) -> tuple[Config, TrainingSettings]:
    """Pictures of the input's size; for others than DeepMark upright ones, as for detectors."""
    assert isinstance(network, OneShotNetwork) and network.settings is not None
    changes = {**SINGLE, "batch_size": batch, "init": None, "rates": ()}
    known = {key: value for key, value in changes.items() if key in type(network.settings).model_fields}
    settings = network.settings.model_copy(update=known)
    size = network.input_size if isinstance(network, DeepMarkNetwork) else network.input_size[::-1]
    annotations = _draw(folder, batch, size, grouping(params.wardrobe, settings.grouping or "independent"))
    config = oneshot_config(settings, params.wardrobe, annotations, folder / "image")
    config.train_dataloader.dataset.dataset.indices = batch
    content = {"wardrobe": params.wardrobe.name, **settings.model_dump(mode="json")}
    write_json(folder / "model" / "settings.json", content)
    return config, settings


def _draw(folder: Path, pictures: int, size: tuple[int, int], groups: Grouping) -> Path:
    """Draw `pictures` of `size` (width, height) into `folder`/image; returns their COCO-style file."""
    synthesize(folder, pictures, seed=1, size=size, vary_size=False, workers=1)
    path = folder / "train.json"
    same = groups.wardrobe is DRAWN
    view = View(path, groups if same else grouping(DRAWN, "independent"))
    convert(DEEPFASHION2.open_split("train", folder), [view])
    if not same:
        _relabel(path, groups)
    return path


def _relabel(path: Path, groups: Grouping) -> None:
    """Call the drawn garments by another wardrobe's categories, in turn, and their landmarks by its: a step takes as
    long whatever a garment is called.
    """
    content, categories = read_json(path), groups.wardrobe.categories
    content["categories"] = [{"id": entry.id, "name": entry.coco_name} for entry in categories]
    for garment in content["annotations"]:
        drawn = np.reshape(garment["keypoints"], (-1, 3))[DRAWN.category(garment["category_id"]).slice]
        entry = categories[(garment["category_id"] - 1) % len(categories)]
        points = np.zeros((groups.size, 3))
        points[groups.channels(entry.id)] = np.resize(drawn, (entry.count, 3))
        garment.update(category_id=entry.id, keypoints=points.ravel().tolist())
    write_json(path, content, indent=None)


def _predict(params: Params, network: Network, batch: int, folder: Path) -> Measured:
    """Load the model folder and run it on what it was trained on; loading is not timed."""
    run = _of_kind(network, _detecting, _estimating, _finding)(network, batch, folder)
    started = time.monotonic()
    run()
    return Measured("prediction", round(time.monotonic() - started, 3), peak_memory())


def _detecting(network: Network, batch: int, folder: Path) -> Callable[[], Any]:
    """One view of `batch` pictures, boxes alone, as `Detector` runs them."""
    assert isinstance(network, DetectorNetwork) and network.test is not None
    test = network.test.model_copy(update={"scales": (), "flip": False, "batch_size": batch})
    detector = Detector.load(folder / "model", test)
    pictures = sorted((folder / "image").iterdir())
    return lambda: list(detector.detect(pictures))


def _estimating(network: Network, batch: int, folder: Path) -> Callable[[], Any]:
    """Crops of `batch` garments and their landmarks, without the mirrored ones."""
    estimator = Estimator.load(folder / "model")
    garments = read_garments(folder / "train.json", folder / "image", estimator.grouping)[:batch]

    def run() -> list[Found]:
        crops = [estimator.crop(read_picture(one["img_path"]), _box(one["bbox"][0])) for one in garments]
        heatmaps = estimator.outputs(np.stack([crop.pixels for crop in crops]))
        pairs = zip(heatmaps, garments, strict=True)
        return [estimator.decode(maps, garment["category_id"]) for maps, garment in pairs]

    return run


def _finding(network: Network, batch: int, folder: Path) -> Callable[[], Any]:
    """Garments and landmarks of `batch` pictures, one view of each."""
    assert isinstance(network, OneShotNetwork) and network.find is not None
    ways = {name: one.model_copy(update={"batch_size": batch}) for name, one in network.find}
    find = network.find.model_copy(update=ways)
    suppression: Literal["none", "nms"] = "none" if isinstance(network, DeepMarkNetwork) else "nms"
    row = OneShotRow(
        page="deepmark", network=network.name, suppression=suppression, flip_test=False, scales=(1.0,), splits=()
    )  # fmt: skip
    finder = OneShot.load(folder / "model", row, find)
    pictures = sorted((folder / "image").iterdir())
    return lambda: list(finder.find(pictures))


def _box(corners: np.ndarray) -> list[float]:
    return [*corners[:2].tolist(), *(corners[2:] - corners[:2]).tolist()]
