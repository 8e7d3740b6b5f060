"""The synthetic wardrobe in FashionAI's layout: its csv files, its points, its one garment a picture."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from hemline.commands import main
from hemline.datasets.synthetic import Counts, planned, synthesize
from hemline.datasets.synthetic.fashionai import PLACES, annotate, category_of, draw, marks
from hemline.datasets.synthetic.plan import Item, Picture, plan, subject
from hemline.datasets.synthetic.scene import draw_scene
from hemline.errors import HemlineError
from hemline.wardrobe import wardrobe
from tests.datasets.fashionai.conftest import COLUMNS, HEADER
from tests.datasets.fashionai.conftest import PLACES as OF
from tests.datasets.folders import digest

IMAGES = 60
DRAWN = wardrobe("deepfashion2").categories
KINDS = {  # what each of DeepFashion2's categories is in FashionAI
    **dict.fromkeys(("short sleeve top", "long sleeve top", "vest", "sling"), "blouse"),
    **dict.fromkeys(("short sleeve outwear", "long sleeve outwear"), "outwear"),
    **dict.fromkeys(("short sleeve dress", "long sleeve dress", "vest dress", "sling dress"), "dress"),
    **dict.fromkeys(("shorts", "trousers"), "trousers"),
    "skirt": "skirt",
}


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a csv file, by column."""
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle))


def point(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("_")))


def one(number: int, seed: int = 21) -> Picture:
    """A picture of one garment of DeepFashion2's category `number`."""
    return Picture(1, seed, "shop", 1, (Item(number, 100 * seed + number, 0),))


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counts]:
    """A small validation split."""
    out = tmp_path_factory.mktemp("fashionai")
    counts = synthesize(
        out, IMAGES, 5, layout="fashionai", split="validation", size=(192, 192), temper=0.5, workers=1
    )
    return out, counts


@pytest.fixture(scope="module")
def garments(split: tuple[Path, Counts]) -> list[dict[str, Any]]:
    """Every row: its category, its picture's size, its points (x, y, v) by column."""
    found = []
    for row in rows(split[0] / "Annotations/validation.csv"):
        height, width = cv2.imread(str(split[0] / row["image_id"])).shape[:2]
        points = {column: point(row[column]) for column in COLUMNS}
        found.append({"category": row["image_category"], "size": (width, height), "points": points})
    return found


# Files ---------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        synthesize(tmp_path / name, 12, 3, layout="fashionai", size=(96, 128), workers=workers)
    synthesize(tmp_path / "other", 12, 4, layout="fashionai", size=(96, 128), workers=1)
    digests = {name: digest(tmp_path / name) for name in ("one", "two", "other")}
    assert digests["one"] == digests["two"] != digests["other"]


def test_the_csv_names_the_pictures_in_order(split: tuple[Path, Counts]) -> None:
    path = split[0] / "Annotations/validation.csv"
    assert path.read_text().splitlines()[0] == ",".join(HEADER)
    names = [row["image_id"] for row in rows(path)]
    assert names == [
        f"Images/{row['image_category']}/{number:06d}.jpg" for number, row in enumerate(rows(path), start=1)
    ]
    pictures = (found.relative_to(split[0]).as_posix() for found in split[0].rglob("*.jpg"))
    assert sorted(pictures) == sorted(names) and len(names) == IMAGES


def test_every_picture_has_the_long_side(garments: list[dict[str, Any]]) -> None:
    assert {max(garment["size"]) for garment in garments} == {192}
    assert len({garment["size"] for garment in garments}) > 2


def test_without_annotations_the_same_pictures_and_their_categories(tmp_path: Path) -> None:
    for name, annotations in (("with", True), ("without", False)):
        synthesize(
            tmp_path / name, 3, 8, layout="fashionai", split="test", size=(96, 128), annotations=annotations
        )
    assert digest(tmp_path / "with/Images") == digest(tmp_path / "without/Images")
    assert sorted(path.name for path in (tmp_path / "without").iterdir()) == ["Images", "test.csv"]
    answers, test = rows(tmp_path / "with/Annotations/test.csv"), rows(tmp_path / "without/test.csv")
    assert test == [{key: row[key] for key in HEADER[:2]} for row in answers]


