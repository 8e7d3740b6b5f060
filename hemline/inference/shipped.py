"""The model that is shipped: which of a run's models make the row of `package.row`, and how they work together."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from hemline.errors import HemlineError
from hemline.params import GIVEN_BOXES, DetectSettings, Params
from hemline.params.base import Rate, Settings

if TYPE_CHECKING:
    from hemline.inference.predictor import Predictor


class Shipped(Settings):
    """A detector, an estimator, and the experts of each member of the ensemble (of a single row: one, perhaps none)."""

    row: str
    detector: Literal["cascade", "htc"]
    detect: DetectSettings
    estimator: Literal["independent", "aggregated"]
    experts: tuple[Literal["none", "plain", "hflip"], ...]
    weights: tuple[Rate, ...] = Field(min_length=1)
    flip_test: bool

    def folders(self) -> dict[str, str]:
        """What of the models' folder it needs, by names of its own."""
        experts = [name for name in self.experts if name != "none"]
        return {
            "detector": f"detectors/{self.detector}",
            "estimator": f"estimators/{self.estimator}",
            **{f"experts-{name}": f"experts/{name}" for name in experts},
        }


def shipped(params: Params) -> Shipped:
    """What params.yaml's `package.row` names. HemlineError for a row that no picture alone is enough for."""
    name = params.package.row
    members = params.ensemble.members if name == "ensemble" else (name,)
    rows = [params.ablations[member] for member in members]
    detector = rows[0].boxes
    if len({(row.boxes, row.estimator, row.flip_test) for row in rows}) > 1 or detector in GIVEN_BOXES:
        raise HemlineError(
            f"package.row: {name}: to be shipped, its members must share a detector, an estimator and flip_test; "
            f"boxes are {', '.join(sorted({row.boxes for row in rows}))}"
        )
    return Shipped.model_validate(
        {
            "row": name,
            "detector": detector,
            "detect": getattr(params.detect, detector),
            "estimator": rows[0].estimator,
            "experts": tuple(row.experts for row in rows),
            "weights": tuple(map(float, params.ensemble.weights)) if name == "ensemble" else (1.0,),
            "flip_test": rows[0].flip_test,
        }
    )


def digest(what: Shipped, models: Path) -> str:
    """Of the bytes of all files that it needs, and of how they work together. HemlineError: one is missing."""
    key = hashlib.sha256(what.model_dump_json().encode())
    for folder in what.folders().values():
        if not (models / folder).is_dir():
            raise HemlineError(f"{models / folder}: no such model; `hemline run` trains it")
        for path in sorted((models / folder).rglob("*")):
            if path.is_file() and path.name != "training.jsonl":
                key.update(str(path.relative_to(models)).encode())
                with open(path, "rb") as handle:
                    key.update(hashlib.file_digest(handle, "sha256").digest())
    return key.hexdigest()[:16]


def load(what: Shipped, folders: Mapping[str, str | Path], device: Any = None) -> "Predictor":
    """The model itself, of the folders of `Shipped.folders`, wherever they are now."""
    from hemline.detection import Detector
    from hemline.inference.pipeline import Estimators
    from hemline.inference.predictor import Predictor

    detector = Detector.load(Path(folders["detector"]), what.detect, device)
    experts = [None if name == "none" else folders[f"experts-{name}"] for name in what.experts]
    first, *others = [Estimators.load(folders["estimator"], one, device=device) for one in experts]
    return Predictor(detector, first, what.flip_test, others, what.weights)
