"""Thirteen stages side by side, again and again: is a result ever lost?

    python -m benchmarks.fanout [RUNS]

Each run is `hemline run` on 13 slots in a fresh copy of the tests' small project: a stage, thirteen of one second that
need it, one that gathers them. It fails at the first run that ends with an error, runs a command twice, or leaves a
dvc.lock that lacks a stage.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from pipelines.server import OwnServer
from tests.pipelines.project import ITEMS, Project

EXPECTED = sorted(["prepare", "gather", "other", *ITEMS])


def main() -> None:
    """Run it and print the wall time of each run."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {
            "PREFECT_HOME": f"{name}/prefect",
            "HEMLINE_LEASES": f"{name}/leases",
            "HEMLINE_SLOTS": "13",
        }
        server = OwnServer(folder / "server.log")
        os.environ["PREFECT_API_URL"] = server.wait()
        seconds = [one_run(folder / str(number)) for number in range(runs)]
        server.stop()
    print(f"{runs} runs, no result lost; {min(seconds):.0f} to {max(seconds):.0f} s each")


def one_run(folder: Path) -> float:
    """One run in a fresh project; its wall time."""
    project = Project(folder)
    for item in ITEMS:
        project.order(item, "wait 1")
    started = time.monotonic()
    code, output = project.run()
    seconds = time.monotonic() - started
    ran, locked = project.ran(), project.locked()
    if code or sorted(ran) != EXPECTED or len(locked) != len(EXPECTED) or "Unable to acquire lock" in output:
        sys.exit(
            f"{folder}: exit {code}, {len(ran)} commands, {len(locked)} of {len(EXPECTED)} locked\n{output}"
        )
    print(f"{folder.name}: {seconds:.1f} s", flush=True)
    return seconds


if __name__ == "__main__":
    main()
