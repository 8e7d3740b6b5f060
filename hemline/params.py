"""The schema of params.yaml: every choice that changes a result, typed, frozen, nothing unknown."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hemline.errors import HemlineError
from hemline.wardrobe import CATEGORIES

Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """A section of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataSettings(Settings):
    """The splits' folders, each with image/ and annos/ (test: image/ alone)."""

    train: str
    validation: str
    test: str


class SplitSettings(Settings):
    """One split of the synthetic wardrobe. Splits with other seeds share no garment."""

    images: Positive
    seed: Annotated[int, Field(ge=0)]


class SynthesizeSettings(Settings):
    """The synthetic wardrobe; `splits` is empty when the data is the user's own."""

    splits: tuple[Literal["train", "validation", "test"], ...]
    size: tuple[Positive, Positive]
    temper: Share
    train: SplitSettings
    validation: SplitSettings
    test: SplitSettings


class TrainingSettings(Settings):
    """How a network is trained. `lr` drops to a tenth at each of `milestones` (epochs)."""

    epochs: Positive
    milestones: tuple[Positive, ...]
    lr: Rate
    batch_size: Positive
    seed: Annotated[int, Field(ge=0)]
    workers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _milestones_rise(self) -> "TrainingSettings":
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones {list(self.milestones)} must rise")
        return self


class NetworkSettings(Settings):
    """An HRNet with a heatmap head. `input_size` is (width, height); heatmaps are a quarter of it.

    `width` is that of the finest branch; `blocks` residual units make a branch of a module, `modules` are those of
    stages 2 to 4. `stem_width` is the bottleneck width of stage 1, 64 in every HRNet of the papers whatever its width;
    in a small network it would be two thirds of the arithmetic.
    """

    width: Positive
    stem_width: Positive
    blocks: Positive
    modules: tuple[Positive, Positive, Positive]
    input_size: tuple[Positive, Positive]
    sigma: Rate
    box_padding: Annotated[float, Field(ge=1)]

    @field_validator("input_size")
    @classmethod
    def _divisible(cls, size: tuple[int, int]) -> tuple[int, int]:
        if size[0] % 32 or size[1] % 32:
            raise ValueError("both sides must be multiples of 32: HRNet's fourth branch works at 1/32 of the input")
        return size


class AugmentationSettings(Settings):
    """Random crops: `scale` and `rotation` (degrees) are factors of a Gaussian, `probability` that of rotating."""

    rotation: Annotated[float, Field(ge=0)]
    scale: Share
    probability: Share
    flip: bool


class EstimatorTraining(TrainingSettings):
    """How an estimator is trained, augmentation included."""

    augmentation: AugmentationSettings


class EstimatorSettings(Settings):
    """A landmark estimator: its network and its training."""

    network: NetworkSettings
    training: EstimatorTraining


class EstimatorSection(Settings):
    """Both estimators: one network, each its own training."""

    network: NetworkSettings
    independent: EstimatorTraining
    aggregated: EstimatorTraining

    def settings(self, name: str) -> EstimatorSettings:
        """The settings of `independent` or `aggregated`."""
        return EstimatorSettings(network=self.network, training=getattr(self, name))


