"""The schema of params.yaml: every choice that changes a result, typed, frozen, nothing unknown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hemline.errors import HemlineError
from hemline.params.backbone import BackboneSettings
from hemline.params.base import Name, Positive, Rate, Settings, Share, WarmupSteps
from hemline.params.dense import MaskRCNNSettings
from hemline.params.estimator import EstimateSettings, EstimatorSection, EstimatorTraining, FinetuneSection
from hemline.params.networks import NetworksSection
from hemline.params.oneshot import OneShotSection
from hemline.params.rows import Boxes, EstimateRow, Splits
from hemline.params.sweeps import SweepSettings
from hemline.params.training import EvenTraining
from hemline.submission import format_of
from hemline.wardrobe import Wardrobe
from hemline.wardrobe import names as wardrobes
from hemline.wardrobe import wardrobe as wardrobe_of


class DataSettings(Settings):
    """The data set's name, under which its runs stand in MLflow, what it is, and its splits' folders.

    `wardrobe` names the table of its categories and landmarks, `layout` the way that its folders are laid out on disk
    (hemline/datasets), `images` the subfolder with the pictures. Splits may share a folder whose files say which
    picture is of which split, as FLD's do.
    """

    name: str
    wardrobe: str
    layout: Literal["deepfashion2", "fld", "mmpose", "fashionai"]
    images: str
    train: str
    validation: str
    test: str

    @field_validator("wardrobe")
    @classmethod
    def _known_wardrobe(cls, name: str) -> str:
        if name not in wardrobes():
            raise ValueError(f"unknown wardrobe {name!r}: use one of {', '.join(wardrobes())}")
        return name

    def pictures(self, split: str) -> Path:
        """The folder of a split's pictures."""
        return Path(self.folders[split]) / self.images

    @property
    def folders(self) -> dict[str, str]:
        """The splits' folders by split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


class SplitSettings(Settings):
    """One split of the synthetic wardrobe. Splits with other seeds share no garment."""

    images: Positive
    seed: Annotated[int, Field(ge=0)]


class SynthesizeSettings(Settings):
    """The synthetic wardrobe; `splits` is empty when the data is the user's own.

    It is written in the layout `data.layout`. `size` is the usual width and height of a picture, pixels; FLD's all have
    the same long side. `temper` is the power of DeepFashion2's shares of the 13 categories that are drawn.
    """

    splits: tuple[Literal["train", "validation", "test"], ...]
    size: tuple[Positive, Positive]
    temper: Share
    train: SplitSettings
    validation: SplitSettings
    test: SplitSettings


class AblationSettings(EstimateRow):
    """A row of the ablation, as in paper 000, Table 2: an estimator, or experts in its place."""

    estimator: Literal["independent", "aggregated"]
    experts: Literal["none", "plain", "hflip"]

    @model_validator(mode="after")
    def _consistent(self) -> "AblationSettings":
        folder = f"models/experts/{self.experts}"
        if self.experts == "none":
            folder = f"models/estimators/{self.estimator}"
        if self.models != folder:
            raise ValueError(
                f"models is {self.models!r}; with experts {self.experts!r} it must be {folder!r}"
            )
        if self.experts != "none" and self.estimator != "aggregated":
            raise ValueError(
                "experts are finetuned from the aggregated estimator: set estimator to 'aggregated'"
            )
        return self


class EnsembleSettings(Settings):
    """The rows whose landmarks are averaged, garment by garment, each with its weight."""

    members: tuple[str, str]
    weights: tuple[Rate, Rate] = (1.0, 1.0)


class EvaluateSettings(Settings):
    """Each row with the boxes whose AP stands beside it; `resamples` of the images give the 95 % intervals."""

    rows: dict[str, Boxes]
    resamples: Positive
    seed: Annotated[int, Field(ge=0)]


class PackageSettings(Settings):
    """The submission's row, and the names of the JSON files inside its zip files; of FashionAI of its csv files."""

    row: str
    validation: str
    test: str


class ReportSettings(Settings):
    """What the page says of its data, and how many garments its gallery shows."""

    data: str
    gallery: Annotated[int, Field(ge=0)]


