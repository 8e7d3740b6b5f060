"""KGDet's head (paper 003): landmarks in stages, each guided by the informative points of the one before."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmdet.models.task_modules import MlvlPointGenerator
from mmdet.registry import MODELS
from mmengine.model import BaseModule, bias_init_with_prob, normal_init
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torchvision.ops import DeformConv2d

from hemline.oneshot.kgdet.assigning import IGNORED, Targets, make_targets, nearest_points
from hemline.oneshot.kgdet.decoding import corners, garments, places
from hemline.oneshot.kgdet.losses import box_loss, class_loss, landmark_loss, visibility_loss
from hemline.oneshot.kgdet.points import Columns, Maps, MomentBox, by_point, exact, select
from hemline.oneshot.kgdet.pyramid import group_norm

# A mean over a garment's landmarks counts as much as a box's four numbers (KGDet's heads).
COORDINATES_OF_A_BOX = 4


class LandmarkHead(BaseModule):
    """What heads of boxes and landmarks at grid points share: towers, the box of points, targets, prediction.

    There are `categories` and `landmarks` channels; the towers have `convs` layers of `width` channels on feature maps
    (B, in_channels, h, w) of `strides`. A garment is learnt by its `positives` nearest points on the level that
    `point_scale` gives it to (`nearest_points`).
    """

    def __init__(
        self,
        categories: int,
        landmarks: int,
        in_channels: int,
        width: int,
        convs: int,
        strides: Sequence[int],
        point_scale: int,
        positives: int,
        train_cfg: None = None,  # mmdet's detectors hand theirs on
        test_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.categories, self.landmarks, self.strides = categories, landmarks, tuple(strides)
        self.point_scale, self.positives, self.test_cfg = point_scale, positives, test_cfg
        self.class_tower = _tower(in_channels, width, convs)
        self.place_tower = _tower(in_channels, width, convs)
        self.box_of = MomentBox()
        self.grid = MlvlPointGenerator(self.strides, offset=0.0)

    def init_weights(self) -> None:
        """Weights of convolutions from a normal distribution of 0.01, no biases (RepPoints)."""
        super().init_weights()
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, DeformConv2d)):
                normal_init(layer, std=0.01)

    def points(self, levels: Sequence[Maps]) -> list[Tensor]:
        """The grid points of each level, (h * w, 4): x, y in pixels, and the stride twice."""
        sizes = [tuple(level.boxes.shape[2:]) for level in levels]
        return self.grid.grid_priors(sizes, device=levels[0].boxes.device, with_stride=True)

    def nearest(self, levels: Sequence[Maps], samples: Sequence[Any]) -> list[Tensor]:
        """Each picture's garment of each point (P,), IGNORED beyond the picture's own padding."""
        points = torch.cat(self.points(levels))
        inside = self.inside(levels, samples)
        found = []
        for sample, valid in zip(samples, inside, strict=True):
            chosen = torch.full_like(valid, IGNORED, dtype=torch.long)
            chosen[valid] = nearest_points(
                points[valid, :3], sample.gt_instances.bboxes, self.point_scale, self.positives
            )
            found.append(chosen)
        return found

    def inside(self, levels: Sequence[Maps], samples: Sequence[Any]) -> list[Tensor]:
        """Which points (P,) are within each picture as padded on its own, and not for the batch's sake."""
        sizes = [tuple(level.boxes.shape[2:]) for level in levels]
        device = levels[0].boxes.device
        return [
            torch.cat(self.grid.valid_flags(sizes, sample.metainfo["pad_shape"], device=device))
            for sample in samples
        ]

    def place_losses(self, levels: Sequence[Maps], targets: Targets) -> tuple[Tensor, Tensor]:
        """What a stage's boxes and landmarks cost."""
        at = (targets.picture, targets.point)
        points = torch.cat(self.points(levels))[targets.point]
        lengths = self.point_scale * points[:, 2]
        boxes = corners(by_point([level.boxes for level in levels])[at], points)
        landmarks = places(by_point([level.landmarks for level in levels])[at], points)
        return box_loss(boxes, lengths, targets), landmark_loss(landmarks, lengths, targets)

    def predict(
        self, stages: Sequence[Sequence[Maps]], samples: Sequence[Any], rescale: bool
    ) -> list[InstanceData]:
        """The garments that the last stage finds in each picture (`garments`)."""
        metas = [sample.metainfo for sample in samples]
        return garments(stages[-1], self.points(stages[-1]), metas, self.test_cfg or {}, rescale)


