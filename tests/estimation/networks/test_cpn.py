"""The cascaded pyramid network: its wiring and its loss by plain renderings, its size, its training."""

import numpy as np
import pytest
import torch
from mmpose.models import ResNet, SEResNet
from torch.nn import functional

from hemline.estimation import Estimator, build_estimator, read_settings, to_picture, train_estimator
from hemline.estimation.network import recipe
from hemline.estimation.parts.cpn_head import CPNHead, resized
from hemline.estimation.recipes import read_recipe
from hemline.files import read_json
from hemline.params import CPNSettings
from hemline.training import save_weights
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.parts.test_cpn_loss import BLUR, HEIGHTS, plainly_widened
from tests.estimation.wardrobes import (
    DEEPFASHION2,
    batch_of,
    landmarks,
    picture,
    settings,
    training_set,
    write_dataset,
)

FASHIONAI = wardrobe("fashionai")
BOX = (30.0, 40.0, 80.0, 110.0)

PAPER = CPNSettings(
    type="cpn",
    backbone="resnet",
    depth=50,
    base_channels=64,
    features=256,
    bottlenecks=(3, 2, 1, 0),
    bottleneck_width=128,
    blur=BLUR,
    heights=HEIGHTS,
    hard=0.5,
    global_weight=0.5,
    target_scale=255.0,
    input_size=(384, 384),
    sigma=1.0,
    unbiased=False,
    box_padding=1.0,
)
SMALL = PAPER.model_copy(
    update={
        "depth": 18,
        "base_channels": 8,
        "features": 16,
        "bottleneck_width": 8,
        "input_size": (64, 96),
        "heights": (1.0, 1.0, 1.0, 1.0),
        "target_scale": 30.0,  # for Adam, in a few steps
    }
)
BACKBONES = {
    "resnet": SMALL,
    "se-resnet": SMALL.model_copy(update={"backbone": "se-resnet", "depth": 50}),
    "detnet": SMALL.model_copy(update={"backbone": "detnet", "depth": 59}),
}


def built(network=SMALL, channels=24, seed=0):
    torch.manual_seed(seed)
    model = build_estimator(network, channels)
    model.init_weights()
    return model


def samples_of(folder, chosen, garments, network=SMALL):
    """What the training's data set makes of garments."""
    given = settings(augment=False).model_copy(update={"network": network})
    return training_set(given, chosen, garments, folder)


def garments(chosen, category_ids):
    return [
        (number, one, BOX, landmarks(one, BOX, number, chosen.wardrobe))
        for number, one in enumerate(category_ids, start=1)
    ]


def test_the_paper_sized_network_is_counted_by_hand():
    wide, hidden, channels = 256, 128, 24
    resnet = 25_557_032 - (2048 * 1000 + 1000)  # torchvision's ResNet-50 without its classifier
    lateral = (256 + 512 + 1024 + 2048) * wide + 3 * wide * wide
    says = 4 * (wide * wide + 9 * wide * channels)
    inside = hidden * hidden * 9 + hidden * wide + 2 * (2 * hidden + wide)
    bottlenecks = 6 * (wide * hidden + inside)
    merge = 4 * wide * hidden + inside + 4 * wide * wide + 2 * wide
    last = 9 * wide * channels
    wanted = resnet + lateral + says + bottlenecks + merge + last
    found = sum(weight.numel() for weight in build_estimator(PAPER, channels).parameters())
    assert found == wanted == 27_085_376


def test_se_resnet_50_is_of_the_published_size():
    """28.1 M with its classifier (Hu et al., CVPR 2018, sec. 4: about 25 M of ResNet-50 and 2.5 M more)."""
    weights = sum(weight.numel() for weight in SEResNet(50).parameters()) + 2048 * 1000 + 1000
    assert weights == pytest.approx(28.1e6, rel=1e-3)


def test_the_config_file_is_the_papers_network():
    ours, file = recipe(PAPER, 24).model, read_recipe("cpn").model
    assert ours.head == file.head
    assert ours.backbone == {**file.backbone, "stem_channels": 64, "base_channels": 64}
    assert "Pretrained" not in str(ours) and "http" not in str(ours)


