"""Garments drawn on pictures."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from hemline.drawing import TruthGarment, colours, draw_comparison, draw_garments, draw_panels, outline
from hemline.errors import HemlineError
from hemline.wardrobe import Category, Landmark, Wardrobe, wardrobe

DEEPFASHION2, FLD = wardrobe("deepfashion2"), wardrobe("fld")
ALL = (*DEEPFASHION2.categories, *FLD.categories)
COLOURS = colours(DEEPFASHION2)

GREY = 128


def grey(height: int = 200, width: int = 160) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def garment(category_id: int = 9, box=(30.0, 40.0, 90.0, 100.0), score: float = 0.87) -> TruthGarment:
    """Landmarks on an ellipse inside the box, in the order of the outline."""
    count = DEEPFASHION2.category(category_id).count
    angle = 2 * np.pi * np.arange(count) / count
    x = box[0] + box[2] / 2 + box[2] / 2.2 * np.cos(angle)
    y = box[1] + box[3] / 2 + box[3] / 2.2 * np.sin(angle)
    return TruthGarment(category_id, box, np.stack([x, y, np.full(count, 2.0)], axis=1), DEEPFASHION2, score)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (before != after).any(axis=2)


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.slug)
def test_outline_passes_every_landmark_and_is_connected(entry):
    paths = outline(entry)
    assert {number for path in paths for number in path} == set(range(entry.count))
    reached = set(paths[0])
    for _ in paths:
        for path in paths:
            if reached & set(path):
                reached |= set(path)
    assert reached == set(range(entry.count))


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.slug)
def test_outline_is_its_own_mirror(entry):
    """A flipped garment has the same lines: each line between flip partners is a line."""
    partner = [landmark.flip_index - entry.start for landmark in entry.landmarks]
    lines = {frozenset(pair) for path in outline(entry) for pair in pairwise(path)}
    assert lines == {frozenset(partner[number] for number in line) for line in lines}


def test_outline_of_an_unknown_wardrobe_follows_its_order():
    made = [Landmark(n, 1, n + 1, 0.1, 1, n, name) for n, name in enumerate(("toe", "heel", "ankle"))]
    assert outline(Category(1, "sock", "sock", 0, 3, tuple(made))) == ((0, 1, 2),)


def test_outline_of_a_full_body_garment_goes_round_the_trunk():
    names = [landmark.name for landmark in FLD.category("full body").landmarks]
    lines = {frozenset((names[a], names[b])) for path in outline(FLD.category(3)) for a, b in pairwise(path)}
    assert frozenset(("left collar", "left sleeve")) in lines
    assert frozenset(("left collar", "left waistline")) in lines
    assert frozenset(("left hem", "right hem")) in lines
    assert len(lines) == 8


@pytest.mark.parametrize("category", wardrobe("fashionai").categories, ids=lambda category: category.name)
def test_outline_of_fashionais_garments_goes_round_and_is_its_own_mirror(category):
    names = [landmark.name for landmark in category.landmarks]
    (path,) = outline(category)
    assert path[0] == path[-1] and sorted(path[1:]) == list(range(category.count))
    lines = {frozenset((names[a], names[b])) for a, b in pairwise(path)}
    swap = {"left": "right", "right": "left"}
    mirrored = {
        frozenset("_".join(swap.get(w, w) for w in name.split("_")) for name in line) for line in lines
    }
    assert lines == mirrored
    bottom = next(name for name in ("top_hem", "hemline", "crotch") if any(name in other for other in names))
    assert frozenset(("armpit_left", "waistline_left")) in lines or "waistline_left" not in names
    assert bottom == "crotch" or frozenset((f"{bottom}_left", f"{bottom}_right")) in lines


def test_a_garment_of_fld_is_drawn_in_its_own_colour_and_name():
    points = np.array([[40, 40, 2], [100, 40, 2], [30, 140, 2], [110, 140, 2]], dtype=float)
    lower = TruthGarment(2, (25.0, 35.0, 90.0, 110.0), points, wardrobe=FLD)
    drawn = draw_garments(grey(), [lower], labels=False)
    assert drawn[40, 40].tolist() == list(colours(FLD)[1][::-1])
    with pytest.raises(HemlineError, match="lower body has 4 landmarks"):
        draw_garments(grey(), [TruthGarment(2, (0, 0, 9, 9), np.zeros((6, 3)), wardrobe=FLD)])


def test_outline_of_outwear_is_open_in_front():
    names = [landmark.name for landmark in DEEPFASHION2.category("long sleeve outwear").landmarks]
    lines = {
        frozenset((names[a], names[b]))
        for path in outline(DEEPFASHION2.category(4))
        for a, b in pairwise(path)
    }
    assert frozenset(("left hem corner", "left front edge hem corner")) in lines
    assert frozenset(("right front edge hem corner", "right hem corner")) in lines
    assert frozenset(("left front edge hem corner", "right hem corner")) not in lines


@pytest.mark.parametrize(
    ("count", "apart"), [(3, 200), (13, 60), (30, 30)], ids=["a few", "DeepFashion2", "more than are listed"]
)
def test_colours_are_told_apart(count, apart):
    categories = tuple(Category(number, "", "", 0, 0, ()) for number in range(1, count + 1))
    found = colours(Wardrobe("made up", categories, ()))
    assert len(found) == count
    for one, other in combinations(found, 2):
        assert np.abs(np.subtract(one, other)).sum() > apart


def test_landmarks_are_drawn_where_they_are():
    picture, skirt = grey(), garment()
    drawn = draw_garments(picture, [skirt], boxes=False, labels=False)
    assert (picture == GREY).all()  # the picture itself is left alone
    for x, y, _ in skirt.landmarks:
        assert drawn[round(y), round(x)].tolist() == list(COLOURS[8][::-1])
    rows, columns = np.nonzero(changed(picture, drawn))
    assert columns.min() > 30 and columns.max() < 120 and rows.min() > 40 and rows.max() < 140


def test_missing_landmark_is_left_out_and_not_bridged():
    picture, skirt = grey(), garment()
    landmarks = skirt.landmarks.copy()
    landmarks[5] = 0, 0, 0
    x, y = skirt.landmarks[5, :2].round().astype(int)
    full = draw_garments(picture, [skirt], boxes=False, labels=False)
    part = draw_garments(
        picture, [TruthGarment(9, skirt.box, landmarks, DEEPFASHION2)], boxes=False, labels=False
    )
    assert changed(picture, full)[y, x] and not changed(picture, part)[y - 2 : y + 3, x - 2 : x + 3].any()
    assert not changed(picture, part)[:5, :5].any()  # nothing is drawn at the origin


def test_unsure_landmark_is_hollow():
    skirt = garment()
    landmarks = skirt.landmarks.copy()
    landmarks[0, 2] = 0.1
    drawn = draw_garments(
        grey(), [TruthGarment(9, skirt.box, landmarks, DEEPFASHION2)], boxes=False, labels=False
    )
    x, y = landmarks[0, :2].round().astype(int)
    assert drawn[y, x].max() < 80


def test_truth_is_white_beneath():
    drawn = draw_garments(grey(), [], truth=[garment()])
    assert (drawn == 255).all(axis=2).any()


def test_lines_grow_with_the_picture():
    shares = []
    for scale in (3, 12):
        box = tuple(scale * value for value in (30.0, 40.0, 90.0, 100.0))
        picture = grey(200 * scale, 160 * scale)
        drawn = draw_garments(picture, [garment(box=box)], boxes=False, labels=False)
        shares.append(changed(picture, drawn).mean())
    assert shares[1] > shares[0] / 2  # a quarter if lines kept their width


def test_labels_stay_inside_and_apart():
    garments = [garment(box=(1.0, 1.0, 100.0, 100.0)), garment(7, box=(2.0, 2.0, 90.0, 90.0))]
    bare = draw_garments(grey(), garments, labels=False)
    labelled = draw_garments(grey(), garments)
    for category_id in (9, 7):
        ink = (labelled == COLOURS[category_id - 1][::-1]).all(axis=2) & changed(bare, labelled)
        assert ink.sum() > 200


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e12, -1e12])
def test_absurd_coordinates_do_not_break_drawing(value):
    skirt = garment()
    landmarks = skirt.landmarks.copy()
    landmarks[2, 0] = value
    drawn = draw_garments(
        grey(), [TruthGarment(9, (-500.0, -500.0, 5000.0, 5000.0), landmarks, DEEPFASHION2)]
    )
    assert drawn.shape == (200, 160, 3)


def test_bad_input_is_refused():
    with pytest.raises(HemlineError, match="uint8"):
        draw_garments(np.zeros((10, 10, 3)), [])
    with pytest.raises(HemlineError, match="8 landmarks"):
        draw_garments(grey(), [TruthGarment(9, (0, 0, 9, 9), np.zeros((9, 3)), DEEPFASHION2)])
    with pytest.raises(HemlineError, match="neither"):
        draw_comparison(grey(), None, None)


def test_comparison_shows_the_same_crop_twice():
    picture = np.random.default_rng(0).integers(0, 255, (200, 160, 3), dtype=np.uint8)
    both = draw_comparison(picture, garment(), None, size=(999, 240), captions=("", ""))
    width = (both.shape[1] - 4) // 2
    left, right = both[:, :width], both[:, width + 4 :]
    assert both.shape[0] == 240 and left.shape == right.shape
    assert 0.02 < changed(left, right).mean() < 0.5  # one has the garment, all else is equal


def test_panels_stand_in_rows():
    picture = np.random.default_rng(0).integers(0, 255, (200, 160, 3), dtype=np.uint8)
    panels = [(None, "", 0.2), (garment(), "", 0.2), (None, "", 0.2)]
    sheet = draw_panels(picture, panels, size=(999, 120))
    height, width = 120, (sheet.shape[1] - 4) // 2
    assert sheet.shape[0] == 2 * height + 4 and (sheet[height + 4 :, width + 4 :] == 255).all()
    first, second, third = sheet[:height, :width], sheet[:height, width + 4 :], sheet[height + 4 :, :width]
    assert (first == third).all() and changed(first, second).any()
    row = draw_panels(picture, panels, size=(999, 120), columns=3)
    assert row.shape[:2] == (height, 3 * width + 8) and (row[:, -width:] == first).all()


def test_comparison_moves_landmarks_with_the_crop():
    skirt = garment(box=(60.0, 80.0, 40.0, 50.0))
    both = draw_comparison(grey(), skirt, skirt, size=(999, 400), captions=("", ""))
    rows, columns = np.nonzero(np.abs(both.astype(int) - COLOURS[8][::-1]).max(axis=2) < 30)
    panel = columns < both.shape[1] // 2
    # margin 0.12 x 50 + 4 = 10 pixels round the box: it lies from 10/70 to 60/70 of the crop's height
    assert rows[panel].min() / 400 == pytest.approx(10 / 70, abs=0.02)
    assert rows[panel].max() / 400 == pytest.approx(60 / 70, abs=0.02)


@pytest.mark.parametrize(
    "box", [(-50.0, -50.0, 20.0, 20.0), (500.0, 500.0, 10.0, 10.0), (159.0, 199.0, 0.0, 0.0)]
)
def test_comparison_of_a_box_outside_the_picture(box):
    both = draw_comparison(grey(), garment(box=box), None, size=(64, 80))
    assert both.shape[0] <= 80 and both.shape[1] <= 2 * 64 + 4


def test_small_and_extreme_pictures():
    for height, width in ((1, 1), (8, 500), (3000, 20)):
        assert draw_garments(grey(height, width), [garment()]).shape == (height, width, 3)
