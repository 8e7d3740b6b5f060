"""DetNet-59: its size as published, its dilated stages by a plain rendering, ResNet-50's weights in it."""

import pytest
import torch
from mmpose.models import ResNet
from torch.nn import functional

from hemline.estimation.parts.detnet import DetNet, dilated_stage
from hemline.training import load_weights, save_weights


def narrow(kind=DetNet, depth=59, **options):
    """A network of a sixteenth of the width, with weights and statistics that are not all alike."""
    torch.manual_seed(0)
    model = kind(depth, stem_channels=4, base_channels=4, **options)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) * 0.3 + 0.1)
    model.eval()
    return model


def multiplications(model, size):
    """Of all convolutions, for one picture of `size` x `size`."""
    found = []

    def count(layer, _, out):
        found.append(out.numel() * layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1])

    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    return sum(found), len(found)


def test_the_size_is_detnet_59s():
    """4.8 G in the paper's abstract, beside ResNet-50's 3.8 G: multiplications of 224 x 224 pixels.

    Both count stride 2 in the first 1x1 of a bottleneck (`caffe`). The paper tells no number of weights.
    """
    resnet, _ = multiplications(ResNet(50, style="caffe", out_indices=(3,)), 224)
    detnet, layers = multiplications(DetNet(style="caffe"), 224)
    assert resnet == pytest.approx(3.8e9, rel=0.02)
    assert detnet == pytest.approx(4.8e9, rel=0.01)
    projections = 5
    assert layers - projections + 1 == 59  # the classifier is a layer too


def test_the_weights_are_counted_by_hand():
    stem = 3 * 64 * 49 + 2 * 64

    def block(width, hidden, own):
        shortcut = width * own + 2 * own if own else 0
        out = 4 * hidden
        return width * hidden + hidden * hidden * 9 + hidden * out + 2 * (2 * hidden + out) + shortcut

    def stage(width, hidden, blocks):
        return block(width, hidden, 4 * hidden) + (blocks - 1) * block(4 * hidden, hidden, 0)

    wanted = stem + stage(64, 64, 3) + stage(256, 128, 4) + stage(512, 256, 6) + 2 * stage(1024, 256, 3)
    assert sum(weight.numel() for weight in DetNet().parameters()) == wanted == 17_347_648


def test_the_levels_are_of_strides_4_8_and_three_times_16():
    levels = narrow()(torch.rand(1, 3, 64, 96))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (16, 16, 24),
        (32, 8, 12),
        (64, 4, 6),
        (64, 4, 6),
        (64, 4, 6),
    ]
    chosen = narrow(out_indices=(1, 4))(torch.rand(1, 3, 64, 96))
    assert [level.shape[1] for level in chosen] == [32, 64]


def batch_norm(x, weights, name):
    part = [weights[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
    return functional.batch_norm(x, *part)


def test_a_dilated_stage_is_a_projected_block_and_plain_ones():
    torch.manual_seed(1)
    stage = dilated_stage(8, 3).eval()
    for value in stage.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value))
    weights = stage.state_dict()
    x = found = torch.rand(2, 8, 7, 6)
    for number in range(3):
        y = functional.relu(
            batch_norm(functional.conv2d(x, weights[f"{number}.conv1.weight"]), weights, f"{number}.bn1")
        )
        y = functional.conv2d(y, weights[f"{number}.conv2.weight"], padding=2, dilation=2)
        y = functional.relu(batch_norm(y, weights, f"{number}.bn2"))
        y = batch_norm(functional.conv2d(y, weights[f"{number}.conv3.weight"]), weights, f"{number}.bn3")
        if number == 0:
            x = batch_norm(functional.conv2d(x, weights["0.downsample.0.weight"]), weights, "0.downsample.1")
        x = functional.relu(x + y)
    assert torch.allclose(stage(found), x, rtol=1e-4)
    assert "1.downsample.0.weight" not in weights and "2.downsample.0.weight" not in weights


def test_resnet_50s_weights_fit_but_for_its_last_stage(tmp_path):
    resnet = narrow(ResNet, 50, out_indices=(0, 1, 2, 3))
    with torch.no_grad():
        for value in resnet.state_dict().values():
            if value.is_floating_point():
                value.mul_(0.7)
    save_weights(resnet, tmp_path / "resnet50.pt")
    detnet = narrow()
    report = load_weights(detnet, tmp_path / "resnet50.pt", strict=False)
    assert all(key.startswith("layer4.") for key in report.skipped) and not report.reshaped
    assert report.skipped and all(key.startswith("dilated") for key in report.missing)
    crops = torch.rand(2, 3, 64, 64)
    for own, theirs in zip(detnet(crops)[:3], resnet(crops), strict=False):
        assert torch.equal(own, theirs)


def test_gradients_reach_every_weight():
    torch.manual_seed(0)
    model = DetNet(stem_channels=4, base_channels=4)
    sum((level * torch.rand_like(level)).sum() for level in model(torch.rand(2, 3, 64, 64))).backward()
    assert [name for name, weight in model.named_parameters() if not weight.grad.abs().any()] == []
