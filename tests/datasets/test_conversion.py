"""COCO-style files: the official conventions, in bounded memory, without what is bad."""

import hashlib
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from hemline.commands import main
from hemline.datasets.conversion import View, coco_facts, convert, convert_split, place_landmarks
from hemline.datasets.layouts import DEEPFASHION2
from hemline.datasets.validation import validate
from hemline.errors import HemlineError
from hemline.files import read_json
from hemline.wardrobe import Grouping
from hemline.wardrobe import grouping as grouping_of


def grouping(name: str) -> Grouping:
    return grouping_of(DEEPFASHION2.wardrobe, name)


def converted(folder: Path, *options: str) -> dict:
    out = folder.parent / "out.json"
    assert main(["convert", str(folder), str(out), *options]) == 0
    return read_json(out)


def test_the_official_conventions(train):
    data = converted(train.folder)
    assert list(data) == ["info", "licenses", "images", "annotations", "categories"]
    assert data["images"][0] == {
        "id": 1,
        "file_name": "000001.jpg",
        "width": 120,
        "height": 160,
        "license": 0,
        "coco_url": "",
        "date_captured": "",
        "flickr_url": "",
    }
    assert [image["id"] for image in data["images"]] == [1, 2, 12]
    first = data["annotations"][0]
    assert first["bbox"] == [10, 20, 90, 120]
    assert first["area"] == 90 * 120
    assert first["iscrowd"] == 0
    assert first["segmentation"] == [[10, 20, 100, 20, 100, 140]]
    # Trousers are landmarks 168 to 181 of the 294: columns 504 to 545 (DeepFashion2 evaluation.md).
    assert len(first["keypoints"]) == 882
    assert first["keypoints"][504:510] == [12, 22, 2, 14, 25, 2]
    assert not any(first["keypoints"][:504] + first["keypoints"][546:])
    assert first["num_keypoints"] == 14
    assert [one["id"] for one in data["annotations"]] == [1, 2, 3, 4]
    assert [(c["id"], c["name"]) for c in data["categories"]] == [
        (c.id, c.coco_name) for c in DEEPFASHION2.wardrobe.categories
    ]
    assert data["categories"][0]["keypoints"] == [str(number) for number in range(1, 295)]
    assert data["categories"][0]["supercategory"] == "clothes"


def test_known_attributes_are_kept_and_unknown_ones_left_out(train, garment):
    train.add(20, {**garment(8, viewpoint=9), "style": 4}, pair_id=77, source="user")
    annotation = converted(train.folder)["annotations"][-1]
    kept = {key: annotation[key] for key in ("source", "pair_id", "style", "scale", "occlusion", "zoom_in")}
    assert kept == {"source": "user", "pair_id": 77, "style": 4, "scale": 2, "occlusion": 1, "zoom_in": 1}
    assert "viewpoint" not in annotation


def test_garments_come_by_item_number_not_by_key_order(train, garment):
    annotation = {f"item{number}": garment(number) for number in (10, 2, 13, 1)}
    train.annotation(1).write_text(json.dumps({**annotation, "source": "shop", "pair_id": 1}))
    annotations = converted(train.folder)["annotations"]
    assert [one["category_id"] for one in annotations if one["image_id"] == 1] == [1, 2, 10, 13]


def test_pycocotools_reads_every_kind(train):
    for options in ([], ["--visible-only"], ["--grouping", "aggregated"], ["--category", "skirt"]):
        converted(train.folder, *options)
        coco = COCO(str(train.folder.parent / "out.json"))
        assert set(coco.getImgIds()) <= {1, 2, 12}
        assert all(coco.annToMask(one).any() for one in coco.anns.values())


def test_visible_only_unlabels_occluded_landmarks(train):
    data = converted(train.folder, "--visible-only")
    counts = {one["id"]: one["num_keypoints"] for one in data["annotations"]}
    assert counts == {1: 14, 2: 25, 3: 8, 4: 0}
    assert not any(data["annotations"][3]["keypoints"])
    assert data["annotations"][3]["area"] > 0


@pytest.mark.parametrize("number", range(1, 14))
def test_aggregated_landmarks_are_the_groupings(number):
    entry = DEEPFASHION2.wardrobe.category(number)
    rng = np.random.default_rng(number)
    own = np.concatenate(
        [rng.integers(1, 400, (entry.count, 2)), rng.integers(1, 3, (entry.count, 1))], axis=1
    )
    flat = own.ravel().tolist()
    full, labelled = place_landmarks(flat, number, grouping("independent"))
    grouped, _ = place_landmarks(flat, number, grouping("aggregated"))
    groups = grouping("aggregated")
    assert labelled == entry.count
    assert np.array_equal(np.reshape(full, (294, 3))[entry.slice], own)
    assert np.array_equal(np.reshape(grouped, (81, 3)), groups.aggregate(np.reshape(full, (294, 3)), number))
    assert np.array_equal(groups.expand(np.reshape(grouped, (81, 3)), number).ravel(), full)


def test_aggregated_files_name_the_groups(train):
    data = converted(train.folder, "--grouping", "aggregated")
    assert {len(one["keypoints"]) for one in data["annotations"]} == {243}
    assert data["categories"][0]["keypoints"] == list(grouping("aggregated").group_names)


