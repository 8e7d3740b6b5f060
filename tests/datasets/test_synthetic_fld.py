"""The synthetic wardrobe in FLD's layout: its files read back by a few lines, its points, its one garment a picture."""

from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from hemline.commands import main
from hemline.datasets.synthetic import Counts, planned, synthesize
from hemline.datasets.synthetic.camera import Camera
from hemline.datasets.synthetic.fld import (
    PLACES,
    FldWriter,
    annotate,
    category_of,
    marks,
    subject,
    variation_type,
)
from hemline.datasets.synthetic.plan import OUTWEAR, Item, Picture, plan
from hemline.datasets.synthetic.scene import draw_scene
from hemline.errors import HemlineError
from hemline.wardrobe import Category, wardrobe
from tests.datasets.folders import digest

IMAGES = 60
WARDROBE = wardrobe("fld")
DRAWN = wardrobe("deepfashion2").categories
COLLAR, SLEEVE, WAISTLINE, HEM = (
    [f"left {place}", f"right {place}"] for place in ("collar", "sleeve", "waistline", "hem")
)
NAMES = {  # FLD's readme, "landmark labels"
    "1": [*COLLAR, *SLEEVE, *HEM],
    "2": [*WAISTLINE, *HEM],
    "3": [*COLLAR, *SLEEVE, *WAISTLINE, *HEM],
}


def rows(path: Path) -> dict[str, list[str]]:
    """A list of FLD's: the words behind a picture's name, by that name."""
    count, header, *lines = path.read_text().splitlines()
    assert header.split()[0] == "image_name" and int(count) == len(lines)
    return {name: words for name, *words in (line.split() for line in lines)}


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counts]:
    """A small validation split."""
    out = tmp_path_factory.mktemp("fld")
    counts = synthesize(
        out, IMAGES, 5, layout="fld", split="validation", size=(192, 256), temper=0.5, workers=1
    )
    return out, counts


@pytest.fixture(scope="module")
def garments(split: tuple[Path, Counts]) -> list[dict[str, Any]]:
    """Every garment: its picture's size, its type and variation, its box, and its points (x, y, v) by name."""
    boxes = rows(split[0] / "Anno/list_bbox.txt")
    found = []
    for name, (kind, variation, *words) in rows(split[0] / "Anno/list_landmarks.txt").items():
        height, width = cv2.imread(str(split[0] / "Img" / name)).shape[:2]
        visibility, x, y = (list(map(int, words[start::3])) for start in range(3))
        points = dict(zip(NAMES[kind], zip(x, y, visibility, strict=True), strict=True))
        box = list(map(int, boxes[name]))
        found.append(
            {
                "size": (width, height),
                "type": kind,
                "variation": int(variation),
                "box": box,
                "points": points,
            }
        )
    return found


@pytest.fixture(scope="module")
def catalogue() -> dict[int, list[dict[str, Any]]]:
    """Frontal garments of each category that is drawn, several designs: points (x, y, v) inside, by name."""
    found: dict[int, list[dict[str, Any]]] = {kind.id: [] for kind in DRAWN}
    for kind in DRAWN:
        for number in range(1, 9):
            picture = Picture(number, 21, "shop", 1, (Item(kind.id, 100 * number + kind.id, 0),))
            scene = draw_scene(picture, (120, 160), 0)
            if not scene.camera.back:
                _, _, points = annotate(scene, 0, category_of(kind.id))
                found[kind.id].append(_named(category_of(kind.id), points))
    return found


def _named(kind: Category, points: list[tuple[int, int, int]]) -> dict[str, Any]:
    named = zip((landmark.name for landmark in kind.landmarks), points, strict=True)
    return {name: point for name, point in named if point[2] < 2}


# Files ---------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        synthesize(tmp_path / name, 12, 3, layout="fld", size=(96, 128), workers=workers)
    synthesize(tmp_path / "other", 12, 4, layout="fld", size=(96, 128), workers=1)
    digests = {name: digest(tmp_path / name) for name in ("one", "two", "other")}
    assert digests["one"] == digests["two"] != digests["other"]


def test_lists_name_the_pictures_in_order(split: tuple[Path, Counts]) -> None:
    names = [f"img/img_{number:08d}.jpg" for number in range(1, IMAGES + 1)]
    for path in ("Anno/list_bbox.txt", "Anno/list_landmarks.txt", "Eval/list_eval_partition.txt"):
        assert list(rows(split[0] / path)) == names
    pictures = (split[0] / "Img").rglob("*.jpg")
    assert sorted(str(path.relative_to(split[0] / "Img")) for path in pictures) == names


@pytest.mark.parametrize("name, status", [("train", "train"), ("validation", "val"), ("test", "test")])
def test_a_split_names_itself_alone(tmp_path: Path, name: str, status: str) -> None:
    synthesize(tmp_path, 2, 1, layout="fld", split=name, size=(96, 128))
    found = rows(tmp_path / "Eval/list_eval_partition.txt")
    assert list(found.values()) == [[status]] * 2


