"""What a stage's maps cost: RepPoints' losses, and those of landmarks (KGDet's heads)."""

from mmdet.models.losses import FocalLoss
from torch import Tensor
from torch.nn import functional

from hemline.oneshot.kgdet.assigning import Targets

# Below this difference the smooth L1 loss is a square, in lengths of `point_scale` cells (KGDet's and RepPoints').
BETA = 1 / 9

_FOCAL = FocalLoss(use_sigmoid=True, gamma=2.0, alpha=0.25)


def class_loss(scores: Tensor, targets: Targets) -> Tensor:
    """The focal loss (Lin et al., ICCV 2017; gamma 2, alpha 0.25) of logits (B, P, C), over the positives' number."""
    counts = targets.counts.flatten().to(scores.dtype)
    return _FOCAL(scores.flatten(0, 1), targets.labels.flatten(), counts, avg_factor=targets.number)


def box_loss(boxes: Tensor, lengths: Tensor, targets: Targets) -> Tensor:
    """The smooth L1 loss of the positives' boxes (n, 4), pixels, in units of `lengths` (n,), over their number."""
    return _smooth_l1(boxes, targets.boxes, lengths[:, None]).sum() / targets.number


def landmark_loss(landmarks: Tensor, lengths: Tensor, targets: Targets) -> Tensor:
    """As `box_loss`, of the positives' landmarks (n, K, 2) x, y, pixels.

    Of each positive it is the mean over the coordinates that are labelled, 0 where none is.
    """
    labelled = (targets.landmarks[..., 2:] > 0).expand_as(landmarks)
    costs = _smooth_l1(landmarks, targets.landmarks[..., :2], lengths[:, None, None]) * labelled
    share = labelled.sum(dim=(1, 2)).clamp(min=1)
    return (costs.sum(dim=(1, 2)) / share).sum() / targets.number


def visibility_loss(visibility: Tensor, targets: Targets) -> Tensor:
    """The binary cross entropy of the positives' logits (n, K), the mean over K, over their number.

    A landmark is visible where it is labelled, occluded or not: it then is in the picture at a known place, and the
    category has it. (Paper 003 doesn't say which of DeepFashion2's three values it takes for visible.)
    """
    labelled = (targets.landmarks[..., 2] > 0).to(visibility.dtype)
    costs = functional.binary_cross_entropy_with_logits(visibility, labelled, reduction="none")
    return costs.sum() / visibility.shape[1] / targets.number


def _smooth_l1(found: Tensor, wanted: Tensor, length: Tensor) -> Tensor:
    return functional.smooth_l1_loss(found / length, wanted / length, reduction="none", beta=BETA)
