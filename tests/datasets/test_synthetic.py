"""The synthetic wardrobe in DeepFashion2's layout: files, shares, visibility, anatomy by the landmarks' names."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hemline.commands import main
from hemline.datasets.published import GARMENTS
from hemline.datasets.synthetic import Counts, shares, synthesize
from hemline.datasets.synthetic.body import SIDES
from hemline.datasets.synthetic.deepfashion2 import annotate
from hemline.datasets.synthetic.plan import GARMENTS_PER_PICTURE, Item, Picture, plan
from hemline.datasets.synthetic.scene import draw_scene
from hemline.errors import HemlineError
from hemline.wardrobe import Category, wardrobe
from tests.datasets.folders import digest

DEEPFASHION2 = wardrobe("deepfashion2")
CATEGORIES, category = DEEPFASHION2.categories, DEEPFASHION2.category

IMAGES = 72
ITEM_FIELDS = {
    "segmentation": list,
    "scale": int,
    "viewpoint": int,
    "zoom_in": int,
    "landmarks": list,
    "style": int,
    "bounding_box": list,
    "category_id": int,
    "occlusion": int,
    "category_name": str,
}


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counts]:
    """A small split with tempered shares, drawn once."""
    out = tmp_path_factory.mktemp("split")
    return out, synthesize(out, IMAGES, 5, size=(234, 312), temper=0.5, workers=1)


@pytest.fixture(scope="module")
def annotations(split: tuple[Path, Counts]) -> dict[str, dict[str, Any]]:
    """Content of the annotation files by stem."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((split[0] / "annos").iterdir())}


