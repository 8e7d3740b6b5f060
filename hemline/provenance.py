"""What produced a result: commit, params, versions, device."""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

LIBRARIES = ("torch", "torchvision", "onedl-mmcv", "onedl-mmdetection", "mmpose", "numpy", "pycocotools")


@dataclass(frozen=True)
class Provenance:
    """`commit` is short, "none" outside of git; `params_hash` is of params.yaml's bytes."""

    commit: str
    dirty: bool
    params_hash: str
    versions: dict[str, str]
    device: str

    def to_dict(self) -> dict[str, str]:
        """Names and values to show or to tag a run with."""
        versions = {f"version.{library}": number for library, number in self.versions.items()}
        dirty = str(self.dirty).lower()
        return {
            "commit": self.commit,
            "dirty": dirty,
            "params_hash": self.params_hash,
            "device": self.device,
            **versions,
        }

    def line(self) -> str:
        """One line for the top of a log."""
        dirty = "+changes" if self.dirty else ""
        torch = f"torch {self.versions['torch']}"
        return f"commit {self.commit}{dirty} | params {self.params_hash} | {torch} | {self.device}"


@cache
def provenance(params: Path = Path("params.yaml")) -> Provenance:
    """Read it off the working folder and the environment."""
    return Provenance(
        commit=commit_hash(),
        dirty=bool(_git("status", "--porcelain", "--untracked-files=no")),
        params_hash=params_hash(params),
        versions={name: version(name) for name in LIBRARIES},
        device=_device(),
    )


def pipeline_key(params: Path = Path("params.yaml")) -> str:
    """What all stages of one pipeline run share: `HEMLINE_PIPELINE`, else the commit and params.yaml's hash."""
    return os.environ.get("HEMLINE_PIPELINE") or f"{commit_hash()}-{params_hash(params)}"


def params_set(params: Path = Path("params.yaml")) -> str:
    """The name of the params set in use: demo, paper, ...; "none" when the file doesn't say."""
    return str(_values(params).get("params_set", "none"))


def experiment(params: Path = Path("params.yaml")) -> str:
    """The experiment of runs on these data: params.yaml's `data.name`; "hemline" when the file doesn't say."""
    data = _values(params).get("data")
    return str(data.get("name", "hemline")) if isinstance(data, dict) else "hemline"


def _values(params: Path) -> dict[str, Any]:
    values = yaml.safe_load(params.read_bytes()) if params.is_file() else None
    return values if isinstance(values, dict) else {}


def commit_hash() -> str:
    """The commit that is checked out, shortened; "none" outside of git."""
    return _git("rev-parse", "--short=10", "HEAD") or "none"


def params_hash(params: Path = Path("params.yaml")) -> str:
    """Of params.yaml's bytes, shortened."""
    content = params.read_bytes() if params.is_file() else b""
    return hashlib.sha256(content).hexdigest()[:10]


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _device() -> str:
    threads = os.environ.get("OMP_NUM_THREADS")
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "" and threads:
        return _cpu(threads)  # without two seconds of importing torch, which many a stage doesn't need
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})"
    return _cpu(str(torch.get_num_threads()))


def _cpu(threads: str) -> str:
    return f"CPU, {threads} thread{'' if threads == '1' else 's'}"
