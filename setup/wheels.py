"""The per-user cache of the wheels that are built from source.

pip's own wheel cache does not know which torch a wheel was compiled for and would hand out one that does not
load (`undefined symbol`). This one is named after torch, Python, machine and the operators' variant.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from setup import live, machine
from setup.lock import SetupError, normal

# Measured, mmcv 2.3.6 for CPU: 24.5 CPU minutes (6.5 minutes by 4 jobs on 4 free cores, 30 by 2 on a busy machine).
MMCV, MMCV_CPU_MINUTES = "onedl-mmcv", 24.5
# Without a card to ask: T4, A100, RTX 30, H100, and by PTX what is newer.
ARCHITECTURES = "7.5;8.0;8.6;9.0+PTX"


def variant_of(environment: Mapping[str, str], gpu: bool, nvcc: str, cuda: str) -> str:
    """How mmcv's operators are to be compiled: "cpu", or CUDA version and architectures ("cu130-9.0+PTX").

    FORCE_CUDA=1 or 0 decides. Without it: CUDA if there is a card and an nvcc of torch's CUDA major version.
    An nvcc alone, without a card, means CPU.
    """
    forced = environment.get("FORCE_CUDA", "")
    fits = bool(nvcc) and nvcc.split(".")[0] == cuda.split(".")[0]
    if forced == "1" or (forced != "0" and gpu and fits):
        return f"cu{cuda.replace('.', '')}-{architectures(environment).replace(';', '_')}"
    return "cpu"


def architectures(environment: Mapping[str, str]) -> str:
    """Compute capabilities to compile for, as TORCH_CUDA_ARCH_LIST has them, separated by semicolons."""
    return ";".join((environment.get("TORCH_CUDA_ARCH_LIST") or ARCHITECTURES).replace(";", " ").split())


def cache_folder(environment: Mapping[str, str], torch: str, variant: str) -> Path:
    """Where wheels built for this torch, this Python, this kind of machine and this variant are kept."""
    base = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    kind = f"{sys.platform}_{os.uname().machine}"
    return Path(base, "hemline", "wheels", f"torch{torch}-{python}-{kind}-{variant}")


def find_wheel(folder: Path, name: str, version: str) -> Path | None:
    """The cached wheel of a package, None if it is yet to be built."""
    for wheel in folder.glob("*.whl"):
        found, found_version = wheel.name.split("-")[:2]
        if normal(found) == name and found_version == version:
            return wheel
    return None


def missing(folder: Path, pins: Mapping[str, str]) -> list[str]:
    """Packages of `pins` without a cached wheel, in the order of `pins`."""
    return [name for name, version in pins.items() if find_wheel(folder, name, version) is None]


def cuda_headers(environment: Mapping[str, str], site: Path) -> list[str]:
    """Folders of CUDA headers besides nvcc's own.

    conda-forge's compiler keeps them where torch does not look; and torch's headers include those of cuBLAS,
    cuSPARSE and cuSOLVER, which a small toolkit has not: torch's own CUDA packages bring them.
    """
    conda = Path(environment.get("CONDA_PREFIX", "/nonexistent"), "targets", "x86_64-linux", "include")
    found = [str(folder) for folder in (conda, *site.glob("nvidia/cu*/include")) if folder.is_dir()]
    return [*found, *filter(None, [environment.get("CPATH")])]


def build_environment(
    environment: Mapping[str, str], python: Path, site: Path, variant: str, work: Path
) -> dict[str, str]:
    """Environment of a build: our ninja on PATH, temporary files in `work`, operators by `variant`."""
    changed = {
        "PATH": f"{python.parent}{os.pathsep}{environment.get('PATH', '')}",
        "TMPDIR": str(work),
        "MMCV_WITH_OPS": "1",
        "MAX_JOBS": str(machine.compile_jobs()),
        "FORCE_CUDA": "0" if variant == "cpu" else "1",
    }
    if variant == "cpu":
        changed["CUDA_VISIBLE_DEVICES"] = ""  # mmcv compiles for CUDA as soon as torch sees a card
    else:
        changed["TORCH_CUDA_ARCH_LIST"] = architectures(environment)
        changed["CPATH"] = os.pathsep.join(cuda_headers(environment, site))
    return {**environment, **changed}


class NinjaProgress:
    """Reads ninja's "[12/65]" out of a build's log."""

    def __init__(self, expected_s: float | None) -> None:
        self.expected_s = expected_s
        self.done, self.total = 0, 0

    def __call__(self, new: str, elapsed: float) -> str:
        for done, total in re.findall(r"^\s*\[(\d+)/(\d+)\]", new, re.MULTILINE):
            self.done, self.total = int(done), int(total)
        parts = [f"{self.done} of {self.total} files compiled"] if self.total else []
        return ", ".join([*parts, live.minutes(elapsed), *self._left(elapsed)])

    def _left(self, elapsed: float) -> list[str]:
        """Time left: by the files compiled once there are some, before that by what is expected."""
        if self.done >= 8:
            return [f"about {live.minutes(elapsed * (self.total - self.done) / self.done)} left"]
        return [f"about {live.minutes(max(0.0, self.expected_s - elapsed))} left"] if self.expected_s else []


def build(python: Path, site: Path, folder: Path, name: str, version: str, variant: str) -> Path:
    """Build one wheel into `folder`, held by the caller; it appears there whole or not at all."""
    for ruin in folder.glob("building-*"):
        shutil.rmtree(ruin, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="building-", dir=folder))
    log = folder / f"{name}-{version}.log"
    environment = build_environment(os.environ, python, site, variant, work)
    try:
        follow = NinjaProgress(_announce(variant, environment["MAX_JOBS"]) if name == MMCV else None)
        live.run(
            f"  building {name} {version}", _pip_wheel(python, name, version, work), log, environment, follow
        )
        if name == MMCV:
            check_variant(log, variant)
        wheel = next((work / "wheels").glob("*.whl"))
        os.replace(wheel, folder / wheel.name)
        return folder / wheel.name
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _pip_wheel(python: Path, name: str, version: str, work: Path) -> list[str]:
    flags = [
        "--no-cache-dir",
        "--no-build-isolation",
        "--no-deps",
        "--no-binary",
        name,
        "--progress-bar",
        "off",
    ]
    return [str(python), "-m", "pip", "wheel", "-v", *flags, "-w", str(work / "wheels"), f"{name}=={version}"]


def _announce(variant: str, jobs: str) -> float | None:
    """Say what the compilation will take; returns the seconds expected, None if never measured."""
    expected = MMCV_CPU_MINUTES * 60 / int(jobs) if variant == "cpu" else None
    length = f"about {live.minutes(expected)}" if expected else "longer than for CPU (about 25 CPU minutes)"
    print(
        f"  mmcv's operators are compiled once ({variant}): {length} with {jobs} compilers at a time",
        flush=True,
    )
    return expected


def check_variant(log: Path, variant: str) -> None:
    """SetupError unless mmcv's build says that it compiled what was asked for."""
    for_cpu = "only with CPU" in log.read_text(errors="replace")
    if for_cpu != (variant == "cpu"):
        raise SetupError(
            f"mmcv was to be compiled for {variant}, but its build did otherwise. The log: {log}"
        )
