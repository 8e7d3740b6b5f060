"""From maps to garments."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmcv.ops import batched_nms
from mmdet.models.utils import filter_scores_and_topk
from mmengine.structures import InstanceData
from torch import Tensor

from hemline.oneshot.kgdet.points import Maps


@torch.no_grad()
def garments(
    levels: Sequence[Maps],
    points: Sequence[Tensor],
    metas: Sequence[Mapping[str, Any]],
    test: Mapping[str, Any],
    rescale: bool,
) -> list[InstanceData]:
    """The garments of each of B pictures, best first, found at the `points` (n, 4) x, y, stride, stride of each level.

    `metas` are the pictures' metainfo, `test` mmdet's test_cfg: on each level the `nms_pre` best of what scores over
    `score_thr` remain; then, category by category, those that no better box overlaps (`nms`), `max_per_img` at most. A
    garment has `bboxes` (4,) x1, y1, x2, y2, `labels`, `scores` and `landmarks` (K, 3) x, y, score, in pixels of the
    input, or with `rescale` of the picture before it was resized; all within the picture. The score of a landmark is
    the probability that it is visible, 1 where the network doesn't say.
    """
    found = []
    for picture, meta in enumerate(metas):
        candidates = [_candidates(*level, picture, test) for level in zip(levels, points, strict=True)]
        clipped = _clipped(InstanceData.cat(candidates), meta["img_shape"])
        found.append(_rescaled(_suppressed(clipped, test), meta) if rescale else _suppressed(clipped, test))
    return found


def places(landmarks: Tensor, points: Tensor) -> Tensor:
    """Landmarks (..., 2K) y, x..., in cells from the `points` (..., 3+) x, y, stride -> pixels (..., K, 2) x, y."""
    offsets = landmarks.unflatten(-1, (-1, 2)).flip(-1)
    return offsets * points[..., None, 2:3] + points[..., None, :2]


def corners(boxes: Tensor, points: Tensor) -> Tensor:
    """Boxes (..., 4) x1, y1, x2, y2 in cells from the `points` (..., 3+) x, y, stride -> the same in pixels."""
    return boxes * points[..., 2:3] + points[..., :2].tile(2)


def _candidates(maps: Maps, points: Tensor, picture: int, test: Mapping[str, Any]) -> InstanceData:
    """What scores high enough on a level."""
    one = Maps(*(None if each is None else each[picture].flatten(1).T for each in maps))
    assert one.scores is not None, "the last stage has scores"
    sure = one.scores.sigmoid()
    scores, labels, place, _ = filter_scores_and_topk(sure, test["score_thr"], test["nms_pre"])
    landmarks = places(one.landmarks[place], points[place])
    certain = torch.ones_like(landmarks[..., 0])
    visible = certain if one.visibility is None else one.visibility[place].sigmoid()
    return InstanceData(
        bboxes=corners(one.boxes[place], points[place]),
        scores=scores,
        labels=labels,
        landmarks=torch.cat([landmarks, visible[..., None]], dim=-1),
    )


def _clipped(found: InstanceData, shape: Sequence[int]) -> InstanceData:
    """Within the picture; mmcv tells categories apart by moving boxes, which must not be negative for that."""
    limit = found.bboxes.new_tensor([shape[1], shape[0]])
    found.bboxes = found.bboxes.clamp(min=torch.zeros(4).to(limit), max=limit.tile(2))
    found.landmarks[..., :2] = found.landmarks[..., :2].clamp(min=torch.zeros(2).to(limit), max=limit)
    return found


def _suppressed(found: InstanceData, test: Mapping[str, Any]) -> InstanceData:
    if not len(found):
        return found
    scored, kept = batched_nms(found.bboxes, found.scores, found.labels, dict(test["nms"]))
    found = found[kept]
    found.scores = scored[:, 4]
    return found[: test["max_per_img"]]


def _rescaled(found: InstanceData, meta: Mapping[str, Any]) -> InstanceData:
    scale = found.bboxes.new_tensor(meta["scale_factor"])
    found.bboxes = found.bboxes / scale.tile(2)
    found.landmarks[..., :2] /= scale
    return found