def batch_norm(x, weights, name):
    return functional.batch_norm(
        x, *(weights[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
    )


def bottleneck(x, weights, name):
    y = functional.relu(
        batch_norm(functional.conv2d(x, weights[f"{name}.conv1.weight"]), weights, f"{name}.bn1")
    )
    y = functional.conv2d(y, weights[f"{name}.conv2.weight"], padding=1)
    y = functional.relu(batch_norm(y, weights, f"{name}.bn2"))
    y = batch_norm(functional.conv2d(y, weights[f"{name}.conv3.weight"]), weights, f"{name}.bn3")
    if f"{name}.downsample.0.weight" in weights:
        x = batch_norm(
            functional.conv2d(x, weights[f"{name}.downsample.0.weight"]), weights, f"{name}.downsample.1"
        )
    return functional.relu(x + y)


def plain_head(feats, weights, counts, size):
    """GlobalNet and RefineNet as the figures have them; all levels coarse to fine. `size` is (height, width)."""

    def larger(x, size):
        return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)

    def conv(x, name, padding=0):
        return functional.conv2d(x, weights[f"{name}.weight"], padding=padding)

    maps, deep, above = [], [], None
    for number, feat in enumerate(feats):
        level = functional.relu(conv(feat, f"global_net.lateral.{number}"))
        if above is not None:
            up = above
            if up.shape[-1] != feat.shape[-1]:
                up = conv(larger(up, (2 * up.shape[2], 2 * up.shape[3])), f"global_net.down.{number - 1}")
            level = level + up
        above = level
        said = functional.relu(conv(level, f"global_net.says.{number}.0"))
        maps.append(larger(conv(said, f"global_net.says.{number}.2", padding=1), size))
        for block in range(counts[number]):
            level = bottleneck(level, weights, f"refine_net.deepen.{number}.{block}")
        deep.append(larger(level, size))
    merged = bottleneck(torch.cat(deep, dim=1), weights, "refine_net.merge.0")
    return [*maps, conv(merged, "final_layer", padding=1)]


@pytest.mark.parametrize("name", BACKBONES)
def test_the_head_is_wired_as_the_paper_draws_it(name):
    model = built(BACKBONES[name]).eval()
    head = model.head
    for value in head.state_dict().values():
        if value.is_floating_point() and value.ndim == 1:
            value.copy_(torch.rand_like(value) + 0.5)  # statistics and affine weights of batch normalisation
    with torch.no_grad():
        feats = model.backbone(torch.randn(2, 3, 96, 64))
        found = head.maps(feats)
        wanted = plain_head(feats[::-1], head.state_dict(), (3, 2, 1, 0), (24, 16))
        heatmaps = model(torch.randn(1, 3, 96, 64), None, mode="tensor")
    assert len(found) == len(wanted) == 5
    for own, plain in zip(found, wanted, strict=True):
        assert own.shape == (2, 24, 24, 16)
        assert torch.allclose(own, plain, rtol=1e-4, atol=1e-4 * float(plain.abs().max()))
    assert torch.equal(head(feats), found[-1] / 30.0)
    assert heatmaps.shape == (1, 24, 24, 16)


def test_detnets_levels_are_added_as_they_are_until_the_last():
    """HiKapok's net/detnet_cpn.py: C6, C5 and C4 are of one size; only P3 is on an upsampled map, convolved."""
    head = built(BACKBONES["detnet"]).head
    kinds = [type(layer).__name__ for layer in head.global_net.down]
    assert kinds == ["Identity", "Identity", "Conv2d"]
    assert [layer.in_channels for layer in head.global_net.lateral] == [128, 128, 128, 64]
    assert all(isinstance(layer, torch.nn.Conv2d) for layer in built().head.global_net.down)


def test_resizing_mirrors_with_its_maps():
    maps = torch.rand(1, 2, 3, 5)
    assert torch.allclose(resized(maps.flip(-1), (6, 10)), resized(maps, (6, 10)).flip(-1))
    assert resized(maps, (3, 5)) is maps


def plain_losses(maps, targets, visible, counts):
    """SMALL's loss, garment by garment: maps (5, n, channels, height, width), targets of height 1."""
    terms = []
    for level, (sigma, height) in enumerate(zip(SMALL.blur, SMALL.heights, strict=True)):
        shares = []
        for said, wanted, seen, count in zip(maps[level], targets, visible, counts, strict=True):
            errors = [
                ((said[c] - plainly_widened(SMALL.target_scale * wanted[c], sigma, height)) ** 2).mean()
                for c in np.flatnonzero(seen)
            ]
            shares.append(sum(errors) / count)
        terms.append(0.5 * np.mean(shares))
    refined = []
    for said, wanted, seen, count in zip(maps[4], targets, visible, counts, strict=True):
        errors = [
            ((said[c] - SMALL.target_scale * wanted[c]) ** 2).mean() if seen[c] else 0.0
            for c in range(len(said))
        ]
        mined = max(1, count // 2)
        refined.append(sum(sorted(errors, reverse=True)[:mined]) / mined)
    return terms, np.mean(refined)


def test_the_loss_of_a_batch_by_hand(tmp_path):
    """A blouse of which much is hidden, a skirt, a dress."""
    chosen = grouping(FASHIONAI, "aggregated")
    blouse, skirt, dress = (FASHIONAI.category(slug) for slug in ("blouse", "skirt", "dress"))
    given = garments(chosen, [blouse.id, skirt.id, dress.id])
    given[0][3][:9] = 0
    model = built().train()
    samples = samples_of(tmp_path, chosen, given)
    batch = batch_of(model, samples)
    found = model(batch["inputs"], batch["data_samples"], mode="loss")
    with torch.no_grad():
        maps = torch.stack(model.head.maps(model.extract_feat(batch["inputs"]))).double().numpy()
    targets = np.stack([sample["data_samples"].gt_fields.heatmaps.numpy() for sample in samples])
    visible = np.zeros((3, 24), dtype=bool)
    for row, (_, category_id, _, points) in zip(visible, given, strict=True):
        row[chosen.channels(category_id)] = points[:, 2] > 0
    assert visible.sum(1).tolist() == [4, 4, 15]
    terms, refined = plain_losses(maps, targets.astype(float), visible, [13, 4, 15])
    assert [term.item() for term in found["loss_global"]] == pytest.approx(terms, rel=1e-4)
    assert found["loss_refine"].item() == pytest.approx(refined, rel=1e-4)
    assert found.keys() == {"loss_global", "loss_refine"}


def test_samples_say_how_many_landmarks_their_category_has(tmp_path):
    chosen = grouping(DEEPFASHION2, "aggregated")
    found = samples_of(tmp_path, chosen, garments(chosen, [1, 9]))
    assert [sample["data_samples"].landmark_count for sample in found] == [25, 8]


@pytest.mark.parametrize("name", BACKBONES)
def test_gradients_reach_every_weight(tmp_path, name):
    chosen = grouping(FASHIONAI, "aggregated")
    model = build_estimator(BACKBONES[name].model_copy(update={"hard": 1.0}), 24).train()
    batch = batch_of(model, samples_of(tmp_path, chosen, garments(chosen, [1, 2, 3, 4, 5, 6])))
    losses = model(batch["inputs"], batch["data_samples"], mode="loss")
    (sum(losses["loss_global"]) + losses["loss_refine"]).backward()
    assert [key for key, weight in model.named_parameters() if not weight.grad.abs().any()] == []


@pytest.mark.parametrize(
    ("store", "name", "category_id"),
    [("fashionai", "aggregated", 5), ("deepfashion2", "aggregated", 3), ("deepfashion2", "independent", 9)],
)
def test_only_a_categorys_own_labelled_channels_learn(tmp_path, store, name, category_id):
    chosen = grouping(wardrobe(store), name)
    model = built(SMALL.model_copy(update={"hard": 1.0}), chosen.size).train()
    given = garments(chosen, [category_id, category_id])
    for _, _, _, points in given:
        points[-1] = 0
    batch = batch_of(model, samples_of(tmp_path, chosen, given))
    losses = model(batch["inputs"], batch["data_samples"], mode="loss")
    (sum(losses["loss_global"]) + losses["loss_refine"]).backward()
    for layer in [model.head.final_layer, *(says[2] for says in model.head.global_net.says)]:
        moved = layer.weight.grad.abs().sum(dim=(1, 2, 3)) > 0
        assert np.flatnonzero(moved).tolist() == sorted(chosen.channels(category_id)[:-1])


@pytest.mark.parametrize("name", BACKBONES)
def test_every_levels_loss_goes_down(tmp_path, name):
    chosen = grouping(FASHIONAI, "aggregated")
    model = built(BACKBONES[name]).train()
    batch = batch_of(model, samples_of(tmp_path, chosen, garments(chosen, [1, 2, 3, 4])))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    seen = []
    for _ in range(30):
        losses = model(batch["inputs"], batch["data_samples"], mode="loss")
        terms = [*losses["loss_global"], losses["loss_refine"]]
        optimizer.zero_grad()
        sum(terms).backward()
        optimizer.step()
        seen.append([term.item() for term in terms])
    assert all(last < 0.9 * first for first, last in zip(seen[0], seen[-1], strict=True)), (seen[0], seen[-1])


def test_with_the_flip_test_a_mirrored_crop_has_mirrored_heatmaps():
    chosen = grouping(FASHIONAI, "aggregated")
    estimator = Estimator(built(), SMALL, chosen)
    crops = np.stack([estimator.crop(picture(seed), BOX).pixels for seed in (1, 2)])
    plain = estimator.outputs(crops, flip_test=True, shift_heatmap=False)
    mirrored = estimator.outputs(crops[:, :, ::-1].copy(), flip_test=True, shift_heatmap=False)
    partners = torch.from_numpy(chosen.flip_index)
    assert plain.shape == (2, 24, 24, 16)
    assert torch.allclose(mirrored.flip(-1)[:, partners], plain, atol=1e-6)
    assert not torch.allclose(estimator.outputs(crops), plain, atol=1e-3)


def test_trained_and_loaded_it_finds_what_it_has_seen(tmp_path):
    """On DetNet, the backbone that isn't mmpose's."""
    chosen = grouping(FASHIONAI, "aggregated")
    given = garments(chosen, [1, 4, 5])
    annotations = write_dataset(tmp_path, chosen, given * 8)
    wanted = settings(epochs=20, lr=6e-3, augment=False).model_copy(update={"network": BACKBONES["detnet"]})
    lines = []
    train_estimator(
        wanted, chosen, annotations, tmp_path / "image",
        out=tmp_path / "out", state=tmp_path / "state", title="CPN", record=lines.append,
    )  # fmt: skip
    assert {"loss", "loss_global", "loss_refine"} <= lines[-1].keys()
    assert lines[-1]["loss_refine"] < 0.5 * lines[0]["loss_refine"]
    estimator = Estimator.load(tmp_path / "out", "cpu")
    assert isinstance(estimator.model.head, CPNHead) and estimator.network == BACKBONES["detnet"]
    errors = []
    for number, category_id, box, points in given:
        crop = estimator.crop(picture(number), box)
        found = estimator.decode(estimator.outputs(crop.pixels[None])[0], category_id)
        assert found.maxima.shape == (24,) and found.landmarks[:, 2].max() < 1.5
        away = to_picture(found.landmarks, crop)[:, :2] - points[:, :2]
        errors.extend(np.hypot(*away.T) / crop.to_picture[0, 0])
    assert np.median(errors) < 4  # pixels of the crop: one of the heatmap


@pytest.mark.parametrize("name", BACKBONES)
def test_it_starts_from_a_resnets_weights(tmp_path, name):
    depth = {"resnet": 18}.get(name, 50)
    start = ResNet(depth, stem_channels=8, base_channels=8)
    torch.manual_seed(5)
    start.init_weights()
    save_weights(start, tmp_path / "resnet.pt")
    chosen = grouping(FASHIONAI, "aggregated")
    annotations = write_dataset(tmp_path, chosen, garments(chosen, [1, 5]))
    network = BACKBONES[name].model_copy(update={"init": str(tmp_path / "resnet.pt")})
    train_estimator(
        settings(lr=1e-12, augment=False).model_copy(update={"network": network}),
        chosen, annotations, tmp_path / "image",
        out=tmp_path / "out", state=tmp_path / "state", title="CPN",
    )  # fmt: skip
    (report,) = read_json(tmp_path / "out" / "initial.json")
    missing = {"resnet": (), "se-resnet": ("se_layer",), "detnet": ("dilated",)}[name]
    assert all(any(part in key for part in missing) for key in report["missing"])
    weights = torch.load(tmp_path / "out" / "weights.pt", weights_only=True)
    for key in ("conv1.weight", "layer1.0.conv2.weight", "layer3.1.conv1.weight"):
        assert torch.allclose(weights[f"backbone.{key}"], start.state_dict()[key], atol=1e-9)
    assert read_settings(tmp_path / "out")["network"]["init"] == str(tmp_path / "resnet.pt")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"depth": 59}, "a resnet has 18 or 34 or 50 or 101"),
        ({"backbone": "detnet"}, "a detnet has 59"),
        ({"backbone": "se-resnet", "base_channels": 2}, "at least 4"),
        ({"bottleneck_width": 100}, "no multiple of bottleneck_width, 100"),
        ({"input_size": (384, 400)}, "multiples of 32"),
    ],
)
def test_sizes_that_do_not_add_up_are_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        CPNSettings(**{**PAPER.model_dump(), **change})
