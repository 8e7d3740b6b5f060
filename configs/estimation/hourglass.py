"""Stacked hourglasses (Newell et al., ECCV 2016) as mmpose has them, a baseline of paper 002.

mmpose's: body_2d_keypoint/topdown_heatmap/coco/td-hm_hourglass52_8xb32-210e_coco-384x384.py.
hemline.estimation.networks.hourglass puts in the sizes.
"""

_base_ = ["base.py"]

custom_imports = dict(imports=["hemline.estimation.parts.hourglass", "hemline.estimation.parts.stages"])

model = dict(
    backbone=dict(type="StackedHourglasses"),
    # Why the loss is weighted so: configs/estimation/hrnet.py; of higher targets less: hemline/estimation/recipes.py.
    head=dict(
        type="StagesHead",
        loss=dict(type="KeypointMSELoss", use_target_weight=True, loss_weight=1000.0),
    ),
)
