"""Settings of the baselines in the demo's size and the paper's, and pictures to feed them."""

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from pydantic import TypeAdapter

from hemline.oneshot.baselines.config import fcos_model, mask_rcnn_model, reppoints_model, retinanet_model
from hemline.oneshot.network import import_oneshot
from hemline.params.dense import FcosSettings, MaskRCNNSettings, RepPointsSettings, RetinaNetSettings

TRAINING = {
    "epochs": 1, "milestones": [], "lr": 0.01, "batch_size": 2, "seed": 0, "optimizer": "SGD", "weight_decay": 0.0,
    "warmup_steps": 0, "clip_gradient": None, "flip": 0.5,
}  # fmt: skip

SMALL = {
    "backbone": {"type": "ResNet", "depth": 18, "base_channels": 8},
    "fpn_channels": 16, "levels": [3, 4, 5], "head_width": 16, "head_convs": 1, "image_size": [96, 96],
}  # fmt: skip

# mmdet's, with 13 categories and weights of ImageNet to start from, which freeze the stem and the first stage.
LARGE = {
    "backbone": {"type": "ResNet", "depth": 50, "base_channels": 64, "init": "torchvision://resnet50"},
    "fpn_channels": 256, "levels": [3, 4, 5, 6, 7], "head_width": 256, "head_convs": 4, "image_size": [1333, 800],
}  # fmt: skip

OWN = {
    "retinanet": {"anchor_scale": 4},
    "fcos": {"reach": 8},
    "reppoints": {"points": 9, "point_scale": 4, "positives": 1, "head_convs": 3},
    "mask-rcnn": {
        "grouping": "aggregated", "levels": [2, 3, 4, 5, 6], "anchor_scale": 8, "head_convs": 1, "box_channels": 1024,
        "mask_convs": 4, "mask_size": 28, "landmark_convs": 8, "landmark_channels": 512, "heatmap_size": 56,
        "landmark_weight": 1.0, "mask_weight": 1.0, "proposals": 1000, "rpn_samples": 256, "roi_samples": 512,
    },
}  # fmt: skip

# What of OWN is smaller in small networks.
OWN_SMALL = {
    "mask-rcnn": {
        "levels": [3, 4, 5], "anchor_scale": 4, "box_channels": 32, "mask_convs": 1, "mask_size": 14,
        "landmark_convs": 2, "landmark_channels": 16, "heatmap_size": 28, "proposals": 50, "rpn_samples": 32,
        "roi_samples": 16,
    },
    "reppoints": {"head_convs": 1},
}  # fmt: skip

_ANY = TypeAdapter(RetinaNetSettings | FcosSettings | RepPointsSettings | MaskRCNNSettings)


def settings(kind, size=SMALL, **changes):
    small = OWN_SMALL.get(kind, {}) if size is SMALL else {}
    return _ANY.validate_python(
        {**TRAINING, **size, **OWN[kind], **small, "type": kind, **changes}, strict=False
    )


def config(settings, categories=13, channels=8):
    """mmdet's config of the network."""
    import_oneshot()
    if settings.type == "mask-rcnn":
        return mask_rcnn_model(settings, categories, channels)
    makes = {"retinanet": retinanet_model, "fcos": fcos_model, "reppoints": reppoints_model}
    return makes[settings.type](settings, categories)


def started(settings, **options):
    """Built, with its first weights, drawn anew each time alike."""
    torch.manual_seed(0)
    made = MODELS.build(config(settings, **options))
    made.init_weights()
    return made


def garment_sample(boxes, labels, landmarks, size=(96, 96), masks=True):
    """A picture of `size` (height, width) with garments: boxes x1 y1 x2 y2, landmarks (N, K, 3)."""
    height, width = size
    boxes = torch.tensor(boxes, dtype=torch.float32).view(-1, 4)
    garments = InstanceData(bboxes=boxes, labels=torch.tensor(labels, dtype=torch.int64), landmarks=landmarks)
    if masks:
        filled = torch.zeros(len(boxes), height, width, dtype=torch.uint8)
        for mask, (left, top, right, bottom) in zip(filled, boxes.int().tolist(), strict=True):
            mask[top:bottom, left:right] = 1
        garments.masks = BitmapMasks(filled.numpy(), height, width)
    sample = DetDataSample(metainfo={"img_shape": size, "ori_shape": size, "scale_factor": (1.0, 1.0)})
    sample.gt_instances, sample.ignored_instances = garments, InstanceData(bboxes=torch.zeros(0, 4))
    return sample


def drawn(number, channels=8):
    """A picture (3, 96, 96) of a garment with a spot at each of its landmarks, and its sample.

    The first has category 0 and landmarks 0 and 1, the second category 1 and landmarks 2 and 3.
    """
    left, top, right, bottom = [(20, 16, 68, 80), (32, 24, 88, 72)][number]
    places = [[(30.5, 30.5), (58.5, 70.5)], [(44.5, 60.5), (78.5, 34.5)]][number]
    picture = torch.full((3, 96, 96), 40.0)
    picture[number, top:bottom, left:right] = 200
    landmarks = torch.zeros(1, channels, 3)
    for place, (x, y) in enumerate(places):
        picture[2, int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] = 120.0 + 120 * place
        landmarks[0, 2 * number + place] = torch.tensor([x, y, 2.0])
    return picture.byte(), garment_sample([[left, top, right, bottom]], [number], landmarks)


def batch(model, pairs, training):
    """Pictures and samples as the model gets them."""
    pictures, samples = zip(*pairs, strict=True)
    return model.data_preprocessor({"inputs": list(pictures), "data_samples": list(samples)}, training)


def total(losses):
    """The sum of what is a loss."""
    each = [value if isinstance(value, list) else [value] for key, value in losses.items() if "loss" in key]
    return sum(one for values in each for one in values)
