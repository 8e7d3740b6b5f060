"""Samples of drawn pictures as transforms have them, and what is checked of all that moves them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from mmdet.structures.bbox import HorizontalBoxes

from hemline.wardrobe import grouping
from tests.oneshot.garments import DEEPFASHION2

SIGMA = 2.5  # of a disc, input pixels

Steps = Callable[[tuple[int, int]], list[Any]]


def sample(picture: np.ndarray, boxes: Any = (), labels: Any = None, landmarks: Any = None) -> dict[str, Any]:
    """A sample as `LoadGarments` leaves it."""
    count = len(boxes)
    return {
        "img": picture,
        "img_shape": picture.shape[:2],
        "gt_bboxes": HorizontalBoxes(np.reshape(boxes, (-1, 4)).astype(np.float32)),
        "gt_bboxes_labels": np.arange(count) if labels is None else np.array(labels),
        "gt_landmarks": np.zeros((count, 81, 3), np.float32) if landmarks is None else landmarks,
    }


def numbers(results: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """Boxes, labels and landmarks."""
    return results["gt_bboxes"].numpy(), results["gt_bboxes_labels"], results["gt_landmarks"]


def disc(shape: tuple[int, int], x: float, y: float, sigma: float) -> np.ndarray:
    """A soft disc on black, (h, w) from 0 to 255; the corner of the top-left pixel is (0, 0)."""
    down, across = np.ogrid[: shape[0], : shape[1]]
    return 255 * np.exp(-((across + 0.5 - x) ** 2 + (down + 0.5 - y) ** 2) / (2 * sigma**2))


def centroid(layer: np.ndarray) -> np.ndarray:
    """x, y of what is bright in (h, w), in the same coordinates."""
    bright = np.maximum(layer.astype(float) - layer.max() / 8, 0)
    down, across = np.mgrid[: layer.shape[0], : layer.shape[1]] + 0.5
    return np.array([(across * bright).sum(), (down * bright).sum()]) / bright.sum()


def noise(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def drawn_shapes(count: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Pictures' shapes, upright and wide, large and small beside the input, and inputs' sizes."""
    generator = np.random.default_rng(1)
    for _ in range(count):
        yield tuple(generator.integers(60, 500, 2).tolist()), ((128, 128), (96, 160))[generator.integers(2)]


def check_landmarks_stay(make: Steps) -> None:
    """A landmark stays on a disc drawn at its place, whatever `make(size)` does to the picture."""
    generator, compared = np.random.default_rng(2), 0
    groups = grouping(DEEPFASHION2, "aggregated")
    own = groups.channels(8)
    for shape, size in drawn_shapes(80):
        wide = SIGMA * max(shape[1] / size[0], shape[0] / size[1])
        if min(shape) < 6 * wide:
            continue
        place = generator.uniform(3 * wide, np.array(shape[::-1]) - 3 * wide)
        picture = np.repeat(disc(shape, *place, wide)[..., None], 3, axis=2).round().astype(np.uint8)
        landmarks = np.zeros((1, 81, 3), np.float32)
        landmarks[0, own[3]] = *place, 2
        results = sample(picture, [(0, 0, *shape[::-1])], [7], landmarks)
        for step in make(size):
            results = step.transform(results)
        channel = own[3]
        if results.get("flip"):
            channel = groups.flip_index[channel]
        found = results["gt_landmarks"][0, channel] if len(results["gt_landmarks"]) else np.zeros(3)
        whole = (found[:2] > 4 * SIGMA).all() and (
            found[:2] < np.array(results["img_shape"][::-1]) - 4 * SIGMA
        ).all()
        if found[2] and whole:
            compared += 1
            assert np.abs(centroid(results["img"][..., 1]) - found[:2]).max() < 0.3
    assert compared > 20


def coverage(length: int, start: float, end: float) -> np.ndarray:
    """(length,) the share of each pixel between two places."""
    pixels = np.arange(length)
    return np.clip(np.minimum(pixels + 1, end) - np.maximum(pixels, start), 0, 1)


def extent(profile: np.ndarray) -> tuple[float, float]:
    """Both ends of what is bright in a line."""
    inside = profile.astype(float) / 255
    middle = (inside * (np.arange(len(inside)) + 0.5)).sum() / inside.sum()
    return middle - inside.sum() / 2, middle + inside.sum() / 2


def check_boxes_stay(make: Steps) -> None:
    """A box stays on the edges of what was drawn in it, clipped with the picture."""
    generator, compared = np.random.default_rng(3), 0
    for shape, size in drawn_shapes(60):
        (x1, x2), (y1, y2) = (np.sort(generator.uniform(0, side, 2)) for side in shape[::-1])
        if min(x2 - x1, y2 - y1) < 10:
            continue
        filled = np.outer(coverage(shape[0], y1, y2), coverage(shape[1], x1, x2))
        results = sample(
            np.repeat((255 * filled[..., None]).round().astype(np.uint8), 3, axis=2), [(x1, y1, x2, y2)]
        )
        for step in make(size):
            results = step.transform(results)
        boxes, layer = results["gt_bboxes"].numpy(), results["img"][..., 0]
        if not len(boxes) or min(boxes[0, 2:] - boxes[0, :2]) < 3:
            continue
        compared += 1
        middle = boxes[0].reshape(2, 2).mean(0).astype(int)
        across, down = extent(layer[middle[1]]), extent(layer[:, middle[0]])
        assert np.abs(np.array([across[0], down[0], across[1], down[1]]) - boxes[0]).max() < 0.3
    assert compared > 25
