"""Maps fused with those of mirrored feature maps or of the mirrored picture (KGDet's flip fusion)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from hemline.oneshot.kgdet.points import Maps


def mirror(pictures: Tensor, stride: int) -> Tensor:
    """Pictures (B, 3, H, W), widened by zeros to a multiple of the coarsest `stride`, then mirrored.

    The grid points of a level of stride s are at x = 0, s, 2s... In a picture that is w * s wide that of column j comes
    to x = (w - j) * s: it meets column w - j of the mirrored picture. A width that is a multiple of the coarsest stride
    is one of all, which are powers of two.
    """
    missing = -pictures.shape[3] % stride
    return functional.pad(pictures, (0, missing)).flip(3)


def fuse_features(maps: Maps, mirrored: Maps, flip_index: Sequence[int]) -> Maps:
    """The mean of maps and of those of the mirrored feature maps, where column j comes to column w - 1 - j."""
    return _mean(maps, _turned(mirrored, flip_index))


def fuse_picture(maps: Maps, mirrored: Maps, flip_index: Sequence[int]) -> Maps:
    """The mean of maps and of those of the picture as `mirror` has it, where column j comes to column w - j.

    Column 0 meets none: it stays. (The mirrored maps may have more columns, of padding.)
    """
    turned = _turned(mirrored, flip_index)
    aligned = Maps(*(_moved(*pair) for pair in zip(maps, turned, strict=True)))
    return _mean(maps, aligned)


def _turned(maps: Maps, flip_index: Sequence[int]) -> Maps:
    """Maps of something mirrored, as of the thing itself: columns reversed, x negated, left and right swapped."""
    partner = torch.as_tensor(flip_index, device=maps.boxes.device)
    boxes = maps.boxes.flip(3)[:, [2, 1, 0, 3]] * _signs(maps.boxes, [-1, 1, -1, 1])
    landmarks = maps.landmarks.flip(3).unflatten(1, (-1, 2))[:, partner].flatten(1, 2)
    landmarks = landmarks * _signs(landmarks, [1, -1] * len(partner))
    return Maps(
        scores=None if maps.scores is None else maps.scores.flip(3),
        boxes=boxes,
        landmarks=landmarks,
        visibility=None if maps.visibility is None else maps.visibility.flip(3)[:, partner],
    )


def _signs(like: Tensor, signs: Sequence[int]) -> Tensor:
    return like.new_tensor(signs)[:, None, None]


def _moved(own: Tensor | None, turned: Tensor | None) -> Tensor | None:
    """A column to the right; the first one is `own`."""
    if own is None or turned is None:
        return None
    return torch.cat([own[..., :1], turned[..., : own.shape[3] - 1]], dim=3)


def _mean(one: Maps, other: Maps) -> Maps:
    return Maps(*(None if a is None or b is None else (a + b) / 2 for a, b in zip(one, other, strict=True)))
