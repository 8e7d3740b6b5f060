"""RepPoints on garments: boxes alone, from the moments of points, with group normalisation.

Of mmdet's files the one whose weights paper 003's Table 1 counts (36.61 M; without group normalisation 36.60 M).
Backbone, pyramid and the sizes in params.yaml are put in by hemline.oneshot.baselines.
"""

_base_ = "mmdet::reppoints/reppoints-moment_r50_fpn-gn_head-gn_1x_coco.py"

model = dict(
    # mmdet's, with an operator that also has shapes without numbers and takes part in mixed precision
    bbox_head=dict(type="OffsetRepPointsHead"),
)