def test_one_category_keeps_its_pictures_and_ids(train):
    data = converted(train.folder, "--category", "short sleeve top")
    assert [image["id"] for image in data["images"]] == [2, 12]
    assert [(one["id"], one["category_id"]) for one in data["annotations"]] == [(2, 1), (4, 1)]
    assert [entry["id"] for entry in data["categories"]] == [1]


def test_whole_numbers_are_written_as_such(train, garment):
    train.add(20, garment(9, bounding_box=[1.0, 2.0, 11.5, 22.0], landmarks=[3.0, 4.25, 2.0] * 8))
    out = train.folder.parent / "out.json"
    converted(train.folder)
    assert '"bbox":[1,2,10.5,20],"area":210' in out.read_text()
    assert "3,4.25,2" in out.read_text()


def test_bad_items_are_left_out_and_named(train, garment, tmp_path, capsys):
    train.add(20, garment(8, landmarks=[float("nan")] * 42), garment(9))
    train.add(21, garment(8), picture=b"")
    train.annotation(1).write_text("{")
    out = tmp_path / "out.json"
    assert main(["convert", str(train.folder), str(out)]) == 1
    printed = capsys.readouterr()
    assert "image-empty 1, nan 1, not-json 1" in printed.err
    assert "annos/000020.json item1: nan" in printed.err
    data = json.loads(out.read_text(), parse_constant=pytest.fail)
    assert [image["id"] for image in data["images"]] == [2, 12, 20]
    assert [one["id"] for one in data["annotations"]] == [1, 2, 3, 4]


def test_the_quarantine_is_obeyed(train, garment, jpeg, tmp_path):
    train.add(20, garment(8, bounding_box=[1, 1, 1, 1]), garment(9))
    # A truncated picture is seen by `validate` alone: `convert` reads no more than the header.
    train.add(21, garment(8), picture=jpeg()[:-900])
    report = tmp_path / "report.json"
    assert main(["validate", str(train.folder), "--report", str(report)]) == 1
    data = converted(train.folder, "--quarantine", str(report))
    assert [image["id"] for image in data["images"]] == [1, 2, 12, 20]
    assert [one["category_id"] for one in data["annotations"] if one["image_id"] == 20] == [9]


