"""What must be there before anything is downloaded, each lack with the command that mends it."""

import importlib.util
import os
import platform
import shutil
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from setup import machine
from setup.lock import SetupError

# Measured with the locked set, with some room: the environment with its bytecode (6.4 GB), pip's downloads while they
# are unpacked (1.6 GB; pip keeps as much in its cache), and the tree that mmcv is compiled in (0.45 GB).
GB_ENVIRONMENT, GB_DOWNLOADS, GB_BUILD = 6.8, 1.8, 0.6

PACKAGES = {
    "venv": {"apt-get": "python3.11-venv", "dnf": "python3.11", "conda": "python=3.11"},
    "compiler": {"apt-get": "g++", "dnf": "gcc-c++", "conda": "gxx_linux-64=13"},
    "headers": {"apt-get": "python3.11-dev", "dnf": "python3.11-devel", "conda": "python=3.11"},
    "git": {"apt-get": "git", "dnf": "git", "conda": "git"},
    "nvcc": {"conda": "cuda-nvcc cuda-version={cuda}"},
}
COMMANDS = {
    "apt-get": "sudo apt-get install {}",
    "dnf": "sudo dnf install {}",
    "conda": "conda install -c conda-forge {}",
}


@dataclass(frozen=True)
class Problem:
    """One lack: what is missing and why it is needed, and what mends it."""

    what: str
    mend: str


@dataclass(frozen=True)
class Need:
    """Disk space that one step takes: where, how much in GB, and what for."""

    place: Path
    gigabytes: float
    purpose: str


def mending(thing: str, manager: str, **values: str) -> str:
    """The command by which `manager` installs `thing`; for an unknown manager, those of the others."""
    names = PACKAGES[thing]
    if manager in names:
        return COMMANDS[manager].format(names[manager]).format(**values)
    return "; or ".join(COMMANDS[other].format(name).format(**values) for other, name in names.items())


def platform_problems(system: str, architecture: str, libc: tuple[str, str]) -> list[Problem]:
    """The locked set is Linux on x86-64 with glibc 2.28 or newer (torch's wheels ask for it)."""
    if (system, architecture) != ("Linux", "x86_64"):
        what = f"this machine is {system} on {architecture}; the locked packages are for Linux on x86_64"
        return [Problem(what, "use a Linux machine, a Linux container or, on Windows, WSL 2")]
    name, version = libc
    if name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) < (2, 28):
        what = f"the system's C library is glibc {version}; torch's wheels need 2.28 or newer"
        return [Problem(what, "use a newer system, such as Debian 10, Ubuntu 20.04, RHEL 8 or later")]
    return []


def python_problems(in_place: bool, manager: str) -> list[Problem]:
    """venv and ensurepip for an environment of our own; pip, and not the system's Python, for a given one."""
    if not in_place:
        if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
            return []
        what = f"{sys.executable} cannot make environments: its modules venv and ensurepip are missing"
        return [Problem(what, mending("venv", manager))]
    if sys.prefix == sys.base_prefix and not Path(sys.prefix, "conda-meta").is_dir():
        what = f"HEMLINE_PYTHON is the system's own Python ({sys.executable}); nothing is installed into that"
        return [
            Problem(
                what, "conda env create -f environment.yml && conda activate hemline; or unset HEMLINE_PYTHON"
            )
        ]
    if importlib.util.find_spec("pip") is None:
        return [Problem(f"{sys.executable} has no pip", f"{sys.executable} -m ensurepip")]
    return []


def compiler_problems(manager: str) -> list[Problem]:
    """A C++ compiler and Python's headers, tried on a small program."""
    if shutil.which(machine.cxx().split()[0]) is None:
        what = f"there is no C++ compiler ({machine.cxx()}), which mmcv's operators are compiled with"
        return [Problem(what, mending("compiler", manager))]
    if not (machine.headers() / "Python.h").is_file():
        what = f"Python's headers are missing ({machine.headers()}/Python.h), which compiled packages need"
        return [Problem(what, mending("headers", manager))]
    works, said = machine.compiles()
    if works:
        return []
    return [
        Problem(
            f"{machine.cxx()} does not compile a C++17 program:\n{said.strip()}", mending("compiler", manager)
        )
    ]


