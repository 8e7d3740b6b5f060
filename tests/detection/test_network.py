"""The networks: as many categories everywhere, nothing downloaded, mmdet's traps of HTC avoided."""

from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from hemline.detection import build_detector
from hemline.detection.network import detector_config
from hemline.params import DetectSettings, load_params

PAPER = Path(__file__).parents[2] / "params" / "paper.yaml"


def sample(height, width):
    """One garment in the middle of a picture, with its mask."""
    box = torch.tensor([[width * 0.2, height * 0.2, width * 0.8, height * 0.8]])
    mask = torch.zeros(1, height, width, dtype=torch.uint8)
    mask[:, int(height * 0.2) : int(height * 0.8), int(width * 0.2) : int(width * 0.8)] = 1
    garment = InstanceData(
        bboxes=box, labels=torch.tensor([12]), masks=BitmapMasks(mask.numpy(), height, width)
    )
    shape = {"img_shape": (height, width), "ori_shape": (height, width), "scale_factor": (1.0, 1.0)}
    found = DetDataSample(metainfo=shape)
    found.gt_instances, found.ignored_instances = garment, InstanceData(bboxes=torch.zeros(0, 4))
    return found


def losses_of(model, height=128, width=96):
    """One training forward pass over two pictures."""
    pictures = [torch.randint(0, 255, (3, height, width), dtype=torch.uint8) for _ in range(2)]
    data = {"inputs": pictures, "data_samples": [sample(height, width) for _ in pictures]}
    return model.train()(**model.data_preprocessor(data, True), mode="loss")


def total(losses):
    return sum(
        sum(value) if isinstance(value, list) else value for key, value in losses.items() if "loss" in key
    )


@pytest.mark.parametrize("kind", ["cascade", "htc"])
@pytest.mark.parametrize("categories", [13, 3])
def test_as_many_categories_in_every_head(small, kind, categories):
    roi_head = build_detector(small(kind), categories).roi_head
    heads = [*roi_head.bbox_head, *(roi_head.mask_head if kind == "htc" else ())]
    assert [head.num_classes for head in heads] == [categories] * len(heads)
    assert len(heads) == (6 if kind == "htc" else 3)
    assert all(head.fc_cls.out_features == categories + 1 for head in roi_head.bbox_head)  # and background


def test_no_semantic_branch(small):
    assert not build_detector(small("htc"), 13).roi_head.with_semantic


@pytest.mark.parametrize("kind", ["cascade", "htc"])
def test_nothing_is_downloaded(small, kind):
    named = small(
        kind, backbone={"type": "ResNet", "depth": 18, "base_channels": 8, "init": "torchvision://resnet18"}
    )
    assert "Pretrained" not in str(detector_config(named, 13).model)


def test_batch_statistics_learn_unless_pretrained(small):
    plain = build_detector(small("cascade"), 13).train()
    named = small(
        "cascade", backbone={"type": "ResNet", "depth": 18, "base_channels": 8, "init": "weights.pt"}
    )
    frozen = build_detector(named, 13).train()
    assert plain.backbone.bn1.training and plain.backbone.conv1.weight.requires_grad
    assert not frozen.backbone.layer4[0].bn1.training and not frozen.backbone.conv1.weight.requires_grad


@pytest.mark.parametrize("kind", ["cascade", "htc"])
def test_one_step_reaches_every_weight(small, kind):
    torch.manual_seed(0)
    model = build_detector(small(kind), 13)
    total(losses_of(model)).backward()
    # The last stage's mask head passes nothing on; the RPN's coarsest level comes of pooling, without weights.
    missed = [name for name, value in model.named_parameters() if value.grad is None]
    assert not missed


@pytest.mark.parametrize("masks", [False, True])
def test_htc_refines_boxes_between_stages(small, masks, monkeypatch):
    """mmdet's default without masks (interleaved) would train all three stages on the RPN's boxes."""
    model = build_detector(small("htc", masks=masks), 13)
    refined = []
    for stage, head in enumerate(model.roi_head.bbox_head):
        refine = head.refine_bboxes
        monkeypatch.setattr(
            head, "refine_bboxes", lambda *a, s=stage, f=refine, **k: refined.append(s) or f(*a, **k)
        )
    losses = losses_of(model)
    assert {0, 1} <= set(refined)
    assert ("s2.loss_mask" in losses) == masks


def test_test_settings_reach_the_network(small):
    test = DetectSettings(proposals=7, score_threshold=0.25, nms_threshold=0.6, max_per_image=3)
    found = build_detector(small("cascade"), 13, test).test_cfg
    assert found.rpn.max_per_img == 7
    assert (found.rcnn.score_thr, found.rcnn.nms.iou_threshold, found.rcnn.max_per_img) == (0.25, 0.6, 3)


def test_paper_size_htc_takes_a_training_step():
    """HTC, ResNeXt-101-64x4d, FPN of 256: on small pictures and with fewer boxes, for a CPU's sake."""
    settings = load_params(PAPER).detector.htc.model_copy(update={"roi_samples": 64})
    model = build_detector(settings, 13)
    assert model.roi_head.mask_head[2].conv_logits.out_channels == 13
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.lr)
    before = model.roi_head.bbox_head[2].fc_cls.weight.clone()
    loss = total(losses_of(model, 96, 64))
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert not torch.equal(before, model.roi_head.bbox_head[2].fc_cls.weight)
    assert sum(value.numel() for value in model.parameters()) > 130e6