def test_a_quarantine_of_another_split_is_refused(train, tmp_path, capsys):
    report = tmp_path / "report.json"
    main(["validate", str(train.folder), "--report", str(report)])
    arguments = ["convert", str(train.folder), str(tmp_path / "out.json"), "--split", "validation"]
    assert main([*arguments, "--quarantine", str(report)]) == 2
    assert "covers train, not validation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--category", "cravat"], "unknown category 'cravat'"),
        (["--category", "14"], "unknown category 14"),
        (["--grouping", "no.csv"], "no.csv"),
        (["--quarantine", "no.json"], "no.json: no such file"),
    ],
)
def test_bad_options_are_explained_and_write_nothing(train, tmp_path, capsys, options, text):
    assert main(["convert", str(train.folder), str(tmp_path / "out.json"), *options]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_a_split_is_chosen_of_a_folder_of_splits(train, raw_folder, garment, tmp_path, capsys):
    raw_folder("validation").add(3, garment(1))
    out = tmp_path / "out.json"
    assert main(["convert", str(tmp_path), str(out)]) == 2
    assert "choose one with --split" in capsys.readouterr().err
    assert main(["convert", str(tmp_path), str(out), "--split", "validation"]) == 0
    assert [image["id"] for image in read_json(out)["images"]] == [3]


def test_a_split_without_annotations_gives_pictures_alone(tmp_path, jpeg):
    (tmp_path / "test" / "image").mkdir(parents=True)
    (tmp_path / "test" / "image" / "000003.jpg").write_bytes(jpeg())
    data = converted(tmp_path / "test")
    assert [image["file_name"] for image in data["images"]] == ["000003.jpg"]
    assert data["annotations"] == []


def test_pictures_without_annotation_are_left_out(train, jpeg):
    train.picture(30).write_bytes(jpeg(30))
    assert [image["id"] for image in converted(train.folder)["images"]] == [1, 2, 12]


def test_every_file_of_a_split(train, raw_folder, garment, jpeg, tmp_path):
    validation, test = raw_folder("validation"), raw_folder("test")
    validation.add(1, garment(9), garment(8, visibility=1))
    test.add(1, garment(9))
    out, boxes = tmp_path / "coco", tmp_path / "boxes"
    counts = [
        convert_split(tmp_path / name, out, name, boxes=boxes) for name in ("train", "validation", "test")
    ]
    assert counts[0] == {"pictures": 3, "garments": 4, "dropped": 0, "left_out": 0}
    slugs = [entry.slug for entry in DEEPFASHION2.wardrobe.categories]
    assert {str(path.relative_to(out)) for path in out.rglob("*.json")} == {
        *(
            f"{name}-{kind}.json"
            for name in ("train", "validation")
            for kind in ("independent", "aggregated")
        ),
        *(f"categories/{name}-{slug}.json" for name in ("train", "validation") for slug in slugs),
        "validation-visible.json",
        "test.json",
    }
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == []
    full, grouped = (
        read_json(out / f"train-{kind}.json")["annotations"] for kind in ("independent", "aggregated")
    )
    skirt = read_json(out / "categories" / "train-skirt.json")
    assert [one["id"] for one in full] == [one["id"] for one in grouped]
    assert skirt["annotations"] == [one for one in grouped if one["category_id"] == 9]
    assert read_json(out / "categories" / "train-vest.json")["images"] == []
    visible = read_json(out / "validation-visible.json")["annotations"]
    assert [one["num_keypoints"] for one in visible] == [8, 0]
    assert read_json(out / "test.json")["annotations"] == []
    assert len(read_json(out / "test.json")["images"]) == 1
    assert read_json(boxes / "validation.json")[1] == {
        "image_id": 1,
        "category_id": 8,
        "bbox": [10, 20, 90, 120],
        "score": 1.0,
        "annotation_id": 2,
    }
    assert read_json(boxes / "test.json") == []
    for path in out.rglob("*.json"):
        content, facts = read_json(path), coco_facts(path)
        assert (facts["pictures"], facts["garments"]) == (len(content["images"]), len(content["annotations"]))
        assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_of_another_writer_is_not_counted(tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({"images": [{}, {}], "annotations": [{}]}, indent=1))
    assert coco_facts(tmp_path / "other.json").keys() == {"sha256"}


def test_the_stage_obeys_the_report_and_repeats_its_bytes(train, garment, tmp_path):
    train.add(20, garment(8, style=3), garment(8, segmentation=[]))
    validate({"train": train.folder}, workers=1).write(tmp_path / "report.json")
    for name in ("one", "two"):
        counts = convert_split(train.folder, tmp_path / name, "train", tmp_path / "report.json")
    assert counts == {"pictures": 4, "garments": 5, "dropped": 1, "left_out": 0}
    for path in sorted((tmp_path / "one").rglob("*.json")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_a_failure_leaves_the_old_file(train, tmp_path, monkeypatch):
    out = tmp_path / "out.json"
    out.write_text("old")
    view = View(out, grouping("independent"))
    monkeypatch.setattr("hemline.datasets.conversion._image", lambda found: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        convert(DEEPFASHION2.open_split("train", train.folder), [view])
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "train"]


def peak_memory(folder: Path, out: Path) -> int:
    tracemalloc.start()
    try:
        convert(DEEPFASHION2.open_split("train", folder), [View(out, grouping("independent"))])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_data(raw_folder, garment, jpeg, tmp_path):
    picture = jpeg(size=(16, 16))
    small, large = raw_folder("small"), raw_folder("large")
    for folder, count in ((small, 40), (large, 250)):
        for number in range(count):
            tiny = garment(
                4, landmarks=[1, 1, 2] * 39, bounding_box=[1, 1, 9, 9], segmentation=[[1, 1, 9, 1, 9, 9]]
            )
            folder.add(number, tiny, picture=picture)
    out = tmp_path / "out.json"
    peak_memory(small.folder, out)  # what is imported and cached on first use doesn't count
    few = peak_memory(small.folder, out)
    # The lesser of two: the interpreter's table of names may grow, by megabytes, during any one of them.
    many = min(peak_memory(large.folder, out) for _ in range(2))
    written = out.stat().st_size
    assert written > 400_000
    assert many - few < 210 * 100  # bytes a picture; its annotation has 2,000


def test_real_pictures(deepfashion2_sample, tmp_path):
    out = tmp_path / "coco"
    counts = convert_split(deepfashion2_sample, out, "validation")
    assert counts == {"pictures": 16, "garments": 30, "dropped": 0, "left_out": 0}
    coco = COCO(str(out / "validation-independent.json"))
    # 179530's first item is a short sleeve top (landmarks 0 to 24) whose first triplet is 360, 246, 1.
    (top,) = coco.loadAnns(coco.getAnnIds(imgIds=179530, catIds=1))
    assert top["keypoints"][:6] == [360, 246, 1, 287, 249, 1]
    assert top["bbox"] == [207, 229, 318, 432]


def test_a_split_of_which_nothing_is_left_is_a_whole_file(raw_folder, jpeg):
    folder = raw_folder("train").folder
    (folder / "image" / "000001.jpg").write_bytes(jpeg(1))  # without an annotation
    data = converted(folder)
    assert (data["images"], data["annotations"]) == ([], [])


def test_a_split_without_a_picture_is_an_error(raw_folder, jpeg, tmp_path, capsys):
    folder, out = raw_folder("train").folder, tmp_path / "out.json"
    (folder / "image" / "000001.png").write_bytes(jpeg(1))
    for command in (["validate", str(folder)], ["convert", str(folder), str(out)]):
        assert main(command) == 2
        assert f"{folder / 'image'}: no picture of the train split" in capsys.readouterr().err
    assert not out.exists()


def test_unreadable_root_is_an_error(tmp_path):
    with pytest.raises(HemlineError, match="no image/ folder"):
        convert_split(tmp_path, tmp_path / "out", "train")
