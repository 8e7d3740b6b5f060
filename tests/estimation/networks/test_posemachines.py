"""CPM and FPM: layers, receptive fields, sizes, background, loss, and what they learn."""

import numpy as np
import pytest
import torch
from mmpose.models import backbones
from pydantic import ValidationError
from torch import nn

from hemline.estimation import Estimator, build_estimator
from hemline.params import CPMSettings, FPMSettings, estimator_network
from hemline.planning import size_of
from hemline.planning.networks import EstimatorNetwork
from tests.estimation import rendering
from tests.estimation.networks.staged import (
    AGGREGATED,
    BOX,
    CPM,
    CROP,
    FPM,
    GROUPINGS,
    garments_as_batch,
    idle,
    skirts,
    targets_and_weights,
    trained,
)
from tests.estimation.wardrobes import landmarks, picture

SIZES = {"stages": 6, "features": 128, "middle": 32, "width": 512}
PAPER = FPMSettings(type="fpm", input_size=(512, 512), shared_from=2, normalised=False, **SIZES, **CROP)
PUBLISHED = CPMSettings(type="cpm", target_scale=1.0, input_size=(192, 256), **SIZES, **CROP)

# genProto.py, with a map of the background beside FashionAI's 24 groups: kernel, channels in, channels out; 0: a pool.
POOL = (0, 0, 0)
PICTURE = [(9, 3, 128), POOL, (9, 128, 128), POOL, (9, 128, 128), POOL]
FIRST = [*PICTURE, (5, 128, 32), (9, 32, 512), (1, 512, 512), (1, 512, 25)]
LATER = [(5, 128, 32), (11, 57, 128), (11, 128, 128), (11, 128, 128), (1, 128, 128), (1, 128, 25)]


def fpm(settings=FPM, channels=81, **changes):
    """Its weights as at the start of a training."""
    torch.manual_seed(0)
    model = build_estimator(settings.model_copy(update=changes), channels)
    model.init_weights()
    return model


def layers(*modules):
    """Convolutions and pools, in their order, as in the tables above."""
    found = [layer for module in modules for layer in module.modules()]
    kinds = [layer for layer in found if isinstance(layer, nn.Conv2d | nn.MaxPool2d)]
    return [
        (layer.kernel_size[0], layer.in_channels, layer.out_channels)
        if isinstance(layer, nn.Conv2d)
        else POOL
        for layer in kinds
    ]


def weights_of(table):
    """The weights of a table's convolutions, a bias for each map."""
    return sum(kernel**2 * inputs * outputs + outputs for kernel, inputs, outputs in table)


def count(model):
    return sum(one.numel() for one in model.parameters())


@pytest.mark.parametrize("shared_from", [2, 3])
def test_the_layers_are_the_papers(shared_from):
    backbone = fpm(PAPER, 24, shared_from=shared_from).backbone
    assert layers(backbone.stem) == FIRST
    assert layers(backbone.middle) == PICTURE
    assert [layers(own) for own in backbone.own] == [PICTURE] * (shared_from - 2)
    stages = zip(backbone.middle_conv, backbone.cpm_stages, backbone.out_convs, strict=True)
    assert [layers(*parts) for parts in stages] == [LATER] * 5
    assert not [layer for layer in backbone.modules() if isinstance(layer, nn.BatchNorm2d | nn.Dropout)]


@pytest.mark.parametrize("shared_from", [2, 3])
def test_the_papers_size(shared_from):
    settings = PAPER.model_copy(update={"shared_from": shared_from})
    size = size_of(EstimatorNetwork("fpm", "s", "p", (512, 512), 24, settings=settings))
    assert size.parameters == weights_of(FIRST) + (shared_from - 1) * weights_of(PICTURE) + 5 * weights_of(
        LATER
    )
    assert size.parameters == {2: 31_928_406, 3: 34_614_102}[shared_from]
    at_512, at_256, at_128, at_64 = (side**2 for side in (512, 256, 128, 64))
    pictured = 81 * 3 * 128 * at_512 + 81 * 128 * 128 * (at_256 + at_128)
    maps = at_64 * sum(kernel**2 * inputs * outputs for kernel, inputs, outputs in [*FIRST[6:], *LATER * 5])
    assert size.prediction == shared_from * pictured + maps


