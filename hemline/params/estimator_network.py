"""The schema of landmark estimators' networks: what a crop becomes.

Each type is one of the papers', built by a module of hemline/estimation/networks.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from hemline.params.base import Positive, Rate, Settings, Share, settings_of


class CropSettings(Settings):
    """What all networks have: crops of `input_size` (width, height), of boxes `box_padding` times as wide and high.

    Both sides must be multiples of DIVISOR, or the network's parts of several scales don't add up.
    """

    DIVISOR: ClassVar[int]

    input_size: tuple[Positive, Positive]
    box_padding: Annotated[float, Field(ge=1)]

    @field_validator("input_size")
    @classmethod
    def _divisible(cls, size: tuple[int, int]) -> tuple[int, int]:
        if size[0] % cls.DIVISOR or size[1] % cls.DIVISOR:
            raise ValueError(
                f"both sides must be multiples of {cls.DIVISOR}: the coarsest maps are 1/{cls.DIVISOR} of the input"
            )
        return size


class HeatmapSettings(CropSettings):
    """A network of heatmaps, each 1/STRIDE of the input.

    A target is a Gaussian of `sigma` heatmap pixels. `unbiased` targets stand where the landmark is, not on the next
    whole pixel, and a landmark is read from its heatmap by a Taylor expansion instead of a quarter pixel's step (DARK,
    Zhang et al., CVPR 2020): what small heatmaps lose most by.
    """

    STRIDE: ClassVar[int] = 4

    sigma: Rate
    unbiased: bool

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(width, height) of the heatmaps."""
        width, height = self.input_size
        return width // self.STRIDE, height // self.STRIDE

    @property
    def blur_window(self) -> int:
        """How many pixels wide OpenCV's window is whose Gaussian has this sigma: 0.3 ((size - 1) / 2 - 1) + 0.8."""
        return 2 * round((self.sigma - 0.8) / 0.3 + 1) + 1

    @field_validator("sigma")
    @classmethod
    def _whole_reach(cls, sigma: float) -> float:
        if not (3 * sigma).is_integer():
            raise ValueError(
                "3 x sigma must be whole: mmpose cuts its Gaussians there, and a part of a pixel misplaces them"
            )
        return sigma

    @model_validator(mode="after")
    def _window_to_smooth_over(self) -> "HeatmapSettings":
        if self.unbiased and self.blur_window < 3:
            raise ValueError(
                f"unbiased is true, but sigma is {self.sigma:.3g}: the window in which a heatmap is smoothed before "
                "it is read would be under 3 pixels wide; set sigma to 2/3 or more (1, say), or unbiased to false"
            )
        return self


class HRNetSettings(HeatmapSettings):
    """An HRNet with a heatmap head (paper 000).

    `width` is that of the finest branch; `blocks` residual units make a branch of a module, `modules` are those of
    stages 2 to 4. `stem_width` is the bottleneck width of stage 1, 64 in every HRNet of the papers whatever its width;
    in a small network it would be two thirds of the arithmetic. `head_width` is that of a hidden 3x3 layer of the head;
    with 0, as in the papers, each heatmap is a weighted sum of the `width` features.
    """

    DIVISOR: ClassVar[int] = 32

    type: Literal["hrnet"]
    width: Positive
    stem_width: Positive
    head_width: Annotated[int, Field(ge=0)]
    blocks: Positive
    modules: tuple[Positive, Positive, Positive]


class CPNSettings(HeatmapSettings):
    """A cascaded pyramid network (paper 002; Chen et al., CVPR 2018): GlobalNet, then RefineNet.

    The backbone's width and depth count as in mmpose: `base_channels` 64 and `depth` 50 in the paper's; DetNet has
    `depth` 59. `init` names weights of the backbone, of `hemline weights list` or a file: what fits is taken, of a
    ResNet-50's all but the last stage in DetNet-59, all in SE-ResNet-50, whose excitations stay as drawn.

    `features` is the pyramid's width, a multiple of `bottleneck_width`, that of the hidden layers of RefineNet's
    bottlenecks; `bottlenecks` are how many of these P5, P4, P3 and P2 go through (of DetNet P6 to P3).

    `blur` widens the targets of GlobalNet's P5, P4, P3 and P2 by a Gaussian of so many heatmap pixels (0: not at all),
    after which they are `heights` times as high as RefineNet's: 1 in Chen et al.'s code; in HiKapok's, by which blur is
    not normalised, 3.14, 4.10, 4.71 and 5.35 with its `sigma` of 1 and `blur` of 1, 1.37, 1.73 and 2.4. Squared, they
    weigh GlobalNet's loss. Of a garment's n landmarks the worst `hard` x n (rounded down, at least one) make
    RefineNet's loss; GlobalNet's counts `global_weight` times. Targets are `target_scale` high.
    """

    DIVISOR: ClassVar[int] = 32

    type: Literal["cpn"]
    backbone: Literal["resnet", "se-resnet", "detnet"]
    depth: Literal[18, 34, 50, 59, 101]
    base_channels: Positive
    init: str | None = None
    features: Positive
    bottlenecks: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=4, max_length=4)
    bottleneck_width: Positive
    blur: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=4, max_length=4)
    heights: tuple[Rate, ...] = Field(default=(1.0, 1.0, 1.0, 1.0), min_length=4, max_length=4)
    hard: Annotated[float, Field(gt=0, le=1)]
    global_weight: Annotated[float, Field(ge=0)]
    target_scale: Rate

    @model_validator(mode="after")
    def _sizes_that_there_are(self) -> "CPNSettings":
        there = {"resnet": (18, 34, 50, 101), "se-resnet": (50, 101), "detnet": (59,)}[self.backbone]
        if self.depth not in there:
            raise ValueError(f"depth is {self.depth}; a {self.backbone} has {' or '.join(map(str, there))}")
        if self.backbone == "se-resnet" and self.base_channels < 4:
            raise ValueError("base_channels must be at least 4: excitations have a 16th of 4 x base_channels")
        if self.features % self.bottleneck_width:
            raise ValueError(
                f"features is {self.features}, no multiple of bottleneck_width, {self.bottleneck_width}"
            )
        return self


