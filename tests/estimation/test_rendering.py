"""The estimator's crops, targets, loss, flip test, landmarks and scores are those of paper 000, number by number.

`rendering` says each of them in plain NumPy; hemline's own path, from params to result file, is held against it.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from hemline.estimation import Estimator, to_picture
from hemline.estimation.codecs import codec
from hemline.inference.pipeline import DetectedBox, Estimators, see
from hemline.params import EstimateSettings, EstimatorSettings
from hemline.wardrobe import grouping
from tests.estimation import rendering
from tests.estimation.wardrobes import (
    DEEPFASHION2,
    NETWORK,
    landmarks,
    lively,
    picture,
    settings,
    training_set,
)

AGGREGATED = grouping(DEEPFASHION2, "aggregated")
PAPER = NETWORK.model_copy(update={"input_size": (384, 512), "sigma": 3.0})  # the paper's but for its width
SIZE, MAP = (384, 512), (96, 128)

WIDTH = 160  # of the pictures

# In a picture of 160 x 200: wide, high, small, larger than the picture, over its corner.
BOXES = [(20, 30, 120, 40), (61, 5, 33, 180), (90, 110, 9, 14), (-15, -10, 200, 230), (130, 170, 60, 60)]


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator(lively(3, AGGREGATED), PAPER, AGGREGATED)


def samples(folder: Path, garments: list, flip: bool = False, **network):
    """What hemline trains on, without augmentation but for flips."""
    chosen = PAPER.model_copy(update=network)
    recipe = EstimatorSettings(network=chosen, training=settings(augment=False, flip=flip).training)
    return training_set(recipe, AGGREGATED, garments, folder)


def garments() -> list:
    """One of each category: landmarks visible, occluded and unlabelled, some of them far outside of the box."""
    made, rng = [], np.random.default_rng(7)
    for entry in DEEPFASHION2.categories:
        box = BOXES[entry.id % len(BOXES)]
        points = landmarks(entry.id, (-40, -50, 240, 300), entry.id)
        points[:, 2] = rng.permutation(np.arange(entry.count) % 3)
        points[points[:, 2] == 0] = 0
        made.append((entry.id, entry.id, box, points))
    return made


def rendered(garment, size=SIZE):
    """A garment's labels in the crop: points (81, 2) and visibility (81)."""
    _, category_id, box, points = garment
    places, visible = np.zeros((81, 2)), np.zeros(81)
    own = rendering.channels(category_id)
    places[own] = rendering.place(rendering.crop_matrix(box, size), points[:, :2])
    visible[own] = points[:, 2]
    return places, visible