class FinetuneSection(Settings):
    """The experts. `variants` differ in horizontal flip alone: `hflip` has it in training, `plain` has not.

    `batch_sizes` overrides `training.batch_size` for single categories (by slug), each with its reason beside it.
    """

    categories: tuple[str, ...]
    variants: tuple[Literal["plain", "hflip"], ...]
    training: EstimatorTraining
    batch_sizes: dict[str, Positive]
    select: Literal["last", "best"]

    @field_validator("categories")
    @classmethod
    def _known(cls, slugs: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(slugs) - {entry.slug for entry in CATEGORIES}
        if unknown:
            raise ValueError(f"unknown category {sorted(unknown)[0]!r}; use slugs such as short-sleeve-top")
        return slugs

    def for_category(self, slug: str, variant: str) -> EstimatorTraining:
        """The training of one expert."""
        augmentation = self.training.augmentation.model_copy(update={"flip": variant == "hflip"})
        batch_size = self.batch_sizes.get(slug, self.training.batch_size)
        return self.training.model_copy(update={"augmentation": augmentation, "batch_size": batch_size})


class TestSettings(Settings):
    """How heatmaps become landmarks and scores. `score` says over which channels the mean of maxima goes."""

    shift_heatmap: bool
    score: Literal["all", "category"]
    score_threshold: Share
    box_score_threshold: Share
    batch_size: Positive


class AblationSettings(Settings):
    """A row of the ablation: paper 000, Table 2."""

    boxes: Literal["cascade", "htc", "ground-truth"]
    estimator: Literal["independent", "aggregated"]
    experts: Literal["none", "plain", "hflip"]
    models: str
    flip_test: bool
    splits: tuple[Literal["validation", "test"], ...]

    @model_validator(mode="after")
    def _consistent(self) -> "AblationSettings":
        folder = f"models/experts/{self.experts}"
        if self.experts == "none":
            folder = f"models/estimators/{self.estimator}"
        if self.models != folder:
            raise ValueError(f"models is {self.models!r}; with experts {self.experts!r} it must be {folder!r}")
        if self.experts != "none" and self.estimator != "aggregated":
            raise ValueError("experts are finetuned from the aggregated estimator: set estimator to 'aggregated'")
        if self.boxes == "ground-truth" and "test" in self.splits:
            raise ValueError("there is no ground truth of the test split: take 'test' out of splits")
        return self


class EnsembleSettings(Settings):
    """The rows whose landmarks are averaged, garment by garment."""

    members: tuple[str, str]


class EvaluateSettings(Settings):
    """Each row with the boxes whose AP stands beside it; `resamples` of the images give the 95 % intervals."""

    rows: dict[str, Literal["cascade", "htc", "ground-truth"]]
    resamples: Positive
    seed: Annotated[int, Field(ge=0)]


class PackageSettings(Settings):
    """The submission's row and the names of the JSON files inside its zip files."""

    row: str
    validation: str
    test: str


class ReportSettings(Settings):
    """What the page says of its data, and how many garments its gallery shows."""

    data: str
    gallery: Annotated[int, Field(ge=0)]


class DetectorSection(Settings):
    """The two detectors."""

    cascade: "DetectorSettings"
    htc: "DetectorSettings"


class Params(Settings):
    """All of params.yaml."""

    params_set: str
    data: DataSettings
    synthesize: SynthesizeSettings
    detector: DetectorSection
    estimator: EstimatorSection
    finetune: FinetuneSection
    test: TestSettings
    ablations: dict[str, AblationSettings]
    ensemble: EnsembleSettings
    evaluate: EvaluateSettings
    package: PackageSettings
    report: ReportSettings

    @model_validator(mode="after")
    def _rows_exist(self) -> "Params":
        rows = {*self.ablations, "ensemble"}
        for key, names in (("ensemble.members", self.ensemble.members), ("package.row", (self.package.row,))):
            for name in names:
                if name not in rows:
                    raise ValueError(f"{key}: no row {name!r} in ablations ({', '.join(self.ablations)})")
        for name, boxes in self.evaluate.rows.items():
            row = self.ablations.get(self.ensemble.members[0] if name == "ensemble" else name)
            if row is None or row.boxes != boxes:
                raise ValueError(f"evaluate.rows.{name} is {boxes!r}; it must be a row of ablations with its boxes")
        return self


class DetectorSettings(TrainingSettings):
    """A garment detector: an mmdet model, its size, its training, its test."""

    type: Literal["cascade", "htc"]
    # the detection package's keys are declared in hemline/detection; see there for what each does
    backbone: dict[str, Any] = {}
    fpn_channels: Positive = 256
    image_size: tuple[Positive, Positive] = (1333, 800)
    masks: bool = False


DetectorSection.model_rebuild()
Params.model_rebuild()


def load_params(path: str | Path = "params.yaml") -> Params:
    """Read and check params.yaml.

    Raises HemlineError with the file, each offending key's full path, its value and what is allowed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except FileNotFoundError:
        raise HemlineError(f"{path}: no such file; run from the project's folder") from None
    except yaml.YAMLError as error:
        raise HemlineError(f"{path}: not YAML ({error})") from None
    return check_params(values, str(path))


def check_params(values: Any, source: str) -> Params:
    """Check values as they come from YAML (lists where the schema has tuples)."""
    try:
        return Params.model_validate(_tuples(values))
    except ValidationError as error:
        lines = [_explain(item) for item in error.errors()]
        raise HemlineError("\n".join(f"{source}: {line}" for line in lines)) from None


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _explain(item: Any) -> str:
    path = ".".join(str(part) for part in item["loc"]) or "(the whole file)"
    if item["type"] == "extra_forbidden":
        return f"{path}: unknown key; remove it or mend its spelling"
    if item["type"] == "missing":
        return f"{path}: missing; params/demo.yaml shows every key"
    return f"{path} is {item['input']!r}: {item['msg'].removeprefix('Value error, ')}"
