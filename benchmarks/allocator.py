"""Garments a second in training on a CPU: glibc's allocator as it is, and told to keep what it has.

    python -m benchmarks.allocator

The demo's aggregated estimator on one thread, one epoch of 200 synthetic pictures; the two take turns, three times, and
the best of each counts. The settings are those that `hemline run` gives to stages on the CPU (pipelines/execute.py).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hemline.datasets.conversion import convert_split
from hemline.datasets.synthetic import synthesize
from hemline.estimation import train_estimator
from hemline.params import EstimatorSettings, load_params
from hemline.wardrobe import grouping, wardrobe

KEEPING = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(10**11), "MALLOC_TOP_PAD_": str(1 << 26)}
TURNS = 3


def main() -> None:
    """Print both rates and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthesize(folder / "train", 200, 1)
        convert_split(folder / "train", folder, "train")
        turns = [(_rate(folder, {}), _rate(folder, KEEPING)) for _ in range(TURNS)]
    plain, keeping = (max(rates) for rates in zip(*turns, strict=True))
    print(f"as it is {plain:.1f}/s, keeping {keeping:.1f}/s, ratio {keeping / plain:.2f}")


def _rate(folder: Path, settings: dict[str, str]) -> float:
    """Samples a second in a process of its own: glibc reads its settings once, at the start."""
    command = [sys.executable, "-m", "benchmarks.allocator", str(folder)]
    subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"} | settings, check=True)
    return json.loads((folder / "model" / "training.jsonl").read_text())["samples_per_second"]


def train(folder: Path) -> None:
    """One epoch of the demo's aggregated estimator."""
    demo = load_params(Path("params/demo.yaml")).estimator
    settings = EstimatorSettings(
        network=demo.network, training=demo.aggregated.model_copy(update={"epochs": 1})
    )
    train_estimator(
        settings,
        grouping(wardrobe("deepfashion2"), "aggregated"),
        folder / "train-aggregated.json",
        folder / "train" / "image",
        out=folder / "model",
        state=folder / "state",
        title="one epoch",
    )


if __name__ == "__main__":
    train(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