def smooth_heatmaps(seed: int, count: int = 81) -> np.ndarray:
    """Bumps and noise: (count, height, width) float32."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-2, np.array(MAP) + 2, (count, 2)) * rendering.STRIDE
    bumps = rendering.unbiased_targets(centres, MAP, 3.0) * rng.uniform(0.05, 1.1, (count, 1, 1))
    return (bumps + rng.normal(0, 0.01, bumps.shape)).astype(np.float32)


@pytest.mark.parametrize("box", BOXES)
def test_crop(estimator, box):
    whole = picture(4)
    matrix = rendering.crop_matrix(box, SIZE)
    found = estimator.crop(whole, box)
    assert np.allclose(found.to_picture, rendering.inverse(matrix), atol=1e-4)
    wanted = rendering.crop(whole, matrix, SIZE)
    # OpenCV looks between pixels in steps of 1/32.
    assert np.abs(found.pixels - wanted).mean() < 0.5
    assert np.abs(found.pixels - wanted).max() <= 255 / 32 + 1


def test_the_network_sees_normalised_rgb(estimator):
    pixels = estimator.crop(picture(4), BOXES[0]).pixels
    batch = {"inputs": [torch.from_numpy(pixels).permute(2, 0, 1)], "data_samples": []}
    seen = estimator.model.data_preprocessor(batch, training=False)["inputs"][0].numpy()
    # mmpose's statistics are ImageNet's times 255, rounded to hundredths.
    assert np.allclose(seen, rendering.normalised(pixels), atol=1e-3)


def test_targets(tmp_path):
    made = garments()
    cut = 0
    for garment, sample in zip(made, samples(tmp_path, made), strict=True):
        found = sample["data_samples"]
        places, visible = rendered(garment)
        heatmaps, weights = rendering.targets(places, visible, MAP, 3.0)
        assert np.allclose(found.gt_fields.heatmaps.numpy(), heatmaps, atol=1e-6)
        assert np.array_equal(found.gt_instance_labels.keypoint_weights.numpy()[0], weights)
        assert not weights[~AGGREGATED.category_mask(garment[1])].any()
        cut += int((weights < (visible > 0)).sum())
    assert cut > 10  # landmarks whose heatmaps would be empty


def test_mirrored_samples(tmp_path):
    np.random.seed(0)
    made, mirrored = garments(), []
    for garment, sample in zip(made, samples(tmp_path, made, flip=True), strict=True):
        found = sample["data_samples"]
        mirrored.append(found.metainfo["flip"])
        heatmaps, weights = rendering.targets(*(mirror if mirrored[-1] else rendered)(garment), MAP, 3.0)
        assert np.allclose(found.gt_fields.heatmaps.numpy(), heatmaps, atol=1e-6)
        assert np.array_equal(found.gt_instance_labels.keypoint_weights.numpy()[0], weights)
    assert {*mirrored} == {False, True}


def mirror(garment):
    """`rendered`, of the mirrored picture."""
    image_id, category_id, box, points = garment
    points = np.concatenate([WIDTH - 1 - points[:, :1], points[:, 1:]], axis=1)
    places, visible = rendered((image_id, category_id, rendering.mirrored_box(box, WIDTH), points))
    return rendering.swapped(places), rendering.swapped(visible)


def edges() -> np.ndarray:
    """(n, 2) places in the crop: halves between heatmap pixels, the map's ends, where the Gaussian leaves it."""
    steps = (-11, -10.5, -10.25, -10, -9.5, -0.75, -0.5, 0, 0.49, 0.5)
    across = [*steps, *(MAP[0] + step for step in (-1, -0.5, 0, 8, 8.49, 8.5, 9))]
    down = [*steps, *(MAP[1] + step for step in (-1, -0.5, 0, 8, 8.49, 8.5, 9))]
    return rendering.STRIDE * np.array(list(product(across, down)))


@pytest.mark.parametrize("unbiased", [False, True])
def test_targets_at_the_edges(estimator, unbiased):
    points = edges()
    encoded = build_codec(unbiased).encode(points[None].astype(np.float32), np.ones((1, len(points))))
    heatmaps, weights = rendering.targets(points, np.ones(len(points)), MAP, 3.0)
    if unbiased:
        weights = weights_by_place(points)
        heatmaps = rendering.unbiased_targets(points, MAP, 3.0) * weights[:, None, None]
    assert np.allclose(encoded["heatmaps"], heatmaps, atol=1e-6)
    assert np.array_equal(encoded["keypoint_weights"][0], weights)
    assert 0 < weights.sum() < len(weights)


def weights_by_place(points: np.ndarray) -> np.ndarray:
    """(n,) weights of unbiased targets: 0 where what is within 3 sigma ends before the map, or starts behind it."""
    places = points / rendering.STRIDE
    return ((places + 10 >= 0) & (places - 9 < np.array(MAP))).all(axis=1).astype(float)


def build_codec(unbiased: bool):
    import mmpose.codecs  # noqa: F401 (registers them)
    from mmpose.registry import KEYPOINT_CODECS

    return KEYPOINT_CODECS.build(codec(PAPER.model_copy(update={"unbiased": unbiased})))


def test_unbiased_targets(tmp_path):
    made = garments()
    for garment, sample in zip(made, samples(tmp_path, made, unbiased=True), strict=True):
        places, visible = rendered(garment)
        weights = (visible > 0) * weights_by_place(places)
        wanted = rendering.unbiased_targets(places, MAP, 3.0) * weights[:, None, None]
        found = sample["data_samples"]
        assert np.array_equal(found.gt_instance_labels.keypoint_weights.numpy()[0], weights)
        assert np.allclose(found.gt_fields.heatmaps.numpy(), wanted, atol=1e-4)


# Half of the mean square in the authors' code, 1000 times the mean square in configs/estimation/hrnet.py.
FACTOR = 2000