def test_leftovers_of_another_split_are_refused(tmp_path: Path) -> None:
    synthesize(tmp_path, 3, 1, layout="fashionai", size=(96, 128))
    for changes in ({"images": 2}, {"split": "test"}, {"annotations": False}):
        with pytest.raises(HemlineError, match="already holds"):
            synthesize(**{"out": tmp_path, "images": 3, "seed": 1, "layout": "fashionai"} | changes)  # type: ignore[arg-type]
    synthesize(tmp_path, 3, 1, layout="fashionai", size=(96, 128))


def test_the_command_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synthesize", str(tmp_path), "--layout", "fashionai", "--images", "2"]) == 0
    assert "blouse" in capsys.readouterr().out
    picture = rows(tmp_path / "Annotations/train.csv")[0]["image_id"]
    assert max(cv2.imread(str(tmp_path / picture)).shape) == 512


def test_the_stage_draws_a_test_split_without_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stages.synthesize import synthesize as stage

    values = yaml.safe_load((Path(__file__).parents[2] / "params/fld.yaml").read_text())
    values["data"] |= {"layout": "fashionai", "wardrobe": "fashionai", "images": "."}
    small = {"images": 2, "seed": 3}
    values["synthesize"] |= {"size": [96, 128], "train": small, "test": small}
    values["package"] |= {"validation": "a.csv", "test": "b.csv"}
    values["finetune"]["categories"] = []
    values["finetune"]["batch_sizes"] = {}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    stage("test")
    stage("train")
    assert list(rows(tmp_path / "data/wardrobe/test/test.csv")[0]) == list(HEADER[:2])
    assert list(rows(tmp_path / "data/wardrobe/train/Annotations/train.csv")[0]) == list(HEADER)


# What is on a picture ------------------------------------------------------------------------------------


def test_one_garment_a_picture_and_all_five_categories(
    split: tuple[Path, Counts], garments: list[dict[str, Any]]
) -> None:
    found = Counter(garment["category"] for garment in garments)
    assert (split[1].images, split[1].garments) == (IMAGES, IMAGES)
    assert split[1].categories == {name: found[name] for name in OF}
    assert all(found[name] for name in KINDS.values()) and not found["jumpsuit"]


def test_the_plan_tells_the_categories_before_anything_is_drawn(split: tuple[Path, Counts]) -> None:
    expected = planned(IMAGES, 5, "fashionai", 0.5)
    assert {kind.name: expected[kind.id] for kind in wardrobe("fashionai").categories} == split[1].categories


def test_every_picture_can_be_measured(garments: list[dict[str, Any]]) -> None:
    for garment in garments:
        part = "waistband" if garment["category"] in ("trousers", "skirt") else "armpit"
        assert all(garment["points"][f"{part}_{side}"][2] >= 0 for side in ("left", "right"))


def test_a_garment_out_of_frame_is_drawn_again() -> None:
    """The same garment in another pose and frame."""
    redrawn = 0
    for picture in plan(200, 5, 0.5):
        place, kind = subject(picture), category_of(picture)
        part = "waistband" if kind.name in ("trousers", "skirt") else "armpit"
        first = draw_scene(picture, (64, 64), place)
        if {f"{part}_left", f"{part}_right"} <= set(annotate(first, place, kind)):
            continue
        second, points = draw(picture, (64, 64))
        assert second.camera != first.camera and {f"{part}_left", f"{part}_right"} <= set(points)
        seeds = [scene.garments[place].shape.design.fabric.seed for scene in (first, second)]
        assert seeds[0] == seeds[1]
        redrawn += 1
    assert 0 < redrawn < 20