class PoseMachineSettings(HeatmapSettings):
    """What pose machines have (Wei et al., CVPR 2016): `stages` that give heatmaps, each with a loss.

    `features` is the width of the 9x9 and 11x11 layers (128), `middle` that of the layer between a picture's features
    and a stage (32), `width` that of the first stage's last two layers before its heatmaps (512).
    """

    DIVISOR: ClassVar[int] = 8
    STRIDE: ClassVar[int] = 8

    stages: Annotated[int, Field(ge=2)]
    features: Positive
    middle: Positive
    width: Positive


class CPMSettings(PoseMachineSettings):
    """A convolutional pose machine as mmpose has it: batch-normalised, without background.

    Targets are `target_scale` high, as a CPN's: 1 in mmpose, 255 if it is to learn with a CPN's SGD.
    """

    type: Literal["cpm"]
    target_scale: Rate


class StackedHourglassSettings(HeatmapSettings):
    """Stacked hourglasses as mmpose has them (Newell et al., ECCV 2016).

    Each of `stacks` hourglasses, with a loss each, halves its maps as often as `channels` has entries but one; these
    are its widths from the outside in, `blocks` the residual units at each (mmpose's Hourglass-52: 256, 256, 384, 384,
    384, 512 and 2, 2, 2, 2, 2, 4). `stem` is the width of the first layer (128), `features` that of what each hourglass
    gives (256). `target_scale` is as a CPM's.
    """

    DIVISOR: ClassVar[int] = 8

    type: Literal["hourglass"]
    stacks: Positive
    stem: Positive
    channels: tuple[Positive, ...] = Field(min_length=2)
    blocks: tuple[Positive, ...]
    features: Positive
    target_scale: Rate

    @model_validator(mode="after")
    def _as_many(self) -> "StackedHourglassSettings":
        if len(self.blocks) != len(self.channels):
            raise ValueError(f"blocks {list(self.blocks)} must be as many as channels {list(self.channels)}")
        coarsest = self.STRIDE * 2 ** (len(self.channels) - 1)
        if self.input_size[0] % coarsest or self.input_size[1] % coarsest:
            raise ValueError(
                f"input_size {list(self.input_size)}: both sides must be multiples of {coarsest}: an hourglass halves "
                f"maps of a quarter of the input {len(self.channels) - 1} times"
            )
        return self


class FPMSettings(PoseMachineSettings):
    """A fashion pose machine (paper 004): six stages, a map of the background beside the landmarks'.

    Stages from `shared_from` on read one map of the picture's features; an earlier one has features of its own. Paper
    004 shares "across stages t > 2" (3), the pose machine that it cites from the second stage on (2). `normalised` puts
    batch normalisation behind every convolution but the last of each stage (the paper and its source have none).
    """

    type: Literal["fpm"]
    shared_from: Literal[2, 3]
    normalised: bool

    @model_validator(mode="after")
    def _shared_at_all(self) -> "FPMSettings":
        if self.shared_from > self.stages:
            raise ValueError(f"shared_from is {self.shared_from}, but there are only {self.stages} stages")
        return self


class FashionNetSettings(CropSettings):
    """Paper 004's baseline by its reading in docs/paper-004.md: VGG-16 that regresses coordinates and visibility.

    `base_channels` is the width of the first layers (64), `hidden` that of the two before the last (4096), of which
    `dropout` is left out in training. The first of these sees all of the last maps, 7 x 7 of an input of 224 x 224. The
    loss is that of coordinates plus `visibility_weight` times that of the three classes of visibility.
    """

    DIVISOR: ClassVar[int] = 32

    type: Literal["fashionnet"]
    base_channels: Positive
    hidden: Positive
    dropout: Share
    visibility_weight: Annotated[float, Field(ge=0)]


NetworkSettings = (
    HRNetSettings | CPNSettings | CPMSettings | StackedHourglassSettings | FPMSettings | FashionNetSettings
)
AnyEstimatorNetwork = Annotated[NetworkSettings, Field(discriminator="type")]


def estimator_network(values: dict[str, Any]) -> NetworkSettings:
    """The settings of an estimator's network of any type, from what `model_dump` gave, also by way of JSON."""
    network: NetworkSettings = settings_of(AnyEstimatorNetwork, values)
    return network
