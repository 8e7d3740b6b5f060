"""RetinaNet on garments: boxes alone.

Inherits mmdet's heads and assignments; its COCO data, schedule and runtime are not used. Backbone, pyramid and the
sizes in params.yaml are put in by hemline.oneshot.baselines, so that demo and paper scale are this one file.
"""

_base_ = "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py"
