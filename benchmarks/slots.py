"""The demo's stages on two slots, on one, and by `dvc repro`: minutes, and whether the results are the same.

    taskset -c 0,1 python -m benchmarks.slots [PICTURES]

In copies of the project at HEAD, params.yaml as committed but for the number of training pictures (default 300). Each
run has all the cores: two slots with half of them each, one with all, and so has DVC. Half an hour on two cores.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PYTHON = (sys.executable, "-m")
RUNS = {
    "hemline run --slots 2": (*PYTHON, "hemline", "run", "--slots", "2"),
    "hemline run --slots 1": (*PYTHON, "hemline", "run", "--slots", "1"),
    "dvc repro": (*PYTHON, "dvc", "repro"),
}


def main() -> None:
    """Print minutes, ratios and the rows' AP of each."""
    pictures = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as name:
        base = None
        for number, (title, command) in enumerate(RUNS.items()):
            root = _clone(Path(name) / str(number), pictures)
            seconds = _run(command, root)
            base = base or seconds
            print(f"{title}: {seconds / 60:.1f} min, ratio {seconds / base:.2f}; {_points(root)}", flush=True)


def _clone(root: Path, pictures: int) -> Path:
    subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["synthesize"]["train"]["images"] = pictures
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return root


def _run(command: tuple[str, ...], root: Path) -> float:
    own = str(Path(sys.executable).parent)  # dvc.yaml says `python`
    environ = {
        **os.environ,
        "PATH": f"{own}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root),
        "OMP_WAIT_POLICY": "PASSIVE",
        "HEMLINE_LEASES": f"{root}/.leases",
        "PREFECT_HOME": f"{root}/.prefect",
    }
    started = time.monotonic()
    with open(root / "run.log", "w") as log:
        subprocess.run(command, cwd=root, env=environ, stdout=log, stderr=log, check=True)
    return time.monotonic() - started


def _points(root: Path) -> str:
    rows = {path.stem: yaml.safe_load(path.read_text())["AP"] for path in (root / "metrics").rglob("*.json")}
    return ", ".join(f"{row} {value:.4f}" for row, value in sorted(rows.items()))


if __name__ == "__main__":
    main()
