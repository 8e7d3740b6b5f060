"""What the machine has: cores, memory, compilers, graphics cards. Facts only; preflight.py judges them."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from hemline.processes import cores  # standard library only, as all of the set-up

BYTES_PER_GB = 1e9
# A compiler process of mmcv's larger files was seen to hold 0.9 GB.
GB_PER_COMPILER = 1.2
TRIAL = "#include <Python.h>\n#include <vector>\nint main() { std::vector<int> v{1}; return v[0] - 1; }\n"


def output_of(*command: str) -> str:
    """What a command prints, stderr included; empty if it is missing or fails."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def has_gpu() -> bool:
    """Whether an NVIDIA card is there with its driver."""
    return any(Path("/proc/driver/nvidia/gpus").glob("*")) or "GPU 0" in output_of("nvidia-smi", "-L")


def nvcc_version() -> str:
    """The CUDA version of the nvcc on PATH or under CUDA_HOME, such as "13.0"; empty without one."""
    home = os.environ.get("CUDA_HOME")
    nvcc = str(Path(home, "bin", "nvcc")) if home else "nvcc"
    match = re.search(r"release (\d+\.\d+)", output_of(nvcc, "--version"))
    return match[1] if match else ""


def cxx() -> str:
    """The C++ compiler that builds will call."""
    return os.environ.get("CXX", "c++" if shutil.which("c++") else "g++")


def headers() -> Path:
    """Where Python.h of this Python belongs."""
    return Path(sysconfig.get_paths()["include"])


def compiles() -> tuple[bool, str]:
    """Whether a C++17 program that includes Python.h compiles, and what the compiler said."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "trial.cpp")
        source.write_text(TRIAL)
        command = [
            *cxx().split(),
            "-std=c++17",
            f"-I{headers()}",
            "-c",
            str(source),
            "-o",
            f"{folder}/trial.o",
        ]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except OSError as error:
            return False, str(error)
        return done.returncode == 0, done.stdout


def _number(path: str) -> float | None:
    """The first number of a control group's file, None where there is no limit."""
    try:
        return float(Path(path).read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def free_memory() -> float:
    """Memory in bytes that may still be taken, a container's limit included."""
    match = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    free = float(match[1]) * 1024 if match else 4 * BYTES_PER_GB
    limit, used = _number("/sys/fs/cgroup/memory.max"), _number("/sys/fs/cgroup/memory.current")
    return min(free, limit - used) if limit and used else free


def compile_jobs() -> int:
    """Compilers to run at once: MAX_JOBS if it is given, else the cores, as far as memory goes."""
    given = os.environ.get("MAX_JOBS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return max(1, min(cores(), int(free_memory() / (GB_PER_COMPILER * BYTES_PER_GB))))


def free_disk(path: Path) -> tuple[int, int]:
    """Device number and free bytes at the nearest existing folder of `path`."""
    while not path.exists():
        path = path.parent
    return path.stat().st_dev, shutil.disk_usage(path).free


def used_disk(folder: Path) -> int:
    """Bytes that the files under `folder` hold."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(place, name)).st_size
    return total


def package_manager() -> str:
    """The manager that this machine's mending commands are written for."""
    if os.environ.get("CONDA_PREFIX") and Path(sys.prefix, "conda-meta").is_dir():
        return "conda"
    return next(
        (name for name in ("apt-get", "dnf", "yum", "zypper", "pacman", "conda") if shutil.which(name)), ""
    )
