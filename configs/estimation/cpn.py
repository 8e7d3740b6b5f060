"""A cascaded pyramid network on ResNet-50 for FashionAI's 24 groups, at the scale of paper 002.

Details that the paper doesn't give are those of HiKapok/tf.fashionAI, whose defaults its hyper-parameters are
(net/cpn.py, train_cpn_onebyone.py). hemline/estimation/networks/cpn.py puts the values of params.yaml over it, so the
small networks of the demo are the same recipe.
"""

_base_ = ["base.py"]

custom_imports = dict(imports=["hemline.estimation.parts.cpn_head", "hemline.estimation.parts.detnet"])

# Paper 002 sec. 2.1: 384 x 384. Heatmaps of a quarter, sigma 1: train_cpn_onebyone.py.
codec = dict(type="MSRAHeatmap", input_size=(384, 384), heatmap_size=(96, 96), sigma=1)

model = dict(
    # Nothing is frozen, no weights are downloaded: `init` of the network names a file when there is one.
    backbone=dict(type="ResNet", depth=50, out_indices=(0, 1, 2, 3)),
    head=dict(
        type="CPNHead",
        in_channels=(256, 512, 1024, 2048),
        strides=(4, 8, 16, 32),
        out_channels=24,
        heatmap_size=(96, 96),
        features=256,
        bottlenecks=(3, 2, 1, 0),
        bottleneck_width=128,
        target_scale=255.0,
        loss=dict(
            type="CPNLoss",
            blur=(1.0, 1.37, 1.73, 2.4),
            heights=(3.14, 4.10, 4.71, 5.35),
            hard=0.5,
            global_weight=0.5,
        ),
        decoder=codec,
    ),
)

# Paper 002 sec. 2.1: SGD, 50 epochs.
optim_wrapper = dict(_delete_=True, optimizer=dict(type="SGD", lr=1e-4, momentum=0.9, weight_decay=1e-5))
train_cfg = dict(max_epochs=50)
