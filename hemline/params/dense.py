"""The schema of paper 003's networks: KGDet and its baselines, all on a ResNet and a feature pyramid."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from hemline.params.backbone import BackboneSettings
from hemline.params.base import Positive, Rate, Settings, Share, WarmupSteps
from hemline.params.training import EvenTraining

Level = Annotated[int, Field(ge=2, le=7)]
Weight = Annotated[float, Field(ge=0)]


class DenseSettings(EvenTraining):
    """A network that says at every point of a feature pyramid what garment is there, and its training.

    `image_size` is the longest long and the longest short side of a picture, pixels; `flip` the probability of
    mirroring. The pyramid has `fpn_channels`; level l has a stride of 2^l pixels, and the heads see `levels`. The two
    towers of the heads have `head_convs` layers of `head_width` channels. The rate rises from `warmup_start` times
    `lr` to `lr` over `warmup_steps` batches; with no `milestones` it falls to zero as a cosine. `init` names weights
    of a whole network to start from, of `hemline weights list` or a file; what fits is taken.
    """

    backbone: BackboneSettings
    fpn_channels: Positive
    levels: Annotated[tuple[Level, ...], Field(min_length=1)]
    head_width: Positive
    head_convs: Positive
    image_size: tuple[Positive, Positive]
    flip: Share
    optimizer: Literal["SGD", "AdamW"]
    weight_decay: Weight
    warmup_steps: WarmupSteps
    warmup_start: Rate = 0.001
    clip_gradient: Rate | None
    init: str | None = None

    @property
    def mirrored(self) -> bool:
        """Whether it sees mirrored pictures in training."""
        return self.flip > 0

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides of `levels`, pixels."""
        return tuple(2**level for level in self.levels)

    @model_validator(mode="after")
    def _levels_follow(self) -> "DenseSettings":
        if list(self.levels) != list(range(self.levels[0], self.levels[-1] + 1)):
            raise ValueError(f"levels {list(self.levels)} must follow one another, such as [5, 6, 7]")
        return self


class RetinaNetSettings(DenseSettings):
    """RetinaNet (Lin et al., ICCV 2017): boxes from anchors, the smallest `anchor_scale` times the stride."""

    grouping: ClassVar[None] = None  # boxes alone
    type: Literal["retinanet"]
    anchor_scale: Rate


class FcosSettings(DenseSettings):
    """FCOS (Tian et al., ICCV 2019): boxes from points inside of them.

    A garment is found on the level whose stride times `reach` is the first to cover it: its farthest edge is no farther
    from a point than that (FCOS: 8), on the last level at any distance.
    """

    grouping: ClassVar[None] = None  # boxes alone
    type: Literal["fcos"]
    reach: Rate


class RepPointsSettings(DenseSettings):
    """RepPoints (Yang et al., ICCV 2019): boxes from the moments of `points` points, found in two stages.

    A box of `point_scale` times a level's stride is found on that level by its `positives` nearest points.
    """

    grouping: ClassVar[None] = None  # boxes alone
    type: Literal["reppoints"]
    points: Literal[9, 25, 49]
    point_scale: Positive
    positives: Positive


class RepPointsKpSettings(DenseSettings):
    """RepPoints with a landmark head (paper 003's RepPoints-Kp), after the box head (`serial`) or beside it.

    `landmark_weight` is that of its loss. All else as in RepPoints.
    """

    type: Literal["reppoints-kp"]
    grouping: Literal["independent", "aggregated"]
    connection: Literal["serial", "parallel"]
    points: Literal[9, 25, 49]
    point_scale: Positive
    positives: Positive
    landmark_weight: Weight


class KGDetLosses(Settings):
    """What each loss counts for in the sum, stage by stage; `visibility` is of selection alone."""

    classification: tuple[Weight, ...]
    box: tuple[Weight, ...]
    landmark: tuple[Weight, ...]
    visibility: tuple[Weight, ...] = ()


class KGDetSettings(DenseSettings):
    """KGDet (paper 003): landmarks in `stages` stages, each guided by the informative points of the one before.

    `grouping` says which landmarks share a channel. `informative` points are made of all landmarks by 1x1 convolutions
    (`encoding`, in as many columns as `points` has numbers, each a square: 9, 25, 49) or are the `points[0]` most
    visible landmarks (`selection`). A garment whose box is `point_scale` times a level's stride is found on that level
    by its `positives` nearest points. With `flip_fusion` all outputs are averaged with those of the mirrored feature
    maps (`features`, the authors' code) or of the mirrored picture (`picture`, the paper's words), in training too.
    """

    type: Literal["kgdet"]
    grouping: Literal["independent", "aggregated"]
    informative: Literal["encoding", "selection"]
    points: Annotated[tuple[Literal[9, 25, 49], ...], Field(min_length=1)]
    stages: Positive
    point_scale: Positive
    positives: Positive
    losses: KGDetLosses
    flip_fusion: Literal["none", "features", "picture"]

    @model_validator(mode="after")
    def _weights_of_each_stage(self) -> "KGDetSettings":
        wanted = {"classification", "box", "landmark"} | (
            {"visibility"} if self.informative == "selection" else set()
        )
        for name in ("classification", "box", "landmark", "visibility"):
            weights, count = getattr(self.losses, name), self.stages if name in wanted else 0
            if len(weights) != count:
                raise ValueError(f"losses.{name} {list(weights)} must have {count} numbers, one a stage")
        return self

    @model_validator(mode="after")
    def _one_selection(self) -> "KGDetSettings":
        if self.informative == "selection" and len(self.points) != 1:
            raise ValueError(f"points {list(self.points)}: selection has one number, such as [9]")
        return self


class MaskRCNNSettings(DenseSettings):
    """Mask R-CNN (He et al., ICCV 2017) with a landmark head: Match R-CNN without retrieval, DeepFashion2's baseline.

    Its box head has two layers of `box_channels`, the mask head `mask_convs` layers of `fpn_channels` and masks of
    `mask_size` squared, the landmark head `landmark_convs` layers of `landmark_channels` and heatmaps of
    `heatmap_size` squared. `head_width` and `head_convs` are the RPN's. Anchors are `anchor_scale` times a level's
    stride. `rpn_samples` and `roi_samples` are the anchors and the boxes that carry loss in a picture, `proposals`
    the boxes that go from the RPN to the heads.
    """

    type: Literal["mask-rcnn"]
    grouping: Literal["independent", "aggregated"]
    anchor_scale: Rate
    box_channels: Positive
    mask_convs: Positive
    mask_size: Annotated[int, Field(gt=0, multiple_of=2)]
    landmark_convs: Positive
    landmark_channels: Positive
    heatmap_size: Annotated[int, Field(gt=0, multiple_of=4)]
    landmark_weight: Weight
    mask_weight: Weight
    proposals: Positive
    rpn_samples: Positive
    roi_samples: Positive

    @model_validator(mode="after")
    def _levels_to_pool(self) -> "MaskRCNNSettings":
        if self.levels[0] > 5:
            raise ValueError(
                f"levels {list(self.levels)} must begin at 5 or before: no garment is pooled from 6"
            )
        return self
