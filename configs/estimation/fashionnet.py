"""FashionNet, the baseline of paper 004, by its reading in docs/paper-004.md: stage 1 of deep fashion alignment (Liu et
al., ECCV 2016), VGG-16 that says the coordinates of a garment's landmarks and whether each is visible.

mmpose's own are the recipe of its regression networks (ImageNet's mean and deviation) and the estimator around the
parts; these are hemline/estimation/networks/fashionnet_parts.py's. hemline/estimation/config.py puts the values of
params.yaml (width, input size, channels, learning rate, ...) over it.
"""

_base_ = ["mmpose::body_2d_keypoint/topdown_regression/coco/td-reg_res50_8xb64-210e_coco-256x192.py"]

custom_imports = dict(imports=["hemline.estimation.networks.fashionnet_parts"])

# Why not mmpose: see hrnet.py.
default_scope = "mmengine"
log_processor = dict(_delete_=True, type="LogProcessor", by_epoch=True)
custom_hooks = []

# 224 x 224 as VGG-16 has, and deep fashion alignment; 24 landmarks as FashionAI.
codec = dict(type="CentredLabel", input_size=(224, 224))

model = dict(
    # From nothing, layers without normalisation learn if each keeps the size of what it gets (He et al., ICCV 2015).
    # The last ones begin near 0: in the middle of the crop, and equally sure of each class.
    backbone=dict(
        _delete_=True, type="VGG16", base_channels=64, init_cfg=dict(type="Kaiming", layer="Conv2d")
    ),
    neck=None,
    head=dict(
        _delete_=True,
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

# The optimiser, its schedule and the number of epochs are the training's in params.yaml.
optim_wrapper = dict(_delete_=True, optimizer=dict(type="Adam", lr=1e-4, fused=True))
param_scheduler = []
train_cfg = dict(by_epoch=True, max_epochs=6, val_interval=1)

# Validation is hemline.evaluation's matter, as in hrnet.py.
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
auto_scale_lr = None