def test_the_loss_and_its_gradient_are_the_authors_times_2000(estimator):
    rng = np.random.default_rng(5)
    wanted = np.stack([smooth_heatmaps(seed, 12) for seed in range(4)])
    weights = rng.integers(0, 2, (4, 12)).astype(np.float32)
    found = torch.tensor(rng.normal(0, 0.3, wanted.shape).astype(np.float32), requires_grad=True)
    value = estimator.model.head.loss_module(found, torch.from_numpy(wanted), torch.from_numpy(weights))
    value.backward()
    seen = found.detach().numpy().astype(float)
    assert value.item() == pytest.approx(FACTOR * rendering.loss(seen, wanted, weights), rel=1e-5)
    gradient = FACTOR * rendering.loss_gradient(seen, wanted, weights)
    assert np.allclose(found.grad.numpy(), gradient, atol=1e-6 * np.abs(gradient).max())


def test_the_loss_of_a_batch_from_pictures_on(estimator, tmp_path):
    made = garments()
    batch = pseudo_collate([samples(tmp_path, made)[index] for index in (2, 6, 12)])
    data = estimator.model.data_preprocessor(batch, training=True)
    with torch.no_grad():
        found = estimator.model(**data, mode="tensor").numpy()
        value = estimator.model(**data, mode="loss")["loss_kpt"].item()
    wanted, weights = zip(
        *(rendering.targets(*rendered(made[index]), MAP, 3.0) for index in (2, 6, 12)), strict=True
    )
    assert value == pytest.approx(
        FACTOR * rendering.loss(found, np.stack(wanted), np.stack(weights)), rel=1e-4
    )


def raw(estimator: Estimator, crops: np.ndarray) -> np.ndarray:
    """What the network itself says of crops (n, height, width, 3)."""
    inputs = np.stack([rendering.normalised(crop) for crop in crops]).astype(np.float32)
    with torch.inference_mode():
        return estimator.model(torch.from_numpy(inputs), None, mode="tensor").numpy()


def flip_tested(estimator: Estimator, crops: np.ndarray) -> np.ndarray:
    """The rendering of `Estimator.outputs`."""
    own, mirrored = raw(estimator, crops), raw(estimator, crops[:, :, ::-1])
    return (own + np.stack([rendering.mirrored_back(heatmaps) for heatmaps in mirrored])) / 2


def test_flip_test(estimator):
    crops = np.stack([estimator.crop(picture(seed), BOXES[seed]).pixels for seed in (0, 1)])
    found = estimator.outputs(crops, flip_test=True, shift_heatmap=True).numpy()
    wanted = flip_tested(estimator, crops)
    assert np.allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())
    assert not np.allclose(found, raw(estimator, crops), atol=0.05 * np.abs(wanted).max())


@pytest.mark.parametrize("entry", DEEPFASHION2.categories, ids=lambda entry: entry.slug)
def test_landmarks_of_heatmaps(estimator, entry):
    heatmaps = smooth_heatmaps(entry.id)
    found = estimator.decode(torch.from_numpy(heatmaps), entry.id)
    own = heatmaps[rendering.channels(entry.id)]
    inside = np.array([not at_the_edge(heatmap) for heatmap in own])
    wanted = np.array([rendering.decode(heatmap) for heatmap in own])
    assert inside.any()
    assert np.allclose(found.landmarks[inside, :2], wanted[inside])
    assert np.allclose(found.landmarks[:, 2], own.max(axis=(1, 2)))
    assert np.allclose(found.maxima, heatmaps.max(axis=(1, 2)))


def at_the_edge(heatmap: np.ndarray) -> bool:
    """Whether the highest pixel is one that the authors leave where it is (see `rendering.decode`)."""
    x, y = rendering.highest(heatmap)
    return not (1 < x < MAP[0] - 1 and 1 < y < MAP[1] - 1)


def test_at_the_map_s_edge_a_landmark_is_at_most_a_quarter_pixel_from_the_authors(estimator):
    # mmpose looks at each axis alone: beside a border it still steps along it, where the authors' code stands still.
    moved = set()
    for x, y in product((0, 1, 2, 94, 95), (0, 1, 2, 126, 127)):
        found, wanted = decoded(estimator, peak(x, y))
        apart = np.abs(found - wanted) / rendering.STRIDE
        assert apart.max() <= 0.25
        assert at_the_edge(peak(x, y)) or apart.max() == 0
        if apart.any():
            moved.add((x, y))
    assert moved == {*product((1, 95), (2, 126)), *product((2, 94), (1, 127))}


def peak(x: int, y: int) -> np.ndarray:
    """Noise with its highest pixel there."""
    heatmap = np.random.default_rng(100 * x + y).uniform(0.1, 0.5, (MAP[1], MAP[0])).astype(np.float32)
    heatmap[y, x] = 1.0
    return heatmap