class DetectorSettings(EvenTraining):
    """A garment detector: an mmdet model, its sizes, its training.

    `image_size` is the longest long and the longest short side of a picture, pixels. `box_channels` is the width
    of the box heads' two layers; the mask heads (HTC) have `mask_convs` layers of `fpn_channels` and give masks of
    `mask_size` squared. The pyramid's levels start at `finest_stride`, pixels; anchors are `anchor_scale` times a
    level's stride. A garment of up to twice `finest_box`, pixels, is pooled from the finest level, one twice as large
    from the next, and so on, with `pool_samples` squared samples a bin (0: by pixel). `rpn_samples` and `roi_samples`
    are the anchors and the boxes that carry loss in a picture, `proposals` the boxes that go from the RPN to the heads
    in training. `flip` is the probability of mirroring. With no `milestones` the rate falls to zero as a cosine.
    `init` names weights of a whole detector to start from, of `hemline weights list` or a file; what fits is taken.
    """

    type: Literal["cascade", "htc"]
    masks: bool
    backbone: BackboneSettings
    fpn_channels: Positive
    box_channels: Positive
    mask_convs: Positive
    mask_size: Annotated[int, Field(gt=0, multiple_of=2)]
    finest_stride: Literal[4, 8, 16]
    anchor_scale: Rate
    finest_box: Positive
    pool_samples: Annotated[int, Field(ge=0)]
    image_size: tuple[Positive, Positive]
    flip: Share
    proposals: Positive
    rpn_samples: Positive
    roi_samples: Positive
    optimizer: Literal["SGD", "AdamW"]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup_steps: Annotated[WarmupSteps, Field(gt=0)]
    clip_gradient: Rate | None
    init: str | None = None

    @model_validator(mode="after")
    def _masks_need_htc(self) -> "DetectorSettings":
        if self.masks and self.type != "htc":
            raise ValueError("masks is true, but Cascade R-CNN has no mask heads here: set it to false")
        return self


class DetectSettings(Settings):
    """How a trained detector is run. Each of `scales` (as image_size), and mirrored with `flip`, is a view.

    Without `scales` there is one, the training's size. A box is kept with a score of `score_threshold` or more, unless
    one of its category with a better score overlaps it by `nms_threshold` (IoU), up to `max_per_image`.
    """

    scales: tuple[tuple[Positive, Positive], ...] = ()
    flip: bool = False
    proposals: Positive = 100
    score_threshold: Share = 0.05
    nms_threshold: Share = 0.5
    max_per_image: Positive = 100
    batch_size: Positive = 16


class DetectSection(Settings):
    """How the two detectors are run."""

    cascade: DetectSettings
    htc: DetectSettings


class DetectorSection(Settings):
    """The two detectors. `trained` names those that the pipeline trains; the settings of another are not used."""

    trained: tuple[Literal["cascade", "htc"], ...]
    cascade: DetectorSettings
    htc: DetectorSettings


