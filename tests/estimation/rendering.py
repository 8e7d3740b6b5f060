"""What stands around the estimator's network in paper 000, in plain NumPy: to hold hemline and mmpose against.

Written from the authors' code (lzhbrian/deepfashion2-kps-agg-finetune, HRNet-Human-Pose-Estimation/lib): no line of
mmpose's or hemline's. float64 throughout; places are x before y, heatmaps (channels, height, width).
"""

from collections.abc import Sequence

import numpy as np

PADDING = 1.25  # dataset/deepfashion2agg81kps.py, _xywh2cs
STRIDE = 4  # input pixels to a heatmap pixel

# lib/dataset/__init__ and tools/train.py normalise with ImageNet's statistics, RGB from 0 to 1.
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def _run(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


def _garment(neck: list[int], left: list[int], bottom: list[int], right: list[int]) -> list[int]:
    return [*neck, *left, *_run(41, 43), *bottom, *_run(44, 46), *right]


_NECK, _COLLAR = _run(1, 6), [1, 2, 3, 7, 5, 6]
_SHORT, _LONG = (_run(9, 14), _run(15, 20)), (_run(21, 30), _run(31, 40))
_VEST, _SLING = ([54], [55]), ([56], [57])
_HEM, _FRONT, _SKIRT = [47], [53], _run(58, 62)
_EDGES = [8, *_run(48, 52)]

# dataset/deepfashion2agg81kps_util.py, get_kpsname_to_id_map: the channels (from 1) of each category's landmarks.
CHANNELS: dict[int, list[int]] = {
    1: _garment(_NECK, _SHORT[0], _HEM, _SHORT[1]),
    2: _garment(_NECK, _LONG[0], _HEM, _LONG[1]),
    3: _garment(_COLLAR, _SHORT[0], _FRONT, _SHORT[1]) + _EDGES,
    4: _garment(_COLLAR, _LONG[0], _FRONT, _LONG[1]) + _EDGES,
    5: _garment(_NECK, _VEST[0], _HEM, _VEST[1]),
    6: _garment(_NECK, _SLING[0], _HEM, _SLING[1]),
    7: [63, 64, 65, 71, 66, 67, 70, 68, 69, 72],
    8: [63, 64, 65, 71, 73, 66, 67, 74, 70, 75, 68, 69, 76, 72],
    9: [63, 64, 65, *_run(77, 81)],
    10: _garment(_NECK, _SHORT[0], _SKIRT, _SHORT[1]),
    11: _garment(_NECK, _LONG[0], _SKIRT, _LONG[1]),
    12: _garment(_NECK, _VEST[0], _SKIRT, _VEST[1]),
    13: _garment(_NECK, _SLING[0], _SKIRT, _SLING[1]),
}

# The same file, get_deepfashion2ahh81kps_flip_map: 37 pairs (from 1); the other seven channels are their own mirrors.
PAIRS = [
    (2, 6), (3, 5), (7, 8), *zip(*(_SHORT[0], _SHORT[1][::-1]), strict=True),
    *zip(*(_LONG[0], _LONG[1][::-1]), strict=True), (41, 46), (42, 45), (43, 44), (48, 51), (49, 52), (50, 53),
    (54, 55), (56, 57), (58, 62), (59, 61), (63, 65), (66, 69), (67, 68), (71, 72), (73, 76), (74, 75), (77, 81),
    (78, 80),
]  # fmt: skip


def channels(category_id: int) -> np.ndarray:
    """(n,) the channels, from 0, of a category's n landmarks."""
    return np.array(CHANNELS[category_id]) - 1


def landmark_range(category_id: int) -> slice:
    """Where a category's landmarks stand among the 294."""
    start = sum(len(CHANNELS[earlier]) for earlier in range(1, category_id))
    return slice(start, start + len(CHANNELS[category_id]))


def crop_matrix(box: Sequence[float], size: tuple[int, int]) -> np.ndarray:
    """(2, 3) picture pixels to crop pixels: the box's centre in the crop's, its padded surroundings fill it."""
    x, y, width, height = box
    aspect = size[0] / size[1]
    surroundings = PADDING * max(width, height * aspect)  # pixels of the picture as wide as the crop
    zoom = size[0] / surroundings
    shift = np.array(size) / 2 - zoom * np.array([x + width / 2, y + height / 2])
    return np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])


def place(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 2) through a matrix (2, 3)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The matrix (2, 3) of the way back."""
    return np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]


def crop(picture: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3): the picture looked up bilinearly; outside of it is black."""
    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    x, y = place(inverse(matrix), np.stack([across.ravel(), down.ravel()], axis=1)).T
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    total = np.zeros((len(x), 3))
    for step_x, step_y in ((0, 0), (1, 0), (0, 1), (1, 1)):
        share = (1 - np.abs(x - left - step_x)) * (1 - np.abs(y - top - step_y))
        total += share[:, None] * _pixels(picture, left + step_x, top + step_y)
    return total.reshape(size[1], size[0], 3)


