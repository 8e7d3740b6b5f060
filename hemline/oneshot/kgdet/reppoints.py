"""RepPoints with landmarks (paper 003's RepPoints-Kp): boxes as in RepPoints, landmarks in the same two stages."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.task_modules import MaxIoUAssigner
from mmdet.registry import MODELS
from mmengine.model import bias_init_with_prob, normal_init
from mmengine.structures import InstanceData
from torch import Tensor, nn

from hemline.oneshot.kgdet.assigning import IGNORED, make_targets
from hemline.oneshot.kgdet.decoding import corners
from hemline.oneshot.kgdet.head import LandmarkHead
from hemline.oneshot.kgdet.losses import class_loss
from hemline.oneshot.kgdet.points import Columns, Maps, by_point, exact

# Of boxes; in landmarks' losses the first stage counts half as well (RepPoints' and KGDet's configs).
FIRST, SECOND = 0.5, 1.0


class _Branch(nn.Module):
    """What two stages regress, the second one at the points of the first and from where that came to."""

    def __init__(self, width: int, points: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True))
        self.first_out = nn.Conv2d(width, outputs, 1)
        self.second = Columns(width, width, [points])
        self.second_out = nn.Conv2d(width, outputs, 1)

    def start(self, place: Tensor) -> Tensor:
        return exact(self.first_out, self.first(place))

    def step(self, place: Tensor, points: Tensor) -> Tensor:
        return exact(self.second_out, self.second(place, points))


@MODELS.register_module()
class RepPointsKpHead(LandmarkHead):
    """RepPoints' two stages, with landmarks (KGDet's RepPointsHeadKpSerial and RepPointsHeadKpParallel).

    The `points` of a box are made of the landmarks by a 1x1 convolution (`serial`) or regressed beside them
    (`parallel`). Garments are classified in the second stage alone, at points whose box of the first stage overlaps
    them enough; the first stage is learnt as in `LandmarkHead`.
    """

    def __init__(self, connection: str, points: int, landmark_weight: float, **config: Any) -> None:
        super().__init__(**config)
        width = config["width"]
        self.landmark_weight = landmark_weight
        self.landmark_branch = _Branch(width, points, 2 * self.landmarks)
        self.serial = connection == "serial"
        if self.serial:
            self.encode = nn.ModuleList(nn.Conv2d(2 * self.landmarks, 2 * points, 1) for _ in range(2))
        else:
            self.point_branch = _Branch(width, points, 2 * points)
        self.see_class = Columns(width, width, [points])
        self.scores = nn.Conv2d(width, self.categories, 1)
        self.assigner = MaxIoUAssigner(pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0, ignore_iof_thr=-1)

    def init_weights(self) -> None:
        """As `LandmarkHead`; scores start at 0.01 (RetinaNet, sec. 4.1)."""
        super().init_weights()
        normal_init(self.scores, std=0.01, bias=bias_init_with_prob(0.01))

    def forward(self, features: Sequence[Tensor]) -> list[list[Maps]]:
        """What both stages say on each level: stages, levels. The first one has no scores."""
        levels = [self._stages(feature) for feature in features]
        return [list(stage) for stage in zip(*levels, strict=True)]

    def _stages(self, feature: Tensor) -> tuple[Maps, Maps]:
        classes, place = self.class_tower(feature), self.place_tower(feature)
        landmarks = self.landmark_branch.start(place)
        points = exact(self.encode[0], landmarks) if self.serial else self.point_branch.start(place)
        scores = exact(self.scores, self.see_class(classes, points))
        step = self.landmark_branch.step(place, points)
        moved = exact(self.encode[1], step) if self.serial else self.point_branch.step(place, points)
        return (
            Maps(None, self.box_of(points), landmarks),
            Maps(scores, self.box_of(moved + points.detach()), step + landmarks.detach()),
        )

    def loss(self, stages: Sequence[Sequence[Maps]], samples: Sequence[Any]) -> dict[str, Tensor]:
        """`loss_class`, and `loss_box_1`, `loss_landmark_1` and those of stage 2: weighted."""
        assigned = self.nearest(stages[0], samples), self._overlapping(stages[0], samples)
        losses = {}
        for number, (levels, one) in enumerate(zip(stages, assigned, strict=True), start=1):
            targets = make_targets(one, samples, self.categories)
            box, landmark = self.place_losses(levels, targets)
            weight = FIRST if number == 1 else SECOND
            losses[f"loss_box_{number}"] = weight * box
            losses[f"loss_landmark_{number}"] = weight * self.landmark_weight * landmark
        scores = by_point([level.scores for level in stages[-1] if level.scores is not None])
        return {"loss_class": class_loss(scores, targets), **losses}

    def _overlapping(self, levels: Sequence[Maps], samples: Sequence[Any]) -> list[Tensor]:
        """Each picture's garment of each point (P,), by how much the first stage's boxes overlap it."""
        points = torch.cat(self.points(levels))
        boxes = corners(by_point([level.boxes.detach() for level in levels]), points)
        found = []
        for sample, own, valid in zip(samples, boxes, self.inside(levels, samples), strict=True):
            chosen = torch.full_like(valid, IGNORED, dtype=torch.long)
            priors = InstanceData(priors=own[valid])
            chosen[valid] = self.assigner.assign(priors, sample.gt_instances).gt_inds
            found.append(chosen)
        return found
