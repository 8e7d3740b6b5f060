from pathlib import Path

import pytest

from setup.installed import Record, faulty, has, names, remove_ruins


def install(site: Path, name: str, version: str = "1.0") -> Path:
    """A distribution of one module with its RECORD, as pip leaves it. Returns the .dist-info folder."""
    module = site / name / "__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text("x = 1\n")
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    record = f"{name}/__init__.py,sha256=abc,6\n{name}/__pycache__/a.pyc,,\n{folder.name}/RECORD,,\n"
    (folder / "RECORD").write_text(record)
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("one", "two_words", "zc.dotted"):
        install(tmp_path, name)
    return tmp_path


PINS = {"one": "1.0", "two-words": "1.0", "zc-dotted": "1.0"}


def test_a_whole_environment_has_no_faults(site):
    assert faulty(site, PINS) == []
    assert names(site) == set(PINS)


def test_a_missing_package_and_another_version_are_faults(site):
    assert faulty(site, {**PINS, "three": "1.0", "one": "2.0"}) == ["one", "three"]


@pytest.mark.parametrize("damage", ["file gone", "file cut short", "no RECORD", "RECORD torn"])
def test_a_damaged_package_is_a_fault(site, damage):
    module, record = site / "one" / "__init__.py", site / "one-1.0.dist-info" / "RECORD"
    if damage == "file gone":
        module.unlink()
    elif damage == "file cut short":
        module.write_text("x =")
    elif damage == "no RECORD":
        record.unlink()
    else:
        record.write_text("one/__init__.py,sha2")
    assert faulty(site, PINS) == ["one"]
    assert not has(site, "one")
    assert has(site, "two-words")


def test_two_versions_side_by_side_are_a_fault_and_both_descriptions_go(site):
    copy = site / "one-0.9.dist-info"
    copy.mkdir()
    (copy / "RECORD").write_text("")
    assert faulty(site, PINS) == ["one"]
    remove_ruins(site, {})
    assert copy.exists()
    remove_ruins(site, PINS)
    assert names(site) == {"two-words", "zc-dotted"}
    assert (site / "one" / "__init__.py").exists()


def test_what_a_killed_pip_leaves_is_removed_and_the_rest_is_kept(site):
    (site / "~ne").mkdir()
    (site / "one-1.0.dist-info" / "RECORD").unlink()
    remove_ruins(site, PINS)
    assert sorted(path.name for path in site.iterdir() if path.name.startswith(("~", "one-"))) == []
    assert faulty(site, PINS) == ["one"]


def test_the_record_comes_back_and_an_unreadable_one_counts_as_none(tmp_path):
    path = tmp_path / "record.json"
    assert Record.read(path) == Record()
    record = Record("key", "cpu", ["one"])
    record.write(path)
    assert Record.read(path) == record
    for torn in ("", '{"key": "k', "[]", '{"unknown": 1}'):
        path.write_text(torn)
        assert Record.read(path) == Record()
