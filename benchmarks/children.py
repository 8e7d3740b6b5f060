"""How fast finished runs, such as a sweep's trials, come into MLflow's SQLite store.

python -m benchmarks.children
"""

import tempfile
import time
from pathlib import Path

from hemline.tracking import PipelineRecorder
from hemline.tracking.projection import Projection

TRIALS = 1000


def main() -> None:
    """Print the seconds to write the records, to project them, and to find all of them there."""
    with tempfile.TemporaryDirectory() as folder:
        records, uri = Path(folder) / "runs", f"sqlite:///{folder}/mlflow.db"
        started = time.perf_counter()
        with PipelineRecorder(records, "sweep") as sweep:
            for number in range(TRIALS):
                params = {f"param-{key}": key for key in range(6)}
                sweep.child(f"trial-{number}", f"trial {number}", params, {"AP": 0.5, "milliseconds": 3})
        print(f"written: {time.perf_counter() - started:.2f} s")
        for what in ("projected", "found there"):
            projection = Projection(records, uri, afresh=True)
            started = time.perf_counter()
            projection.catch_up()
            seconds = time.perf_counter() - started
            print(f"{what}: {seconds:.1f} s, {TRIALS / seconds:.0f} runs/s")


if __name__ == "__main__":
    main()
