"""FCOS on garments: boxes alone, as in its paper's first version (no centre sampling, IoU loss).

mmdet's file rests on Caffe's ResNet; here backbone and pictures are those of the other networks. Backbone, pyramid and
the sizes in params.yaml are put in by hemline.oneshot.baselines.
"""

_base_ = "mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py"
