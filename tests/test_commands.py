"""The command line, whatever the verb: what reaches the terminal, and what a user may not read."""

import io
import sys

import pytest

from hemline.commands import main


@pytest.mark.parametrize("name", ["caf\udce9.csv", "caf\N{LATIN SMALL LETTER E WITH ACUTE}.csv"])
def test_a_name_that_the_terminal_cannot_show_stops_nothing(tmp_path, monkeypatch, name):
    (tmp_path / name).write_text("")
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    assert main(["check", str(tmp_path / name), "--wardrobe", "fashionai"]) == 1
    screen.flush()
    assert b"/caf\\" in screen.buffer.getvalue()


def test_what_may_not_be_read_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "image").mkdir()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    assert main(["validate", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/image: Permission denied")
