"""Protected zip files: unpacked whole, nowhere else, with a password that is never shown."""

import os
import stat
import traceback
import zipfile
from pathlib import Path

import pytest

from hemline.commands import main
from hemline.commands.unpack import VARIABLE
from hemline.datasets import archives
from hemline.datasets.archives import Secret, unpack
from hemline.datasets.deepfashion2.reading import find_splits
from hemline.datasets.files import UNPACKING
from hemline.errors import HemlineError

PASSWORD = "needle-and-thread"
MEMBERS = {
    "train/": b"",
    "train/image/000001.jpg": os.urandom(5000),
    "train/image/000002.jpg": b"x" * 9000,
    "train/annos/000001.json": b"{}",
    "train/annos/empty.json": b"",
}


def ask(password: str = PASSWORD):
    return lambda: Secret(password)


def never() -> Secret:
    raise AssertionError("no password is needed")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


WHOLE = {name: data for name, data in MEMBERS.items() if not name.endswith("/")}


def test_our_encrypted_zip_is_one(make_zip):
    path = make_zip("train.zip", MEMBERS, PASSWORD)
    with zipfile.ZipFile(path) as archive:
        assert all(info.flag_bits & 1 for info in archive.infolist())
        assert (
            archive.read("train/image/000001.jpg", pwd=PASSWORD.encode()) == MEMBERS["train/image/000001.jpg"]
        )
        with pytest.raises(RuntimeError):
            archive.read("train/annos/000001.json")


def test_unpacks_encrypted_and_plain_archives(make_zip, tmp_path):
    one = make_zip("train.zip", MEMBERS, PASSWORD)
    two = make_zip("validation.zip", {"validation/image/000001.jpg": b"y"})
    done = unpack([one, two], tmp_path / "out", ask())
    assert files(tmp_path / "out") == WHOLE | {"validation/image/000001.jpg": b"y"}
    assert (done.written, done.skipped, done.size) == (5, 0, 14003)
    assert unpack([two], tmp_path / "plain", never).written == 1


def test_unpacking_again_writes_only_what_is_missing_or_different(make_zip, tmp_path):
    path, out = make_zip("train.zip", MEMBERS, PASSWORD), tmp_path / "out"
    unpack([path], out, ask())
    (out / "train/image/000001.jpg").unlink()
    (out / "train/image/000002.jpg").write_bytes(b"x" * 8999 + b"y")
    (out / "train/annos/000001.json").unlink()
    (out / "train/annos/000001.json").symlink_to("empty.json")
    done = unpack([path], out, ask())
    assert (done.written, done.skipped) == (3, 1)
    assert files(out) == WHOLE
    assert not (out / "train/annos/000001.json").is_symlink()


def test_an_interrupted_unpacking_is_not_taken_for_whole(make_zip, tmp_path, monkeypatch):
    path, out = make_zip("train.zip", MEMBERS, PASSWORD), tmp_path / "out"
    whole = archives._extract

    def interrupted(member, target, password):
        if target.name == "000001.json":
            raise KeyboardInterrupt
        whole(member, target, password)

    monkeypatch.setattr(archives, "_extract", interrupted)
    with pytest.raises(KeyboardInterrupt):
        unpack([path], out, ask())
    with pytest.raises(HemlineError, match="unpacking did not finish"):
        find_splits(out)
    monkeypatch.undo()
    other = make_zip("test.zip", {"test/image/000001.jpg": b"z"})
    unpack([other], out, never)
    assert (out / UNPACKING).exists()  # train.zip is still not whole
    assert unpack([path], out, ask()).skipped == 2
    assert sorted(find_splits(out)) == ["test", "train"]
    assert [name for name in files(out) if "/." in name or name.startswith(".")] == []


def test_a_file_is_there_whole_or_not_at_all(make_zip, tmp_path, monkeypatch):
    def cut(source, sink, length):
        sink.write(source.read(10))
        raise KeyboardInterrupt

    path = make_zip("train.zip", MEMBERS, PASSWORD)
    monkeypatch.setattr("shutil.copyfileobj", cut)
    with pytest.raises(KeyboardInterrupt):
        unpack([path], tmp_path / "out", ask())
    assert list(files(tmp_path / "out")) == [UNPACKING]


@pytest.mark.parametrize("wrong", ["needle", "", "Needle-and-thread", "ü"])
def test_a_wrong_password_is_said_and_nothing_written(make_zip, tmp_path, wrong):
    path = make_zip("train.zip", MEMBERS, PASSWORD)
    with pytest.raises(HemlineError, match=r"train\.zip: the password does not open it"):
        unpack([path], tmp_path / "out", ask(wrong))
    assert not (tmp_path / "out").exists()


def test_no_wrong_password_passes_by_luck(make_zip, tmp_path):
    """One wrong password in 256 passes zipfile's own check; of 600 about two would."""
    path = make_zip("train.zip", {"train/annos/000001.json": b'{"item1": {}}'}, PASSWORD)
    for number in range(600):
        with pytest.raises(HemlineError, match="password"):
            unpack([path], tmp_path / "out", ask(f"guess {number}"))


