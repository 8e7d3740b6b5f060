"""Mask R-CNN on garments with a landmark head: DeepFashion2's Match R-CNN without retrieval.

mmdet has no landmark head: the RoI head is hemline.oneshot.baselines', which puts in backbone, pyramid and the sizes
in params.yaml as well.
"""

_base_ = "mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py"

# The landmark head pools as the mask head does.
pooling = dict(
    type="ExactRoIExtractor",
    roi_layer=dict(type="RoIAlign", output_size=14, sampling_ratio=2),
)

model = dict(
    # mmdet's, with what goes to mmcv's operators on boxes in full precision also where others are mixed
    rpn_head=dict(type="ExactRPNHead"),
    roi_head=dict(
        type="LandmarkRoIHead",
        # two samples a side of a bin, as in Detectron and torchvision; mmdet's one a pixel takes longer
        bbox_roi_extractor=dict(type="ExactRoIExtractor", roi_layer=dict(sampling_ratio=2)),
        mask_roi_extractor=pooling,
        landmark_roi_extractor=pooling,
        landmark_head=dict(type="HeatmapHead"),
    ),
)