class Params(Settings):
    """All of params.yaml."""

    params_set: str
    data: DataSettings
    synthesize: SynthesizeSettings
    detector: DetectorSection
    detect: DetectSection
    estimator: EstimatorSection
    finetune: FinetuneSection
    estimate: EstimateSettings
    ablations: dict[Name, AblationSettings]
    ensemble: EnsembleSettings
    evaluate: EvaluateSettings
    package: PackageSettings
    report: ReportSettings
    oneshot: OneShotSection
    networks: NetworksSection
    sweeps: dict[Name, SweepSettings] = Field(default_factory=dict)

    @property
    def wardrobe(self) -> Wardrobe:
        """The data set's categories and landmarks."""
        return wardrobe_of(self.data.wardrobe)

    @model_validator(mode="after")
    def _experts_of_known_categories(self) -> "Params":
        known = [entry.slug for entry in self.wardrobe.categories]
        for section, slugs in (
            ("finetune", (*self.finetune.categories, *self.finetune.batch_sizes)),
            ("networks", self.networks.categories),
        ):
            for slug in slugs:
                if slug not in known:
                    raise ValueError(f"{section}: unknown category {slug!r}; use some of {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _whole_pictures_of_known_category(self) -> "Params":
        """Only FashionAI says what a picture shows before anything is found in it."""
        if self.data.layout == "fashionai":
            return self
        boxes = {f"ablations.{name}.boxes": row.boxes for name, row in self.ablations.items()}
        boxes |= {f"networks.rows.{name}.boxes": row.boxes for name, row in self.networks.rows.items()}
        crops = {f"{name}.crops": training.crops for name, training in self._estimator_trainings()}
        for name in (name for name, kind in {**boxes, **crops}.items() if kind == "whole"):
            raise ValueError(
                f"{name} is 'whole', but data of the layout {self.data.layout} doesn't say which garment a picture is "
                "of; use boxes of a detector, or annotated ones"
            )
        return self

    def _estimator_trainings(self) -> Iterator[tuple[str, EstimatorTraining]]:
        """By their keys."""
        yield "estimator.independent", self.estimator.independent
        yield "estimator.aggregated", self.estimator.aggregated
        yield "finetune.training", self.finetune.training
        for name, network in self.networks.trained.items():
            yield f"networks.trained.{name}.training", network.training
            if network.finetuning:
                yield f"networks.trained.{name}.finetuning", network.finetuning

    @model_validator(mode="after")
    def _masks_to_learn_from(self) -> "Params":
        """DeepFashion2's layout alone has masks: without any mmdet would ignore all garments, and say nothing."""
        networks = {name: self.oneshot.networks[name] for name in self.oneshot.trained}
        masked = {
            f"detector.{name}.masks": getattr(self.detector, name).masks for name in self.detector.trained
        }
        masked |= {
            f"oneshot.networks.{name}.mask_weight": network.mask_weight > 0
            for name, network in networks.items()
            if isinstance(network, MaskRCNNSettings)
        }
        for key in (key for key, wanted in masked.items() if wanted and self.data.layout != "deepfashion2"):
            raise ValueError(
                f"{key}: data of the layout {self.data.layout} has no masks; set it to false or 0"
            )
        return self

    @model_validator(mode="after")
    def _trained_what_rows_need(self) -> "Params":
        """A row's networks are trained; experts have what they start from."""
        detectors = {*self.detector.trained, "ground-truth", "whole"}
        estimators = self.estimator.trained
        for name, one in self.oneshot.trained.items():
            start = Path(one.start)
            if start.parent == Path("models/detectors") and start.name not in detectors:
                raise ValueError(
                    f"oneshot.trained.{name}.start is {one.start!r}, which detector.trained lacks"
                )
        if self.finetune.categories and "aggregated" not in estimators:
            raise ValueError(
                "finetune.categories: experts start from aggregated, which estimator.trained lacks"
            )
        for name, row in self.ablations.items():
            for value, trained, key in (
                (row.boxes, detectors, "detector.trained"),
                (row.estimator, estimators, "estimator.trained"),
                (row.experts, {"none", *self.finetune.variants}, "finetune.variants"),
            ):
                if value not in trained:
                    raise ValueError(f"ablations.{name} needs {value!r}, which {key} lacks")
        for name, other in self.networks.rows.items():
            if other.boxes not in detectors:
                raise ValueError(f"networks.rows.{name} needs {other.boxes!r}, which detector.trained lacks")
        return self

    @model_validator(mode="after")
    def _rows_exist(self) -> "Params":
        if "ensemble" in self.ablations:
            raise ValueError("ablations.ensemble: the name is that of the members' average; rename the row")
        rows = {*self.ablations, "ensemble"}
        if twice := rows & self.oneshot.rows.keys():
            raise ValueError(f"oneshot.rows.{min(twice)}: ablations has a row of this name; rename one")
        named = [("ensemble.members", name) for name in self.ensemble.members]
        named += [("package.row", self.package.row)] if self.package.row != "ensemble" else []
        for key, name in named:
            if name not in self.ablations:
                raise ValueError(f"{key}: no row {name!r} in ablations ({', '.join(self.ablations)})")
        for name, boxes in self.evaluate.rows.items():
            row = self.ablations.get(self.ensemble.members[0] if name == "ensemble" else name)
            if row is None or row.boxes != boxes:
                raise ValueError(
                    f"evaluate.rows.{name} is {boxes!r}; it must be a row of ablations with its boxes"
                )
        return self

    @model_validator(mode="after")
    def _rows_have_the_splits_that_are_read(self) -> "Params":
        first, second = (set(self.ablations[name].splits) for name in self.ensemble.members)
        if not first & second:
            raise ValueError(
                f"ensemble.members: {', '.join(self.ensemble.members)} share no split (ablations.ROW.splits): add one"
            )
        read = [(f"evaluate.rows.{name}", name, ("validation",)) for name in self.evaluate.rows]
        for reader, row, wanted in (*read, ("package.row", self.package.row, ("validation", "test"))):
            for key, splits in self._splits(row).items():
                if missing := [split for split in wanted if split not in splits]:
                    raise ValueError(
                        f"{key} is {list(splits)}, but {reader} ({row}) needs {missing[0]!r} too: add it, or take "
                        f"another row for {reader}"
                    )
        return self

    def _splits(self, row: str) -> dict[str, Splits]:
        """The splits of a row of `ablations` by their key; of the ensemble those of its members."""
        rows = self.ensemble.members if row == "ensemble" else (row,)
        return {f"ablations.{one}.splits": self.ablations[one].splits for one in rows}

    @model_validator(mode="after")
    def _submissions_can_be_written(self) -> "Params":
        """The format of the data set's submission says which names there may be, and which files they make."""
        form, files = format_of(self.wardrobe), {}
        for split, name in (("validation", self.package.validation), ("test", self.package.test)):
            try:
                form.check_name(name)
            except HemlineError as error:
                raise ValueError(f"package.{split}: {error}") from None
            files[form.file(split, name)] = split
        if len(files) < 2:
            raise ValueError(
                f"package.validation and package.test are both {self.package.test!r}: one file would replace "
                "the other; give them two names"
            )
        return self