# Points --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DRAWN, ids=lambda kind: kind.slug)
def test_every_category_has_its_points(kind: Any) -> None:
    picture = one(kind.id)
    category = category_of(picture)
    assert category.name == KINDS[kind.name]
    found = marks(draw_scene(picture, (72, 96), 0).garments[0].shape, category)
    expected = {COLUMNS[place] for place in OF[category.name]}
    if kind.name.startswith(("vest", "sling")):  # without sleeves there are no cuffs
        expected = {name for name in expected if not name.startswith("cuff")}
    assert set(found) == expected


def test_other_categories_points_are_absent(garments: list[dict[str, Any]]) -> None:
    for garment in garments:
        others = [name for place, name in enumerate(COLUMNS) if place not in OF[garment["category"]]]
        assert {garment["points"][name] for name in others} == {(-1, -1, -1)}


def test_visibility_is_by_what_is_drawn(garments: list[dict[str, Any]]) -> None:
    seen: Counter[int] = Counter()
    for garment in garments:
        width, height = garment["size"]
        for place in OF[garment["category"]]:
            x, y, visibility = garment["points"][COLUMNS[place]]
            seen[visibility] += 1
            inside = 0 <= x < width and 0 <= y < height
            assert inside if visibility >= 0 else (x, y) == (-1, -1)
    assert seen[1] > seen[-1] > 0 and seen[0] > 0 and set(seen) == {1, 0, -1}


@pytest.fixture(scope="module")
def catalogue() -> dict[str, list[dict[str, np.ndarray]]]:
    """Frontal garments of each category that is drawn, several designs: places in heads, by column."""
    found: dict[str, list[dict[str, np.ndarray]]] = {kind.name: [] for kind in DRAWN}
    for kind in DRAWN:
        for seed in range(1, 9):
            picture = one(kind.id, seed)
            shape = draw_scene(picture, (64, 64), 0).garments[0].shape
            found[kind.name].append(
                {name: mark.place for name, mark in marks(shape, category_of(picture)).items()}
            )
    return found


def test_left_is_the_pictures_left(catalogue: dict[str, list[dict[str, np.ndarray]]]) -> None:
    for garment in (garment for found in catalogue.values() for garment in found):
        for name in (name for name in garment if "_left" in name):
            assert garment[name][0] < garment[name.replace("left", "right")][0], name


def test_points_lie_in_their_order(catalogue: dict[str, list[dict[str, np.ndarray]]]) -> None:
    """From top to bottom; the outer end of a leg is farther from the middle than the inner one."""
    above = [
        *(("neckline", "armpit"), ("shoulder", "armpit"), ("armpit", "waistline"), ("armpit", "top_hem")),
        *(("waistline", "hemline"), ("waistband", "hemline"), ("waistband", "bottom_in")),
    ]
    for garment in (garment for found in catalogue.values() for garment in found):
        places = {name.replace("_left", ""): place for name, place in garment.items() if "_right" not in name}
        for upper, lower in above:
            if {upper, lower} <= set(places):
                assert places[upper][1] < places[lower][1], (upper, lower)
        if "bottom_in" in places:
            assert places["bottom_out"][0] < places["bottom_in"][0] <= places["crotch"][0]


def test_an_armpit_is_under_the_arm_with_and_without_sleeves(
    catalogue: dict[str, list[dict[str, np.ndarray]]],
) -> None:
    """At the same height, within a sixth of a head, whatever the sleeves."""
    heights = {
        name: np.median([garment["armpit_left"][1] for garment in catalogue[name]])
        for name in ("short sleeve top", "long sleeve top", "vest", "sling")
    }
    assert max(heights.values()) - min(heights.values()) < 1 / 6


def test_every_point_has_a_place() -> None:
    bare = {name.replace("_left", "").replace("_right", "") for name in COLUMNS}
    assert bare == set(PLACES)
