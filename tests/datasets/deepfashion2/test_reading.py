"""DeepFashion2's layout: splits found, files listed in order, annotations read."""

import json
import os
from pathlib import Path

import pytest

from hemline.datasets.deepfashion2.items import items
from hemline.datasets.deepfashion2.reading import FolderListing, find_splits, open_split, read_annotation
from hemline.datasets.files import UNPACKING, BadData, read_file
from hemline.datasets.splits import plain_number
from hemline.errors import HemlineError
from hemline.wardrobe import wardrobe

DEEPFASHION2 = wardrobe("deepfashion2")


def split_folder(root: Path, annotated: bool = True) -> Path:
    (root / "image").mkdir(parents=True)
    if annotated:
        (root / "annos").mkdir()
    return root


def listing(root: Path) -> FolderListing:
    return open_split("data", root, DEEPFASHION2).listing()


def test_finds_a_split_itself_and_a_folder_of_splits(tmp_path):
    for name in ("train", "validation", "test"):
        split_folder(tmp_path / name, annotated=name != "test")
    assert find_splits(tmp_path) == {name: tmp_path / name for name in ("train", "validation", "test")}
    assert find_splits(tmp_path / "train") == {"train": tmp_path / "train"}
    other = split_folder(tmp_path / "mine")
    assert find_splits(other) == {"data": other}


@pytest.mark.parametrize(
    ("folder", "text"), [("missing", "no such folder"), ("empty", "no DeepFashion2 data")]
)
def test_a_folder_without_data_is_named(tmp_path, folder, text):
    (tmp_path / "empty").mkdir()
    with pytest.raises(HemlineError, match=text) as error:
        find_splits(tmp_path / folder)
    assert str(tmp_path / folder) in str(error.value)


def test_only_a_test_split_may_lack_annotations(tmp_path):
    folder = split_folder(tmp_path / "x", annotated=False)
    assert not open_split("test", folder, DEEPFASHION2).annotated
    with pytest.raises(HemlineError, match="no annos/ folder in the train split"):
        open_split("train", folder, DEEPFASHION2)
    (tmp_path / "y" / "annos").mkdir(parents=True)
    with pytest.raises(HemlineError, match="no image/ folder"):
        open_split("train", tmp_path / "y", DEEPFASHION2)


@pytest.mark.parametrize("inside", ["", "train"])
def test_a_half_unpacked_folder_is_refused(tmp_path, inside):
    split_folder(tmp_path / "train")
    (tmp_path / UNPACKING).write_text('["train.zip"]')
    with pytest.raises(HemlineError, match="unpacking did not finish"):
        find_splits(tmp_path / inside)


def test_lists_by_number_with_doubles_and_strays(tmp_path):
    folder = split_folder(tmp_path / "data")
    for stem in ("000010", "000002", "1", "000001", "abc", "1234567"):
        (folder / "annos" / f"{stem}.json").touch()
        (folder / "image" / f"{stem}.jpg").touch()
    (folder / "image" / "000003.jpg").touch()
    (folder / "image" / ".DS_Store").touch()
    (folder / "image" / "000004.png").touch()
    found = listing(folder)
    assert [entry.stem for entry in found] == ["000001", "1", "000002", "000003", "000010", "1234567", "abc"]
    assert len(found) == 7
    assert found.others == 2
    entries = {entry.stem: entry for entry in found}
    assert [problem.reason for problem in entries["1"].problems] == ["duplicate-id"]
    assert entries["abc"].id is None
    assert not entries["000003"].annotated
    assert entries["1234567"].id == 1234567


def test_a_listing_holds_numbers_not_names(tmp_path):
    folder = split_folder(tmp_path / "data")
    for number in range(300):
        (folder / "image" / f"{number:06d}.jpg").touch()
    found = listing(folder)
    assert found._images.irregular == []
    assert len(found._images.ids) == 300
    assert found._images.ids.itemsize == 8