def test_every_picture_has_the_long_side(garments: list[dict[str, Any]]) -> None:
    assert {max(garment["size"]) for garment in garments} == {256}
    assert len({garment["size"] for garment in garments}) > 2


def test_without_annotations_the_same_pictures_and_their_split(tmp_path: Path) -> None:
    for name, annotations in (("with", True), ("without", False)):
        synthesize(tmp_path / name, 3, 8, layout="fld", size=(96, 128), annotations=annotations)
    assert digest(tmp_path / "with/Img") == digest(tmp_path / "without/Img")
    assert sorted(path.name for path in (tmp_path / "without").iterdir()) == ["Eval", "Img"]


def test_leftovers_of_another_split_are_refused(tmp_path: Path) -> None:
    synthesize(tmp_path, 3, 1, layout="fld", size=(96, 128))
    with pytest.raises(HemlineError, match="img_00000003"):
        synthesize(tmp_path, 2, 1, layout="fld", size=(96, 128))
    with pytest.raises(HemlineError, match="Anno"):
        synthesize(tmp_path, 3, 1, layout="fld", size=(96, 128), annotations=False)


@pytest.mark.parametrize("change", [{"layout": "mmpose"}, {"split": "val"}], ids=["layout", "split"])
def test_unknown_layouts_and_splits_are_refused(tmp_path: Path, change: dict[str, str]) -> None:
    key, value = next(iter(change.items()))
    with pytest.raises(HemlineError, match=f"{key}: '{value}'"):
        synthesize(tmp_path / "out", 2, 1, **{"layout": "fld", **change})  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_the_command_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["synthesize", str(tmp_path), "--layout", "fld", "--split", "test", "--images", "2"]
    assert main(words) == 0
    assert "upper body" in capsys.readouterr().out
    assert set(rows(tmp_path / "Eval/list_eval_partition.txt")) == set(rows(tmp_path / "Anno/list_bbox.txt"))
    assert max(cv2.imread(str(tmp_path / "Img/img/img_00000001.jpg")).shape) == 512


