"""Every type of one-shot network is counted, planned, and runs a step."""

from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample

from hemline.oneshot import build_oneshot
from hemline.params import check_params, load_params, read_values
from hemline.planning import networks_of, size_of
from hemline.planning.counting import memory_of, multiply_adds
from hemline.planning.networks import DenseNetwork, MaskRCNNNetwork
from hemline.planning.samples import samples_of
from hemline.planning.step import _predict, _train
from hemline.planning.trainings import trainings_of
from tests.oneshot.baselines.sizes import OWN, OWN_SMALL, SMALL, TRAINING

ROOT = Path(__file__).parents[2]
POINTS = {"points": 9, "point_scale": 4, "positives": 1, "grouping": "aggregated"}
KINDS = {
    **{kind: {**OWN[kind], **OWN_SMALL.get(kind, {})} for kind in OWN},
    "reppoints-kp": {**POINTS, "connection": "parallel", "landmark_weight": 1.0},
    "kgdet": {
        **POINTS, "points": [9], "informative": "encoding", "stages": 2, "flip_fusion": "picture",
        "losses": {"classification": [1, 1], "box": [1, 1], "landmark": [1, 1]},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def params():
    """The demo's set with a small network of each of paper 003's types, and nothing else."""
    values = read_values(ROOT / "params/demo.yaml")
    common = {**TRAINING, **SMALL, "image_size": [96, 64]}
    networks = {kind: {**common, **own, "type": kind} for kind, own in KINDS.items()}
    trained = {kind: {"page": "kgdet", "start": "hemline/training/pretrained.json"} for kind in KINDS}
    values["oneshot"] |= {"trained": trained, "finetuned": {}, "rows": {}, "networks": networks}
    values["oneshot"]["pages"] = {"deepmark": [], "kgdet": []}
    return check_params(values, "demo")


@pytest.fixture(scope="module")
def networks(params):
    return {one.name: one for one in networks_of(params) if one.name in KINDS}


def built(network, params):
    return build_oneshot(network.settings, params.wardrobe).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_counts_are_those_of_the_network_built(kind, networks, params):
    network = networks[kind]
    model = built(network, params)
    assert isinstance(network, MaskRCNNNetwork if kind == "mask-rcnn" else DenseNetwork)
    assert size_of(network).parameters == sum(one.numel() for one in model.parameters())
    assert memory_of(network).kept > 0
    assert network.channels == (13 if kind in ("retinanet", "fcos", "reppoints") else 81)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "mask-rcnn"])
def test_a_prediction_computes_what_is_counted(kind, networks, params):
    model = built(networks[kind], params)
    sample = DetDataSample(
        metainfo={"img_shape": (64, 96), "ori_shape": (64, 96), "scale_factor": (1.0, 1.0)}
    )
    found = multiply_adds(lambda: model.predict(torch.rand(1, 3, 64, 96), [sample], rescale=False))
    assert size_of(networks[kind]).prediction == pytest.approx(found, rel=1e-3)


def test_masks_are_counted_in_training_alone(networks):
    """And landmarks of as many boxes as are kept; heads of the same size do the same for each box."""
    network = networks["mask-rcnn"]
    model = network.on_meta().eval()
    head, meta = model.roi_head, torch.device("meta")
    of_box = multiply_adds(lambda: head.bbox_head(torch.empty(1, 16, 7, 7, device=meta)))
    of_landmarks = multiply_adds(lambda: head.landmark_head(torch.empty(1, 16, 7, 7, device=meta)))
    of_mask = multiply_adds(lambda: head.mask_head(torch.empty(1, 16, 7, 7, device=meta)))
    size, kept = size_of(network), network.find.dense.max_per_image
    settings = network.settings
    garments = settings.roi_samples // 4
    assert size.prediction - size.training == (
        (settings.proposals - settings.roi_samples) * of_box
        + (kept - garments) * of_landmarks
        - garments * of_mask
    )


def test_trainings_are_planned(params):
    found = {one.stage: one for one in trainings_of(params, samples_of(params, None))}
    for kind in KINDS:
        training = found[f"train_oneshot@{kind}"]
        assert training.iterations == -(-1600 // 2) and training.gpu_memory > 0


def test_a_step_and_a_prediction_run(networks, params, tmp_path):
    """With masks and landmarks; the other types have less. Here, not each in a process of its own: those take longer to
    start than a step."""
    step = _train(params, networks["mask-rcnn"], 2, tmp_path)
    prediction = _predict(params, networks["mask-rcnn"], 2, tmp_path)
    assert step.does == "training step" and prediction.does == "prediction"
    assert min(step.seconds, prediction.seconds, step.peak_memory_mb) > 0


def test_maps_of_one_cell_are_planned():
    """The demo's smallest DeepMark gets pictures of 32 px, of which its innermost level leaves a cell."""
    demo = load_params(ROOT / "params/demo.yaml")
    (network,) = [one for one in networks_of(demo) if one.name == "dla-32"]
    assert memory_of(network).kept > 0
