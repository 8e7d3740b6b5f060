"""Small networks learn two drawn pictures by heart."""

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from tests.oneshot.kgdet.networks import (
    FLIP_INDEX,
    built,
    kgdet_settings,
    meta,
    reppoints_kp_settings,
    sample,
)

# x1, y1, x2, y2 and category: of each a rectangle of its colour.
PICTURES = [
    [((8.0, 6.0, 36.0, 44.0), 0), ((52.0, 20.0, 88.0, 60.0), 1)],
    [((30.0, 10.0, 70.0, 56.0), 2)],
]

SMALL = {"head_width": 24, "head_convs": 1, "levels": (4,)}


def drawn() -> tuple[torch.Tensor, list]:
    pictures, samples = torch.full((2, 3, 64, 96), -1.0), []
    steps = np.linspace(0, 1, len(FLIP_INDEX))
    for picture, garments in zip(pictures, PICTURES, strict=True):
        one = sample(len(garments), seed=0)
        for number, (box, category) in enumerate(garments):
            x1, y1, x2, y2 = box
            picture[category, int(y1) : int(y2), int(x1) : int(x2)] = 1.0
            places = np.stack(
                [x1 + steps * (x2 - x1), y2 - steps * (y2 - y1), np.full(len(steps), 2)], axis=1
            )
            one.gt_instances.bboxes[number] = torch.tensor(box)
            one.gt_instances.labels[number] = category
            one.gt_instances.landmarks[number] = torch.tensor(places)
        one.set_metainfo(meta(64, 96))
        samples.append(one)
    return pictures, samples


@pytest.mark.parametrize(
    "settings",
    [
        kgdet_settings(2, **SMALL),
        kgdet_settings(2, "selection", **SMALL),
        kgdet_settings(1, **SMALL, flip_fusion="picture"),
        reppoints_kp_settings("serial", **SMALL),
    ],
    ids=["encoding", "selection", "fused", "reppoints"],
)
def test_two_pictures_are_learnt_by_heart(settings):
    torch.manual_seed(0)
    network = built(settings)
    pictures, samples = drawn()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    history = []
    for _ in range(80):
        cost = sum(network.loss(pictures, samples).values())
        optimiser.zero_grad()
        cost.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        history.append(cost.item())
    assert history[-1] < history[0] / 20
    for one in network.eval().predict(pictures, samples, rescale=False):
        wanted, found = one.gt_instances, one.pred_instances[: len(one.gt_instances)]
        overlap, which = box_iou(wanted.bboxes, found.bboxes).max(dim=1)
        assert (overlap > 0.8).all()
        assert torch.equal(found.labels[which], wanted.labels)
        distance = (found.landmarks[which, :, :2] - wanted.landmarks[..., :2]).norm(dim=-1)
        assert distance.max() < 6
