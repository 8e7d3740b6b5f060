"""Cascade R-CNN on garments.

Inherits mmdet's model; its COCO data, schedule and runtime are not used: hemline.detection composes those, and
applies the sizes in params.yaml to the model below, so that demo and paper scale are this one file.
"""

_base_ = "mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py"

model = dict(
    # weights never come from the network unasked: params' backbone.init names them, and only training loads them
    backbone=dict(init_cfg=None),
    # mmdet's, with what goes to mmcv's operators on boxes in full precision also where others are mixed
    rpn_head=dict(type="ExactRPNHead"),
    roi_head=dict(bbox_roi_extractor=dict(type="ExactRoIExtractor")),
)
