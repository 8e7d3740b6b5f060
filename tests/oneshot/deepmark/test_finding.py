"""DeepMark's pictures to garments: what perfect maps say comes back in the pictures' own pixels, whatever the way."""

import numpy as np
import pytest
import torch

from hemline.oneshot import OneShot, build_oneshot
from hemline.oneshot.deepmark.finding import DeepMarkFinder
from hemline.oneshot.deepmark.fitting import fit
from hemline.oneshot.predictor import FIND
from tests.oneshot.deepmark.test_decoding import SETTINGS, outfit, perfect_maps
from tests.oneshot.garments import DEEPFASHION2, mirrored
from tests.oneshot.networks import deepmark, row
from tests.oneshot.test_found import found

SIZE = (144, 112)  # width, height of the input; maps are 36 x 28


def clairvoyant(garments, picture, chosen, name):
    """A network that knows the garments, given in the picture's pixels (edges), at every scale and mirrored."""
    settings = deepmark(name, image_size=SIZE)
    find = FIND.model_copy(update={"deepmark": SETTINGS})
    oneshot = OneShot(build_oneshot(settings, DEEPFASHION2), settings, DEEPFASHION2, chosen, find)
    grouping = oneshot.finder.grouping
    shape = (SIZE[1] // 4, SIZE[0] // 4)
    asked = []

    def forward(inputs):
        scale = chosen.scales[len(asked) // (2 if chosen.flip_test else 1)]
        placed = fit(picture, SIZE, scale)[1]
        own = [in_cells(one, placed) for one in garments]
        if chosen.flip_test and len(asked) % 2:
            own = mirrored(own, grouping, shape[1])
        asked.append(inputs)
        return perfect_maps([own], grouping, shape)

    oneshot.finder._forward = forward
    return oneshot, asked


def in_cells(one, placed):
    landmarks = one["landmarks"].copy()
    landmarks[:, :2] = np.where(landmarks[:, 2:] > 0, placed.to_input(landmarks[:, :2]) / 4, 0)
    return {
        **one,
        "box": tuple((placed.to_input(np.reshape(one["box"], (2, 2))) / 4).ravel()),
        "landmarks": landmarks,
    }


def in_picture(one, placed):
    landmarks = one["landmarks"].copy()
    landmarks[:, :2] = placed.to_picture(landmarks[:, :2] * 4)
    return {
        **one,
        "box": tuple(placed.to_picture(np.reshape(one["box"], (2, 2)) * 4).ravel()),
        "landmarks": landmarks,
    }


@pytest.mark.parametrize("name", ["independent", "aggregated"])
@pytest.mark.parametrize(
    "changes", [{}, {"flip_test": True}, {"scales": (0.75,)}, {"flip_test": True, "scales": (0.75,)}]
)
def test_garments_come_back_in_the_pictures_pixels(name, changes):
    chosen = row(**changes)
    picture = np.random.default_rng(0).integers(0, 256, (331, 429, 3), dtype=np.uint8)
    placed = fit(picture, SIZE, chosen.scales[0])[1]
    oneshot, asked = clairvoyant([], picture, chosen, name)
    cells = outfit(3, oneshot.finder.grouping, (28, 36))
    if chosen.scales[0] < 1:  # the picture is in the middle of the input: no garment on the black around it
        for one in cells:
            one["box"] = tuple(np.array(one["box"]) * 0.7 + [5, 4, 5, 4])
            one["landmarks"][:, :2] = np.where(
                one["landmarks"][:, 2:] > 0, one["landmarks"][:, :2] * 0.7 + [5, 4], 0
            )
    garments = [in_picture(one, placed) for one in cells]
    oneshot, asked = clairvoyant(garments, picture, chosen, name)
    (seen,) = oneshot.find([picture])
    found = seen.garments(DEEPFASHION2)
    assert len(asked) == (2 if chosen.flip_test else 1)
    if chosen.flip_test:
        assert torch.equal(asked[1], asked[0].flip(3))
    assert len(found) == len(garments)
    for one in garments:
        (match,) = [each for each in found if each.category_id == one["label"] + 1]
        x1, y1, x2, y2 = np.clip(one["box"], 0, [429, 331, 429, 331])
        assert np.allclose(match.box, (x1, y1, x2 - x1, y2 - y1), atol=0.05)
        own = one["landmarks"][oneshot.finder.grouping.channels(match.category_id)]
        away = np.abs(match.landmarks[:, :2] - (own[:, :2] - 0.5)).max(axis=1)[own[:, 2] > 0]
        assert (away < 0.05).mean() > 0.8  # in a smaller picture two may share a cell


def test_scales_are_put_together_and_suppressed():
    """Both scales find every garment; soft-NMS lowers the score of one of the two by exp(-1 / sigma)."""
    picture = np.zeros((331, 429, 3), dtype=np.uint8)
    both = row(scales=(1.0, 0.75))
    oneshot, _ = clairvoyant([], picture, both, "independent")
    garments = [
        in_picture(one, fit(picture, SIZE)[1]) for one in outfit(3, oneshot.finder.grouping, (28, 36))
    ]
    oneshot, _ = clairvoyant(garments, picture, both, "independent")
    assert [one.score for one in oneshot(picture)] == pytest.approx([1.0] * 6)
    oneshot, _ = clairvoyant(
        garments, picture, row(scales=(1.0, 0.75), suppression="soft-nms"), "independent"
    )
    lowered = np.exp(-1 / SETTINGS.nms_sigma)
    assert [one.score for one in oneshot(picture)] == pytest.approx([1.0] * 3 + [lowered] * 3, rel=0.05)


def test_the_best_over_the_threshold_are_kept():
    settings = deepmark("aggregated")
    model = build_oneshot(settings, DEEPFASHION2)

    def kept(**changes):
        finder = DeepMarkFinder(model, settings, DEEPFASHION2, row(), SETTINGS.model_copy(update=changes))
        return finder._best(found(DEEPFASHION2)).scores.tolist()

    assert kept(max_per_image=3) == pytest.approx([0.9, 0.7, 0.5])
    assert kept(score_threshold=0.5) == pytest.approx([0.9, 0.7])  # the threshold itself isn't enough
