"""How long the demo's stages take on two slots, on one, and by `dvc repro`.

    taskset -c 0,1 python -m benchmarks.slots         # twenty minutes

In clones of the project at HEAD, with the tests' sizes but all 26 experts: mostly what a stage costs besides its work.
Each run has both cores: two slots with one each, one slot with two, and so has DVC. That the results are the same is
tests/integration/test_pipeline.py's matter.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from tests.integration.test_pipeline import tiny

ROOT = Path(__file__).parents[1]
PYTHON = (sys.executable, "-m")
RUNS = {
    "hemline run --slots 2": (*PYTHON, "hemline", "run", "--slots", "2"),
    "hemline run --slots 1": (*PYTHON, "hemline", "run", "--slots", "1"),
    "dvc repro": (*PYTHON, "dvc", "repro"),
}


def main() -> None:
    """Print minutes and ratios."""
    with tempfile.TemporaryDirectory() as name:
        base = None
        for number, (title, command) in enumerate(RUNS.items()):
            root = _clone(Path(name) / str(number))
            seconds = _run(command, root)
            base = base or seconds
            print(f"{title}: {seconds / 60:.1f} min, ratio {seconds / base:.2f}", flush=True)


def _clone(root: Path) -> Path:
    subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
    params = yaml.safe_load((root / "params.yaml").read_text())
    params = tiny(params, experts=params["finetune"]["categories"])
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


if __name__ == "__main__":
    main()