def test_cpm_is_mmposes():
    """Its layers by name, what it says, and its published 31.3 M, 63.81 G and 143.57 G.

    mmpose 0.x, docs/en/inference_speed_summary.md; its counts have normalisation in them, under 1 %.
    """
    model = build_estimator(PUBLISHED, 17).eval()
    torch.manual_seed(0)
    theirs = backbones.CPM(3, 17)
    theirs.init_weights()
    theirs.eval()
    model.backbone.load_state_dict(theirs.state_dict())
    picture = torch.randn(1, 3, 64, 48)
    for one, other in zip(model.backbone(picture), theirs(picture), strict=True):
        assert torch.equal(one, other)
    assert count(model) == count(theirs) == pytest.approx(31.3e6, rel=0.005)
    for input_size, giga in (((192, 256), 63.81), ((288, 384), 143.57)):
        size = size_of(EstimatorNetwork("cpm", "s", "p", input_size, 17, settings=PUBLISHED))
        assert size.prediction / 1e9 == pytest.approx(giga, rel=0.01)


def test_cpm_beside_fpm():
    """Of 24 landmarks the one has 25 maps and biases, the other normalisations: a factor and a shift for each map."""
    narrow = [(kernel, 56 if inputs == 57 else inputs, 24 if outputs == 25 else outputs)
              for kernel, inputs, outputs in [*FIRST, *PICTURE, *LATER * 5]]  # fmt: skip
    hidden = sum(outputs for _, _, outputs in narrow if outputs != 24)
    assert count(build_estimator(PUBLISHED, 24)) == weights_of(narrow) + hidden


def field(*tables, pool=3):
    """How many pixels across one pixel of the last layer sees."""
    pixels, step = 1, 1
    for kernel, *_ in (layer for table in tables for layer in table):
        pixels += step * ((kernel or pool) - 1)
        step *= 1 if kernel else 2
    return pixels


def test_receptive_fields():
    """CPM's paper, figure 2: 160 after stage 1 and 400 after stage 2, of pools of 2; its code has pools of 3."""
    later = LATER[1:]
    assert field(FIRST, pool=2) == 160
    assert field(FIRST, pool=2) + 8 * (field(later) - 1) == 400
    wanted = [167 + 240 * stage for stage in range(3)]
    assert wanted == [field(FIRST) + 8 * stage * (field(later) - 1) for stage in range(3)]
    assert wanted == [seen(stage) for stage in range(3)]


def seen(stage):
    """How far the pixels are apart that have a part in the middle one of a stage's maps, if all of them say something.

    A pool passes on one of what it sees: here it is a mean.
    """
    backbone = fpm(FPM, 2, features=2, middle=2, width=2).backbone.double()
    for parent in (backbone.stem, backbone.middle):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(3, stride=2, padding=1))
    for weights in backbone.parameters():
        nn.init.constant_(weights, 0.01)
    strip = torch.ones(1, 3, 8, 800, dtype=torch.double, requires_grad=True)
    backbone(strip)[stage][0, 0, 0, 50].backward()
    columns = torch.nonzero(strip.grad.abs().sum(dim=(0, 1, 2)))
    return int(columns.max() - columns.min() + 1)


def test_the_background_is_where_no_labelled_landmark_is(tmp_path):
    model = fpm()
    batch = garments_as_batch(tmp_path, FPM, skirts(labelled=3), model)
    targets, weights = targets_and_weights(batch)
    assert weights.sum(axis=1).tolist() == [AGGREGATED.wardrobe.category(9).count, 3]
    found, carried = model.head.wanted(torch.from_numpy(targets), torch.from_numpy(weights))
    assert found.shape == (2, 82, 12, 8) and torch.equal(found[:, :81], torch.from_numpy(targets))
    for sample in range(2):
        highest = np.zeros((12, 8))
        for channel in np.flatnonzero(weights[sample]):
            highest = np.maximum(highest, targets[sample, channel])
        assert np.allclose(found[sample, 81], 1 - highest)
        assert carried[sample].tolist() == [*weights[sample], 1.0]
    assert 0 <= found[:, 81].min() < 0.1 < 0.99 < found[:, 81].max() <= 1