def cuda_problems(variant: str, cuda: str, nvcc: str, manager: str) -> list[Problem]:
    """For CUDA operators, nvcc of torch's own CUDA major version."""
    if variant == "cpu" or nvcc.split(".")[0] == cuda.split(".")[0]:
        return []
    found = f"is CUDA {nvcc}'s" if nvcc else "is missing"
    what = f"FORCE_CUDA=1 asks for mmcv's CUDA operators; torch is made for CUDA {cuda}, but nvcc {found}"
    return [
        Problem(what, f"{mending('nvcc', manager, cuda=cuda)} (environment.yml has it all); or FORCE_CUDA=0")
    ]


def git_problems(manager: str) -> list[Problem]:
    """DVC works in a git repository."""
    return (
        [] if shutil.which("git") else [Problem("git is missing, which DVC needs", mending("git", manager))]
    )


def disk_problems(needs: list[Need]) -> list[Problem]:
    """Each file system against the sum of what will be put there."""
    by_device: dict[int, list[Need]] = defaultdict(list)
    free: dict[int, int] = {}
    for need in needs:
        device, free[device] = machine.free_disk(need.place)
        by_device[device].append(need)
    return [
        _disk_problem(group, free[device])
        for device, group in by_device.items()
        if sum(need.gigabytes for need in group) * machine.BYTES_PER_GB > free[device]
    ]


def _disk_problem(needs: list[Need], free: int) -> Problem:
    total = sum(need.gigabytes for need in needs)
    parts = ", ".join(f"{need.gigabytes:.1f} GB for {need.purpose} in {need.place}" for need in needs)
    what = f"{total:.1f} GB of disk space are needed, {free / machine.BYTES_PER_GB:.1f} GB are free: {parts}"
    mend = "make room (pip cache purge empties pip's cache), or put TMPDIR and XDG_CACHE_HOME on another disk"
    return Problem(what, mend)


def disk_needs(site: Path, cache: Path, build: bool) -> list[Need]:
    """What a set-up into the folder `site` still takes; a partly filled one counts as far as it is filled."""
    have = machine.used_disk(site) / machine.BYTES_PER_GB
    needs = [Need(site, max(0.5, GB_ENVIRONMENT - have), "the environment")]
    if have < 0.9 * GB_ENVIRONMENT:
        needs.append(Need(Path(os.environ.get("TMPDIR", "/tmp")), GB_DOWNLOADS, "downloads"))
        if not os.environ.get("PIP_NO_CACHE_DIR"):
            needs.append(Need(cache, GB_DOWNLOADS, "pip's cache of downloads"))
    if build:
        needs.append(Need(cache, GB_BUILD, "compiling mmcv"))
    return needs


def find_problems(
    *, in_place: bool, build: bool, variant: str, cuda: str, nvcc: str, site: Path, cache: Path
) -> list[Problem]:
    """All that is missing on this machine for this set-up."""
    manager = machine.package_manager()
    problems = platform_problems(platform.system(), platform.machine(), platform.libc_ver())
    problems += python_problems(in_place, manager) + git_problems(manager)
    if build:
        problems += compiler_problems(manager) + cuda_problems(variant, cuda, nvcc, manager)
    return problems + disk_problems(disk_needs(site, cache, build))


def require(problems: list[Problem]) -> None:
    """SetupError that lists the problems, if there are any."""
    if problems:
        lines = [f"- {problem.what}\n  mend it with: {problem.mend}" for problem in problems]
        raise SetupError("this machine is not ready. Nothing was downloaded.\n" + "\n".join(lines))
