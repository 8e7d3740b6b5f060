"""The schema of DeepMark (paper 001): its backbones, its losses, its training."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hemline.params.base import Positive, Rate, Settings, Share, WarmupSteps
from hemline.params.training import SteppedTraining


class DlaSettings(Settings):
    """Deep layer aggregation (Yu et al., CVPR 2018) as CenterNet has it: features of a quarter of the input's size.

    `blocks` and `channels` are those of the levels 0 to 5 (DLA-34: 1, 1, 1, 2, 2, 1 and 16 to 512); each level but the
    first halves the size. With `deformable` the convolutions that join the levels are deformable ones (version 2).
    """

    type: Literal["dla"]
    blocks: Annotated[tuple[Positive, ...], Field(min_length=6, max_length=6)]
    channels: Annotated[tuple[Positive, ...], Field(min_length=6, max_length=6)]
    deformable: bool

    @property
    def features(self) -> int:
        """Channels of the feature map that the heads see."""
        return self.channels[2]

    @property
    def stacks(self) -> int:
        """How many feature maps it gives, one after the other: the loss is on all, the last one predicts."""
        return 1

    @property
    def divisor(self) -> int:
        """Both sides of the input must be multiples of it."""
        return 32


class HourglassSettings(Settings):
    """Hourglasses (Newell et al., ECCV 2016) as CornerNet and CenterNet have them, on a quarter of the input's size.

    `blocks` and `channels` are those of an hourglass's levels, from the outermost to the innermost (Hourglass-104: 2,
    2, 2, 2, 2, 4 and 256, 256, 384, 384, 384, 512); each level but the first halves the size. `stem` is the width of
    the first convolution (128), `features` that of the feature map that the heads see (256).
    """

    type: Literal["hourglass"]
    stacks: Positive
    stem: Positive
    blocks: Annotated[tuple[Positive, ...], Field(min_length=2)]
    channels: Annotated[tuple[Positive, ...], Field(min_length=2)]
    features: Positive

    @property
    def divisor(self) -> int:
        """Both sides of the input must be multiples of it."""
        return int(4 * 2 ** (len(self.channels) - 1))

    @model_validator(mode="after")
    def _as_many(self) -> "HourglassSettings":
        if len(self.blocks) != len(self.channels):
            raise ValueError(
                f"blocks {list(self.blocks)} and channels {list(self.channels)} must be as many: one a level"
            )
        return self


class DeepMarkLosses(Settings):
    """What each loss counts for in the sum."""

    centre: Rate
    size: Rate
    offset: Rate
    coarse: Rate
    heatmap: Rate
    landmark_offset: Rate


class DeepMarkAugmentation(Settings):
    """Random crops as CenterNet's: a window about a place inside the picture, brought to the input.

    Its side is the picture's longer one times a number drawn from `scales`: under 1 garments grow. Without `scales` the
    picture is fitted into the input whole. `flip` is the probability of mirroring, `colour` the range of brightness,
    contrast and saturation: factors between 1 - colour and 1 + colour.
    """

    scales: tuple[Rate, ...]
    flip: Share
    colour: Share


class DeepMarkSettings(SteppedTraining):
    """DeepMark (paper 001): CenterNet with a heatmap a landmark, and its training.

    `image_size` is the input's (width, height), into which pictures are fitted; all maps are a quarter of it.
    `grouping` says which landmarks share a channel: `independent` 294, as in the paper, `aggregated` 81. `head_width`
    is that of the hidden 3x3 layer of each of the six heads. With `negatives` `all` every heatmap learns where there
    is nothing; with `own` only those of a picture's own categories do, which costs less memory. The rate rises to
    `lr` over `warmup_steps` batches; from each of `milestones` on it is the next of `rates` (none: a tenth of the one
    before); with no milestones it falls to zero as a cosine. `init` names weights to start from, of `hemline weights
    list` or a file; what fits is taken.
    """

    type: Literal["deepmark"]
    grouping: Literal["independent", "aggregated"]
    backbone: Annotated[DlaSettings | HourglassSettings, Field(discriminator="type")]
    head_width: Positive
    image_size: tuple[Positive, Positive]
    augmentation: DeepMarkAugmentation
    losses: DeepMarkLosses
    negatives: Literal["all", "own"]
    optimizer: Literal["Adam", "AdamW"]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup_steps: WarmupSteps
    clip_gradient: Rate | None
    init: str | None = None

    @property
    def mirrored(self) -> bool:
        """Whether it sees mirrored pictures in training."""
        return self.augmentation.flip > 0

    @model_validator(mode="after")
    def _divisible(self) -> "DeepMarkSettings":
        if any(side % self.backbone.divisor for side in self.image_size):
            raise ValueError(
                f"image_size {list(self.image_size)}: both sides must be multiples of {self.backbone.divisor}, "
                "by which the backbone divides them"
            )
        return self
