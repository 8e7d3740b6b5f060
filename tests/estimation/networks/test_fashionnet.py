"""FashionNet: VGG-16 that says coordinates and visibility; its size, numbers, losses, flips, and what it learns."""

import cv2
import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from hemline.estimation import Estimator, build_estimator, estimator_of, finetune_expert, train_estimator
from hemline.estimation.coordinates import CoordinateEstimator
from hemline.estimation.garments import read_picture
from hemline.estimation.parts.fashionnet import CentredLabel
from hemline.inference.pipeline import DetectedBox, Estimators, estimate
from hemline.inference.timing import milliseconds
from hemline.params import EstimateSettings, EstimatorSettings, FashionNetSettings
from hemline.planning.counting import size_of
from hemline.planning.networks import EstimatorNetwork
from hemline.wardrobe import grouping, wardrobe
from tests.estimation.wardrobes import (
    DEEPFASHION2,
    NETWORK,
    batch_of,
    landmarks,
    picture,
    settings,
    training_set,
    write_dataset,
)

BOX = (30.0, 40.0, 80.0, 110.0)
SMALL = FashionNetSettings(
    type="fashionnet", base_channels=4, hidden=32, dropout=0.0, visibility_weight=0.3,
    input_size=(32, 64), box_padding=1.25,
)  # fmt: skip
PAPER = FashionNetSettings(
    type="fashionnet", base_channels=64, hidden=4096, dropout=0.5, visibility_weight=1.0,
    input_size=(224, 224), box_padding=1.0,
)  # fmt: skip
AGGREGATED = grouping(DEEPFASHION2, "aggregated")
FASHIONAI = grouping(wardrobe("fashionai"), "aggregated")
ALL = EstimateSettings(
    shift_heatmap=True, score="all", score_threshold=0.2, box_score_threshold=0.0, batch_size=2
)


def lively(seed, chosen, network=SMALL):
    """A network of random weights whose outputs differ from crop to crop."""
    torch.manual_seed(seed)
    model = build_estimator(network, chosen.size)
    model.init_weights()
    torch.nn.init.normal_(model.head.coordinates.weight, std=0.1)
    torch.nn.init.normal_(model.head.visibility.weight, std=0.5)
    torch.nn.init.normal_(model.head.visibility.bias)
    return model.eval()


def chosen_settings(network, **options):
    """How a test trains it."""
    return EstimatorSettings(network=network, training=settings(**options).training)


def samples(folder, chosen, garments, network=SMALL, flip=False, **training):
    """What hemline trains on, without augmentation but for flips."""
    own = chosen_settings(network, augment=False, flip=flip)
    own = own.model_copy(update={"training": own.training.model_copy(update=training)})
    return training_set(own, chosen, garments, folder)


def loss_of(model, found):
    batch = batch_of(model, found)
    return model(batch["inputs"], batch["data_samples"], mode="loss")


def mixed(category_id, seed=0):
    """A category's landmarks, the first not labelled, the second occluded, the last outside of every crop."""
    points = landmarks(category_id, BOX, seed)
    points[0] = 0
    points[1, 2] = 1
    points[-1, :2] = (3.0, 4.0)
    return points


def shares(points, network=SMALL):
    """(n, 2): places in BOX's crop from -0.5 to 0.5, written down from how mmpose cuts (no half pixels)."""
    x, y, width, height = BOX
    middle = np.array([x + width / 2, y + height / 2])
    ratio = network.input_size[0] / network.input_size[1]
    across = max(width, height * ratio) * network.box_padding
    pixels = (points[:, :2] - middle) * (network.input_size[0] / across) + np.array(network.input_size) / 2
    return (pixels + 0.5) / network.input_size - 0.5


