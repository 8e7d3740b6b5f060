"""`hemline landmarks`, and which data set's table a verb takes."""

import argparse
import csv
import io
import json

import pytest

from hemline.commands import main
from hemline.commands.wardrobe import add_wardrobe, chosen_wardrobe
from hemline.errors import HemlineError
from hemline.wardrobe import names, wardrobe
from hemline.wardrobe.categories import TABLES


def chosen(*given):
    parser = argparse.ArgumentParser()
    add_wardrobe(parser)
    return chosen_wardrobe(parser.parse_args(given)).name


def test_the_option_then_params_then_deepfashion2(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert chosen() == "deepfashion2"
    (tmp_path / "params.yaml").write_text("data: {wardrobe: fld}\n")
    assert chosen() == "fld"
    assert chosen("--wardrobe", "deepfashion2") == "deepfashion2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: {wardrobe: socks}\n", "params.yaml: data.wardrobe: unknown wardrobe 'socks'.*--wardrobe"),
        ("data: {name: mine}\n", "params.yaml: data.wardrobe: no such key.*--wardrobe"),
    ],
)
def test_params_that_name_no_table_are_said(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(HemlineError, match=words):
        chosen()


@pytest.mark.parametrize("name", names())
def test_the_printed_table_is_the_data_sets(name, capsys):
    assert main(["landmarks", "--format", "csv", "--wardrobe", name]) == 0
    printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    table = list(csv.DictReader((TABLES / f"{name}.csv").read_text().splitlines()))
    assert [list(row) for row in printed[:1]] == [list(row) for row in table[:1]]
    numbers = {"sigma": float, "index": int, "group": int, "flip_index": int}
    for ours, theirs in zip(printed, table, strict=True):
        assert ours | {key: of(ours[key]) for key, of in numbers.items()} == theirs | {
            key: of(theirs[key]) for key, of in numbers.items()
        }


def test_a_row_a_landmark_as_json_and_words(capsys):
    assert main(["landmarks", "--format", "json", "--wardrobe", "fld"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(wardrobe("fld").landmarks)
    assert main(["landmarks", "--wardrobe", "fld", "--grouping", "independent"]) == 0
    assert "2 lower body (4 landmarks)" in capsys.readouterr().out