def decoded(estimator: Estimator, heatmap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A place in the crop, ours and the rendering's, of one heatmap."""
    heatmaps = torch.from_numpy(np.repeat(heatmap[None], 81, axis=0))
    found = estimator.decode(heatmaps, 9).landmarks[:, :2]
    assert (found == found[0]).all()
    return found[0], rendering.decode(heatmap)


def plateau() -> np.ndarray:
    heatmap = np.zeros((MAP[1], MAP[0]), dtype=np.float32)
    heatmap[40:43, 50:53] = 0.7
    return heatmap


def twins() -> np.ndarray:
    heatmap = np.zeros((MAP[1], MAP[0]), dtype=np.float32)
    heatmap[20, 70] = heatmap[90, 10] = 0.6
    heatmap[20, 71] = heatmap[20, 69] = 0.3
    heatmap[21, 70] = 0.1
    return heatmap


@pytest.mark.parametrize(
    ("heatmap", "place"),
    [
        (plateau(), (50.25, 40.25)),  # the first of the equal pixels, toward the others
        (twins(), (70, 20.25)),  # the first of the two; neighbours alike on either side: no step
        (np.full((128, 96), 0.3, dtype=np.float32), (0, 0)),
        (np.zeros((128, 96), dtype=np.float32), (0, 0)),  # as the authors' code where nothing is positive
    ],
)
def test_ties_and_flat_heatmaps(estimator, heatmap, place):
    found, wanted = decoded(estimator, heatmap)
    assert found.tolist() == wanted.tolist() == [4 * place[0], 4 * place[1]]


@pytest.mark.parametrize("sigma", [2.0, 3.0])
def test_unbiased_landmarks_of_heatmaps(sigma):
    network = PAPER.model_copy(update={"unbiased": True, "sigma": sigma})
    own = Estimator(lively(3, AGGREGATED), network, AGGREGATED)
    window = {2.0: 11, 3.0: 17}[sigma]  # mmpose's docstring
    points = np.random.default_rng(1).uniform(40, 330, (81, 2))
    noise = np.random.default_rng(2).uniform(0, 0.02, (81, 128, 96))
    heatmaps = (0.8 * rendering.unbiased_targets(points, MAP, sigma) + noise).astype(np.float32)
    found = own.decode(torch.from_numpy(heatmaps), 1).landmarks[:, :2]
    channels = rendering.channels(1)
    wanted = [rendering.unbiased_decode(heatmaps[channel].astype(float), window) for channel in channels]
    assert np.allclose(found, wanted, atol=1e-2)
    assert np.abs(found - points[channels]).max() < 1


@pytest.mark.parametrize("flip_test", [False, True])
def test_boxes_to_the_result_file(estimator, flip_test):
    whole = picture(4)
    boxes = [
        DetectedBox(1, entry.id, BOXES[entry.id % 5], 0.3 + entry.id / 20)
        for entry in DEEPFASHION2.categories
    ]
    crops = np.stack([estimator.crop(whole, box.box).pixels for box in boxes])
    heatmaps = flip_tested(estimator, crops) if flip_test else raw(estimator, crops)
    (sightings,) = see([(whole, boxes)], Estimators(estimator), authors("all"), flip_test=flip_test)
    for kind in ("all", "category"):
        for box, own, garment in zip(boxes, heatmaps, sightings.garments(authors(kind)), strict=True):
            maxima = chosen_maxima(own.max(axis=(1, 2)), box.category_id, kind)
            assert garment.score == pytest.approx(rendering.score(box.score, maxima, 0.2), rel=1e-4)
            check_record(garment, own, box)


def check_record(garment, heatmaps: np.ndarray, box: DetectedBox) -> None:
    """A garment's 882 numbers are those of the heatmaps (81, height, width)."""
    record = np.array(garment.to_record()["keypoints"]).reshape(294, 3)
    away = np.abs(record - rendering.back(in_picture(heatmaps, box.box), box.category_id))
    edge = rendering.back(np.array([[at_the_edge(heatmap)] for heatmap in heatmaps]), box.category_id)
    # At the map's edge a quarter of a heatmap pixel, see above; hundredths are what a file holds.
    quarter = 0.25 * rendering.STRIDE / rendering.crop_matrix(box.box, SIZE)[0, 0]
    assert (away[:, :2] <= 0.006 + quarter * edge).all()
    assert away[:, 2].max() < 1e-3


def in_picture(heatmaps: np.ndarray, box: tuple[float, ...]) -> np.ndarray:
    """(81, 3): places in the picture and maxima."""
    crop_to_picture = rendering.inverse(rendering.crop_matrix(box, SIZE))
    places = rendering.place(crop_to_picture, np.array([rendering.decode(heatmap) for heatmap in heatmaps]))
    return np.concatenate([places, heatmaps.max(axis=(1, 2))[:, None]], axis=1)


def authors(kind: str) -> EstimateSettings:
    """The authors' yaml."""
    return EstimateSettings(
        shift_heatmap=True, score=kind, score_threshold=0.2, box_score_threshold=0.01, batch_size=32
    )


class Drawn(Estimator):
    """An estimator whose heatmaps are given, whatever the crop."""

    def __init__(self, heatmaps: np.ndarray) -> None:
        super().__init__(torch.nn.Identity(), PAPER, AGGREGATED)
        self.drawn = torch.from_numpy(heatmaps)

    def outputs(self, crops, flip_test=False, shift_heatmap=True):
        return self.drawn[None].expand(len(crops), -1, -1, -1)


@pytest.mark.parametrize("kind", ["all", "category"])
@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        (0.5, 0.0, {"all": 0.5, "category": 0.5}),
        (0.5, 0.9, {"all": (8 * 0.5 + 73 * 0.9) / 81, "category": 0.5}),
        (0.1, 0.9, {"all": 0.9, "category": 0.0}),  # none of the category's is over the threshold
        (0.1, 0.1, {"all": 0.0, "category": 0.0}),
        (-0.3, -0.1, {"all": 0.0, "category": 0.0}),
    ],
)
def test_scores_of_hand_made_maxima(kind, own, others, expected):
    maxima = np.full(81, others)
    maxima[rendering.channels(9)] = own
    heatmaps = np.minimum(maxima, 0)[:, None, None] * np.ones((81, 128, 96))
    heatmaps[:, 60, 40] = maxima
    drawn = Estimators(Drawn(heatmaps.astype(np.float32)))
    (sightings,) = see(
        [(picture(), [DetectedBox(1, 9, BOXES[0], 0.8)])], drawn, authors(kind), flip_test=False
    )
    (garment,) = sightings.garments(authors(kind))
    assert garment.score == pytest.approx(0.8 * expected[kind], rel=1e-5)
    assert garment.score == pytest.approx(rendering.score(0.8, chosen_maxima(maxima, 9, kind), 0.2), rel=1e-5)


