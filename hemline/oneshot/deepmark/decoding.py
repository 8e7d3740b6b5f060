"""From maps to garments: CenterNet's decoding, flip test and soft-NMS, for categories with landmarks of their own.

All numbers are in cells of the maps, the origin at the top left corner of the top left cell.
"""

from dataclasses import dataclass, replace

import torch
from mmcv.ops import batched_nms
from torch import Tensor
from torch.nn import functional

from hemline.oneshot.found import Found, own_channels
from hemline.params import DeepMarkFind
from hemline.wardrobe import Grouping

# CenterNet's soft-NMS drops garments that it brings below this score (external/nms.pyx).
LEAST_SCORE = 0.001


@dataclass(frozen=True)
class Maps:
    """What a network says of B pictures, K landmark channels, on maps of (h, w).

    `centre` (B, categories, h, w) and `heatmap` (B, K, h, w) are scores from 0 to 1. At a garment's centre cell `size`
    (B, 2, h, w) is its box's width and height, `offset` (B, 2, h, w) the centre less the cell's top left corner, and
    `coarse` (B, 2K, h, w) the landmarks less that corner: x, y of channel 0, x, y of channel 1... At a landmark's cell
    `landmark_offset` (B, 2, h, w) is its place less that corner.
    """

    centre: Tensor
    size: Tensor
    offset: Tensor
    coarse: Tensor
    heatmap: Tensor
    landmark_offset: Tensor


@torch.inference_mode()
def fuse(maps: Maps, mirrored: Maps, grouping: Grouping) -> Maps:
    """The maps of pictures and those of the same pictures mirrored, as one (flip test).

    As in CenterNet (detectors/multi_pose.py), centre, size, coarse and heatmap are averaged, offset and
    landmark_offset are those of the pictures as they are. A landmark u - c right of the edge of its cell c stands, in a
    picture of w cells, at w - u in the mirrored one, whose cell is w - 1 - c: 1 - (u - c) right of its edge. CenterNet
    (flip_lr_off) changes the sign but forgets the 1.
    """
    partner = torch.as_tensor(grouping.flip_index, device=maps.heatmap.device)
    coarse = mirrored.coarse.unflatten(1, (-1, 2)).flip(-1)[:, partner]
    coarse = torch.stack([1 - coarse[:, :, 0], coarse[:, :, 1]], dim=2).flatten(1, 2)
    return replace(
        maps,
        centre=(maps.centre + mirrored.centre.flip(-1)) / 2,
        size=(maps.size + mirrored.size.flip(-1)) / 2,
        coarse=(maps.coarse + coarse) / 2,
        heatmap=(maps.heatmap + mirrored.heatmap.flip(-1)[:, partner]) / 2,
    )


@torch.inference_mode()
def decode(maps: Maps, grouping: Grouping, settings: DeepMarkFind) -> list[Found]:
    """The garments of each picture, best first (CenterNet, models/decode.py: multi_pose_decode).

    A garment is one of the `candidates` best peaks of all centre heatmaps, 3x3 cells each; its box is about the centre
    cell + offset. A landmark is the peak of its heatmap nearest to its coarse place, of the `candidates` best that
    score over `peak_threshold`; if that lies out of the box or farther off than `reach` times the box's longer side, or
    there is none, it stays at the coarse place.
    """
    scores, cells, labels = _centres(maps.centre, settings.candidates)
    boxes = _boxes(maps, cells)
    channels, real = (each.to(labels.device)[labels] for each in own_channels(grouping))
    peaks = _landmark_peaks(maps, settings)[cells[:, :1], channels]
    landmarks = _nearest(peaks, _coarse(maps, cells, channels), boxes, settings)
    found = Found(boxes, labels, scores, landmarks.masked_fill(~real[..., None], torch.nan))
    return [found.take(cells[:, 0] == picture) for picture in range(len(maps.centre))]