class Stage(nn.Module):
    """One stage: scores, landmarks and informative points, seen at the grid points or at the points of another stage.

    With `encoding` the points are made of all landmarks by a 1x1 convolution, without it they are the likeliest visible
    landmarks. `guided`: whether a stage comes before.
    """

    def __init__(
        self,
        categories: int,
        landmarks: int,
        width: int,
        points: Sequence[int],
        encoding: bool,
        guided: bool,
    ) -> None:
        super().__init__()
        self.count, self.encoding = sum(points), encoding
        hidden = width * len(points) if guided else width
        self.see_class = Columns(width, width, points) if guided else _plain(width)
        self.see_place = Columns(width, width, points) if guided else _plain(width)
        self.scores = nn.Conv2d(hidden, categories, 1)
        self.landmarks = nn.Conv2d(hidden, 2 * landmarks, 1)
        if encoding:
            self.encode = nn.Conv2d(2 * landmarks, 2 * self.count, 1)
        else:
            self.visibility = nn.Conv2d(hidden, landmarks, 1)

    def forward(
        self, classes: Tensor, place: Tensor, before: Tensor | None, landmarks: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Scores, landmarks, points and visibility from the towers (B, width, h, w).

        `before` and `landmarks` are the points and landmarks of the stage before. What this one says of places is added
        to them, and no gradient goes that way.
        """
        guide = () if before is None else (before,)
        scores = exact(self.scores, self.see_class(classes, *guide))
        hidden = self.see_place(place, *guide)
        step = exact(self.landmarks, hidden)
        moved = _added(step, landmarks)
        if self.encoding:
            return scores, moved, _added(exact(self.encode, step), before), None
        visibility = exact(self.visibility, hidden)
        return scores, moved, select(moved, visibility, self.count), visibility


@MODELS.register_module()
class KGDetHead(LandmarkHead):
    """KGDet's `stages` stages on each level of a pyramid (facts of the code: RepPointsHeadKp3RepCas1AssignOnce).

    `informative` is `encoding` or `selection`; `points` says of how many points its columns are. `losses` weighs
    classification, box, landmark and (selection) visibility, stage by stage. All else as in `LandmarkHead`.
    """

    def __init__(
        self, informative: str, points: Sequence[int], stages: int, losses: Mapping[str, Any], **config: Any
    ) -> None:
        super().__init__(**config)
        self.losses = losses
        sizes = (self.categories, self.landmarks, config["width"], points)
        encoding = informative == "encoding"
        self.stages = nn.ModuleList(Stage(*sizes, encoding, guided=number > 0) for number in range(stages))

    def init_weights(self) -> None:
        """As `LandmarkHead`; scores start at 0.01 (RetinaNet, sec. 4.1)."""
        super().init_weights()
        for stage in self.stages:
            normal_init(stage.scores, std=0.01, bias=bias_init_with_prob(0.01))

    def forward(self, features: Sequence[Tensor]) -> list[list[Maps]]:
        """What each stage says on each level: stages, levels."""
        levels = [self._stages(feature) for feature in features]
        return [list(stage) for stage in zip(*levels, strict=True)]

    def _stages(self, feature: Tensor) -> list[Maps]:
        classes, place = self.class_tower(feature), self.place_tower(feature)
        points = landmarks = None
        found = []
        for stage in self.stages:
            scores, landmarks, points, visibility = stage(classes, place, points, landmarks)
            found.append(Maps(scores, self.box_of(points), landmarks, visibility))
        return found

    def loss(self, stages: Sequence[Sequence[Maps]], samples: Sequence[Any]) -> dict[str, Tensor]:
        """`loss_class_1`, `loss_box_1`, `loss_landmark_1`, `loss_visibility_1`, then those of stage 2...: weighted.

        The points learn the same garments in all stages.
        """
        targets = make_targets(self.nearest(stages[0], samples), samples, self.categories)
        losses = {}
        for number, levels in enumerate(stages):
            for name, cost in self._losses(levels, targets).items():
                losses[f"loss_{name}_{number + 1}"] = self._weight(name, number) * cost
        return losses

    def _losses(self, levels: Sequence[Maps], targets: Targets) -> dict[str, Tensor]:
        box, landmark = self.place_losses(levels, targets)
        scores = by_point([level.scores for level in levels])
        costs = {"class": class_loss(scores, targets), "box": box}
        costs["landmark"] = COORDINATES_OF_A_BOX * landmark
        if levels[0].visibility is not None:
            visibility = by_point([level.visibility for level in levels])
            costs["visibility"] = visibility_loss(visibility[targets.picture, targets.point], targets)
        return costs

    def _weight(self, name: str, number: int) -> float:
        return self.losses["classification" if name == "class" else name][number]


def _tower(in_channels: int, width: int, convs: int) -> nn.Sequential:
    return nn.Sequential(
        *(
            ConvModule(width if layer else in_channels, width, 3, padding=1, norm_cfg=group_norm(width))
            for layer in range(convs)
        )
    )


def _plain(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True))


def _added(step: Tensor, before: Tensor | None) -> Tensor:
    return step if before is None else step + before.detach()
