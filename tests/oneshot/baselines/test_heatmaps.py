"""Landmarks read off heatmaps: torchvision's places where both refine alike, and probabilities."""

import torch
from torchvision.models.detection.roi_heads import heatmaps_to_keypoints

from hemline.oneshot.baselines.heatmaps import FINER, landmarks_of

SIZE = 14


def hills(places):
    """Logits (1, K, SIZE, SIZE) with a hill about each of `places`, x and y in cells."""
    cells = torch.arange(SIZE) + 0.5
    each = [-((cells[None] - x) ** 2 + (cells[:, None] - y) ** 2) / 4 for x, y in places]
    return torch.stack(each)[None]


def test_places_are_torchvisions_bicubic_peaks():
    """It refines a heatmap to its box's pixels: in a box of FINER pixels a cell to the same ones."""
    torch.manual_seed(0)
    logits = hills(torch.rand(60, 2) * SIZE) + 0.05 * torch.randn(1, 60, SIZE, SIZE)
    box = torch.tensor([[30.0, -4.0, 30 + FINER * SIZE, -4 + FINER * SIZE]])
    expected, _ = heatmaps_to_keypoints(logits, box)
    torch.testing.assert_close(landmarks_of(logits, box)[..., :2], expected[..., :2])


def test_peaks_at_the_edges_stay_in_the_box():
    corners = [(0.0, 0.0), (SIZE, 0.0), (0.0, SIZE), (SIZE, SIZE)]
    box = torch.tensor([[10.0, 20.0, 10 + FINER * SIZE, 20 + FINER * SIZE]])
    logits = hills(corners)
    found = landmarks_of(logits, box)[0, :, :2]
    expected, _ = heatmaps_to_keypoints(logits, box)
    torch.testing.assert_close(found, expected[0, :, :2])
    assert (found >= box[0, :2]).all() and (found <= box[0, 2:]).all()


def test_places_move_and_grow_with_the_box():
    logits = hills([(3.2, 9.7), (7.5, 7.5)]).repeat(2, 1, 1, 1)
    boxes = torch.tensor([[0.0, 0.0, 14.0, 14.0], [100.0, 50.0, 240.0, 330.0]])
    one, other = landmarks_of(logits, boxes)
    torch.testing.assert_close(other[:, 0], 100 + 10 * one[:, 0])
    torch.testing.assert_close(other[:, 1], 50 + 20 * one[:, 1])
    torch.testing.assert_close(other[:, 2], one[:, 2])


def test_the_score_is_the_best_cells_probability():
    logits = torch.zeros(1, 2, SIZE, SIZE)
    logits[0, 1, 4, 5] = 20.0
    flat, sharp = landmarks_of(logits, torch.tensor([[0.0, 0.0, 14.0, 14.0]]))[0, :, 2]
    assert torch.isclose(flat, torch.tensor(1 / SIZE**2))
    assert sharp > 0.999


def test_no_boxes_have_no_landmarks():
    assert landmarks_of(torch.zeros(0, 5, SIZE, SIZE), torch.zeros(0, 4)).shape == (0, 5, 3)
