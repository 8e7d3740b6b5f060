"""What is counted without running equals what a network that runs computes, and holds."""

from functools import partial

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.analysis import FlopAnalyzer
from torch.utils.flop_counter import FlopCounterMode

from hemline.detection import build_detector
from hemline.estimation import build_estimator
from hemline.oneshot.deepmark.dla import DeformableConv
from hemline.params import DetectSettings
from hemline.planning.counting import memory_of, multiply_adds, size_of
from hemline.planning.networks import DetectorNetwork, EstimatorNetwork
from tests.detection.conftest import settings_of
from tests.detection.test_network import losses_of, total
from tests.estimation.networks.staged import CPM, FPM, HOURGLASS
from tests.estimation.networks.test_cpn import SMALL as CPN
from tests.estimation.wardrobes import NETWORK

BOXES = 20


def detector(kind="htc"):
    settings = settings_of(kind, image_size=(128, 96), proposals=BOXES)
    test = DetectSettings(proposals=BOXES, max_per_image=BOXES)
    return DetectorNetwork("d", "s", "p", (128, 96), 13, settings=settings, test=test)


def counted(run):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


def test_a_detectors_prediction_equals_mmdets_forward():
    """mmdet's own `mode="tensor"`, which its get_flops.py counts, with as many proposals as are let through."""
    for kind in ("cascade", "htc"):
        network = detector(kind)
        model = build_detector(network.settings, 13, network.test).eval()
        model.test_cfg.rpn.update(nms={"type": "nms", "iou_threshold": 1.0}, min_bbox_size=-1)
        model.rpn_head.test_cfg = model.test_cfg.rpn
        shape = {"img_shape": (96, 128), "ori_shape": (96, 128), "scale_factor": (1.0, 1.0)}
        samples = [DetDataSample(metainfo=shape)]
        found = counted(partial(model, torch.rand(1, 3, 96, 128), samples, mode="tensor"))
        assert size_of(network).prediction == found


def test_a_training_pass_is_at_most_what_is_counted():
    """A real one has as many boxes, and as many masks as garments were found."""
    network = detector("cascade")
    model = build_detector(network.settings, 13, network.test).train()
    found = counted(lambda: losses_of(model, 96, 128)) / 2  # two pictures
    assert 0.8 * size_of(network).training < found <= size_of(network).training


def test_an_estimators_work_equals_mmengines_count():
    network = EstimatorNetwork("e", "s", "p", NETWORK.input_size, 81, settings=NETWORK)
    model = build_estimator(NETWORK, 81).eval()
    width, height = NETWORK.input_size
    work = FlopAnalyzer(model, (torch.rand(1, 3, height, width), None, "tensor")).by_operator()
    assert size_of(network).prediction == work["conv"] + work.get("linear", 0)


def test_a_deformable_convolution_counts_as_a_plain_one_and_the_one_of_its_offsets():
    with torch.device("meta"):
        conv, features = DeformableConv(8, 4), torch.empty(2, 8, 16, 12)
    assert multiply_adds(lambda: conv(features)) == 2 * 16 * 12 * 9 * 8 * (4 + 27)


def test_what_is_kept_equals_what_autograd_saves():
    """Backbone and pyramid of a network on the CPU hold the same storages as on META."""
    network = EstimatorNetwork("e", "s", "p", NETWORK.input_size, 81, settings=NETWORK)
    model = build_estimator(NETWORK, 81).train()
    width, height = NETWORK.input_size
    own = {id(weights) for weights in model.parameters()}
    saved = {}

    def keep(tensor):
        if id(tensor) not in own:
            saved[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        keep(model.head(model.backbone(torch.rand(1, 3, height, width))))
    weights = {one.untyped_storage().data_ptr() for one in (*model.parameters(), *model.buffers())}
    real = sum(one.untyped_storage().nbytes() for key, one in saved.items() if key not in weights)
    assert abs(memory_of(network).kept - real) < 0.02 * real


def test_frozen_layers_keep_nothing():
    frozen = settings_of("cascade", backbone={"type": "ResNet", "depth": 18, "base_channels": 8, "init": "x"})
    learning = settings_of("cascade")
    made = [
        memory_of(DetectorNetwork("d", "s", "p", (128, 96), 13, settings=settings, test=DetectSettings()))
        for settings in (frozen, learning)
    ]
    assert made[0].kept < made[1].kept
    assert made[0].learning < made[1].learning == made[1].weights - _buffers(learning)


def _buffers(settings):
    return sum(one.nbytes for one in build_detector(settings, 13).buffers())


def test_one_step_of_a_small_detector_runs_as_planned():
    """The helpers that this file borrows do what a training does."""
    model = build_detector(detector("htc").settings, 13)
    assert torch.isfinite(total(losses_of(model)))


@pytest.mark.parametrize(
    ("settings", "stages", "maps"),
    [(CPM, 3, 24), (FPM, 3, 25), (HOURGLASS, 2, 24)],
    ids=["cpm", "fpm", "hourglass"],
)
def test_of_stages_the_last_is_a_prediction_and_all_are_trained(settings, stages, maps):
    """FPM's 25th map is the background's, which nothing is read from."""
    network = EstimatorNetwork("e", "s", "p", settings.input_size, 24, settings=settings)
    model = network.on_meta().eval()
    size = tuple(reversed(settings.heatmap_size))
    assert [one.shape for one in network.predict(model)] == [(1, 24, *size)]
    assert [one.shape for one in network.train(model)] == [(1, maps, *size)] * stages
    width, height = settings.input_size
    real = build_estimator(settings, 24).eval()
    run = partial(real, torch.rand(1, 3, height, width), None, "tensor")
    assert size_of(network).prediction == size_of(network).training == counted(run)


def test_the_maps_of_a_cpns_pyramid_are_made_in_training_alone():
    """On each of four levels a 1x1 convolution of `features` and a 3x3 one to the landmarks."""
    network = EstimatorNetwork("e", "s", "p", CPN.input_size, 24, settings=CPN)
    (width, height), features = CPN.input_size, CPN.features
    pixels = sum(width // stride * (height // stride) for stride in (4, 8, 16, 32))
    more = pixels * (features * features + 9 * features * 24)
    assert size_of(network).training - size_of(network).prediction == more
