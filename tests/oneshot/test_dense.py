"""Paper 003's networks run on pictures: what a perfect network says comes back in the pictures' own pixels."""

import numpy as np
import pytest
import torch
from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmengine.structures import InstanceData
from torch import nn

from hemline.oneshot.dense import DenseFinder
from hemline.wardrobe import grouping
from tests.oneshot.garments import DEEPFASHION2, FLD
from tests.oneshot.networks import DEMO, dense, row

FIND = DEMO.oneshot.find.dense
BOTH = pytest.mark.parametrize("wardrobe", [DEEPFASHION2, FLD], ids=lambda one: one.name)


class Clairvoyant(nn.Module):
    """A network that knows the garments of pictures (height, width), in their pixels from the top left corner."""

    def __init__(self, garments, shapes, region=False):
        super().__init__()
        self.garments, self.shapes, self.weight = garments, shapes, nn.Parameter(torch.zeros(1))
        self.data_preprocessor = DetDataPreprocessor(pad_size_divisor=32)
        self.bbox_head, self.flip_fusion, self.asked = nn.Identity(), "features", []
        if region:
            self.roi_head = nn.Identity()

    def predict(self, inputs, samples, rescale):
        head = self.roi_head if hasattr(self, "roi_head") else self.bbox_head
        self.asked.append((self.flip_fusion, head.test_cfg, tuple(inputs.shape[2:])))
        assert not rescale
        for sample, garments, (height, width) in zip(samples, self.garments, self.shapes, strict=True):
            across, down = sample.img_shape[1] / width, sample.img_shape[0] / height
            scale = torch.tensor((across, down))
            said = {**garments, "bboxes": garments["bboxes"] * scale.repeat(2)}
            if "landmarks" in garments:
                said["landmarks"] = garments["landmarks"] * torch.tensor((across, down, 1.0))
            sample.pred_instances = InstanceData(**said)
        return samples


def known(channels, seed, count=4, categories=3):
    """Garments as a network says them; without channels boxes alone."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=generator) * 40
    said = {
        "bboxes": torch.cat([corners, corners + 10 + torch.rand(count, 2, generator=generator) * 40], dim=1),
        "labels": torch.randint(0, categories, (count,), generator=generator),
        "scores": torch.rand(count, generator=generator),
    }
    if channels:
        said["landmarks"] = torch.rand(count, channels, 3, generator=generator) * 90
    return said


SHAPES = [(150, 120), (60, 331), (97, 96)]


@BOTH
@pytest.mark.parametrize("name", ["independent", "aggregated"])
def test_garments_come_back_in_the_pictures_pixels(wardrobe, name):
    """Each garment has its category's own landmarks, in order, from the centre of the top left pixel."""
    chosen, categories = grouping(wardrobe, name), len(wardrobe.categories)
    said = [known(chosen.size, seed, categories=categories) for seed in range(len(SHAPES))]
    model = Clairvoyant(said, SHAPES)
    finder = DenseFinder(model, dense("reppoints-kp", grouping=name), wardrobe, row("kgdet"), FIND)
    pictures = [np.zeros((*shape, 3), np.uint8) for shape in SHAPES]
    for found, wanted in zip(finder(pictures), said, strict=True):
        torch.testing.assert_close(found.boxes, wanted["bboxes"], rtol=1e-4, atol=1e-3)
        assert torch.equal(found.labels, wanted["labels"]) and torch.equal(found.scores, wanted["scores"])
        for landmarks, label, channels in zip(
            found.landmarks, found.labels, wanted["landmarks"], strict=True
        ):
            own = chosen.channels(int(label) + 1)
            expected = channels[own] - torch.tensor((0.5, 0.5, 0.0))
            torch.testing.assert_close(landmarks[: len(own)], expected, rtol=1e-4, atol=1e-3)
            assert landmarks[len(own) :].isnan().all()
    ((_, _, shape),) = model.asked
    assert shape == (96, 96)  # the largest of 96 x 77, 18 x 96 and 96 x 95, a multiple of 32


@pytest.mark.parametrize("kind", ["retinanet", "fcos", "reppoints"])
def test_boxes_alone_come_back_too(kind):
    said = [known(None, 0)]
    finder = DenseFinder(Clairvoyant(said, SHAPES[:1]), dense(kind), FLD, row("kgdet"), FIND)
    (found,) = finder([np.zeros((*SHAPES[0], 3), np.uint8)])
    torch.testing.assert_close(found.boxes, said[0]["bboxes"], rtol=1e-4, atol=1e-3)
    assert found.landmarks is None


def test_rows_of_one_network_do_not_disturb_each_other():
    """Each call sets what its row says, whichever ran before."""
    picture = np.zeros((*SHAPES[0], 3), np.uint8)
    model = Clairvoyant([known(8, 0)], SHAPES[:1])
    few = FIND.model_copy(update={"max_per_image": 3, "score_threshold": 0.2, "nms_threshold": 0.6})
    plain = DenseFinder(model, dense("kgdet"), FLD, row("kgdet"), FIND)
    flipped = DenseFinder(model, dense("kgdet"), FLD, row("kgdet", flip_test=True), few)
    as_trained = DenseFinder(
        model, dense("kgdet", flip_fusion="features"), FLD, row("kgdet", flip_test=True), FIND
    )
    for finder in (plain, flipped, as_trained, plain):
        finder([picture])
    assert [fusion for fusion, *_ in model.asked] == ["none", "picture", "features", "none"]
    most = FIND.max_per_image
    assert [test.max_per_img for _, test, _ in model.asked] == [most, 3, most, most]
    test = model.asked[1][1]
    assert (test.score_thr, test.nms.iou_threshold, test.nms_pre) == (0.2, 0.6, few.candidates)


def test_only_kgdet_fuses():
    model = Clairvoyant([known(8, 0)], SHAPES[:1])
    finder = DenseFinder(model, dense("reppoints-kp"), FLD, row("kgdet"), FIND)
    finder([np.zeros((*SHAPES[0], 3), np.uint8)])
    assert model.asked[0][0] == "features"  # as it was


def test_the_garments_of_regions_are_their_heads():
    model = Clairvoyant([known(8, 0)], SHAPES[:1], region=True)
    DenseFinder(model, dense("mask-rcnn"), FLD, row("kgdet"), FIND)([np.zeros((*SHAPES[0], 3), np.uint8)])
    assert model.asked[0][1].max_per_img == FIND.max_per_image and not hasattr(model.bbox_head, "test_cfg")
