"""FashionNet, the baseline of paper 004, by its reading in docs/paper-004.md: stage 1 of deep fashion alignment (Liu et
al., ECCV 2016), VGG-16 that says the coordinates of a garment's landmarks and whether each is visible.

hemline.estimation.networks.fashionnet puts in the sizes.
"""

_base_ = ["base.py"]

custom_imports = dict(imports=["hemline.estimation.parts.fashionnet"])

# 224 x 224 as VGG-16 has, and deep fashion alignment; 24 landmarks as FashionAI.
codec = dict(type="CentredLabel", input_size=(224, 224))

model = dict(
    # From nothing, layers without normalisation learn if each keeps the size of what it gets (He et al., ICCV 2015).
    # The last ones begin near 0: in the middle of the crop, and equally sure of each class.
    backbone=dict(type="VGG16", base_channels=64, init_cfg=dict(type="Kaiming", layer="Conv2d")),
    head=dict(
        type="FashionNetHead",
        in_features=512 * 7 * 7,
        hidden=4096,
        dropout=0.5,
        channels=24,
        visibility_weight=1.0,
        decoder=codec,
        init_cfg=dict(
            type="Kaiming",
            layer="Linear",
            override=[dict(type="Normal", name=name, std=0.001) for name in ("coordinates", "visibility")],
        ),
    ),
)
