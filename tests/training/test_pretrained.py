"""Weights by name: fetched once, gone on with, checked, never half there; without a network it is clear what to do."""

import hashlib
import json
import multiprocessing
import random
import re
from contextlib import ExitStack

import pytest

from hemline.commands import main
from hemline.errors import HemlineError
from hemline.training import download, pretrained
from hemline.training.pretrained import Pretrained, catalogue, fetch, resolve
from tests.training.files import serving

CONTENT = random.Random(1).randbytes(500_000)
OTHER = random.Random(2).randbytes(400_000)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and a catalogue of one file, `tiny`, of which eight digits are published."""
    monkeypatch.setenv("HEMLINE_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setattr(download, "CHUNK", 1000)
    return tmp_path / "cache"


@pytest.fixture
def tiny(monkeypatch, cache):
    digest = hashlib.sha256(CONTENT).hexdigest()
    entry = Pretrained("tiny", "a test", "https://weights.invalid/v1/tiny.pth", digest[:8], "none")
    monkeypatch.setattr(pretrained, "catalogue", lambda: {"tiny": entry})
    return entry


@pytest.fixture
def serve(monkeypatch):
    """`serve(content, **faults)` starts the mirror that weights come from."""
    with ExitStack() as running:

        def start(content=CONTENT, **faults):
            server = running.enter_context(serving(content, **faults))
            monkeypatch.setenv("HEMLINE_WEIGHTS_URL", server.url)
            return server

        yield start


def left(cache):
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


def test_the_catalogue_is_of_https_and_of_the_digits_in_the_files_names():
    assert {"hrnet-w48-coco-384x288", "htc-x101-64x4d-coco", "cascade-x101-64x4d-coco"} < set(catalogue())
    for entry in catalogue().values():
        assert entry.url.startswith("https://") and entry.what and entry.source
        assert entry.path.name.endswith(".pth")
        if entry.name.startswith("centernet-"):  # of which none are published
            assert entry.sha256 == "" and "no digest" in entry.source
        else:
            assert re.fullmatch(r"[0-9a-f]{8,64}", entry.sha256)
            assert f"-{entry.sha256[:8]}" in entry.path.name
    assert len({entry.path for entry in catalogue().values()}) == len(catalogue())


def test_fetched_once_and_from_then_on_without_a_request(tiny, serve, cache, capsys):
    server = serve()
    assert resolve("tiny").read_bytes() == CONTENT
    assert left(cache) == ["tiny.pth", "tiny.pth.sha256"]
    assert (
        f"sha256 {hashlib.sha256(CONTENT).hexdigest()}; 32 bits of it are published"
        in capsys.readouterr().err
    )
    assert resolve("tiny") == cache / "tiny.pth"
    assert server.asked == [None]


def test_a_broken_connection_is_gone_on_with_where_it_broke(tiny, serve):
    server = serve(cuts=[200_000, 100_000])
    assert fetch("tiny").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=200000-", "bytes=300000-"]
    assert sum(server.sent) == len(CONTENT)


def test_the_next_call_goes_on_where_the_last_one_gave_up(tiny, serve, cache):
    server = serve(cuts=[123_000], down_after=1)
    with pytest.raises(HemlineError, match=r"tiny: can't be fetched: .* answered 503.* goes on where it was"):
        fetch("tiny")
    assert (cache / "tiny.pth.part").stat().st_size == 123_000
    server.down_after = None
    assert fetch("tiny").read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=123000-"
    assert left(cache) == ["tiny.pth", "tiny.pth.sha256"]


@pytest.mark.parametrize("faults", [{"ranges": False}, {"tag": False}])
def test_a_server_that_cannot_go_on_sends_it_all_again(tiny, serve, faults):
    server = serve(cuts=[200_000], **faults)
    assert fetch("tiny").read_bytes() == CONTENT
    assert server.sent == [200_000, 500_000]


@pytest.mark.parametrize("if_range", [True, False])
def test_parts_of_two_files_are_never_mixed(tiny, serve, cache, if_range):
    server = serve(OTHER, cuts=[123_000], down_after=1, if_range=if_range)
    with pytest.raises(HemlineError):
        fetch("tiny")
    server.content, server.down_after = CONTENT, None
    assert fetch("tiny").read_bytes() == CONTENT
    assert server.asked[1:] == ["bytes=123000-"] * 2 + ([] if if_range else [None])


def test_what_lies_there_may_be_too_long(tiny, serve, cache):
    server = serve()
    cache.mkdir()
    (cache / "tiny.pth.part").write_bytes(bytes(600_000))
    (cache / "tiny.pth.part.version").write_text(f'"{hashlib.md5(CONTENT).hexdigest()}"')
    assert fetch("tiny").read_bytes() == CONTENT
    assert server.asked == ["bytes=600000-", None]


def test_a_server_that_always_breaks_off_is_given_up(tiny, serve):
    server = serve(cuts=[200_000] * 9, ranges=False)
    with pytest.raises(HemlineError, match="can't be fetched"):
        fetch("tiny")
    assert len(server.asked) == 2


def test_a_file_of_another_digest_is_not_used(tiny, serve, cache):
    serve(OTHER)
    with pytest.raises(HemlineError, match=f"sha256 .* should begin with {tiny.sha256}: damaged"):
        fetch("tiny")
    assert left(cache) == []


def test_a_copy_that_changes_is_noticed(tiny, serve, cache, monkeypatch):
    """Also when the digits that are published still fit."""
    serve()
    fetch("tiny")
    (cache / "tiny.pth").write_bytes(OTHER)
    digest = hashlib.sha256(OTHER).hexdigest()
    same = Pretrained("tiny", "a test", tiny.url, digest[:8], "none")
    for entry in (tiny, same):
        monkeypatch.setattr(pretrained, "catalogue", lambda entry=entry: {"tiny": entry})
        with pytest.raises(HemlineError, match=f"tiny.pth has sha256 {digest}, not .*: remove it"):
            fetch("tiny")
    (cache / "tiny.pth").unlink()
    monkeypatch.setattr(pretrained, "catalogue", lambda: {"tiny": tiny})
    assert fetch("tiny").read_bytes() == CONTENT


def test_without_a_network_it_says_what_to_get_and_where_to_put_it(tiny, serve, cache, monkeypatch):
    with serving(CONTENT) as server:
        monkeypatch.setenv("HEMLINE_WEIGHTS_URL", server.url)
    with pytest.raises(HemlineError) as said:
        fetch("tiny")
    for part in (server.url, tiny.url, f"put it at {cache / 'tiny.pth'}", "HEMLINE_WEIGHTS_URL"):
        assert part in str(said.value)
    (cache / "tiny.pth").write_bytes(CONTENT)
    assert fetch("tiny") == cache / "tiny.pth"


def test_two_processes_fetch_it_once(tiny, serve):
    server = serve(cuts=[100_000])
    fork = multiprocessing.get_context("fork")
    pair = [fork.Process(target=fetch, args=("tiny",)) for _ in range(2)]
    for process in pair:
        process.start()
    for process in pair:
        process.join(60)
    assert [process.exitcode for process in pair] == [0, 0]
    assert sum(server.sent) == len(CONTENT)


def test_names_and_paths(tmp_path):
    path = tmp_path / "own.pth"
    path.write_bytes(b"")
    assert resolve(str(path)) == path
    with pytest.raises(HemlineError, match=r"none\.pth: no such weights file"):
        resolve("none.pth")
    for name in ("resnet", "open-mmlab://resnext101_64x4d"):
        with pytest.raises(HemlineError, match=f"{name}: no weights of this name; there are hrnet-w48-coco"):
            resolve(name)


def test_the_verb_lists_and_fetches(tiny, serve, cache, capsys, monkeypatch):
    from hemline.commands import weights

    monkeypatch.setattr(weights, "catalogue", pretrained.catalogue)
    serve()
    assert main(["weights", "list"]) == 0
    assert "  tiny " in capsys.readouterr().out
    assert main(["weights", "fetch", "tiny"]) == 0
    assert capsys.readouterr().out == f"{cache / 'tiny.pth'}\n"
    assert main(["weights", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["cached"] and row["bits"] == 32
    assert main(["weights", "fetch", "tinny"]) == 2