def chosen_maxima(maxima: np.ndarray, category_id: int, kind: str) -> np.ndarray:
    """Those that a score goes over."""
    return maxima if kind == "all" else maxima[rendering.channels(category_id)]


def test_channels_ranges_and_pairs_are_the_authors():
    for entry in DEEPFASHION2.categories:
        assert np.array_equal(AGGREGATED.channels(entry.id), rendering.channels(entry.id))
        assert DEEPFASHION2.category(entry.id).slice == rendering.landmark_range(entry.id)
    assert len(rendering.PAIRS) == 37
    assert np.array_equal(AGGREGATED.flip_index, rendering.swapped(np.arange(81)))


@pytest.mark.parametrize("entry", DEEPFASHION2.categories, ids=lambda entry: entry.slug)
def test_81_back_to_294(entry):
    values = np.random.default_rng(entry.id).normal(size=(81, 3))
    assert np.array_equal(AGGREGATED.expand(values, entry.id), rendering.back(values, entry.id))


def test_there_and_back_again(estimator):
    # Labels, targets, landmarks, picture: every category, within half a heatmap pixel (whole peaks).
    for entry in DEEPFASHION2.categories:
        box = (30.0, 40.0, 80.0, 110.0)
        points = landmarks(entry.id, box)[:, :2]
        crop = estimator.crop(picture(), box)
        wanted = np.zeros((81, 2))
        wanted[rendering.channels(entry.id)] = rendering.place(rendering.crop_matrix(box, SIZE), points)
        heatmaps, _ = rendering.targets(wanted, np.ones(81), MAP, 3.0)
        found = estimator.decode(torch.from_numpy(heatmaps.astype(np.float32)), entry.id)
        half = rendering.STRIDE / 2 * crop.to_picture[0, 0]
        assert np.abs(to_picture(found.landmarks, crop)[:, :2] - points).max() <= half + 1e-3
