"""Mask R-CNN's landmark branch: its loss beside NumPy's, what it learns from, what it predicts."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torchvision.ops import box_iou

from tests.oneshot.baselines.sizes import batch, drawn, garment_sample, settings, started, total

KIND = "mask-rcnn"


class Sampled:
    """Positive RoIs (n, 4) of a picture, and the garments that they belong to (n,)."""

    def __init__(self, rois, garments):
        self.pos_priors = torch.tensor(rois, dtype=torch.float32)
        self.pos_assigned_gt_inds = torch.tensor(garments)


def expected_loss(heatmaps, rois, landmarks):
    """The mean over labelled landmarks in their RoI of -log(probability of their cell)."""
    size, losses = heatmaps.shape[-1], []
    for maps, (left, top, right, bottom), garment in zip(heatmaps, rois, landmarks, strict=True):
        for logits, (x, y, visible) in zip(maps, garment, strict=True):
            if visible == 0 or not (left <= x <= right and top <= y <= bottom):
                continue
            column = min(int((x - left) / (right - left) * size), size - 1)
            row = min(int((y - top) / (bottom - top) * size), size - 1)
            probability = np.exp(logits) / np.exp(logits).sum()
            losses.append(-np.log(probability[row, column]))
    return np.mean(losses)


@pytest.fixture(scope="module")
def model():
    return started(settings(KIND, landmark_weight=2.0))


def test_the_loss_is_the_mean_cross_entropy_of_labelled_landmarks(model):
    head = model.roi_head.landmark_head
    landmarks = torch.rand(2, 8, 3) * 60
    landmarks[..., 2] = torch.tensor([[2, 1, 0, 0, 2, 1, 2, 0], [0, 0, 2, 1, 1, 0, 0, 2]])
    landmarks[0, 0, :2] = torch.tensor([50.0, 40.0])  # on the first RoI's corner
    rois, owners = [[10, 5, 50, 40], [0, 0, 30, 64], [20, 20, 60, 60]], [0, 1, 1]
    features = torch.randn(3, 16, 7, 7)
    garments = [InstanceData(landmarks=landmarks)]
    found = head.loss(features, garments, [Sampled(rois, owners)])
    heatmaps = head(features).detach().double().numpy()
    assert heatmaps.shape == (3, 8, 28, 28)
    expected = expected_loss(heatmaps, rois, landmarks[owners].numpy())
    assert found.item() == pytest.approx(2.0 * expected, rel=1e-5)


def test_landmarks_outside_of_the_roi_and_unlabelled_ones_teach_nothing(model):
    head = model.roi_head.landmark_head
    landmarks = torch.tensor([[[70.0, 10.0, 2.0], *[[20.0, 20.0, 0.0]] * 7]])
    found = head.loss(
        torch.randn(1, 16, 7, 7), [InstanceData(landmarks=landmarks)], [Sampled([[0, 0, 40, 40]], [0])]
    )
    assert found.item() == 0
    found.backward()
    assert all(one.grad is None or not one.grad.any() for one in head.parameters())


def test_only_a_landmarks_own_channel_is_taught(model):
    head = model.roi_head.landmark_head
    head.zero_grad()
    landmarks = torch.zeros(1, 8, 3)
    landmarks[0, 3] = torch.tensor([20.0, 20.0, 1.0])
    head.loss(
        torch.randn(1, 16, 7, 7), [InstanceData(landmarks=landmarks)], [Sampled([[0, 0, 40, 40]], [0])]
    ).backward()
    by_channel = head.predictor.kps_score_lowres.weight.grad.abs().sum(dim=(0, 2, 3)) > 0
    assert by_channel.tolist() == [channel == 3 for channel in range(8)]


@pytest.mark.parametrize(
    ("weight", "masks", "has_loss"), [(1.0, True, True), (1.0, False, False), (0.0, True, False)]
)
def test_masks_are_learnt_where_there_are_any_and_they_count(weight, masks, has_loss):
    network = started(settings(KIND, mask_weight=weight)).train()
    assert network.roi_head.with_mask == (weight > 0)
    picture, sample = drawn(0)
    if not masks:
        del sample.gt_instances.masks
    losses = network(**batch(network, [(picture, sample)], True), mode="loss")
    assert ("loss_mask" in losses) == has_loss
    assert losses["loss_landmark"] > 0


def test_a_step_reaches_every_weight():
    network = started(settings(KIND)).train()
    total(network(**batch(network, [drawn(0), drawn(1)], True), mode="loss")).backward()
    missed = [name for name, one in network.named_parameters() if one.requires_grad and one.grad is None]
    assert missed == []


def test_a_step_in_bfloat16_is_near_to_one_in_float32():
    """mmcv's suppression and pooling have no bfloat16."""
    found = []
    for half in (False, True):
        network = started(settings(KIND)).train()
        torch.manual_seed(0)  # boxes are drawn
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            losses = network(**batch(network, [drawn(0), drawn(1)], True), mode="loss")
        total(losses).backward()
        found.append(total(losses).item())
    assert found[1] != found[0] and found[1] == pytest.approx(found[0], rel=0.05)


def test_pictures_without_garments_are_trained_on():
    network = started(settings(KIND)).train()
    empty = garment_sample([], [], torch.zeros(0, 8, 3))
    losses = network(
        **batch(network, [(torch.zeros(3, 96, 96, dtype=torch.uint8), empty)], True), mode="loss"
    )
    assert losses["loss_landmark"] == 0 and torch.isfinite(total(losses))


def test_two_pictures_are_learnt_by_heart():
    """Boxes, categories and landmarks of both, to three pixels of 96; masks are learnt but not predicted."""
    network = started(settings(KIND, landmark_convs=1, landmark_channels=32)).train()
    pairs = [drawn(0), drawn(1)]
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003)
    course = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.005, total_steps=80)
    for _ in range(80):
        optimizer.zero_grad()
        total(network(**batch(network, pairs, True), mode="loss")).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        course.step()
    network.eval()
    data = batch(network, pairs, False)
    with torch.no_grad():
        found = network.predict(data["inputs"], data["data_samples"], rescale=False)
    for number, sample in enumerate(found):
        best, truth = sample.pred_instances[0], sample.gt_instances
        assert best.labels.item() == number and "masks" not in best
        assert box_iou(best.bboxes, truth.bboxes) > 0.7
        assert best.landmarks.shape == (1, 8, 3)
        labelled = truth.landmarks[..., 2] > 0
        assert (best.landmarks - truth.landmarks)[labelled][:, :2].abs().max() < 3
        assert best.landmarks[labelled][:, 2].min() > 5 / 28**2  # surer than chance


def test_rescaled_predictions_are_the_pictures():
    network = started(settings(KIND)).eval()
    network.roi_head.test_cfg.score_thr = 0.0
    found = {}
    for rescale in (False, True):
        picture, sample = drawn(0)
        sample.set_metainfo({"scale_factor": (0.5, 0.25)})
        data = batch(network, [(picture, sample)], False)
        with torch.no_grad():
            (one,) = network.predict(data["inputs"], data["data_samples"], rescale=rescale)
        found[rescale] = one.pred_instances
    assert len(found[True]) > 0
    torch.testing.assert_close(found[True].bboxes, found[False].bboxes * torch.tensor([2.0, 4.0, 2.0, 4.0]))
    torch.testing.assert_close(found[True].landmarks, found[False].landmarks * torch.tensor([2.0, 4.0, 1.0]))