@pytest.fixture(scope="module")
def items(annotations: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Every garment, with the stem of its picture."""
    return [(stem, content[key]) for stem, content in annotations.items() for key in content if "item" in key]


@pytest.fixture(scope="module")
def catalogue() -> dict[int, list[dict[str, Any]]]:
    """Frontal garments of each category, several designs: landmarks (n, 3) by name, with the box."""
    found: dict[int, list[dict[str, Any]]] = {}
    for kind in CATEGORIES:
        for number in range(1, 15):
            picture = Picture(number, 21, "shop", 1, (Item(kind.id, 100 * number + kind.id, 0),))
            scene = draw_scene(picture, (234, 312))
            content = annotate(scene, picture)
            if scene.viewpoint != 3 and "item1" in content:
                found.setdefault(kind.id, []).append(_named(content["item1"]))
    return found


def _triplets(item: dict[str, Any]) -> np.ndarray:
    return np.array(item["landmarks"]).reshape(-1, 3)


def _named(item: dict[str, Any]) -> dict[str, Any]:
    names = [landmark.name for landmark in category(item["category_id"]).landmarks]
    return {name: row for name, row in zip(names, _triplets(item), strict=True) if row[2] > 0}


def _mean(catalogue: dict[int, list[dict[str, Any]]], number: int, name: str, axis: int, less: str) -> float:
    """Mean of `less` minus `name` along an axis over the garments that have both, in shares of the picture."""
    both = [(g[name][axis], g[less][axis]) for g in catalogue[number] if name in g and less in g]
    assert both, f"{name} and {less} never in the frame together"
    return float(np.mean([b - a for a, b in both])) / 312


# The same bytes ------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("again", 1), ("two", 2)):
        synthesize(tmp_path / name, 18, 3, size=(117, 156), workers=workers)
    synthesize(tmp_path / "other", 18, 4, size=(117, 156), workers=1)
    digests = {name: digest(tmp_path / name) for name in ("one", "again", "two", "other")}
    assert digests["one"] == digests["again"] == digests["two"]
    assert digests["other"] != digests["one"]


def test_pictures_differ_from_each_other(split: tuple[Path, Counts]) -> None:
    pictures = [path.read_bytes() for path in (split[0] / "image").iterdir()]
    assert len({hashlib.sha256(data).hexdigest() for data in pictures}) == IMAGES


# The layout ----------------------------------------------------------------------------------------------


def test_layout_and_fields_are_the_data_sets(
    split: tuple[Path, Counts], annotations: dict, items: list
) -> None:
    stems = [f"{number:06d}" for number in range(1, IMAGES + 1)]
    assert sorted(path.name for path in (split[0] / "image").iterdir()) == [f"{stem}.jpg" for stem in stems]
    assert list(annotations) == stems
    for content in annotations.values():
        assert content["source"] in ("shop", "user") and isinstance(content["pair_id"], int)
        assert set(content) == {"source", "pair_id", *(f"item{n}" for n in range(1, len(content) - 1))}
    for _, item in items:
        assert {key: type(value) for key, value in item.items()} == ITEM_FIELDS
        assert item["category_name"] == category(item["category_id"]).name
        assert {item[key] for key in ("scale", "occlusion", "zoom_in", "viewpoint")} <= {1, 2, 3}


def test_counts_are_what_was_written(split: tuple[Path, Counts], items: list) -> None:
    written = split[1]
    assert (written.images, written.garments) == (IMAGES, len(items))
    for kind in CATEGORIES:
        assert written.categories[kind.name] == sum(item["category_id"] == kind.id for _, item in items)


def test_every_category_appears_in_few_pictures(split: tuple[Path, Counts]) -> None:
    assert min(split[1].categories.values()) >= 1


def test_pictures_hold_one_to_three_garments(annotations: dict) -> None:
    garments = [len(content) - 2 for content in annotations.values()]
    assert set(garments) == {1, 2, 3}


def test_no_picture_is_without_a_garment() -> None:
    for picture in plan(300, 7, 0.5):
        scene = draw_scene(picture, (78, 104))
        assert "item1" in annotate(scene, picture), picture


def test_landmark_count_and_visibility_rules(split: tuple[Path, Counts], items: list) -> None:
    for stem, item in items:
        height, width = cv2.imread(str(split[0] / "image" / f"{stem}.jpg")).shape[:2]
        rows = _triplets(item)
        assert len(rows) == category(item["category_id"]).count
        unlabelled = rows[:, 2] == 0
        assert set(rows[:, 2]) <= {0, 1, 2} and not rows[unlabelled].any()
        inside = (rows[~unlabelled, :2] >= 0) & (rows[~unlabelled, :2] < (width, height))
        assert inside.all()
    seen = np.concatenate([_triplets(item)[:, 2] for _, item in items])
    assert all(np.mean(seen == v) > share for v, share in ((0, 0.03), (1, 0.05), (2, 0.6)))


def test_boxes_hug_outlines_and_labelled_landmarks(split: tuple[Path, Counts], items: list) -> None:
    for stem, item in items:
        height, width = cv2.imread(str(split[0] / "image" / f"{stem}.jpg")).shape[:2]
        x1, y1, x2, y2 = item["bounding_box"]
        assert 0 <= x1 < x2 < width and 0 <= y1 < y2 < height
        rows = _triplets(item)
        curves = [np.array(curve).reshape(-1, 2) for curve in item["segmentation"]]
        assert curves and all(len(curve) >= 3 for curve in curves)
        everything = np.vstack([*curves, rows[rows[:, 2] > 0, :2]])
        assert [*everything.min(axis=0), *everything.max(axis=0)] == [x1, y1, x2, y2]


def test_without_annotations_the_same_pictures_and_no_annos(tmp_path: Path) -> None:
    synthesize(tmp_path / "with", 4, 8, size=(117, 156))
    synthesize(tmp_path / "without", 4, 8, size=(117, 156), annotations=False)
    assert not (tmp_path / "without" / "annos").exists()
    assert digest(tmp_path / "with" / "image") == digest(tmp_path / "without" / "image")


def test_size_is_a_parameter(tmp_path: Path) -> None:
    synthesize(tmp_path, 3, 8, size=(200, 100), vary_size=False)
    shapes = {cv2.imread(str(path)).shape for path in (tmp_path / "image").iterdir()}
    assert shapes == {(100, 200, 3)}


# Shares and pairs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("temper", [1.0, 0.5, 0.0])
def test_planned_shares_follow_the_papers_table(temper: float) -> None:
    planned = np.bincount([i.category_id for p in plan(20_000, 1, temper) for i in p.items], minlength=14)[1:]
    wanted = np.array(GARMENTS["train"], dtype=float) ** temper
    np.testing.assert_allclose(planned / planned.sum(), wanted / wanted.sum(), rtol=0.02, atol=2e-4)


def test_garments_per_picture_as_in_the_data_set() -> None:
    garments = sum(len(picture.items) for picture in plan(5000, 1))
    assert garments / 5000 == pytest.approx(GARMENTS_PER_PICTURE, rel=0.01)


def test_tempered_shares_keep_rare_categories_rare() -> None:
    for temper in (1.0, 0.5):
        assert list(np.argsort(shares(temper))) == list(np.argsort(GARMENTS["train"]))
    assert shares(1.0)[2] < shares(0.5)[2] < shares(0.0)[2] == pytest.approx(1 / 13)


@pytest.mark.parametrize("images", [1, 2, 13, 26, 27])
def test_few_pictures_each_get_a_garment(images: int) -> None:
    pictures = plan(images, 2)
    assert [picture.number for picture in pictures] == list(range(1, images + 1))
    assert all(picture.items for picture in pictures)
    if images >= 26:
        assert {item.category_id for picture in pictures for item in picture.items} == set(range(1, 14))


def test_nobody_wears_two_of_a_kind() -> None:
    for picture in plan(500, 6, 0.3):
        kinds = [item.category_id for item in picture.items]
        upper = [k for k in kinds if k in (1, 2, 5, 6, 10, 11, 12, 13)]
        lower = [k for k in kinds if k in (7, 8, 9, 10, 11, 12, 13)]
        assert len(upper) <= 1 and len(lower) <= 1 and len(kinds) - len({*upper, *lower}) <= 1


def test_pairs_share_a_garment_and_never_cross_seeds() -> None:
    by_pair: dict[int, list[Picture]] = {}
    for picture in plan(300, 6):
        by_pair.setdefault(picture.pair_id, []).append(picture)
    assert max(map(len, by_pair.values())) > 1
    for pictures in by_pair.values():
        assert len({picture.items[0] for picture in pictures}) == 1
        if len(pictures) > 1:
            assert [p.source for p in pictures].count("shop") == 1 and pictures[0].items[0].style > 0
    assert not set(by_pair) & {picture.pair_id for picture in plan(300, 7)}


# Anatomy -------------------------------------------------------------------------------------------------


def test_left_is_left_of_right_and_pairs_are_level(catalogue: dict) -> None:
    for number, garments in catalogue.items():
        for name in {name for garment in garments for name in garment if name.startswith("left ")}:
            right = name.replace("left ", "right ")
            pairs = [(g[name], g[right]) for g in garments if name in g and right in g]
            if len(pairs) < 4 or "edge" in name:  # an open front may be turned until its edges meet
                continue
            across = np.mean([b[0] - a[0] for a, b in pairs])
            assert across > 0, f"{number} {name} is not left of {right}"


def test_back_views_swap_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemline.datasets.synthetic.scene.BACK_VIEWS", 1.0)
    picture = Picture(3, 21, "shop", 1, (Item(1, 5, 0), Item(8, 6, 0)))
    scene = draw_scene(picture, (234, 312))
    top = _named(annotate(scene, picture)["item1"])
    assert scene.viewpoint == 3
    assert top["left side waist"][0] > top["right side waist"][0]
    assert top["front neckline centre"][2] == 1  # under the back


@pytest.mark.parametrize("kind", CATEGORIES, ids=lambda kind: kind.slug)
def test_back_views_of_every_category_are_annotated(monkeypatch: pytest.MonkeyPatch, kind: Category) -> None:
    monkeypatch.setattr("hemline.datasets.synthetic.scene.BACK_VIEWS", 1.0)
    for number in range(1, 9):
        picture = Picture(number, 4, "shop", 1, (Item(kind.id, number, 0),))
        scene = draw_scene(picture, (117, 156))
        if scene.viewpoint == 3:
            assert (_triplets(annotate(scene, picture)["item1"])[:, 2] == 2).sum() > 2


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 10, 11, 12, 13])
def test_uppers_go_from_neck_to_hem(catalogue: dict, number: int) -> None:
    for side in SIDES:
        chain = ["neck shoulder point", "side upper", "side waist", "hem corner"]
        if number >= 10:
            chain[3:3] = ["side hip", "skirt side"]
        for above, below in pairwise(chain):
            assert _mean(catalogue, number, f"{side} {above}", 1, f"{side} {below}") > 0.01, (above, below)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 10, 11])
def test_sleeves_go_outward_from_shoulder_to_cuff(catalogue: dict, number: int) -> None:
    length = category(number).name.split()[0]
    for side, sign in SIDES.items():
        prefix = f"{side} {length} sleeve"
        reach = _mean(catalogue, number, f"{prefix} armpit", 0, f"{prefix} cuff outer") * sign
        assert reach > 0, "the cuff is not outside the armpit"
        assert _mean(catalogue, number, f"{prefix} shoulder tip", 1, f"{prefix} armpit") > 0.02
        assert _mean(catalogue, number, f"{prefix} armpit", 1, f"{side} hem corner") > 0.05


@pytest.mark.parametrize("number", [2, 4, 11])
def test_long_sleeves_reach_beyond_the_elbow(catalogue: dict, number: int) -> None:
    for side in SIDES:
        prefix = f"{side} long sleeve"
        names = [
            f"{prefix} shoulder tip",
            *(f"{prefix} outer edge {p}" for p in ("upper arm", "elbow", "forearm")),
        ]
        names.append(f"{prefix} cuff outer")
        whole = [
            [g[name][:2] for name in names] for g in catalogue[number] if all(name in g for name in names)
        ]
        steps = np.linalg.norm(np.diff(np.array(whole), axis=1), axis=-1)
        assert len(whole) >= 3 and (steps > 1).all()
        assert (steps[:, 2:].sum(axis=1) > 0.3 * steps[:, :2].sum(axis=1)).all()


@pytest.mark.parametrize("short, long", [(1, 2), (3, 4), (10, 11)])
def test_short_sleeves_are_shorter(catalogue: dict, short: int, long: int) -> None:
    def length(number: int, word: str) -> float:
        tip, cuff, side = (
            f"left {word} sleeve shoulder tip",
            f"left {word} sleeve cuff outer",
            "left side waist",
        )
        rows = [
            (g[tip][:2], g[cuff][:2], g[side][:2]) for g in catalogue[number] if {tip, cuff, side} <= set(g)
        ]
        return float(np.median([np.linalg.norm(b - a) / np.linalg.norm(c - a) for a, b, c in np.array(rows)]))

    assert length(short, "short") < 0.75 * length(long, "long")


@pytest.mark.parametrize("number", [3, 4])
def test_outwears_are_open_in_front(catalogue: dict, number: int) -> None:
    for side in SIDES:
        chain = ["collar end", "front edge upper", "front edge lower", "front edge hem corner"]
        for above, below in pairwise(chain):
            assert _mean(catalogue, number, f"{side} {above}", 1, f"{side} {below}") > 0.02
    assert _mean(catalogue, number, "left front edge hem corner", 0, "right front edge hem corner") > 0.02
    assert _mean(catalogue, number, "left hem corner", 0, "left front edge hem corner") > 0.02


def test_straps_are_thin_and_shoulders_are_wide(catalogue: dict) -> None:
    for sling, vest in ((6, 5), (13, 12)):
        strap = -_mean(catalogue, sling, "left neck shoulder point", 0, "left strap top")
        shoulder = -_mean(catalogue, vest, "left neck shoulder point", 0, "left outer shoulder")
        assert 0 < 2 * strap < shoulder


@pytest.mark.parametrize("number", [7, 8])
def test_legs_go_from_waist_to_hem(catalogue: dict, number: int) -> None:
    assert _mean(catalogue, number, "waistband centre", 1, "crotch") > 0.05
    for side in SIDES:
        assert _mean(catalogue, number, f"{side} waistband", 1, f"{side} outer seam") > 0.02
        assert _mean(catalogue, number, "crotch", 1, f"{side} leg bottom inner") > 0.01
    assert _mean(catalogue, number, "left leg bottom outer", 0, "left leg bottom inner") > 0.01
    if number == 8:
        assert _mean(catalogue, 8, "left knee outer", 1, "left leg bottom outer") > 0.05


def test_trousers_are_longer_than_shorts(catalogue: dict) -> None:
    def shape(number: int) -> float:
        names = ("left waistband", "right waistband", "left leg bottom outer")
        rows = np.array([[g[n][:2] for n in names] for g in catalogue[number] if all(n in g for n in names)])
        return float(np.median((rows[:, 2, 1] - rows[:, 0, 1]) / (rows[:, 1, 0] - rows[:, 0, 0])))

    assert shape(8) > 1.6 * shape(7)


def test_landmarks_lie_on_their_own_outline(items: list) -> None:
    off = []
    for _, item in items:
        curves = [np.array(curve, dtype=np.int32).reshape(-1, 1, 2) for curve in item["segmentation"]]
        size = np.hypot(*np.subtract(item["bounding_box"][2:], item["bounding_box"][:2]))
        for name, (x, y, _) in _named(item).items():
            if "back" in name or item["viewpoint"] == 3:
                continue
            point = (float(x), float(y))
            off.append(min(abs(cv2.pointPolygonTest(curve, point, True)) for curve in curves) / size)
    assert np.mean(np.array(off) < 0.02) > 0.98


# Visibility ----------------------------------------------------------------------------------------------


def test_a_point_under_another_garment_is_occluded(items: list, annotations: dict) -> None:
    waists = [
        _named(content[key])["waistband centre"][2]
        for content in annotations.values()
        if len(content) > 3
        for key in content
        if key.startswith("item") and "waistband centre" in _named(content[key])
    ]
    assert len(waists) > 5 and np.mean(np.array(waists) == 1) > 0.5


def test_a_visible_landmark_shows_its_garment() -> None:
    """Paint over a garment's numbers: then nothing of it is visible."""
    picture = Picture(2, 9, "shop", 1, (Item(1, 77, 0),))
    scene = draw_scene(picture, (234, 312))
    assert (_triplets(annotate(scene, picture)["item1"])[:, 2] == 2).any()
    scene.canvas.ids[:] = np.where(
        scene.canvas.ids == scene.garments[0].numbers["front"], 0, scene.canvas.ids
    )
    content = annotate(scene, picture)
    assert "item1" not in content or _named(content["item1"])["front neckline centre"][2] == 1


# Bad input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"images": 0}, {"seed": -1}, {"size": (20, 30)}, {"temper": 1.5}, {"temper": float("nan")}],
    ids=lambda change: next(iter(change)),
)
def test_arguments_that_make_no_sense_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(HemlineError, match=next(iter(change))):
        synthesize(tmp_path / "out", **{"images": 2, "seed": 1, **change})
    assert not (tmp_path / "out").exists()


def test_leftovers_of_another_split_are_refused(tmp_path: Path) -> None:
    synthesize(tmp_path, 3, 1, size=(117, 156))
    with pytest.raises(HemlineError, match="000003"):
        synthesize(tmp_path, 2, 1, size=(117, 156))
    with pytest.raises(HemlineError, match="annos"):
        synthesize(tmp_path, 3, 1, size=(117, 156), annotations=False)


def test_the_command_says_what_it_drew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["synthesize", str(tmp_path / "out"), "--images", "3", "--seed", "2", "--size", "117x156"]) == 0
    )
    assert "garments on 3 pictures" in capsys.readouterr().out
    assert main(["synthesize", str(tmp_path / "bad"), "--images", "3", "--size", "big"]) == 2
    assert "error: --size: 'big'" in capsys.readouterr().err