def _pixels(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    found = picture[y.clip(0, height - 1), x.clip(0, width - 1)].astype(float)
    return np.where(inside[:, None], found, 0.0)


def normalised(pixels: np.ndarray) -> np.ndarray:
    """(3, height, width) RGB as the network sees a crop (height, width, 3) of BGR from 0 to 255."""
    return ((pixels[:, :, ::-1] / 255 - MEAN) / STD).transpose(2, 0, 1)


def targets(
    points: np.ndarray, visible: np.ndarray, size: tuple[int, int], sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Heatmaps (n, height, width) and weights (n,) of points (n, 2) in crop pixels; `size` is the heatmaps'.

    JointsDataset.generate_target: a peak of 1 on the nearest heatmap pixel, halves upward; nothing farther than 3 sigma
    along either axis. A landmark whose square ends before the map, or starts behind it, has no weight. (It ends one
    pixel late there: a square that ends right before the map is kept, with an empty heatmap.)
    """
    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    reach = int(3 * sigma)
    heatmaps, weights = np.zeros((len(points), size[1], size[0])), np.zeros(len(points))
    for channel in np.flatnonzero(visible > 0):
        x, y = np.trunc(points[channel] / STRIDE + 0.5)
        if x + reach + 1 < 0 or y + reach + 1 < 0 or x - reach >= size[0] or y - reach >= size[1]:
            continue
        weights[channel] = 1
        near = (np.abs(across - x) <= reach) & (np.abs(down - y) <= reach)
        heatmaps[channel] = near * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * sigma**2))
    return heatmaps, weights


def unbiased_targets(points: np.ndarray, size: tuple[int, int], sigma: float) -> np.ndarray:
    """DARK's heatmaps (Zhang et al., CVPR 2020, sec. 3.3): the peak stands where the landmark is, nothing is cut."""
    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    x, y = (points / STRIDE)[:, :, None, None].swapaxes(0, 1)
    return np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * sigma**2))


def loss(found: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> float:
    """core/loss.py, JointsMSELoss, of (batch, channels, height, width): half of each channel's mean, averaged."""
    each = [
        0.5 * np.mean((weights[:, channel, None, None] * (found[:, channel] - wanted[:, channel])) ** 2)
        for channel in range(found.shape[1])
    ]
    return float(np.mean(each))


def loss_gradient(found: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The derivative of `loss` by each of the found pixels: of half a square, and a mean over all of them."""
    return weights[:, :, None, None] ** 2 * (found - wanted) / found.size


def swapped(values: np.ndarray) -> np.ndarray:
    """Values (81, ...) with those of left and right channels exchanged."""
    values = values.copy()
    for left, right in PAIRS:
        values[[left - 1, right - 1]] = values[[right - 1, left - 1]]
    return values


def mirrored_box(box: Sequence[float], width: int) -> tuple[float, ...]:
    """A box in the mirrored picture, `width` pixels wide: pixel 0 becomes pixel width - 1 (fliplr_joints)."""
    return (width - 1 - box[0] - box[2], *box[1:])


def mirrored_back(heatmaps: np.ndarray) -> np.ndarray:
    """The mirrored crop's heatmaps as the crop's own: mirrored, left and right swapped, one pixel to the right."""
    back = swapped(heatmaps[:, :, ::-1])
    return np.concatenate([back[:, :, :1], back[:, :, :-1]], axis=2)


def highest(heatmap: np.ndarray) -> tuple[int, int]:
    """x and y of the highest pixel; of several the first, row by row."""
    y, x = divmod(int(heatmap.argmax()), heatmap.shape[1])
    return x, y


def decode(heatmap: np.ndarray) -> np.ndarray:
    """(2,) crop pixels: the highest heatmap pixel and a quarter of one toward its higher neighbours.

    core/inference.py, get_final_preds: a pixel in the first two or the last column or row is left where it is.
    """
    x, y = highest(heatmap)
    height, width = heatmap.shape
    step = np.zeros(2)
    if 1 < x < width - 1 and 1 < y < height - 1:
        step = np.sign([heatmap[y, x + 1] - heatmap[y, x - 1], heatmap[y + 1, x] - heatmap[y - 1, x]])
    return STRIDE * (np.array([x, y]) + 0.25 * step)


def unbiased_decode(heatmap: np.ndarray, window: int) -> np.ndarray:
    """(2,) crop pixels: DARK's Taylor expansion of the smoothed heatmap's logarithm, about its highest pixel."""
    x, y = highest(heatmap)
    height, width = heatmap.shape
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return STRIDE * np.array([x, y], dtype=float)
    logs = np.log(np.maximum(_smoothed(heatmap, window), 1e-10))
    around = logs[y - 2 : y + 3, x - 2 : x + 3]
    slope_y, slope_x = (slopes[2, 2] for slopes in np.gradient(around))
    (yy, yx), (_, xx) = ([second[2, 2] for second in np.gradient(first)] for first in np.gradient(around))
    return STRIDE * (np.array([x, y]) - np.linalg.solve([[xx, yx], [yx, yy]], [slope_x, slope_y]))


def _smoothed(heatmap: np.ndarray, window: int) -> np.ndarray:
    """A Gaussian of this window's size, whose sigma is OpenCV's rule; nothing is outside; as high as before."""
    sigma = 0.3 * ((window - 1) / 2 - 1) + 0.8
    weights = np.exp(-((np.arange(window) - window // 2) ** 2) / (2 * sigma**2))
    smoothed = heatmap
    for axis in (0, 1):
        smoothed = np.apply_along_axis(np.convolve, axis, smoothed, weights / weights.sum(), mode="same")
    return smoothed * heatmap.max() / smoothed.max()


def score(box_score: float, maxima: np.ndarray, threshold: float) -> float:
    """dataset/deepfashion2agg81kpspercategory.py, evaluate: the box's times the mean of what is over the threshold."""
    over = maxima[maxima > threshold]
    return box_score * float(over.mean()) if len(over) else 0.0


def back(points: np.ndarray, category_id: int) -> np.ndarray:
    """(294, d) of values (81, d) for the channels: the category's landmarks alone, which are all that counts.

    (The authors' convert_back fills the landmarks of other categories with the same channels' values.)
    """
    found = np.zeros((294, *points.shape[1:]))
    found[landmark_range(category_id)] = points[channels(category_id)]
    return found
