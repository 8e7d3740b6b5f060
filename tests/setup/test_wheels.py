import os
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from setup import wheels
from setup.holding import held
from setup.lock import SetupError

PLAIN = "from setuptools import setup\nsetup(name='hemline-trial', version='1.0', py_modules=[])\n"


@pytest.mark.parametrize(
    ("environment", "gpu", "nvcc", "expected"),
    [
        ({}, False, "", "cpu"),
        ({}, False, "13.0", "cpu"),  # nvcc alone does not make a GPU machine
        ({}, True, "", "cpu"),
        ({}, True, "12.4", "cpu"),
        ({}, True, "13.1", "cu130-7.5_8.0_8.6_9.0+PTX"),
        ({"FORCE_CUDA": "1"}, False, "", "cu130-7.5_8.0_8.6_9.0+PTX"),
        ({"FORCE_CUDA": "0"}, True, "13.0", "cpu"),
        ({"FORCE_CUDA": "1", "TORCH_CUDA_ARCH_LIST": "8.0 9.0;10.0"}, False, "13.0", "cu130-8.0_9.0_10.0"),
    ],
)
def test_variant(environment, gpu, nvcc, expected):
    assert wheels.variant_of(environment, gpu, nvcc, "13.0") == expected


def test_the_cache_folder_is_the_users_and_named_after_torch_and_python():
    folder = wheels.cache_folder({"XDG_CACHE_HOME": "/cache"}, "2.12.1", "cpu")
    assert folder == Path(f"/cache/hemline/wheels/torch2.12.1-cp311-linux_{os.uname().machine}-cpu")
    assert wheels.cache_folder({}, "2.12.1", "cpu").is_relative_to(Path.home() / ".cache")
    assert wheels.cache_folder({}, "2.12.2", "cpu") != wheels.cache_folder({}, "2.12.1", "cpu")


def test_only_the_wheel_of_this_very_version_is_taken(tmp_path):
    for name in (
        "onedl_mmcv-2.3.6-cp311-cp311-linux_x86_64.whl",
        "xtcocotools-1.14-cp311-cp311-linux_x86_64.whl",
    ):
        (tmp_path / name).touch()
    assert (
        wheels.find_wheel(tmp_path, "onedl-mmcv", "2.3.6")
        == tmp_path / "onedl_mmcv-2.3.6-cp311-cp311-linux_x86_64.whl"
    )
    assert wheels.find_wheel(tmp_path, "onedl-mmcv", "2.3.7") is None
    assert wheels.missing(tmp_path, {"xtcocotools": "1.14.3", "onedl-mmcv": "2.3.6"}) == ["xtcocotools"]
    assert wheels.missing(tmp_path / "none", {"b": "1", "a": "1"}) == ["b", "a"]


def test_a_cpu_build_hides_cards(tmp_path):
    given = {"PATH": "/bin", "FORCE_CUDA": "1"}
    cpu = wheels.build_environment(given, Path("/env/bin/python"), tmp_path, "cpu", tmp_path)
    assert (cpu["FORCE_CUDA"], cpu["CUDA_VISIBLE_DEVICES"], cpu["MMCV_WITH_OPS"]) == ("0", "", "1")
    assert cpu["PATH"] == f"/env/bin{os.pathsep}/bin"
    assert cpu["TMPDIR"] == str(tmp_path)


def test_a_cuda_build_names_architectures_and_finds_condas_and_torchs_headers(tmp_path):
    conda = tmp_path / "targets" / "x86_64-linux" / "include"
    torchs = tmp_path / "site" / "nvidia" / "cu13" / "include"
    for folder in (conda, torchs):
        folder.mkdir(parents=True)
    given = {"CONDA_PREFIX": str(tmp_path), "CPATH": "/mine"}
    cuda = wheels.build_environment(given, Path("/env/bin/python"), tmp_path / "site", "cu130-9.0", tmp_path)
    assert (cuda["FORCE_CUDA"], cuda["TORCH_CUDA_ARCH_LIST"]) == ("1", wheels.ARCHITECTURES)
    assert cuda["CPATH"].split(os.pathsep) == [str(conda), str(torchs), "/mine"]
    assert "CUDA_VISIBLE_DEVICES" not in cuda
    assert wheels.cuda_headers({}, tmp_path) == []


def test_progress_says_files_time_and_what_is_left():
    progress = wheels.NinjaProgress(expected_s=720.0)
    assert progress("", 60.0) == "1 min 00 s, about 11 min 00 s left"
    assert (
        progress("  [1/67] c++ a\n[4/67] c++ b\n", 70.0)
        == "4 of 67 files compiled, 1 min 10 s, about 10 min 50 s left"
    )
    assert progress("[10/67] c++ c\n", 100.0) == "10 of 67 files compiled, 1 min 40 s, about 9 min 30 s left"
    assert wheels.NinjaProgress(None)("", 5.0) == "5 s"


def test_a_build_that_compiled_for_the_other_device_is_refused(tmp_path):
    log = tmp_path / "log"
    log.write_text("Compiling mmcv._ext only with CPU\n")
    wheels.check_variant(log, "cpu")
    with pytest.raises(SetupError, match="cu130"):
        wheels.check_variant(log, "cu130-9.0")
    log.write_text("Compiling mmcv._ext with CUDA\n")
    wheels.check_variant(log, "cu130-9.0")
    with pytest.raises(SetupError, match="for cpu"):
        wheels.check_variant(log, "cpu")


def offer(folder: Path, setup_py: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source package hemline-trial 1.0, the only thing that pip can find."""
    metadata = "Metadata-Version: 2.1\nName: hemline-trial\nVersion: 1.0\n"
    with tarfile.open(folder / "hemline-trial-1.0.tar.gz", "w:gz") as archive:
        for name, text in (("setup.py", setup_py), ("PKG-INFO", metadata)):
            member = tarfile.TarInfo(f"hemline-trial-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, BytesIO(text.encode()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def build_trial(folder: Path) -> Path:
    with held(folder):
        return wheels.build(Path(sys.executable), folder, folder, "hemline-trial", "1.0", "cpu")


def test_a_wheel_is_built_into_the_cache_and_ruins_of_a_killed_build_go(tmp_path, monkeypatch):
    offer(tmp_path, PLAIN, monkeypatch)
    cache = tmp_path / "cache"
    (cache / "building-dead").mkdir(parents=True)
    wheel = build_trial(cache)
    assert wheel == wheels.find_wheel(cache, "hemline-trial", "1.0")
    assert sorted(path.name for path in cache.iterdir()) == ["hemline-trial-1.0.log", wheel.name]


def test_a_failed_build_leaves_no_wheel_and_names_its_log(tmp_path, monkeypatch):
    offer(tmp_path, "raise SystemExit('error: the compiler is on strike')", monkeypatch)
    cache = tmp_path / "cache"
    with pytest.raises(SetupError) as caught:
        build_trial(cache)
    assert "the compiler is on strike" in str(caught.value)
    assert str(cache / "hemline-trial-1.0.log") in str(caught.value)
    assert [path.name for path in cache.iterdir()] == ["hemline-trial-1.0.log"]
