"""A convolutional pose machine (Wei et al., CVPR 2016) as mmpose has it, a baseline of paper 002.

mmpose's: body_2d_keypoint/topdown_heatmap/coco/td-hm_cpm_8xb32-210e_coco-384x288.py. It differs from the authors' in
batch normalisation behind every convolution but those that give maps, and in having neither a map of the background nor
one of the crop's centre, no dropout in the first stage, and no higher learning rate there (training/genProto.py).
hemline.estimation.networks.cpm puts in the sizes.
"""

_base_ = ["base.py"]

custom_imports = dict(imports=["hemline.estimation.parts.posemachine"])

model = dict(
    backbone=dict(
        type="PoseMachine",
        norm_cfg=dict(type="BN"),
        init_cfg=[  # mmpose's
            dict(type="Normal", std=0.001, layer="Conv2d"),
            dict(type="Constant", val=1, layer="_BatchNorm"),
        ],
    ),
    # The stages' maps are the heatmaps. Why the loss is weighted so: configs/estimation/hrnet.py; of higher targets
    # less: hemline/estimation/recipes.py.
    head=dict(
        type="StagesHead",
        final_layer=None,
        loss=dict(type="KeypointMSELoss", use_target_weight=True, loss_weight=1000.0),
    ),
)