def test_the_stage_draws_what_params_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stages.synthesize import synthesize as stage

    values = yaml.safe_load((Path(__file__).parents[2] / "params/fld.yaml").read_text())
    values["synthesize"] |= {"size": [96, 128], "test": {"images": 2, "seed": 3}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    stage("test")
    partition = rows(tmp_path / "data/wardrobe/test/Eval/list_eval_partition.txt")
    assert list(partition.values()) == [["test"]] * 2
    assert (tmp_path / "data/wardrobe/test/Anno/list_bbox.txt").is_file()


# What is on a picture ------------------------------------------------------------------------------------


def test_one_garment_a_picture_and_all_three_types(
    split: tuple[Path, Counts], garments: list[dict[str, Any]]
) -> None:
    found = Counter(garment["type"] for garment in garments)
    assert (split[1].images, split[1].garments) == (IMAGES, IMAGES)
    assert split[1].categories == {kind.name: found[str(kind.id)] for kind in WARDROBE.categories}
    assert min(split[1].categories.values()) > 0.15 * IMAGES


def test_the_plan_tells_the_categories_before_anything_is_drawn(split: tuple[Path, Counts]) -> None:
    expected = planned(IMAGES, 5, "fld", 0.5)
    assert {kind.name: expected[kind.id] for kind in WARDROBE.categories} == split[1].categories
    items = Counter(item.category_id for picture in plan(40, 5) for item in picture.items)
    assert planned(40, 5) == items


def test_categories_follow_the_papers_table() -> None:
    """Each outfit gives one garment: with all its shares DeepFashion2 has more uppers than lowers, dresses fewest."""
    counts = planned(4000, 1, "fld")
    upper, lower, full = (counts[kind.id] for kind in WARDROBE.categories)
    assert upper > lower > full > 0.2 * 4000 and upper + lower + full == 4000


def test_splits_share_no_garment() -> None:
    designs = [
        {item.design_seed for picture in plan(1000, seed) for item in picture.items} for seed in (1, 2, 3)
    ]
    assert not designs[0] & designs[1] and not designs[0] & designs[2] and not designs[1] & designs[2]


def test_an_outwear_is_the_subject_where_there_is_one() -> None:
    pictures = plan(400, 6, 0.5)
    kinds = [picture.items[subject(picture)].category_id for picture in pictures]
    outwear = [any(item.category_id in OUTWEAR for item in picture.items) for picture in pictures]
    assert outwear == [kind in OUTWEAR for kind in kinds] and 0 < sum(outwear) < 400


def test_the_camera_frames_the_subject() -> None:
    """What the picture is of fills the same share of it whatever else is worn."""
    picture = Picture(5, 3, "shop", 1, (Item(1, 7, 0), Item(8, 9, 0)))
    units = [draw_scene(picture, (192, 256), place).camera.unit for place in (None, 0, 1)]
    assert units[1] > units[0] and units[2] > units[0]


def test_all_but_a_few_pictures_show_a_landmark() -> None:
    pictures = plan(60, 7, 0.5)
    without = 0
    for picture in pictures:
        place = subject(picture)
        scene = draw_scene(picture, (72, 96), place)
        points = annotate(scene, place, category_of(picture.items[place].category_id))[2]
        without += all(visibility == 2 for _, _, visibility in points)
    assert without <= 3


# Points --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DRAWN, ids=lambda kind: kind.slug)
def test_every_category_has_every_point(kind: Category) -> None:
    scene = draw_scene(Picture(1, 4, "shop", 1, (Item(kind.id, 11, 0),)), (72, 96), 0)
    shape = scene.garments[0].shape
    assert len(marks(shape, category_of(kind.id))) == category_of(kind.id).count
    assert {landmark.name.split()[1] for landmark in category_of(kind.id).landmarks} <= set(PLACES)


def test_visibility_is_by_what_is_drawn(garments: list[dict[str, Any]]) -> None:
    seen = Counter()
    for garment in garments:
        for x, y, visibility in garment["points"].values():
            seen[visibility] += 1
            assert (x, y) == (0, 0) if visibility == 2 else x < garment["size"][0] and y < garment["size"][1]
    assert set(seen) == {0, 1, 2} and seen[0] > seen[1] + seen[2]


def test_what_is_painted_over_is_occluded() -> None:
    picture = Picture(2, 9, "shop", 1, (Item(1, 77, 0),))
    scene = draw_scene(picture, (192, 256), 0)
    kind = category_of(1)
    before = annotate(scene, 0, kind)[2]
    scene.canvas.ids[:] = 0
    after = annotate(scene, 0, kind)[2]
    assert 0 in {point[2] for point in before}
    assert [(x, y, max(v, 1)) for x, y, v in before] == after


def test_boxes_hold_the_points_inside_of_the_picture(garments: list[dict[str, Any]]) -> None:
    for garment in garments:
        x1, y1, x2, y2 = garment["box"]
        assert 0 <= x1 < x2 < garment["size"][0] and 0 <= y1 < y2 < garment["size"][1]
        for x, y, visibility in garment["points"].values():
            assert visibility == 2 or (x1 <= x <= x2 and y1 <= y <= y2)


def test_left_is_the_pictures_left_on_frontal_pictures(catalogue: dict[int, list[dict[str, Any]]]) -> None:
    for number, found in catalogue.items():
        for landmark in category_of(number).landmarks[::2]:
            right = landmark.name.replace("left", "right")
            pairs = [(g[landmark.name], g[right]) for g in found if landmark.name in g and right in g]
            assert np.mean([b[0] - a[0] for a, b in pairs]) > 3, (number, landmark.name)


def test_back_views_swap_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemline.datasets.synthetic.scene.BACK_VIEWS", 1.0)
    scene = draw_scene(Picture(3, 21, "shop", 1, (Item(10, 5, 0),)), (192, 256), 0)
    _, variation, points = annotate(scene, 0, category_of(10))
    named = _named(category_of(10), points)
    assert named["left waistline"][0] > named["right waistline"][0] and variation in (3, 4, 5)


def test_points_go_from_top_to_bottom(catalogue: dict[int, list[dict[str, Any]]]) -> None:
    order = {"1": ("collar", "hem"), "2": ("waistline", "hem"), "3": ("collar", "waistline", "hem")}
    for number, found in catalogue.items():
        names = [f"left {place}" for place in order[str(category_of(number).id)]]
        heights = [[garment[name][1] for name in names] for garment in found if set(names) <= set(garment)]
        assert heights and (np.diff(np.array(heights)) > 0).all(), number


def test_sleeves_end_beside_the_body_or_at_the_shoulder(
    catalogue: dict[int, list[dict[str, Any]]],
) -> None:
    """Seen from the collar, in shares of the collar's distance from the hem."""

    def reach(number: int) -> float:
        names = ("left collar", "left sleeve", "left hem")
        found = [np.array([g[name][:2] for name in names]) for g in catalogue[number] if set(names) <= set(g)]
        return float(np.median([np.linalg.norm(p[1] - p[0]) / np.linalg.norm(p[2] - p[0]) for p in found]))

    sling, vest, short, long = (reach(number) for number in (6, 5, 1, 2))
    assert sling < vest < 0.25 < short < long


@pytest.mark.parametrize(
    "turn, back, cut_off, expected",
    [
        (0.1, False, 0.0, 1),
        (-0.3, False, 0.0, 2),
        (0.5, False, 0.0, 3),
        (0.0, True, 0.0, 3),
        (0.0, False, 2 / 6, 4),
        (0.5, False, 3 / 6, 5),
    ],
)
def test_variation_is_the_zoom_or_else_the_turn(
    turn: float, back: bool, cut_off: float, expected: int
) -> None:
    assert variation_type(Camera(1.0, (0, 0), (0, 0), turn=turn, back=back), cut_off) == expected


def test_every_variation_is_drawn(garments: list[dict[str, Any]]) -> None:
    assert {garment["variation"] for garment in garments} == {1, 2, 3, 4, 5}


def test_fld_has_its_own_long_side() -> None:
    assert max(FldWriter.usual_size) == 512
