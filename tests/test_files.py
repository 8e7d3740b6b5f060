"""Durable files are written whole or not at all; progress says what is left."""

import errno
import os

import pytest

from hemline.errors import HemlineError
from hemline.files import atomic_write, read_json, write_json
from hemline.progress import clock, progress, progress_line


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "result.json"
    write_json(path, {"AP": 0.5})
    with pytest.raises(RuntimeError), atomic_write(path) as handle:
        handle.write("half")
        raise RuntimeError("killed")
    assert read_json(path) == {"AP": 0.5}
    assert os.listdir(tmp_path) == ["result.json"]


def test_nan_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"AP": float("nan")})
    assert os.listdir(tmp_path) == []


def test_folders_are_made_and_the_umask_is_kept(tmp_path):
    path = tmp_path / "a" / "b.bin"
    with atomic_write(path, "wb") as handle:
        handle.write(b"\x00")
    assert path.read_bytes() == b"\x00"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


@pytest.mark.parametrize("name", ["folder", "file/result.json", "x" * 300])
def test_a_place_where_no_file_can_be_written_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    with pytest.raises(HemlineError, match=f"{name}: cannot be written"), atomic_write(tmp_path / name):
        raise AssertionError("no handle is given")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "kept"


def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(HemlineError, match=r"result\.json: .*No space left"), atomic_write(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("result.json", "old")]


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_unreadable_json_is_named(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(HemlineError, match=r"bad\.json: not JSON"):
        read_json(tmp_path / "bad.json")
    with pytest.raises(HemlineError, match=r"none\.json: no such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(HemlineError, match=r"cannot be read \(Is a directory\)"):
        read_json(tmp_path)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "\x00"])
def test_text_that_breaks_the_parser_is_no_json(tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(HemlineError, match=r"bad\.json: not JSON"):
        read_json(tmp_path / "bad.json")


def test_progress_passes_items_through_and_reports(capsys):
    assert list(progress(range(5), "count", quiet_under=0)) == [0, 1, 2, 3, 4]
    assert "count: 5/5 it" in capsys.readouterr().err


def test_progress_line_knows_rate_and_time_left():
    assert progress_line("boxes", 30, 90, 15.0, "pictures") == (
        "boxes: 30/90 pictures, 2.0 pictures/s, 0:15, 0:30 left"
    )
    assert (clock(75), clock(3700)) == ("1:15", "1:01:40")
