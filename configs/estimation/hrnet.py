"""HRNet with a heatmap head for clothes landmarks, at the scale of paper 000 (authors' code,
experiments/deepfashion2/w48_512x384_adam_lr1e-3-agg81kps.yaml).

Everything not named here is mmpose's own COCO recipe: data preprocessor, HRNet-w48, head, loss, codec.
hemline/estimation/config.py puts the values of params.yaml (width, input size, channels, learning rate, ...) over it,
so the small networks of the demo are the same recipe.
"""

_base_ = ["mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w48_8xb32-210e_coco-384x288.py"]

# mmpose's parts are named as such below. Were its scope the default one, mmengine would look for each of its own parts
# (log processor, hooks, loops) in mmpose first, and for that import all of mmpose's demos and mmdet: four seconds.
default_scope = "mmengine"
log_processor = dict(_delete_=True, type="LogProcessor", by_epoch=True)
custom_hooks = []

# Authors' yaml: 384 x 512 (people are 288 x 384 in mmpose's), heatmaps at a quarter, sigma 3.
codec = dict(input_size=(384, 512), heatmap_size=(96, 128), sigma=3)

model = dict(
    # No ImageNet weights by download: `init` of the training names a file when there is one. This is how
    # mmpose's HRNet starts otherwise.
    backbone=dict(
        init_cfg=[
            dict(type="Normal", std=0.001, layer="Conv2d"),
            dict(type="Constant", val=1, layer=["_BatchNorm", "GroupNorm"]),
        ]
    ),
    # The head's channels are groups of landmarks. `use_target_weight` (mmpose's own) keeps every channel of another
    # category, and every unlabelled landmark, out of the loss. The loss is a mean over all pixels of all channels: its
    # gradients, 1e-8 in the middle of a small network and less with 294 channels, are as small as Adam's epsilon.
    # Lifted above it, they train alike whatever the number of channels.
    head=dict(out_channels=81, loss=dict(loss_weight=1000.0), decoder=codec),
    # mmpose computes PCK of each training batch on the CPU, a third of the time of a small network's step.
    train_cfg=dict(compute_acc=False),
)

# Authors' yaml: Adam 1e-3, a tenth after epochs 7 and 10 of 12. Its weight decay of 1e-4 never reaches the optimiser
# in the authors' code, and there is no warm-up. `fused` is the same update in one kernel.
optim_wrapper = dict(_delete_=True, optimizer=dict(type="Adam", lr=1e-3, fused=True))
param_scheduler = [dict(type="MultiStepLR", begin=0, end=12, milestones=[7, 10], gamma=0.1, by_epoch=True)]
train_cfg = dict(by_epoch=True, max_epochs=12, val_interval=1)

# Validation is hemline.evaluation's matter: mmpose's COCO metric knows neither our categories nor our sigmas.
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
auto_scale_lr = None