@torch.inference_mode()
def suppress(found: Found, settings: DeepMarkFind) -> Found:
    """Lower the scores of garments that overlap a better one of their category; best first (soft-NMS).

    Bodla et al., ICCV 2017, with the Gaussian penalty exp(-IoU^2 / `nms_sigma`), as CenterNet's external/nms.pyx; but
    lengths are x2 - x1, where CenterNet adds 1.
    """
    if not len(found):
        return found
    # mmcv moves categories apart by the greatest coordinate: that needs boxes with no negative ones.
    boxes = found.boxes - found.boxes.min()
    rule = {
        "type": "soft_nms",
        "method": "gaussian",
        "sigma": settings.nms_sigma,
        "min_score": LEAST_SCORE,
    }
    scored, kept = batched_nms(boxes, found.scores, found.labels, rule)
    return replace(found.take(kept), scores=scored[:, 4])


def _centres(heat: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best peaks of each picture: scores (N,), cells (N, 3) picture, row, column, labels (N,)."""
    height = heat.shape[2]
    scores, row, column = _best_peaks(heat, count, flat=1)
    picture, place = (scores > 0).nonzero(as_tuple=True)
    row, column = row[picture, place], column[picture, place]
    return scores[picture, place], torch.stack([picture, row % height, column], dim=1), row // height


def _best_peaks(heat: Tensor, count: int, flat: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` best peaks of heatmaps (B, C, h, w): score, row, column, best first; 0 where there are no more.

    A peak is not less than its eight neighbours. They are sought in each channel (B, C, count) with `flat` 2, and with
    1 in all channels (B, count), a channel's rows standing under those of the one before.
    """
    peaks = heat * (functional.max_pool2d(heat, 3, stride=1, padding=1) == heat)
    peaks = peaks.flatten(flat)
    scores, place = peaks.topk(min(count, peaks.shape[-1]))
    return scores, place // heat.shape[3], place % heat.shape[3]


def _at(field: Tensor, cells: Tensor) -> Tensor:
    """The values (n, C) of maps (B, C, h, w) at `cells` (n, 3) picture, row, column."""
    picture, row, column = cells.unbind(dim=1)
    return field[picture, :, row, column]


def _boxes(maps: Maps, cells: Tensor) -> Tensor:
    centre = cells[:, [2, 1]] + _at(maps.offset, cells)
    half = _at(maps.size, cells) / 2
    return torch.cat([centre - half, centre + half], dim=1)


def _coarse(maps: Maps, cells: Tensor, channels: Tensor) -> Tensor:
    """The coarse places (n, longest, 2) of garments' own landmarks."""
    picture, row, column = cells[:, :, None].unbind(dim=1)
    coarse = maps.coarse.unflatten(1, (-1, 2))[picture, channels, :, row, column]
    return coarse + cells[:, None, [2, 1]]


def _landmark_peaks(maps: Maps, settings: DeepMarkFind) -> Tensor:
    """The best peaks (B, K, count, 3) of each landmark heatmap: x, y, score."""
    scores, row, column = _best_peaks(maps.heatmap, settings.candidates, flat=2)
    picture = torch.arange(len(scores), device=scores.device)[:, None, None]
    offset = maps.landmark_offset[picture, :, row, column]
    return torch.stack([column + offset[..., 0], row + offset[..., 1], scores], dim=-1)


def _nearest(peaks: Tensor, coarse: Tensor, boxes: Tensor, settings: DeepMarkFind) -> Tensor:
    """Landmarks (n, longest, 3), from the peaks (n, longest, count, 3) of their heatmaps and their coarse places."""
    distance = torch.linalg.vector_norm(peaks[..., :2] - coarse[:, :, None], dim=-1)
    distance = distance.masked_fill(peaks[..., 2] <= settings.peak_threshold, torch.inf)
    distance, which = distance.min(dim=2)
    nearest = peaks.take_along_dim(which[..., None, None], dim=2).squeeze(2)
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    inside = ((nearest[..., :2] >= low) & (nearest[..., :2] <= high)).all(dim=-1)
    reach = settings.reach * (high - low).amax(dim=-1)
    stays = torch.cat([coarse, torch.zeros_like(coarse[..., :1])], dim=-1)
    return torch.where((inside & (distance <= reach))[..., None], nearest, stays)