def test_its_size_is_that_of_vgg_16():
    """Simonyan and Zisserman, Table 2: 138 million with 1,000 classes; 14.71 of them in the convolutions."""
    plan = EstimatorNetwork("fashionnet", "train_network@fashionnet", "paper", (224, 224), 24, settings=PAPER)
    model = plan.on_meta()
    convolutions = sum(weight.numel() for weight in model.backbone.parameters())
    hidden = sum(weight.numel() for weight in model.head.hidden.parameters())
    assert convolutions == 14_714_688
    assert hidden == 512 * 7 * 7 * 4096 + 4096 + 4096 * 4096 + 4096
    assert convolutions + hidden + 4096 * 1000 + 1000 == 138_357_544
    assert size_of(plan).parameters == convolutions + hidden + (4096 + 1) * 24 * (2 + 3)
    # torchvision's VGG16_Weights.IMAGENET1K_V1 says 15.47 GFLOPs with its 1,000 classes.
    assert size_of(plan).prediction == pytest.approx(15.47e9 - 4096 * (1000 - 24 * 5), rel=1e-3)


def plain_vgg(state, image):
    """(5 channels) of a picture (3, height, width), normalised: VGG-16 and the head in NumPy."""
    maps = image
    for stage, layers in enumerate(((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))):
        for layer in layers:
            weight, bias = (state[f"backbone.features.{layer}.{part}"] for part in ("weight", "bias"))
            padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
            maps = np.maximum(np.einsum("chwij,ocij->ohw", windows, weight) + bias[:, None, None], 0)
        depth, height, width = maps.shape
        assert depth == SMALL.base_channels * (1, 2, 4, 8, 8)[stage]
        maps = maps.reshape(depth, height // 2, 2, width // 2, 2).max((2, 4))
    seen = maps.ravel()
    for layer in (0, 3):
        weight, bias = (state[f"head.hidden.{layer}.{part}"] for part in ("weight", "bias"))
        seen = np.maximum(weight @ seen + bias, 0)
    places, logits = (
        (state[f"head.{name}.weight"] @ seen + state[f"head.{name}.bias"]).reshape(-1, size)
        for name, size in (("coordinates", 2), ("visibility", 3))
    )
    return places, logits


def test_its_outputs_are_those_of_a_plain_rendering():
    model = lively(1, FASHIONAI)
    state = {key: value.double().numpy() for key, value in model.state_dict().items()}
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 32, 3), dtype=np.uint8)
    outputs = CoordinateEstimator(model, SMALL, FASHIONAI).outputs(crops)
    assert outputs.shape == (2, 24, 3)
    for crop, output in zip(crops, outputs.numpy(), strict=True):
        rgb = (crop[..., ::-1] - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
        places, logits = plain_vgg(state, rgb.transpose(2, 0, 1))
        assert np.allclose(output[:, :2], places, atol=1e-5)
        assert np.allclose(output[:, 2], softmax(logits, axis=1)[:, 1:].sum(1), atol=1e-5)
        assert places.std() > 0.01


def test_hidden_units_are_left_out_in_training_alone():
    model = lively(8, FASHIONAI, SMALL.model_copy(update={"dropout": 0.5}))
    inputs = torch.randn(1, 3, 64, 32)
    assert torch.equal(model(inputs, None), model(inputs, None))
    model.train()
    assert not torch.equal(model(inputs, None), model(inputs, None))


@pytest.mark.parametrize(
    "chosen", [AGGREGATED, grouping(DEEPFASHION2, "independent")], ids=lambda own: own.name
)
@pytest.mark.parametrize("occluded", [True, False])
def test_its_losses_are_those_of_a_plain_rendering(tmp_path, chosen, occluded):
    categories = [8, 1]
    garments = [(number, one, BOX, mixed(one, number)) for number, one in enumerate(categories, start=1)]
    model = lively(2, chosen)
    found = samples(tmp_path, chosen, garments, occluded=occluded)
    batch = batch_of(model, [found[0], found[1]])
    outputs = model(batch["inputs"], None).detach().numpy()
    distances, unsure = [], []
    for output, (_, category_id, _, points) in zip(outputs, garments, strict=True):
        own = output[chosen.channels(category_id)]
        classes = points[:, 2].astype(int).tolist()
        assert classes == [0, 1, *[2] * (len(points) - 1)][: len(points)]
        classes[-1] = 0  # out of the crop
        error = ((own[:, :2] - shares(points)) ** 2).sum(1)
        counted = np.array(classes) >= (1 if occluded else 2)
        distances.append(error[counted].sum() / 2)
        unsure.append(-log_softmax(own[:, 2:], axis=1)[np.arange(len(classes)), classes].sum())
    losses = loss_of(model, [found[0], found[1]])
    assert sorted(losses) == ["loss_coordinates", "loss_visibility"]
    assert losses["loss_coordinates"].item() == pytest.approx(np.mean(distances), rel=1e-4)
    assert losses["loss_visibility"].item() == pytest.approx(0.3 * np.mean(unsure), rel=1e-4)


@pytest.mark.parametrize("chosen", [AGGREGATED, FASHIONAI], ids=lambda own: own.wardrobe.name)
def test_gradients_go_to_the_categorys_own_outputs_alone(tmp_path, chosen):
    category = chosen.wardrobe.categories[1]
    points = landmarks(category.id, BOX, wardrobe=chosen.wardrobe)
    points[2] = 0
    model = lively(3, chosen)
    found = samples(tmp_path, chosen, [(1, category.id, BOX, points)])
    sum(loss_of(model, [found[0]]).values()).backward()
    own = chosen.channels(category.id)
    moved = {
        name: (getattr(model.head, name).weight.grad.reshape(chosen.size, -1) != 0).any(1).nonzero().ravel()
        for name in ("coordinates", "visibility")
    }
    assert moved["visibility"].tolist() == sorted(own)
    assert moved["coordinates"].tolist() == sorted(np.delete(own, 2))
    assert all(weight.grad.abs().sum() > 0 for weight in model.backbone.parameters())


def test_labels_are_halves_at_the_crops_edges_and_nothing_beyond():
    codec = CentredLabel((32, 64))
    keypoints = np.array([[[-0.5, -0.5], [15.5, 31.5], [31.5, 63.5], [31.6, 30.0], [10.0, -0.6]]])
    visibility = np.array([[2, 1, 2, 2, -1]])
    encoded = codec.encode(keypoints, np.ones((1, 5), np.float32), visibility)
    assert encoded["keypoint_labels"][0, :3].tolist() == [[-0.5, -0.5], [0, 0], [0.5, 0.5]]
    assert encoded["keypoint_weights"].tolist() == [[1, 1, 1, 0, 0]]
    assert encoded["visibility"].tolist() == [[2, 1, 2, 0, -1]]
    scored = np.concatenate([encoded["keypoint_labels"], np.full((1, 5, 1), 0.7, np.float32)], axis=2)
    points, scores = codec.decode(scored)
    assert np.allclose(points, keypoints, atol=1e-5) and np.allclose(scores, 0.7)


@pytest.mark.parametrize("chosen", [AGGREGATED, FASHIONAI], ids=lambda own: own.wardrobe.name)
def test_a_mirrored_sample_has_mirrored_labels_and_swapped_classes(tmp_path, chosen):
    category = chosen.wardrobe.categories[0]
    points = (
        mixed(category.id) if chosen is AGGREGATED else landmarks(category.id, BOX, wardrobe=chosen.wardrobe)
    )
    points[3] = 0
    found = samples(tmp_path, chosen, [(1, category.id, BOX, points)], flip=True)
    (flip,) = (step for step in found.pipeline.transforms if type(step).__name__ == "QuickRandomFlip")
    labels = []
    for flip.prob in (0.0, 1.0):
        sample = found[0]["data_samples"]
        assert sample.metainfo["flip"] == bool(flip.prob)
        labels.append(sample.gt_instance_labels)
    plain, mirrored = labels
    partners = chosen.flip_index.tolist()
    assert torch.equal(plain.visibility, mirrored.visibility[:, partners])
    assert plain.visibility.unique().tolist()[:2] == [-1, 0]
    assert not torch.equal(plain.visibility, mirrored.visibility)
    weights = mirrored.keypoint_weights[:, partners]
    assert torch.equal(plain.keypoint_weights, weights) and 0 < weights.sum() < category.count
    there = plain.keypoint_weights[0] > 0
    # mmpose cuts a box so that its middle is at half the crop's width, half a pixel right of the crop's own: what is at
    # x is at width - x in the mirrored box's crop, not at width - 1 - x.
    gap = (mirrored.keypoint_labels[0, partners] * torch.tensor([-1, 1]) - plain.keypoint_labels[0])[there]
    assert torch.allclose(gap, torch.tensor([-1 / 32, 0]).expand_as(gap), atol=1e-5)


def test_the_flip_test_is_the_mean_of_both_and_symmetric():
    own = CoordinateEstimator(lively(4, FASHIONAI), SMALL, FASHIONAI)
    crops = np.random.default_rng(1).integers(0, 256, (3, 64, 32, 3), dtype=np.uint8)
    mirrored = np.ascontiguousarray(crops[:, :, ::-1])
    alone, other = own.outputs(crops).numpy(), own.outputs(mirrored).numpy()
    expected = np.empty_like(alone)
    for channel, partner in enumerate(FASHIONAI.flip_index):
        expected[:, channel, 0] = (alone[:, channel, 0] - other[:, partner, 0]) / 2
        expected[:, channel, 1:] = (alone[:, channel, 1:] + other[:, partner, 1:]) / 2
    both = own.outputs(crops, flip_test=True).numpy()
    assert np.allclose(both, expected, atol=1e-6) and np.abs(both - alone).max() > 0.01
    assert np.array_equal(both, own.outputs(crops, flip_test=True, shift_heatmap=False).numpy())


def test_landmarks_are_crop_pixels_and_maxima_probabilities():
    own = CoordinateEstimator(lively(5, FASHIONAI), SMALL, FASHIONAI)
    output = torch.zeros(24, 3)
    trousers = FASHIONAI.wardrobe.category("trousers")
    output[FASHIONAI.channels(trousers.id)[0]] = torch.tensor([-0.5, 0.25, 0.875])
    found = own.decode(output, trousers.id)
    assert found.landmarks.shape == (trousers.count, 3) and found.maxima.shape == (24,)
    assert found.landmarks[0].tolist() == [-0.5, 47.5, 0.875]
    assert found.landmarks[1].tolist() == [15.5, 31.5, 0]
    assert found.maxima.max() == 0.875


def test_mmposes_own_way_to_predict_gives_the_same(tmp_path):
    model = lively(6, AGGREGATED)
    found = samples(tmp_path, AGGREGATED, [(1, 8, BOX, landmarks(8, BOX))])
    batch = batch_of(model, [found[0]])
    with torch.inference_mode():
        (theirs,) = model.head.predict(model.extract_feat(batch["inputs"]), batch["data_samples"])
    own = CoordinateEstimator(model, SMALL, AGGREGATED)
    crop = own.crop(read_picture(tmp_path / "image" / "000001.jpg"), BOX)
    mine = own.decode(own.outputs(crop.pixels[None])[0], 8)
    assert np.allclose(theirs.keypoints[0, AGGREGATED.channels(8)], mine.landmarks[:, :2], atol=1e-3)
    assert np.allclose(theirs.keypoint_scores[0], mine.maxima, atol=1e-5)


def test_the_settings_choose_the_estimator():
    assert type(estimator_of(lively(0, AGGREGATED), SMALL, AGGREGATED)) is CoordinateEstimator
    assert type(estimator_of(build_estimator(NETWORK, 81), NETWORK, AGGREGATED)) is Estimator


def test_a_garments_score_is_the_mean_of_probabilities_over_the_threshold():
    own = CoordinateEstimator(lively(7, AGGREGATED), SMALL, AGGREGATED)
    boxes = [DetectedBox(1, 8, BOX, 0.5), DetectedBox(1, 1, (10.0, 10.0, 60.0, 90.0), 1.0)]
    found = list(estimate([(picture(), boxes)], Estimators(own), ALL, flip_test=True))
    for garment, box in zip(found, boxes, strict=True):
        (output,) = own.outputs(own.crop(picture(), box.box).pixels[None], flip_test=True)
        chances = output[:, 2].numpy()
        assert (chances < 0.2).any() and (chances > 0.2).any()
        assert garment.score == pytest.approx(box.score * chances[chances > 0.2].mean(), rel=1e-4)
        assert garment.landmarks.shape == (DEEPFASHION2.category(box.category_id).count, 3)
    assert milliseconds(own, flip_test=False, batch_size=2, repetitions=1) > 0


LEARNT = FashionNetSettings(
    type="fashionnet", base_channels=8, hidden=64, dropout=0.0, visibility_weight=0.1,
    input_size=(64, 64), box_padding=1.25,
)  # fmt: skip


def draw(folder, garments):
    """A picture a garment, of its own colours, each landmark a dot."""
    for number, (image_id, *_, points) in enumerate(garments):
        image = np.full((200, 160, 3), 25 * number, np.uint8)
        for place, (x, y, v) in enumerate(points):
            if v:
                colour = (255 - 9 * place, 40 * (place % 6), 200)
                cv2.circle(image, (int(x), int(y)), 6, colour, -1)
        cv2.imwrite(str(folder / "image" / f"{image_id:06d}.jpg"), image)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with pictures, `out` with the model that has learnt eight garments by heart, and these."""
    chosen, folder = FASHIONAI, tmp_path_factory.mktemp("fashionnet")
    categories = chosen.wardrobe.categories
    garments = []
    for number in range(8):
        category = categories[number % len(categories)]
        points = landmarks(category.id, BOX, number, chosen.wardrobe)
        points[number % len(points)] = 0
        garments.append((number + 1, category.id, BOX, points))
    annotations = write_dataset(folder, chosen, garments * 40)  # few epochs: each has costs of its own
    draw(folder, garments)
    train_estimator(
        chosen_settings(LEARNT, augment=False, epochs=4, lr=1e-3), chosen, annotations, folder / "image",
        out=folder / "out", state=folder / "state", title="FashionNet",
    )  # fmt: skip
    return folder, chosen, garments


def test_it_learns_eight_garments_by_heart_and_is_loaded_again(trained):
    folder, chosen, garments = trained
    own = Estimator.load(folder / "out", "cpu")
    assert type(own) is CoordinateEstimator and own.grouping.name == chosen.name
    for image_id, category_id, box, points in garments:
        crop = own.crop(read_picture(folder / "image" / f"{image_id:06d}.jpg"), box)
        found = own.decode(own.outputs(crop.pixels[None])[0], category_id).landmarks
        there = points[:, 2] > 0
        error = np.linalg.norm(found[:, :2] / 64 - (shares(points, LEARNT) + 0.5), axis=1)
        assert error[there].max() < 0.06
        assert found[there, 2].min() > 0.7 and found[~there, 2].max() < 0.3


def test_an_expert_moves_its_own_outputs_alone(trained, tmp_path):
    folder, chosen, garments = trained
    annotations = write_dataset(tmp_path, chosen, [garments[1]])
    expert = chosen.wardrobe.category(garments[1][1])
    done = finetune_expert(
        chosen_settings(LEARNT), expert.slug, annotations, tmp_path / "image",
        start=folder / "out", out=tmp_path / "expert", state=tmp_path / "state", title="expert",
    )  # fmt: skip
    assert done
    before, after = (
        torch.load(path / "weights.pt")["head.visibility.weight"].reshape(chosen.size, -1)
        for path in (folder / "out", tmp_path / "expert")
    )
    moved = (before != after).any(1).nonzero().ravel()
    assert moved.tolist() == sorted(chosen.channels(expert.id))