def rendered(garment, channels=81):
    """Targets (82, 12, 8) and weights (82) of a garment, from its places in the picture on."""
    _, category_id, box, points = garment
    places, visible = np.zeros((channels, 2)), np.zeros(channels)
    own = rendering.channels(category_id)
    places[own] = rendering.place(rendering.crop_matrix(box, FPM.input_size), points[:, :2])
    visible[own] = points[:, 2]
    # `rendering` has heatmaps of a quarter: those of an eighth are a quarter of a crop half as large.
    targets, weights = rendering.targets(places / 2, visible, FPM.heatmap_size, FPM.sigma)
    return np.concatenate([targets, 1 - targets.max(axis=0)[None]]), np.append(weights, 1)


def test_fpms_loss_is_the_papers(tmp_path):
    """Equations (4) and (5), the mean of the batch's garments."""
    model = fpm()
    made = skirts(labelled=3)
    batch = garments_as_batch(tmp_path, FPM, made, model)
    losses = model(**batch, mode="loss")
    with torch.no_grad():
        stages = [maps.numpy() for maps in model.backbone(batch["inputs"])]
    wanted, weights = zip(*map(rendered, made), strict=True)
    for number, maps in enumerate(stages, start=1):
        squares = (maps - np.stack(wanted)) ** 2 * np.stack(weights)[:, :, None, None]
        assert losses[f"loss_stage{number}"].item() == pytest.approx(squares.sum() / 2, rel=1e-5)
    assert len(losses) == len(stages) == 3


@pytest.mark.parametrize("settings", [FPM, CPM])
def test_only_a_categorys_own_labelled_channels_learn(tmp_path, settings):
    model = fpm(settings)
    made = [(1, 9, BOX, landmarks(9, BOX)), (2, 9, BOX, landmarks(9, BOX, 1))]
    for _, _, _, points in made:
        points[-1] = 0
    batch = garments_as_batch(tmp_path, settings, made, model)
    sum(model(**batch, mode="loss").values()).backward()
    background = [81] if settings is FPM else []
    learn = sorted(AGGREGATED.channels(9)[:-1]) + background
    last = model.backbone.out_convs[-1][-1].conv.weight.grad.abs().sum(dim=(1, 2, 3))
    assert np.flatnonzero(last > 0).tolist() == learn


@pytest.mark.parametrize("settings", [FPM, CPM])
@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("shared_from", [2, 3])
def test_gradients_reach_every_weight(settings, normalised, shared_from):
    changes = {"normalised": normalised, "shared_from": shared_from} if settings is FPM else {}
    model = fpm(settings, **changes)
    assert idle(model, model.backbone(torch.randn(2, 3, 96, 64))) == []


def test_shared_features_learn_from_all_later_stages():
    backbone = fpm(stages=4).backbone
    calls = []
    backbone.middle.register_forward_hook(lambda *_: calls.append(1))
    stages = backbone(torch.randn(1, 3, 96, 64))
    assert len(calls) == 1

    def gradient(output):
        found = torch.autograd.grad(
            output, backbone.middle.parameters(), retain_graph=True, allow_unused=True
        )
        return [torch.zeros(1) if one is None else one for one in found]

    each = [gradient(maps.square().sum()) for maps in stages]
    assert [any(one.any() for one in found) for found in each] == [False, True, True, True]
    together = gradient(sum(maps.square().sum() for maps in stages))
    for whole, *parts in zip(together, *each, strict=True):
        assert torch.allclose(whole, sum(parts), rtol=1e-3, atol=1e-4 * float(whole.abs().max()))


