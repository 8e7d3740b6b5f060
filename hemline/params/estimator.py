"""The schema of landmark estimators: how they are trained, finetuned to experts, and run."""

from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny, model_validator

from hemline.params.base import Positive, Rate, Settings, Share, WarmupSteps
from hemline.params.estimator_network import AnyEstimatorNetwork
from hemline.params.training import SteppedTraining


class AugmentationSettings(Settings):
    """Random crops: `scale` and `rotation` (degrees) are factors of a Gaussian, `probability` that of rotating."""

    rotation: Annotated[float, Field(ge=0)]
    scale: Share
    probability: Share
    flip: bool


class EstimatorTraining(SteppedTraining):
    """How an estimator is trained, augmentation included.

    The rate rises to `lr` over `warmup_steps` batches; from each of `milestones` on it is the next of `rates` (none: a
    tenth of the one before); with no milestones it falls to zero as a cosine. SGD has a momentum of 0.9. Without
    `occluded` visible landmarks alone carry loss. `crops` says what a sample is: a garment's box, its whole picture, or
    a box `between` the two, another one each time, so that whole pictures and garments cut out of them are both known
    (docs/paper-002.md).
    """

    augmentation: AugmentationSettings
    warmup_steps: WarmupSteps = 0
    optimizer: Literal["Adam", "SGD"] = "Adam"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    occluded: bool = True
    crops: Literal["boxes", "between", "whole"] = "boxes"


class EstimatorSettings(Settings):
    """A landmark estimator: its network and its training."""

    network: AnyEstimatorNetwork
    training: SerializeAsAny[EstimatorTraining]


class EstimatorSection(Settings):
    """Both estimators: one network, each its own training.

    `init` names weights that both start from, of `hemline weights list` or a file's path; what fits of them is taken.

    `trained` names those that the pipeline trains; the settings of another are not used.
    """

    trained: tuple[Literal["independent", "aggregated"], ...]
    init: str | None
    network: AnyEstimatorNetwork
    independent: EstimatorTraining
    aggregated: EstimatorTraining

    def settings(self, name: str) -> EstimatorSettings:
        """The settings of `independent` or `aggregated`."""
        return EstimatorSettings(network=self.network, training=getattr(self, name))


class FinetuneSection(Settings):
    """The experts, none without `categories`. `variants` differ in flip alone: `hflip` has it in training, `plain` not.

    `batch_sizes` overrides `training.batch_size` for single categories (by slug), each with its reason beside it.
    """

    categories: tuple[str, ...]
    variants: tuple[Literal["plain", "hflip"], ...]
    training: EstimatorTraining
    batch_sizes: dict[str, Positive]
    select: Literal["last", "best"]

    def for_category(self, slug: str, variant: str) -> EstimatorTraining:
        """The training of one expert."""
        augmentation = self.training.augmentation.model_copy(update={"flip": variant == "hflip"})
        batch_size = self.batch_sizes.get(slug, self.training.batch_size)
        return self.training.model_copy(update={"augmentation": augmentation, "batch_size": batch_size})

    @model_validator(mode="after")
    def _passes_fill_the_batches(self) -> "FinetuneSection":
        for slug, size in self.batch_sizes.items():
            training = self.training.model_copy(update={"batch_size": size})
            if not training.fills():
                raise ValueError(f"batch_sizes.{slug}: {training.too_small()}")
        return self


class EstimateSettings(Settings):
    """How boxes become crops, and heatmaps landmarks and scores.

    A box is enlarged by `box_scale` about its centre before its crop is cut. `score` says over which channels the mean
    of the maxima over `score_threshold` goes; the box's score counts to the power of `box_exponent`. Of two garments of
    a category and picture whose OKS is over `oks_nms` the better one is kept (null: both).
    """

    shift_heatmap: bool
    score: Literal["all", "category"]
    score_threshold: Share
    box_score_threshold: Share
    batch_size: Positive
    box_scale: Rate = 1.0
    box_exponent: Annotated[float, Field(ge=0)] = 1.0
    oks_nms: Share | None = None
