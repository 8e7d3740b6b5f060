"""The shipped model in MLflow's model registry: files of its own, a signature, and where it comes from."""

import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow.pyfunc
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, Object, Property

from hemline.errors import HemlineError
from hemline.inference.shipped import Shipped, digest
from hemline.tracking.dvc import read_lock, stage_entry

NAME = "hemline"  # of the registered model
ALIAS = "shipped"  # of its newest version; MLflow keeps "latest" to itself
LOOKS, LOOK_SECONDS = 10, 0.5  # at dvc.lock, until it is whole
ROOT = Path(__file__).parents[2]
CODE = [str(ROOT / "hemline"), str(ROOT / "configs")]
# What pip installs where the model is served. Not asked of MLflow, which would import all of it to find out.
REQUIREMENTS = [str(ROOT / "requirements" / name) for name in ("runtime.txt", "source.txt")]


def register(client: MlflowClient, run: str, event: Mapping[str, Any], name: str = NAME) -> str:
    """Put a model into the registry, unless it is there already; its version.

    `event` is what `hemline.tracking.Recorder.model` was given: `settings` (a Shipped, as JSON), `models` (the folder)
    and `digest`, without which what stands in the folder now would pass for what the run has made. HemlineError when
    it is another model by now.
    """
    what, models = Shipped.model_validate_json(event["settings"]), Path(event["models"])
    known = _registered(client, name, event["digest"])
    if known is None:
        if digest(what, models) != event["digest"]:
            raise HemlineError(f"{models}: the models have changed since this run")
        known = _put(client, run, what, models, event["digest"], name)
    client.set_registered_model_alias(name, ALIAS, known)
    return known


def _registered(client: MlflowClient, name: str, key: str) -> str | None:
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(name, description="Clothes-landmark detectors (hemline)")
    found = client.search_model_versions(f"name = '{name}' and tags.digest = '{key}'")
    return str(found[0].version) if found else None


def _put(client: MlflowClient, run: str, what: Shipped, models: Path, key: str, name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        save(what, models, Path(folder) / "model")
        client.log_artifacts(run, str(Path(folder) / "model"), "model")
    source = f"{client.get_run(run).info.artifact_uri}/model"
    tags = {"digest": key, "row": what.row, **_hashes(what, models)}
    made = client.create_model_version(name, source, run_id=run, tags=tags, await_creation_for=None)
    return str(made.version)


def save(what: Shipped, models: Path, path: Path) -> None:
    """Write the model as MLflow loads it (`mlflow.pyfunc.load_model`, `mlflow models serve`) to a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.json"
        settings.write_text(what.model_dump_json(), encoding="utf-8")
        artifacts = {key: str(models / place) for key, place in what.folders().items()}
        mlflow.pyfunc.save_model(
            path,
            python_model=str(ROOT / "hemline" / "serving.py"),
            artifacts={**artifacts, "settings": str(settings)},
            code_paths=CODE,
            signature=signature(),
            pip_requirements=_requirements(),
        )


def signature() -> ModelSignature:
    """Pictures as bytes (base64 in a request), and the threshold; records of garments."""
    point = Object([Property("name", DataType.string), *_numbers("x", "y", "score")])
    garment = Object(
        [
            Property("category", DataType.string),
            Property("category_id", DataType.long),
            Property("box", Array(DataType.double)),
            *_numbers("box_score", "score"),
            Property("landmarks", Array(point)),
        ]
    )
    outputs = [
        ColSpec("long", "width"),
        ColSpec("long", "height"),
        ColSpec(Array(garment), "garments"),
    ]
    return ModelSignature(
        inputs=Schema([ColSpec("binary", "image")]),
        outputs=Schema(outputs),
        params=ParamSchema([ParamSpec("threshold", "double", 0.3)]),
    )


def _numbers(*names: str) -> list[Property]:
    return [Property(name, DataType.double) for name in names]


def _requirements() -> list[str]:
    lines = [line.strip() for path in REQUIREMENTS for line in Path(path).read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _hashes(what: Shipped, models: Path) -> dict[str, str]:
    """DVC's hashes of the models, as dvc.lock has them: the weights stand under these in DVC's cache and remote.

    DVC writes that file in place, and may be doing so now: what is missing is looked for again, some times.
    """
    places = [str(models / place) for place in what.folders().values()]
    found: dict[str, str] = {}
    for _ in range(LOOKS if Path("dvc.lock").is_file() else 0):
        with contextlib.suppress(HemlineError):
            found.update(_outs_below(places))
        if all(any(path.startswith(place) for path in found) for place in places):
            break
        time.sleep(LOOK_SECONDS)
    return {f"dvc.out.{path}": value for path, value in found.items()}


def _outs_below(places: Sequence[str]) -> dict[str, str]:
    outs: dict[str, str] = {}
    for locked in read_lock(Path()).values():
        outs.update(stage_entry(locked)["outs"])
    return {path: value for path, value in outs.items() if path.startswith(tuple(places))}
