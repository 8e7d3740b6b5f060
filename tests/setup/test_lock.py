from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from setup.lock import SetupError, cuda_version, every_pin, lock_key, normal, read_lock, read_pins

ROOT = Path(__file__).resolve().parents[2]
# Named by packages, left out of the lock on purpose; requirements/runtime.txt says why.
LEFT_OUT = {"chumpy", "huggingface-hub", "opencv-python", "safetensors"}


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    return every_pin(read_lock(ROOT / "requirements"))


def write_lock(folder: Path, **files: str) -> Path:
    for stem in ("build", "runtime", "dev", "source"):
        (folder / f"{stem}.txt").write_text(files.get(stem, ""))
    return folder


def needs_of(name: str, extras: set[str]) -> list[Requirement]:
    """Requirements of an installed distribution that hold on this machine, for the extras asked of it."""
    found = [Requirement(text) for text in metadata.requires(name) or []]
    kinds = [{"extra": extra} for extra in ("", *sorted(extras))]
    return [
        need for need in found if need.marker is None or any(need.marker.evaluate(kind) for kind in kinds)
    ]


def test_every_package_that_a_locked_package_needs_is_locked_in_a_version_that_it_accepts(pins):
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, frozenset[str]()) for name in pins]
    wrong = []
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for need in needs_of(name, set(extras)):
            other = normal(need.name)
            if other in LEFT_OUT:
                continue
            if other not in pins or not need.specifier.contains(pins[other], prereleases=True):
                wrong.append(f"{name} needs {need}, locked: {pins.get(other)}")
            else:
                waiting.append((other, frozenset(need.extras)))
    assert wrong == []


def test_what_is_installed_is_what_is_locked(pins):
    installed = {normal(d.name): d.version.split("+")[0] for d in metadata.distributions()}
    assert {name: installed.get(name) for name in pins} == pins


def test_only_one_package_owns_cv2(pins):
    assert [name for name in pins if name.startswith("opencv")] == ["opencv-python-headless"]


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=2",
        "numpy==2.*",
        "-r other.txt",
        "--index-url https://example.org/simple",
        "a==1; x<2",
        "./here",
    ],
)
def test_a_line_that_is_not_one_plain_pin_is_refused_with_its_place(tmp_path, line):
    path = tmp_path / "runtime.txt"
    path.write_text(f"# a comment\n{line}\n")
    with pytest.raises(SetupError, match=r"runtime\.txt, line 2"):
        read_pins(path)


def test_comments_and_spelling_do_not_matter(tmp_path):
    path = tmp_path / "runtime.txt"
    path.write_text("# why\n\nRuamel_Yaml==0.19.1  # because\n")
    assert read_pins(path) == {"ruamel-yaml": "0.19.1"}


def test_a_package_locked_twice_is_refused(tmp_path):
    (tmp_path / "one.txt").write_text("a-b==1\nA_B==2\n")
    with pytest.raises(SetupError, match="line 2: a-b is locked a second time"):
        read_pins(tmp_path / "one.txt")
    with pytest.raises(SetupError, match=r"a is locked in both build\.txt and dev\.txt"):
        read_lock(write_lock(tmp_path, build="a==1\n", dev="a==1\n"))


def test_cuda_version_is_the_locked_toolkits(pins):
    assert cuda_version({"runtime": {"cuda-toolkit": "13.0.2"}}) == "13.0"
    assert cuda_version(read_lock(ROOT / "requirements")) == "13.0"


def test_the_key_follows_locks_metadata_python_variant_and_place(tmp_path):
    def project(name: str) -> Path:
        root = tmp_path / name
        (root / "requirements").mkdir(parents=True)
        write_lock(root / "requirements", runtime="a==1\n")
        (root / "pyproject.toml").write_text("[project]\n")
        return root

    root = project("here")
    key = lock_key(root, "3.11.7", "cpu")
    assert lock_key(root, "3.11.7", "cpu") == key
    others = [lock_key(root, "3.11.8", "cpu"), lock_key(root, "3.11.7", "cu130")]
    others.append(lock_key(project("elsewhere"), "3.11.7", "cpu"))
    (root / "requirements" / "dev.txt").write_text("b==1\n")
    others.append(lock_key(root, "3.11.7", "cpu"))
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    others.append(lock_key(root, "3.11.7", "cpu"))
    assert len({key, *others}) == 6