def test_the_password_of_the_environment_is_never_shown(make_zip, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, "wrong-secret")
    path, out = str(make_zip("train.zip", MEMBERS, PASSWORD)), tmp_path / "out"
    assert main(["unpack", path, str(out)]) == 2
    monkeypatch.setenv(VARIABLE, PASSWORD)
    assert main(["unpack", path, str(out)]) == 0
    printed = capsys.readouterr()
    assert "wrong-secret" not in printed.out + printed.err
    assert PASSWORD not in printed.out + printed.err
    assert "4 files" in printed.out
    assert all(PASSWORD.encode() not in data for data in files(out).values())


def test_no_traceback_shows_the_password(make_zip, tmp_path):
    path = make_zip("train.zip", MEMBERS, PASSWORD)
    wrong = ask("wrong-secret")
    with pytest.raises(HemlineError) as caught:
        unpack([path], tmp_path / "out", wrong)
    # The first frame is this test's own, whose source line and fixtures are no concern here.
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    lines = [line for frame in trace.stack[1:] for line in traceback.StackSummary.from_list([frame]).format()]
    assert any("Secret(...)" in line for line in lines)  # locals are shown, and this is how
    assert "wrong-secret" not in "".join(lines)
    assert "wrong-secret" not in f"{wrong()} {wrong()!r} {[wrong()]}"


def test_without_a_terminal_the_variable_is_named(make_zip, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["unpack", str(make_zip("train.zip", MEMBERS, PASSWORD)), str(tmp_path / "out")]) == 2
    assert VARIABLE in capsys.readouterr().err


def test_on_a_terminal_the_password_is_asked_for_once(make_zip, tmp_path, monkeypatch):
    asked: list[str] = []
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or PASSWORD)
    one = make_zip("train.zip", MEMBERS, PASSWORD)
    two = make_zip("test.zip", {"test/image/000001.jpg": b"z"}, PASSWORD)
    assert main(["unpack", str(one), str(two), str(tmp_path / "out")]) == 0
    assert len(asked) == 1


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "train/../../evil",
        "/etc/evil",
        "C:evil",
        "C:\\evil",
        "..\\evil",
        "\\evil",
        "train/..",
        "//x/y",
        "",
    ],
)
def test_members_that_leave_the_folder_are_refused_before_anything_is_written(make_zip, tmp_path, name):
    path = make_zip("train.zip", {"train/image/000001.jpg": b"x", name: b"evil"})
    with pytest.raises(HemlineError, match="leaves the folder: nothing was unpacked"):
        unpack([path], tmp_path / "out", never)
    assert sorted(os.listdir(tmp_path)) == ["train.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path, kind):
    path = tmp_path / "train.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("train/image/000001.jpg")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(HemlineError, match="a link or a special file"):
        unpack([path], tmp_path / "out", never)
    assert not (tmp_path / "out").exists()


def test_a_link_that_is_there_already_leads_nowhere(make_zip, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "train").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HemlineError, match="is a link out of"):
        unpack([make_zip("train.zip", MEMBERS)], tmp_path / "out", never)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"a/b": b"1", "a\\b": b"2"}, "is there twice"),
        ({"a/b": b"1", "./a/b": b"2"}, "is there twice"),
        ({"a": b"1", "a/b": b"2"}, "a file and a folder"),
    ],
)
def test_members_that_meet_in_one_place(make_zip, tmp_path, members, text):
    with pytest.raises(HemlineError, match=text):
        unpack([make_zip("train.zip", members)], tmp_path / "out", never)
    assert not (tmp_path / "out").exists()


def test_the_same_archive_twice(make_zip, tmp_path):
    path = make_zip("train.zip", MEMBERS)
    with pytest.raises(HemlineError, match="is there twice"):
        unpack([path, path], tmp_path / "out", never)


def test_damage_is_said_and_running_again_mends_it(make_zip, tmp_path):
    path, out = make_zip("train.zip", MEMBERS, PASSWORD), tmp_path / "out"
    good = path.read_bytes()
    path.write_bytes(good[:200] + bytes(100) + good[300:])  # inside the first picture
    with pytest.raises(HemlineError, match=r"000001\.jpg is damaged"):
        unpack([path], out, ask())
    assert not (out / "train/image/000001.jpg").exists()
    path.write_bytes(good)
    unpack([path], out, ask())
    assert files(out) == WHOLE


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_what_is_no_zip(tmp_path, content):
    path = tmp_path / "train.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HemlineError, match=r"train\.zip: no"):
        unpack([path], tmp_path / "out", never)


def test_half_a_download_is_no_zip(make_zip, tmp_path):
    path = make_zip("train.zip", MEMBERS, PASSWORD)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(HemlineError, match="not a whole zip file"):
        unpack([path], tmp_path / "out", ask())


def test_aes_is_refused_with_advice(make_zip, tmp_path):
    path = make_zip("train.zip", {"train/image/000001.jpg": b"x"}, PASSWORD)
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\1\2")
    data[directory + 10] = 99
    path.write_bytes(data)
    with pytest.raises(HemlineError, match="AES"):
        unpack([path], tmp_path / "out", ask())


def test_too_little_space_is_said_first(make_zip, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10}))
    with pytest.raises(HemlineError, match="make room"):
        unpack([make_zip("train.zip", MEMBERS)], tmp_path / "out", never)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_folders_place(make_zip, tmp_path, capsys):
    (tmp_path / "out").write_text("")
    assert main(["unpack", str(make_zip("train.zip", MEMBERS)), str(tmp_path / "out")]) == 2
    assert "is a file" in capsys.readouterr().err