def test_stage_2_has_features_of_its_own_when_sharing_starts_at_3():
    """Shared ones reach the third stage only; its own reach the third through the second's maps."""
    backbone = fpm(shared_from=3).backbone
    _, second, third = backbone(torch.randn(1, 3, 96, 64))
    names = {"own": backbone.own[0][0].conv.weight, "shared": backbone.middle[0].conv.weight}
    reached = {
        (stage, name): torch.autograd.grad(maps.sum(), weight, retain_graph=True, allow_unused=True)[0]
        is not None
        for stage, maps in ((2, second), (3, third))
        for name, weight in names.items()
    }
    assert reached == {(2, "own"): True, (2, "shared"): False, (3, "own"): True, (3, "shared"): True}


@pytest.mark.parametrize("normalised", [False, True])
def test_at_the_start_everything_is_background(normalised):
    stages = fpm(normalised=normalised).eval().backbone(torch.randn(2, 3, 96, 64))
    for maps in stages:
        assert torch.allclose(maps[:, -1], torch.ones(2, 12, 8), atol=0.3)
        assert maps[:, :-1].abs().mean() < 0.1


@pytest.mark.parametrize("chosen", GROUPINGS, ids=lambda chosen: str(chosen.size))
@pytest.mark.parametrize("settings", [FPM, CPM], ids=["fpm", "cpm"])
def test_the_last_stages_landmarks_come_out(chosen, settings):
    model = fpm(settings, chosen.size).eval()
    crops = np.stack([picture(1, 64, 96), picture(2, 64, 96)])
    found = Estimator(model, settings, chosen).outputs(crops)
    assert found.shape == (2, chosen.size, 12, 8)
    inputs = torch.from_numpy(np.stack([rendering.normalised(crop) for crop in crops])).float()
    with torch.no_grad():
        last = model.backbone(inputs)[-1]
    assert torch.allclose(found, last[:, : chosen.size], atol=1e-3)
    assert last.shape[1] == chosen.size + (settings is FPM)


@pytest.mark.parametrize("network", [FPM, FPM.model_copy(update={"normalised": True}), CPM])
def test_each_stage_learns_and_the_folder_is_read_again(tmp_path, network):
    folder, lines = trained(tmp_path, network)
    for stage in (1, 2, 3):
        assert lines[-1][f"loss_stage{stage}"] < 0.7 * lines[0][f"loss_stage{stage}"]
    assert lines[0]["loss"] == pytest.approx(sum(lines[0][f"loss_stage{stage}"] for stage in (1, 2, 3)))
    estimator = Estimator.load(folder, "cpu")
    assert estimator.network == network
    crop = estimator.crop(picture(1), BOX)
    found = estimator.decode(estimator.outputs(crop.pixels[None])[0], 9)
    assert found.landmarks.shape == (AGGREGATED.wardrobe.category(9).count, 3)


def test_mirrored_maps_of_an_eighth_are_moved_by_a_pixel():
    """Crop pixel x is at x / 8, mirrored there and back at x / 8 - 7 / 8: an eighth off when moved by one pixel."""
    from mmpose.models.utils.tta import flip_heatmaps

    settings = FPM.model_copy(update={"input_size": (128, 128), "unbiased": True})
    codec = Estimator(nn.Identity(), settings, AGGREGATED)._codec
    points = np.random.default_rng(0).uniform(40, 88, (1, 30, 2)).astype(np.float32)
    mirrored = np.stack([127 - points[..., 0], points[..., 1]], axis=-1)
    seen = torch.from_numpy(codec.encode(mirrored, np.ones((1, 30)))["heatmaps"])[None]
    for moved, off in ((True, 1.0), (False, -7.0)):
        back = flip_heatmaps(seen, list(range(30)), shift_heatmap=moved)[0].numpy()
        found, _ = codec.decode(back)
        assert (found - points)[..., 0].mean() == pytest.approx(off, abs=0.1)
        assert (found - points)[..., 1].mean() == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_size": (100, 96)}, "both sides must be multiples of 8"),
        ({"input_size": (96, 60)}, "both sides must be multiples of 8"),
        ({"stages": 1}, "greater than or equal to 2"),
        ({"stages": 2, "shared_from": 3}, "shared_from is 3, but there are only 2 stages"),
        ({"sigma": 1.1}, "3 x sigma must be whole"),
    ],
)
def test_what_cannot_be_built_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        estimator_network({**FPM.model_dump(mode="json"), **changes})
