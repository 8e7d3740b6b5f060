"""Hybrid Task Cascade on garments, without the semantic branch.

mmdet's other HTC files have that branch, which wants COCO's stuff maps; DeepFashion2 has none. Paper 000 names
HTC and ResNeXt-101-64x4d and is silent about masks; here DeepFashion2's polygons train the mask heads when
params' `masks` is true. The sizes in params.yaml are applied by hemline.detection.
"""

_base_ = "mmdet::htc/htc-without-semantic_r50_fpn_1x_coco.py"

model = dict(
    # pictures of a batch are padded to one size; mmdet's file forgets to pad their masks as well
    data_preprocessor=dict(pad_mask=True),
    # weights never come from the network unasked: params' backbone.init names them, and only training loads them
    backbone=dict(init_cfg=None),
    # mmdet's, with what goes to mmcv's operators on boxes in full precision also where others are mixed
    rpn_head=dict(type="ExactRPNHead"),
    roi_head=dict(
        bbox_roi_extractor=dict(type="ExactRoIExtractor"),
        mask_roi_extractor=dict(type="ExactRoIExtractor"),
    ),
)
