"""What recipes of estimators share that are not built on one of mmpose's: the frame around backbone and head.

hemline/estimation/config.py puts optimiser, schedule and data of params.yaml in its place.
"""

# mmpose's parts are named as such. Were its scope the default one, mmengine would look for each of its own parts (log
# processor, hooks, loops) in mmpose first, and for that import all of mmpose's demos and mmdet: four seconds.
default_scope = "mmengine"
log_processor = dict(type="LogProcessor", by_epoch=True)
custom_hooks = []
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)

model = dict(
    _scope_="mmpose",
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor",
        mean=[123.675, 116.28, 103.53],  # ImageNet's, RGB, as in all of mmpose's recipes
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
)

optim_wrapper = dict(optimizer=dict(type="Adam", lr=1e-3))
train_cfg = dict(by_epoch=True, max_epochs=1)