@pytest.mark.parametrize("stem", ["", "+1", " 1", "1_0", "１", "0x1", "1.5", "-3", "9" * 30])
def test_only_plain_decimals_are_numbers(stem):
    assert plain_number(stem) is None


def test_items_come_by_number_whatever_the_order_of_keys():
    annotation = {"item10": 10, "itemA": "A", "item2": 2, "source": "shop", "pair_id": 1, "item1": 1}
    assert [key for key, _ in items(annotation)] == ["item1", "item2", "item10", "itemA"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty-file"),
        (b"{", "not-json"),
        (b"\xff\xfe\x00", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b"[1]", "wrong-type"),
        (b'{"item1": {}, "item1": {}}', "duplicate-key"),
        (b'{"item1": {"style": 1, "style": 2}}', "duplicate-key"),
    ],
)
def test_annotations_that_cannot_be_read(tmp_path, content, reason):
    folder = split_folder(tmp_path / "data")
    (folder / "annos" / "000001.json").write_bytes(content)
    with pytest.raises(BadData) as error:
        read_annotation(folder / "annos", "000001.json")
    assert error.value.reason == reason


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    folder = split_folder(tmp_path / "data")
    outside = tmp_path / "secret.json"
    outside.write_text(json.dumps({"outside": True}))
    (folder / "annos" / "000001.json").symlink_to(outside)
    (folder / "annos" / "000003.json").write_text(json.dumps({"inside": True}))
    (folder / "annos" / "000002.json").symlink_to("000003.json")
    with pytest.raises(BadData) as error:
        read_annotation(folder / "annos", "000001.json")
    assert error.value.reason == "leaves-folder"
    assert read_annotation(folder / "annos", "000001.json", follow_links=True) == {"outside": True}
    assert read_annotation(folder / "annos", "000002.json") == {"inside": True}
    with pytest.raises(BadData, match="leaves-folder"):
        read_file(folder / "annos", "../../secret.json")


def test_a_subfolder_may_be_a_link_within_the_folder_alone(tmp_path):
    folder, outside = tmp_path / "data", tmp_path / "outside"
    for place in (folder / "blouse", outside / "dress"):
        place.mkdir(parents=True)
        (place / "a.jpg").write_bytes(b"a")
    (folder / "top").symlink_to("blouse")
    (folder / "dress").symlink_to(outside / "dress")
    (folder / "outside").symlink_to(outside)
    (folder / "blouse" / "b.jpg").symlink_to("../top/a.jpg")
    for name in ("dress/a.jpg", "outside/dress/a.jpg"):
        with pytest.raises(BadData, match="leaves-folder"):
            read_file(folder, name)
        assert read_file(folder, name, follow_links=True) == b"a"
    with pytest.raises(BadData, match="unreadable-file"):
        read_file(folder, "dress/a\0.jpg")
    (tmp_path / "train").symlink_to(folder)
    for name in ("blouse/a.jpg", "blouse/b.jpg", "top/a.jpg"):
        assert read_file(folder, name) == read_file(tmp_path / "train", name) == b"a"


def test_a_folder_that_is_itself_a_link_is_read(tmp_path):
    real = split_folder(tmp_path / "disk")
    (real / "annos" / "000001.json").write_text("{}")
    (tmp_path / "train").symlink_to(real)
    assert (
        read_annotation(open_split("train", tmp_path / "train", DEEPFASHION2).annotations, "000001.json")
        == {}
    )


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "000001.jpg")
    with pytest.raises(BadData) as error:
        read_file(tmp_path, "000001.jpg")
    assert error.value.reason == "unreadable-file"


def test_a_link_to_itself_is_unreadable(tmp_path):
    (tmp_path / "000001.jpg").symlink_to("000001.jpg")
    with pytest.raises(BadData) as error:
        read_file(tmp_path, "000001.jpg")
    assert error.value.reason == "unreadable-file"
